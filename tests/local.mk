# SPDX-License-Identifier: BSD-2-Clause
#
# To add a unit test: one line in UNIT_TESTS. Its source is the name with .c.

UNIT_TESTS = \
	tests/engine/t-blocking \
	tests/engine/t-engine \
	tests/engine/t-engine-random \
	tests/engine/t-interval \
	tests/engine/t-io \
	tests/engine/t-join \
	tests/engine/t-parallel \
	tests/engine/t-quiesce \
	tests/engine/t-runtime \
	tests/engine/t-supervision \
	tests/engine/t-wheel \
	tests/lib/t-age \
	tests/lib/t-atomic \
	tests/lib/t-cmap \
	tests/lib/t-counter \
	tests/lib/t-deque \
	tests/lib/t-ec \
	tests/lib/t-event \
	tests/lib/t-fiber \
	tests/lib/t-fiber-stack \
	tests/lib/t-fiber-wait \
	tests/lib/t-gate \
	tests/lib/t-hash \
	tests/lib/t-history \
	tests/lib/t-ids \
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
	tests/lib/t-version

# Tests of the engine's rooms.
tests_engine_t_blocking_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_blocking_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_engine_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_engine_random_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_engine_random_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_interval_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_interval_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_io_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_io_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_join_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_join_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_supervision_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_supervision_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_parallel_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_parallel_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_quiesce_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_quiesce_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_runtime_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
tests_engine_t_runtime_LDADD = engine/libengine-core.la $(LDADD)
tests_engine_t_wheel_LDADD = engine/libengine-core.la $(LDADD)

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
	tests/lib/waiting.h

# Programs that show the bugs of the packaged peers which made us avoid a
# call: every tests/upstream/*.c, built and run with no bearing on the result.
check-upstream:
	@$(AM_TESTS_ENVIRONMENT) \
	UPSTREAM_CFLAGS='$(URCU_PEER_CFLAGS)'; export UPSTREAM_CFLAGS; \
	UPSTREAM_LIBS='$(CK_LIBS) $(URCU_PEER_LIBS) -pthread'; export UPSTREAM_LIBS; \
	$(SHELL) $(srcdir)/tests/upstream/run.sh
PHONY_TARGETS += check-upstream
