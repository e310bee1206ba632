# SPDX-License-Identifier: BSD-2-Clause
#
# To add a bench: a line in BENCHES and its LDADD. Its source is the
# name with .c; it links bench/bench.c and the peers of bench/base-*.c.
# `make check` builds the benches, so that they keep compiling, and runs none.

BENCHES = \
	bench/b-retire \
	bench/b-wait

BENCH_LDADD = bench/libbench.la $(LDADD)
bench_b_retire_LDADD = $(BENCH_LDADD)
bench_b_wait_LDADD = $(BENCH_LDADD)

check_PROGRAMS += $(BENCHES)

check_LTLIBRARIES += bench/libbench.la
bench_libbench_la_SOURCES = bench/bench.c bench/bench.h bench/base-pthread.c
bench_libbench_la_LIBADD =
if HAVE_LIBCK
bench_libbench_la_SOURCES += bench/base-ck.c
bench_libbench_la_LIBADD += $(CK_LIBS)
endif
if HAVE_URCU_PEER
bench_libbench_la_SOURCES += bench/base-urcu.c
bench_libbench_la_LIBADD += $(URCU_PEER_LIBS)
endif

# JSON lines go to bench/results/ (or to the file BENCH_OUT). BENCH_THREADS is
# the largest number of threads, BENCH_FLAGS go to every program.
bench-toolkit: $(BENCHES)
	@$(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(BENCHES)

# The same with small counts: the numbers mean little, the programs run.
bench-short: $(BENCHES)
	@BENCH_SHORT=1 $(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(BENCHES)

bench: bench-toolkit
PHONY_TARGETS += bench bench-short bench-toolkit
