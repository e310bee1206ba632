# SPDX-License-Identifier: BSD-2-Clause
#
# Manual pages of the main objects, one line each. scripts/check-man checks
# them with mandoc.

dist_man_MANS += \
	doc/man/pawl.1 \
	doc/man/pawl.3 \
	doc/man/pawl_call.3 \
	doc/man/pawl_cell.3 \
	doc/man/pawl_detach.3 \
	doc/man/pawl_effect.3 \
	doc/man/pawl_emit.3 \
	doc/man/pawl_engine.7 \
	doc/man/pawl_engine_open.3 \
	doc/man/pawl_engine_snapshot.3 \
	doc/man/pawl_engine_sync_read.3 \
	doc/man/pawl_engine_update.3 \
	doc/man/pawl_engine_why.3 \
	doc/man/pawl_event.3 \
	doc/man/pawl_fd_wait.3 \
	doc/man/pawl_fiber.3 \
	doc/man/pawl_group.3 \
	doc/man/pawl_host_fd.3 \
	doc/man/pawl_ids.3 \
	doc/man/pawl_inspect.3 \
	doc/man/pawl_interval.3 \
	doc/man/pawl_jobs.3 \
	doc/man/pawl_join.3 \
	doc/man/pawl_lanes.3 \
	doc/man/pawl_lock.3 \
	doc/man/pawl_map.3 \
	doc/man/pawl_notice.3 \
	doc/man/pawl_parallel.3 \
	doc/man/pawl_process.3 \
	doc/man/pawl_rcu.3 \
	doc/man/pawl_read.3 \
	doc/man/pawl_retire.3 \
	doc/man/pawl_rmap.3 \
	doc/man/pawl_runtime.7 \
	doc/man/pawl_runtime_create.3 \
	doc/man/pawl_runtime_visit.3 \
	doc/man/pawl_slots.3 \
	doc/man/pawl_spawn.3 \
	doc/man/pawl_state.3 \
	doc/man/pawl_store.3 \
	doc/man/pawl_thread.3 \
	doc/man/pawl_token.3 \
	doc/man/pawl_trace.3 \
	doc/man/pawl_value.3 \
	doc/man/pawl_wait.3
