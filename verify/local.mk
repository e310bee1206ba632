# SPDX-License-Identifier: BSD-2-Clause
#
# The native mode of the scenarios: each verify/t-NAME.c becomes the stress
# test verify/stress-NAME. To add one: a line in STRESS_TESTS and its source.
# The model checker's own programs and targets are in verify/checker.mk.

STRESS_TESTS = \
	verify/stress-counter \
	verify/stress-deque \
	verify/stress-ec \
	verify/stress-edges \
	verify/stress-event \
	verify/stress-fiber \
	verify/stress-gate \
	verify/stress-group \
	verify/stress-idle \
	verify/stress-ids \
	verify/stress-lanes \
	verify/stress-lifetime \
	verify/stress-lock \
	verify/stress-map \
	verify/stress-mbox \
	verify/stress-mem \
	verify/stress-park \
	verify/stress-quiesce \
	verify/stress-quorum \
	verify/stress-rcu \
	verify/stress-retire \
	verify/stress-ring \
	verify/stress-rmap \
	verify/stress-scope \
	verify/stress-slots \
	verify/stress-task \
	verify/stress-thread

verify_stress_counter_SOURCES = verify/t-counter.c
verify_stress_deque_SOURCES = verify/t-deque.c verify/queue-spec.h
verify_stress_ec_SOURCES = verify/t-ec.c
verify_stress_edges_SOURCES = verify/t-edges.c
verify_stress_edges_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_event_SOURCES = verify/t-event.c
verify_stress_fiber_SOURCES = verify/t-fiber.c
verify_stress_gate_SOURCES = verify/t-gate.c
verify_stress_group_SOURCES = verify/t-group.c
verify_stress_group_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_idle_SOURCES = verify/t-idle.c
verify_stress_idle_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_ids_SOURCES = verify/t-ids.c
verify_stress_lanes_SOURCES = verify/t-lanes.c verify/queue-spec.h
verify_stress_lifetime_SOURCES = verify/t-lifetime.c
verify_stress_lifetime_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_lock_SOURCES = verify/t-lock.c
verify_stress_map_SOURCES = verify/t-map.c
verify_stress_mbox_SOURCES = verify/t-mbox.c verify/queue-spec.h
verify_stress_mem_SOURCES = verify/t-mem.c
verify_stress_park_SOURCES = verify/t-park.c
verify_stress_quiesce_SOURCES = verify/t-quiesce.c
verify_stress_quiesce_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_quorum_SOURCES = verify/t-quorum.c
verify_stress_quorum_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_rcu_SOURCES = verify/t-rcu.c
verify_stress_retire_SOURCES = verify/t-retire.c
verify_stress_ring_SOURCES = verify/t-ring.c verify/queue-spec.h
verify_stress_rmap_SOURCES = verify/t-rmap.c
verify_stress_scope_SOURCES = verify/t-scope.c
verify_stress_scope_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_slots_SOURCES = verify/t-slots.c
verify_stress_task_SOURCES = verify/t-task.c
verify_stress_task_LDADD = engine/libengine-core.la $(LDADD)
verify_stress_thread_SOURCES = verify/t-thread.c

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
