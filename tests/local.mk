# SPDX-License-Identifier: BSD-2-Clause
#
# To add a unit test: one line in UNIT_TESTS. Its source is the name with .c.

UNIT_TESTS = \
	tests/conformance/t-conform-calls \
	tests/conformance/t-conform-cells \
	tests/conformance/t-conform-collect \
	tests/conformance/t-conform-collection \
	tests/conformance/t-conform-detached \
	tests/conformance/t-conform-effects \
	tests/conformance/t-conform-errors \
	tests/conformance/t-conform-graphs \
	tests/conformance/t-conform-once \
	tests/conformance/t-conform-panics \
	tests/conformance/t-conform-peers \
	tests/conformance/t-conform-races \
	tests/conformance/t-conform-recompute \
	tests/conformance/t-conform-sessions \
	tests/conformance/t-conform-stale \
	tests/conformance/t-conform-state \
	tests/conformance/t-conform-statistics \
	tests/conformance/t-conform-store \
	tests/conformance/t-conform-traces \
	tests/conformance/t-conform-traits \
	tests/engine/t-abandon \
	tests/engine/t-accept-ends \
	tests/engine/t-accept-groups \
	tests/engine/t-accept-joins \
	tests/engine/t-accept-lanes \
	tests/engine/t-accept-loads \
	tests/engine/t-blocking \
	tests/engine/t-budget \
	tests/engine/t-calls \
	tests/engine/t-closing \
	tests/engine/t-detach \
	tests/engine/t-effect \
	tests/engine/t-engine \
	tests/engine/t-engine-api \
	tests/engine/t-engine-random \
	tests/engine/t-host \
	tests/engine/t-engine-version \
	tests/engine/t-hang \
	tests/engine/t-idle-long \
	tests/engine/t-interval \
	tests/engine/t-io \
	tests/engine/t-jobs \
	tests/engine/t-join \
	tests/engine/t-lanes-policy \
	tests/engine/t-many \
	tests/engine/t-modes \
	tests/engine/t-moments \
	tests/engine/t-notice \
	tests/engine/t-observe \
	tests/engine/t-parallel \
	tests/engine/t-persist \
	tests/engine/t-persist-api \
	tests/engine/t-pressure \
	tests/engine/t-report \
	tests/engine/t-quiesce \
	tests/engine/t-raise \
	tests/engine/t-rings \
	tests/engine/t-runtime \
	tests/engine/t-runtime-options \
	tests/engine/t-stays \
	tests/engine/t-stops \
	tests/engine/t-size \
	tests/engine/t-spread \
	tests/engine/t-storm \
	tests/engine/t-supervision \
	tests/engine/t-tell \
	tests/engine/t-trace \
	tests/engine/t-update \
	tests/engine/t-watchdog \
	tests/engine/t-token \
	tests/engine/t-visit \
	tests/engine/t-wheel \
	tests/engine/t-why \
	tests/lib/t-age \
	tests/lib/t-atomic \
	tests/lib/t-cmap \
	tests/lib/t-counter \
	tests/lib/t-deque \
	tests/lib/t-ec \
	tests/lib/t-event \
	tests/lib/t-event-report \
	tests/lib/t-event-threads \
	tests/lib/t-fiber \
	tests/lib/t-fiber-lock \
	tests/lib/t-fiber-stack \
	tests/lib/t-fiber-wait \
	tests/lib/t-gate \
	tests/lib/t-hash \
	tests/lib/t-history \
	tests/lib/t-ids \
	tests/lib/t-ids-durable \
	tests/lib/t-lanes \
	tests/lib/t-lock \
	tests/lib/t-map \
	tests/lib/t-mbox \
	tests/lib/t-mem \
	tests/lib/t-park \
	tests/lib/t-rcu \
	tests/lib/t-report \
	tests/lib/t-retire \
	tests/lib/t-ring \
	tests/lib/t-rmap \
	tests/lib/t-slots \
	tests/lib/t-sset \
	tests/lib/t-thread \
	tests/lib/t-version \
	tests/persist/t-bytes \
	tests/persist/t-crash \
	tests/persist/t-damage \
	tests/persist/t-failures \
	tests/persist/t-inspect \
	tests/persist/t-power \
	tests/persist/t-power-engine \
	tests/persist/t-readers \
	tests/persist/t-record \
	tests/persist/t-restart \
	tests/persist/t-store \
	tests/persist/t-store-fault \
	tests/persist/t-store-lmdb \
	tests/persist/t-store-processes \
	tests/persist/t-together \
	tests/persist/t-warm \
	tests/program/t-depfile \
	tests/program/t-image \
	tests/program/t-journal \
	tests/program/t-manifest \
	tests/program/t-ninja \
	tests/program/t-stamps

# What engines of this kind are held to: tests/conformance/table.txt.
tests_conformance_t_conform_calls_SOURCES = tests/conformance/t-conform-calls.c $(CONFORM_SOURCES)
tests_conformance_t_conform_calls_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_calls_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_cells_SOURCES = tests/conformance/t-conform-cells.c $(CONFORM_SOURCES)
tests_conformance_t_conform_cells_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_cells_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_collect_SOURCES = tests/conformance/t-conform-collect.c $(CONFORM_SOURCES)
tests_conformance_t_conform_collect_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_collect_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_sessions_SOURCES = tests/conformance/t-conform-sessions.c $(CONFORM_SOURCES)
tests_conformance_t_conform_sessions_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_sessions_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_sessions_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime,--wrap=eng_quiesce_point
tests_conformance_t_conform_collection_SOURCES = tests/conformance/t-conform-collection.c $(CONFORM_SOURCES)
tests_conformance_t_conform_collection_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_collection_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_detached_SOURCES = tests/conformance/t-conform-detached.c $(CONFORM_SOURCES)
tests_conformance_t_conform_detached_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_detached_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_effects_SOURCES = tests/conformance/t-conform-effects.c $(CONFORM_SOURCES)
tests_conformance_t_conform_effects_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_effects_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_errors_SOURCES = tests/conformance/t-conform-errors.c $(CONFORM_SOURCES)
tests_conformance_t_conform_errors_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_errors_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_graphs_SOURCES = tests/conformance/t-conform-graphs.c $(CONFORM_SOURCES)
tests_conformance_t_conform_graphs_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_graphs_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_once_SOURCES = tests/conformance/t-conform-once.c $(CONFORM_SOURCES)
tests_conformance_t_conform_once_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_once_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_panics_SOURCES = tests/conformance/t-conform-panics.c $(CONFORM_SOURCES)
tests_conformance_t_conform_panics_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_panics_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_peers_SOURCES = tests/conformance/t-conform-peers.c $(CONFORM_SOURCES)
tests_conformance_t_conform_peers_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_peers_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_races_SOURCES = tests/conformance/t-conform-races.c $(CONFORM_SOURCES)
tests_conformance_t_conform_races_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_races_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_recompute_SOURCES = tests/conformance/t-conform-recompute.c $(CONFORM_SOURCES)
tests_conformance_t_conform_recompute_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_recompute_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_stale_SOURCES = tests/conformance/t-conform-stale.c $(CONFORM_SOURCES)
tests_conformance_t_conform_stale_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_stale_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_state_SOURCES = tests/conformance/t-conform-state.c $(CONFORM_SOURCES)
tests_conformance_t_conform_state_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_state_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_statistics_SOURCES = tests/conformance/t-conform-statistics.c $(CONFORM_SOURCES)
tests_conformance_t_conform_statistics_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_statistics_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_store_SOURCES = tests/conformance/t-conform-store.c $(CONFORM_SOURCES)
tests_conformance_t_conform_store_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_store_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_traces_SOURCES = tests/conformance/t-conform-traces.c $(CONFORM_SOURCES)
tests_conformance_t_conform_traces_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_traces_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_traits_SOURCES = tests/conformance/t-conform-traits.c $(CONFORM_SOURCES)
tests_conformance_t_conform_traits_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_conformance_t_conform_traits_LDADD = engine/libengine-core.la $(LDADD)
tests_conformance_t_conform_graphs_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=eng_lock,--wrap=eng_lock_any,--wrap=eng_lock_pair
tests_conformance_t_conform_races_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=eng_lock_pair,--wrap=eng_unlock_pair,--wrap=eng_make_dirty
CONFORM_SOURCES = tests/conformance/conform.c tests/conformance/conform.h

# After a whole run.
check-conformance:
	@$(AM_TESTS_ENVIRONMENT) $(PYTHON3) $(srcdir)/scripts/check-conformance --whole
PHONY_TARGETS += check-conformance

# What tests of engines share: tests/engine/frame.h.
check_LTLIBRARIES += tests/libframe.la
tests_libframe_la_SOURCES = tests/engine/frame.c tests/engine/frame.h
tests_libframe_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
FRAME_LDADD = tests/libframe.la engine/libengine-core.la $(LDADD)
WORLD_SOURCES = tests/engine/world.c tests/engine/world.h
OBSERVE_SOURCES = tests/engine/observe.c tests/engine/observe.h

# Tests of the engine's rooms.
tests_engine_t_accept_ends_SOURCES = tests/engine/t-accept-ends.c tests/engine/accept.c tests/engine/accept.h
tests_engine_t_accept_ends_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_accept_ends_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_accept_groups_SOURCES = tests/engine/t-accept-groups.c tests/engine/accept.c tests/engine/accept.h
tests_engine_t_accept_groups_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_accept_groups_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_accept_joins_SOURCES = tests/engine/t-accept-joins.c tests/engine/accept.c tests/engine/accept.h
tests_engine_t_accept_joins_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_accept_joins_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_accept_lanes_SOURCES = tests/engine/t-accept-lanes.c tests/engine/accept.c tests/engine/accept.h
tests_engine_t_accept_lanes_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_accept_lanes_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_blocking_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_blocking_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_engine_LDADD = $(FRAME_LDADD)
tests_engine_t_notice_SOURCES = tests/engine/t-notice.c $(OBSERVE_SOURCES)
tests_engine_t_notice_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_notice_LDADD = $(FRAME_LDADD)
tests_engine_t_observe_SOURCES = tests/engine/t-observe.c $(OBSERVE_SOURCES)
tests_engine_t_observe_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_observe_LDADD = $(FRAME_LDADD)
tests_engine_t_update_SOURCES = tests/engine/t-update.c $(OBSERVE_SOURCES)
tests_engine_t_update_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_update_LDADD = $(FRAME_LDADD)
tests_engine_t_why_SOURCES = tests/engine/t-why.c $(OBSERVE_SOURCES)
tests_engine_t_why_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_why_LDADD = $(FRAME_LDADD)
tests_engine_t_calls_SOURCES = tests/engine/t-calls.c $(WORLD_SOURCES)
tests_engine_t_calls_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_calls_LDADD = $(FRAME_LDADD)
tests_engine_t_engine_api_SOURCES = tests/engine/t-engine-api.c $(WORLD_SOURCES)
tests_engine_t_engine_api_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_engine_api_LDADD = $(FRAME_LDADD)
tests_engine_t_engine_random_SOURCES = tests/engine/t-engine-random.c tests/engine/random-graph.h
tests_engine_t_tell_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_engine_t_tell_LDADD = $(FRAME_LDADD)
tests_engine_t_persist_api_SOURCES = tests/engine/t-persist-api.c $(PERSIST_SOURCES)
tests_engine_t_persist_api_CPPFLAGS = $(PERSIST_CPPFLAGS) -I$(srcdir)/tests/persist
tests_engine_t_persist_api_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_persist_SOURCES = tests/engine/t-persist.c tests/engine/random-graph.h
tests_engine_t_persist_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_persist_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_engine_random_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_engine_random_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_host_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_host_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_engine_version_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_engine_version_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_idle_long_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_idle_long_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_interval_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_interval_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_io_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_io_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_jobs_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_jobs_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_join_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_join_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_report_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_report_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_many_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_many_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_stops_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_stops_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_supervision_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_supervision_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_lanes_policy_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_lanes_policy_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_parallel_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_parallel_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_runtime_options_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_runtime_options_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_abandon_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_abandon_LDADD = $(FRAME_LDADD)
tests_engine_t_accept_loads_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_accept_loads_LDADD = $(FRAME_LDADD)
tests_engine_t_closing_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_closing_LDADD = $(FRAME_LDADD)
tests_engine_t_detach_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_detach_LDADD = $(FRAME_LDADD)
tests_engine_t_effect_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_effect_LDADD = $(FRAME_LDADD)
STORED_SOURCES = tests/engine/stored.c tests/engine/stored.h
tests_engine_t_budget_SOURCES = tests/engine/t-budget.c $(STORED_SOURCES)
tests_engine_t_budget_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_budget_LDADD = $(FRAME_LDADD)
tests_engine_t_pressure_SOURCES = tests/engine/t-pressure.c $(STORED_SOURCES)
tests_engine_t_pressure_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_pressure_LDADD = $(FRAME_LDADD)
tests_engine_t_stays_SOURCES = tests/engine/t-stays.c $(STORED_SOURCES)
tests_engine_t_stays_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_stays_LDADD = $(FRAME_LDADD)
tests_engine_t_hang_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_hang_LDADD = $(FRAME_LDADD)
tests_engine_t_modes_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_modes_LDADD = $(FRAME_LDADD)
tests_engine_t_storm_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_storm_LDADD = $(FRAME_LDADD)
tests_engine_t_spread_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_spread_LDADD = $(FRAME_LDADD)
tests_engine_t_quiesce_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_quiesce_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_moments_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_moments_LDADD = $(FRAME_LDADD)
tests_engine_t_raise_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_raise_LDADD = $(FRAME_LDADD)
tests_engine_t_rings_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_rings_LDADD = $(FRAME_LDADD)
tests_engine_t_runtime_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_runtime_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_trace_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_trace_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_watchdog_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_watchdog_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_token_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_token_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_visit_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_visit_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_size_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_size_LDADD = engine/libengine-core.la $(LDADD)
EXTRA_DIST += tests/engine/sizes.txt
# What a task costs, term by term.
size-report: tests/engine/t-size
	@PAWL_SRCDIR='$(abs_top_srcdir)' tests/engine/t-size | sed -n 's/^# \(.*[0-9]\)$$/\1/p'
PHONY_TARGETS += size-report
tests_engine_t_wheel_LDADD = engine/libengine-core.la $(LDADD)

# Stores.
PERSIST_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include -iquote $(srcdir)/engine
PERSIST_SOURCES = tests/persist/stores.c tests/persist/stores.h
PERSIST_LDADD = engine/libengine-core.la $(LDADD)
tests_persist_t_bytes_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_bytes_LDADD = $(PERSIST_LDADD)
tests_persist_t_crash_SOURCES = tests/persist/t-crash.c tests/engine/random-graph.h $(PERSIST_SOURCES)
tests_persist_t_crash_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_crash_LDADD = $(PERSIST_LDADD)
tests_persist_t_damage_SOURCES = tests/persist/t-damage.c tests/engine/random-graph.h $(PERSIST_SOURCES)
tests_persist_t_damage_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_damage_LDADD = $(PERSIST_LDADD)
tests_persist_t_failures_SOURCES = tests/persist/t-failures.c tests/engine/random-graph.h $(PERSIST_SOURCES)
tests_persist_t_failures_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_failures_LDADD = $(PERSIST_LDADD)
tests_persist_t_inspect_SOURCES = tests/persist/t-inspect.c tests/engine/random-graph.h $(PERSIST_SOURCES)
tests_persist_t_inspect_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_inspect_LDADD = $(PERSIST_LDADD)
POWER_SOURCES = tests/persist/power.c tests/persist/power.h tests/persist/record-disk.c tests/persist/record-disk.h \
	$(PERSIST_SOURCES)
tests_persist_t_power_engine_SOURCES = tests/persist/t-power-engine.c tests/engine/random-graph.h $(POWER_SOURCES)
tests_persist_t_power_engine_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_power_engine_LDADD = $(PERSIST_LDADD)
tests_persist_t_power_SOURCES = tests/persist/t-power.c $(POWER_SOURCES)
tests_persist_t_power_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_power_LDADD = $(PERSIST_LDADD)
PROCESS_SOURCES = tests/persist/process.c tests/persist/process.h $(PERSIST_SOURCES)
tests_persist_t_readers_SOURCES = tests/persist/t-readers.c $(PROCESS_SOURCES)
tests_persist_t_readers_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_readers_LDADD = $(PERSIST_LDADD)
tests_persist_t_record_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_record_LDADD = $(PERSIST_LDADD)
tests_persist_t_restart_SOURCES = tests/persist/t-restart.c $(PERSIST_SOURCES)
tests_persist_t_restart_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_restart_LDADD = $(FRAME_LDADD)
tests_persist_t_store_SOURCES = tests/persist/t-store.c $(PERSIST_SOURCES)
tests_persist_t_store_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_store_LDADD = $(PERSIST_LDADD)
tests_persist_t_store_fault_SOURCES = tests/persist/t-store-fault.c $(PERSIST_SOURCES)
tests_persist_t_store_fault_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_store_fault_LDADD = $(PERSIST_LDADD)
tests_persist_t_store_lmdb_SOURCES = tests/persist/t-store-lmdb.c $(PERSIST_SOURCES)
tests_persist_t_store_lmdb_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_store_lmdb_LDADD = $(PERSIST_LDADD)
tests_persist_t_store_processes_SOURCES = tests/persist/t-store-processes.c $(PROCESS_SOURCES)
tests_persist_t_store_processes_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_store_processes_LDADD = $(PERSIST_LDADD)
tests_persist_t_together_SOURCES = tests/persist/t-together.c tests/engine/random-graph.h $(PERSIST_SOURCES)
tests_persist_t_together_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_together_LDADD = $(PERSIST_LDADD)
tests_persist_t_warm_SOURCES = tests/persist/t-warm.c tests/engine/random-graph.h $(PERSIST_SOURCES)
tests_persist_t_warm_CPPFLAGS = $(PERSIST_CPPFLAGS)
tests_persist_t_warm_LDADD = $(PERSIST_LDADD)

# Tests that stand between the library and a call that it makes.
tests_lib_t_fiber_stack_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=madvise,--wrap=mprotect,--wrap=mmap
tests_lib_t_fiber_LDADD = $(LDADD) -lm
tests_lib_t_thread_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create

check_PROGRAMS += $(UNIT_TESTS)
ALL_TESTS += $(UNIT_TESTS)

check_LTLIBRARIES += tests/libharness.la
tests_libharness_la_SOURCES = \
	tests/harness.c \
	tests/harness.h \
	tests/watchdog.c \
	tests/watchdog.h \
	tests/lib/fibers.h \
	tests/lib/ids.h \
	tests/lib/listeners.h \
	tests/lib/sched.h \
	tests/lib/waiting.h

# A program for the debugger to look at (tests/gdb/run.sh).
check_PROGRAMS += tests/gdb/parked
tests_gdb_parked_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_gdb_parked_LDADD = engine/libengine-core.la lib/libpawl-core.la
ALL_TESTS += tests/gdb/run.sh

# The program, from outside.
ALL_TESTS += tests/program/pawl.sh tests/program/store.sh
ALL_TESTS += tests/program/t-build tests/program/t-build-killed tests/program/t-build-random
ALL_TESTS += tests/program/t-build-power tests/program/t-build-terminal
EXTRA_DIST += tests/program/builds.py tests/program/terminal.py tests/program/worlds.py

# Real projects, built beside ninja: Debian's sources, where they can be had.
ALL_TESTS += tests/program/real-projects
EXTRA_DIST += tests/program/real-projects

# The ninja language, from inside, and beside ninja.
PROGRAM_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
tests_program_t_depfile_CPPFLAGS = $(PROGRAM_CPPFLAGS)
tests_program_t_depfile_LDADD = tools/libmanifest.la $(LDADD)
tests_program_t_image_CPPFLAGS = $(PROGRAM_CPPFLAGS)
tests_program_t_image_LDADD = tools/libmanifest.la $(LDADD)
tests_program_t_journal_SOURCES = tests/program/t-journal.c \
	tools/build/common.c tools/build/journal.c tools/build/stamp.c
tests_program_t_journal_CPPFLAGS = $(PROGRAM_CPPFLAGS)
tests_program_t_manifest_CPPFLAGS = $(PROGRAM_CPPFLAGS)
tests_program_t_manifest_LDADD = tools/libmanifest.la $(LDADD)
tests_program_t_ninja_CPPFLAGS = $(PROGRAM_CPPFLAGS)
tests_program_t_ninja_LDADD = tools/libmanifest.la $(LDADD)
tests_program_t_stamps_SOURCES = tests/program/t-stamps.c \
	tools/build/common.c tools/build/files.c tools/build/stamp.c
tests_program_t_stamps_CPPFLAGS = $(PROGRAM_CPPFLAGS)
tests_program_t_stamps_LDADD = tools/libmanifest.la $(LDADD)
check_PROGRAMS += tests/program/read-ninja
tests_program_read_ninja_CPPFLAGS = $(PROGRAM_CPPFLAGS)
tests_program_read_ninja_LDADD = tools/libmanifest.la lib/libpawl-core.la $(JEMALLOC_LIBS)
ALL_TESTS += tests/program/ninja-peer.sh
EXTRA_DIST += tests/program/manifests.py tests/program/ninja-peer.py

# Programs that show the bugs of the packaged peers which made us avoid a
# call: every tests/upstream/*.c, built and run with no bearing on the result.
check-upstream:
	@$(AM_TESTS_ENVIRONMENT) \
	UPSTREAM_CFLAGS='$(URCU_PEER_CFLAGS)'; export UPSTREAM_CFLAGS; \
	UPSTREAM_LIBS='$(CK_LIBS) $(URCU_PEER_LIBS) -pthread'; export UPSTREAM_LIBS; \
	$(SHELL) $(srcdir)/tests/upstream/run.sh
PHONY_TARGETS += check-upstream
