# SPDX-License-Identifier: BSD-2-Clause
#
# The native mode of the scenarios: each verify/t-NAME.c becomes the stress
# test verify/stress-NAME. To add one: a line in STRESS_TESTS and its source.
# The model checker's own programs and targets are in verify/checker.mk.

STRESS_TESTS = \
	verify/stress-blocking \
	verify/stress-completion \
	verify/stress-counter \
	verify/stress-deque \
	verify/stress-ec \
	verify/stress-edges \
	verify/stress-event \
	verify/stress-event-free \
	verify/stress-fiber \
	verify/stress-gate \
	verify/stress-graph \
	verify/stress-graph-calls \
	verify/stress-graph-edges \
	verify/stress-graph-evict \
	verify/stress-graph-gone \
	verify/stress-graph-life \
	verify/stress-graph-numbers \
	verify/stress-graph-read \
	verify/stress-group \
	verify/stress-idle \
	verify/stress-ids \
	verify/stress-jobs \
	verify/stress-join \
	verify/stress-lanes \
	verify/stress-lifetime \
	verify/stress-lock \
	verify/stress-map \
	verify/stress-mbox \
	verify/stress-mem \
	verify/stress-modify \
	verify/stress-park \
	verify/stress-pin \
	verify/stress-quiesce \
	verify/stress-quorum \
	verify/stress-rcu \
	verify/stress-retire \
	verify/stress-ring \
	verify/stress-rmap \
	verify/stress-runtime \
	verify/stress-scope \
	verify/stress-slots \
	verify/stress-stretch \
	verify/stress-supervise \
	verify/stress-task \
	verify/stress-thread \
	verify/stress-token \
	verify/stress-trace-ring \
	verify/stress-visit \
	verify/stress-worker

# What runs over verify/standin.h, which takes the place of worker.c.
STANDIN_SOURCES = \
	engine/runtime/blocking.c \
	engine/runtime/body.c \
	engine/runtime/completion.c \
	engine/runtime/edges.c \
	engine/runtime/group-api.c \
	engine/runtime/group.c \
	engine/runtime/idle.c \
	engine/runtime/jobs.c \
	engine/runtime/join.c \
	engine/runtime/lifetime.c \
	engine/runtime/reactor.c \
	engine/runtime/runtime.c \
	engine/runtime/spawn.c \
	engine/runtime/supervise.c \
	engine/runtime/task.c \
	engine/runtime/text.c \
	engine/runtime/thread.c \
	engine/runtime/token.c \
	engine/runtime/trace-ring.c \
	engine/runtime/trace.c \
	engine/runtime/watch.c

verify_stress_blocking_SOURCES = verify/t-blocking.c verify/standin.h $(STANDIN_SOURCES)
verify_stress_blocking_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_completion_SOURCES = verify/t-completion.c verify/standin.h $(STANDIN_SOURCES)
verify_stress_completion_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_counter_SOURCES = verify/t-counter.c
verify_stress_deque_SOURCES = verify/t-deque.c verify/queue-spec.h
verify_stress_ec_SOURCES = verify/t-ec.c
verify_stress_edges_SOURCES = verify/t-edges.c
verify_stress_edges_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_event_SOURCES = verify/t-event.c
verify_stress_event_free_SOURCES = verify/t-event-free.c
verify_stress_fiber_SOURCES = verify/t-fiber.c
verify_stress_gate_SOURCES = verify/t-gate.c
verify_stress_graph_SOURCES = verify/t-graph.c verify/graph-standin.h
verify_stress_graph_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_graph_calls_SOURCES = verify/t-graph-calls.c verify/graph-standin.h
verify_stress_graph_calls_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_calls_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_graph_edges_SOURCES = verify/t-graph-edges.c verify/graph-standin.h
verify_stress_graph_edges_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_edges_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_graph_evict_SOURCES = verify/t-graph-evict.c verify/graph-standin.h verify/store-standin.h
verify_stress_graph_evict_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_evict_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_graph_gone_SOURCES = verify/t-graph-gone.c verify/graph-standin.h verify/store-standin.h
verify_stress_graph_gone_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_gone_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_graph_life_SOURCES = verify/t-graph-life.c verify/graph-standin.h
verify_stress_graph_life_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_life_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_graph_numbers_SOURCES = verify/t-graph-numbers.c verify/graph-standin.h
verify_stress_graph_numbers_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_numbers_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_graph_read_SOURCES = verify/t-graph-read.c verify/graph-standin.h
verify_stress_graph_read_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_graph_read_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_group_SOURCES = verify/t-group.c
verify_stress_group_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_idle_SOURCES = verify/t-idle.c
verify_stress_idle_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_ids_SOURCES = verify/t-ids.c
verify_stress_join_SOURCES = verify/t-join.c verify/standin.h $(STANDIN_SOURCES)
verify_stress_join_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_jobs_SOURCES = verify/t-jobs.c
verify_stress_jobs_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_lanes_SOURCES = verify/t-lanes.c verify/queue-spec.h
verify_stress_lifetime_SOURCES = verify/t-lifetime.c
verify_stress_lifetime_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_lock_SOURCES = verify/t-lock.c
verify_stress_map_SOURCES = verify/t-map.c
verify_stress_mbox_SOURCES = verify/t-mbox.c verify/queue-spec.h
verify_stress_mem_SOURCES = verify/t-mem.c
verify_stress_modify_SOURCES = verify/t-modify.c engine/graph/modify.c engine/graph/quiesce.c
verify_stress_modify_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_park_SOURCES = verify/t-park.c
verify_stress_pin_SOURCES = verify/t-pin.c
verify_stress_pin_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_quiesce_SOURCES = verify/t-quiesce.c
verify_stress_quiesce_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_quorum_SOURCES = verify/t-quorum.c
verify_stress_quorum_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_rcu_SOURCES = verify/t-rcu.c
verify_stress_retire_SOURCES = verify/t-retire.c
verify_stress_ring_SOURCES = verify/t-ring.c verify/queue-spec.h
verify_stress_rmap_SOURCES = verify/t-rmap.c
verify_stress_runtime_SOURCES = verify/t-runtime.c verify/standin.h $(STANDIN_SOURCES)
verify_stress_runtime_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_scope_SOURCES = verify/t-scope.c
verify_stress_scope_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_slots_SOURCES = verify/t-slots.c
verify_stress_stretch_SOURCES = verify/t-stretch.c
verify_stress_stretch_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_stretch_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_supervise_SOURCES = verify/t-supervise.c verify/standin.h $(STANDIN_SOURCES)
verify_stress_supervise_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_task_SOURCES = verify/t-task.c
verify_stress_task_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_thread_SOURCES = verify/t-thread.c
verify_stress_trace_ring_SOURCES = verify/t-trace-ring.c
verify_stress_trace_ring_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_token_SOURCES = verify/t-token.c
verify_stress_token_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_visit_SOURCES = verify/t-visit.c
verify_stress_visit_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_worker_SOURCES = verify/t-worker.c
verify_stress_worker_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
verify_stress_worker_LDADD = engine/libengine-core.la $(LDADD)

check_PROGRAMS += $(STRESS_TESTS)
ALL_TESTS += $(STRESS_TESTS)

check_LTLIBRARIES += verify/libmc-native.la
verify_libmc_native_la_SOURCES = verify/mc-history.c verify/mc-native.c verify/mc.h verify/scenario.h

# What the checker adds to these is run by the targets below:
#   VERIFY_QUICK_TESTS  *.mc programs or *.test scripts of some seconds, part of `make check`
#   VERIFY_TESTS        those of `make verify`
#   MUTANT_COMMAND      what `make mutants` runs
VERIFY_QUICK_TESTS =
VERIFY_TESTS =
MUTANT_COMMAND =
include verify/checker.mk

verify-quick:
	@if test "x$(VERIFY_QUICK_TESTS)" = x; then \
		echo "verify-quick: no model checker yet"; \
	else \
		$(MAKE) $(AM_MAKEFLAGS) $(VERIFY_QUICK_TESTS) && \
		$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(VERIFY_QUICK_TESTS)' \
			TEST_SUITE_LOG=verify-quick-suite.log; \
	fi

verify:
	@if test "x$(VERIFY_TESTS)" = x; then \
		echo "verify: no model checker yet"; \
	else \
		$(MAKE) $(AM_MAKEFLAGS) $(VERIFY_TESTS) && \
		$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(VERIFY_TESTS)' \
			TEST_SUITE_LOG=verify-suite.log; \
	fi

mutants:
	@if test "x$(MUTANT_COMMAND)" = x; then \
		echo "mutants: no model checker yet"; \
	else \
		$(AM_TESTS_ENVIRONMENT) MC_OBJECTS=out/verify $(MUTANT_COMMAND); \
	fi
PHONY_TARGETS += verify-quick verify mutants
CLEANFILES += verify-quick-suite.log verify-suite.log verify/*.log verify/*.trs
