# SPDX-License-Identifier: BSD-2-Clause
#
# To add a fuzz target: a line in FUZZ_TARGETS, its source fuzz/f-NAME.c, and a
# corpus in fuzz/corpus/NAME. `make check` replays the corpora with whatever the
# compiler is; `make fuzz-smoke` fuzzes for a minute with clang's libFuzzer,
# `make fuzz-afl` with AFL++.

FUZZ_TARGETS = \
	fuzz/f-bytes \
	fuzz/f-cmap \
	fuzz/f-depfile \
	fuzz/f-dyndep \
	fuzz/f-graph \
	fuzz/f-ids \
	fuzz/f-lanes \
	fuzz/f-manifest \
	fuzz/f-map \
	fuzz/f-rmap \
	fuzz/f-sset

fuzz_f_bytes_SOURCES = fuzz/f-bytes.c $(FUZZ_COMMON)
fuzz_f_bytes_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include -iquote $(srcdir)/engine
fuzz_f_bytes_LDADD = engine/libengine-core.la $(LDADD)
fuzz_f_cmap_SOURCES = fuzz/f-cmap.c fuzz/model-small.h $(FUZZ_COMMON)
fuzz_f_depfile_SOURCES = fuzz/f-depfile.c fuzz/words.h $(FUZZ_COMMON)
fuzz_f_depfile_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
fuzz_f_depfile_LDADD = tools/libmanifest.la $(LDADD)
fuzz_f_dyndep_SOURCES = fuzz/f-dyndep.c fuzz/words.h $(FUZZ_COMMON)
fuzz_f_dyndep_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
fuzz_f_dyndep_LDADD = tools/libmanifest.la $(LDADD)
fuzz_f_graph_SOURCES = fuzz/f-graph.c fuzz/graph-naive.c fuzz/graph-program.h fuzz/graph-store.h fuzz/graph.h fuzz/naive.c \
	fuzz/naive.h $(FUZZ_COMMON)
fuzz_f_graph_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include -iquote $(srcdir)/engine
fuzz_f_graph_LDADD = engine/libengine-core.la $(LDADD)
fuzz_f_ids_SOURCES = fuzz/f-ids.c $(FUZZ_COMMON)
fuzz_f_lanes_SOURCES = fuzz/f-lanes.c $(FUZZ_COMMON)
fuzz_f_manifest_SOURCES = fuzz/f-manifest.c fuzz/words.h $(FUZZ_COMMON)
fuzz_f_manifest_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
fuzz_f_manifest_LDADD = tools/libmanifest.la $(LDADD)
fuzz_f_map_SOURCES = fuzz/f-map.c $(FUZZ_COMMON)
fuzz_f_rmap_SOURCES = fuzz/f-rmap.c $(FUZZ_COMMON)
fuzz_f_sset_SOURCES = fuzz/f-sset.c fuzz/model-small.h $(FUZZ_COMMON)

FUZZ_COMMON = fuzz/fuzz.c fuzz/fuzz.h
# Under libFuzzer alone; verify/sim-quick.test replays its corpus.
FUZZ_SIMULATED = fuzz/f-sched
EXTRA_DIST += fuzz/f-sched.c fuzz/f-sched.h
check_PROGRAMS += $(FUZZ_TARGETS)
ALL_TESTS += $(FUZZ_TARGETS)

# FUZZ_SECONDS in all (60); FUZZ_CC another clang, or afl-clang-fast.
FUZZ_ENV = \
	$(AM_TESTS_ENVIRONMENT) \
	FUZZ_CPPFLAGS='$(URCU_CFLAGS)'; export FUZZ_CPPFLAGS; \
	FUZZ_LIBS='$(URCU_LIBS) $(LMDB_LIBS)'; export FUZZ_LIBS;
FUZZ_RUN = $(FUZZ_ENV) $(SHELL) $(srcdir)/fuzz/smoke $(FUZZ_TARGETS) $(FUZZ_SIMULATED)

# All targets for TIME seconds, on two processors.
TIME = 600
fuzz:
	@FUZZ_ENGINE=libfuzzer; export FUZZ_ENGINE; FUZZ_SECONDS='$(TIME)'; export FUZZ_SECONDS; \
	$(FUZZ_ENV) $(SHELL) $(srcdir)/fuzz/long $(FUZZ_TARGETS) $(FUZZ_SIMULATED)

fuzz-smoke:
	@FUZZ_ENGINE=libfuzzer; export FUZZ_ENGINE; $(FUZZ_RUN)
fuzz-afl:
	@FUZZ_ENGINE=afl; export FUZZ_ENGINE; $(FUZZ_RUN)
PHONY_TARGETS += fuzz fuzz-smoke fuzz-afl
EXTRA_DIST += fuzz/long fuzz/smoke
