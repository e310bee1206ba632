# SPDX-License-Identifier: BSD-2-Clause
#
# The model checker. verify/mc-verify builds with verify/mc-build, whose objects do not mix
# with those of the library (they go to out/verify), and finds verify/t-*.c by itself.

VERIFY_QUICK_TESTS += verify/mc-quick.test verify/sim-quick.test
VERIFY_TESTS += verify/mc-all.test verify/sim-long.test
MUTANT_COMMAND += PAWL_BUILDDIR='$(abs_top_builddir)' $(srcdir)/verify/mc-verify mutants

EXTRA_DIST += \
	verify/README.md \
	verify/checked.txt \
	verify/equivalent.txt \
	verify/known \
	verify/litmus \
	verify/mc-all.test \
	verify/mc-build \
	verify/mc-explore.c \
	verify/mc-fiber.c \
	verify/mc-graph.c \
	verify/mc-heap.c \
	verify/mc-internal.h \
	verify/mc-lin.c \
	verify/mc-litmus.h \
	verify/mc-main.c \
	verify/mc-mutate.c \
	verify/mc-op.c \
	verify/mc-quick.test \
	verify/mc-park.c \
	verify/mc-race.c \
	verify/mc-rcu.c \
	verify/mc-report.c \
	verify/mc-run.c \
	verify/mc-switch.c \
	verify/mc-thread.c \
	verify/mc-tsan.c \
	verify/mc-verify \
	verify/mc-walk.c \
	verify/mc-wrap.c \
	verify/mutants \
	verify/selftest \
	verify/selftest-cases.c \
	verify/shim \
	verify/sim \
	verify/sim-long.test \
	verify/sim-quick.test \
	verify/spin

# The whole engine under a seeded scheduler: verify/sim/README.md.
simulate:
	@$(AM_TESTS_ENVIRONMENT) MC_OBJECTS=out/verify SEEDS='$(SEEDS)' SEED='$(SEED)' MODE='$(MODE)' COLLECT='$(COLLECT)' \
		$(SHELL) $(srcdir)/verify/sim/simulate
PHONY_TARGETS += simulate
