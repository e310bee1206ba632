# SPDX-License-Identifier: BSD-2-Clause
#
# To add a bench: a line in BENCHES, its source beside BENCH_COMMON, its LDADD.
# Cases register themselves from every file that is linked, hence the peers
# (bench/base-*.c) are sources of each program and not an archive.
# `make check` builds the benches, so that they keep compiling, and runs none.

BENCHES = \
	bench/b-counter \
	bench/b-fiber \
	bench/b-ids \
	bench/b-map \
	bench/b-queue \
	bench/b-retire \
	bench/b-set \
	bench/b-slots \
	bench/b-wait
# Of the engine: make bench-runtime.
RUNTIME_BENCHES = bench/b-runtime

# What every bench is made of.
BENCH_DRIVER = \
	bench/bench.c \
	bench/bench.h \
	bench/driver.h \
	bench/machine.c \
	bench/options.c \
	bench/output.c \
	bench/runner.c \
	bench/stats.c
BENCH_LDADD = $(LDADD)

# Of each family: its own files, and those of the peers that are there.
ENGINE_SOURCES = $(BENCH_DRIVER)
IDS_SOURCES = bench/work-ids.h $(BENCH_DRIVER)
MAP_SOURCES = bench/keys.h bench/maps.h $(BENCH_DRIVER)
RUNTIME_SOURCES = bench/work-runtime.h bench/base-runtime-pthread.c $(BENCH_DRIVER)
QUEUE_SOURCES = bench/queue.h $(BENCH_DRIVER)
SET_SOURCES = bench/set.h bench/set-cxx.h $(BENCH_DRIVER)
SLOTS_SOURCES = bench/keys.h bench/work-slots.h $(BENCH_DRIVER)
WAIT_SOURCES = bench/work.h bench/base-pthread.c $(BENCH_DRIVER)
if HAVE_LIBCK
IDS_SOURCES += bench/base-ids-ck.c
MAP_SOURCES += bench/base-map-ck.c
QUEUE_SOURCES += bench/base-queue-ck.c
SET_SOURCES += bench/base-set-ck.c
WAIT_SOURCES += bench/base-ck.c
BENCH_LDADD += $(CK_LIBS)
endif
if HAVE_URCU_PEER
MAP_SOURCES += bench/base-map-urcu.c
QUEUE_SOURCES += bench/base-queue-urcu.c
SLOTS_SOURCES += bench/base-urcu-slots.c
WAIT_SOURCES += bench/base-urcu.c
BENCH_LDADD += $(URCU_PEER_LIBS)
endif

# The Rust peers are one crate, bench/peers, with a module for each family. They are built by cargo,
# which fetches their sources: only where configure was told to (--with-rust-peers). Elsewhere
# the C side is compiled, so that it does not rot, and linked into nothing.
RUST_PEERS = bench/peers/target/release/libpawl_bench_peers.a
if WITH_RUST_PEERS
ENGINE_SOURCES += bench/base-engine-rust.c
IDS_SOURCES += bench/base-ids-queue.c
MAP_SOURCES += bench/base-map-rust.c
QUEUE_SOURCES += bench/base-queue-rust.c
RUNTIME_SOURCES += bench/base-runtime-rust.c
SLOTS_SOURCES += bench/base-dashmap-slots.c
WAIT_SOURCES += bench/base-event-listener.c
BENCH_LDADD += $(RUST_PEERS) -lgcc_s -lm
$(RUST_PEERS): $(srcdir)/bench/peers/Cargo.toml $(srcdir)/bench/peers/Cargo.lock \
		$(srcdir)/bench/peers/src/*.rs
	$(CARGO) build --release --locked \
		--manifest-path $(srcdir)/bench/peers/Cargo.toml \
		--target-dir $(abs_builddir)/bench/peers/target
	touch $@
else
check_LIBRARIES += bench/libno-rust-peers.a
bench_libno_rust_peers_a_SOURCES = \
	bench/base-dashmap-slots.c \
	bench/base-engine-rust.c \
	bench/base-event-listener.c \
	bench/base-ids-queue.c \
	bench/base-map-rust.c \
	bench/base-queue-rust.c \
	bench/base-runtime-rust.c \
	bench/bench.h \
	bench/keys.h \
	bench/maps.h \
	bench/queue.h \
	bench/work-engine.h \
	bench/work-ids.h \
	bench/work-runtime.h \
	bench/work-slots.h \
	bench/work.h
endif

bench_b_counter_SOURCES = bench/b-counter.c $(WAIT_SOURCES)
bench_b_counter_LDADD = $(BENCH_LDADD)

bench_b_fiber_SOURCES = bench/b-fiber.c bench/base-fiber.c $(WAIT_SOURCES)
bench_b_fiber_LDADD = $(BENCH_LDADD)
if HAVE_BOOST_CONTEXT
bench_b_fiber_SOURCES += bench/base-boost-context.c
bench_b_fiber_LDADD += -lboost_context
endif

bench_b_ids_SOURCES = bench/b-ids.c $(IDS_SOURCES)
bench_b_ids_LDADD = $(BENCH_LDADD)

bench_b_map_SOURCES = bench/b-map.c $(MAP_SOURCES)
bench_b_map_LDADD = $(BENCH_LDADD) -lm

# The maps of C++: an object and no source of b-map, which would then be linked by a C++ compiler
# even where there is none.
EXTRA_DIST += bench/base-cxx.cc
if HAVE_CXX_PEERS
bench_b_map_LDADD += bench/base-cxx.o $(CXX_PEER_LIBS)
bench/base-cxx.o: bench/base-cxx.cc bench/maps.h bench/keys.h config.h
	$(AM_V_GEN)$(MKDIR_P) bench && $(CXX) -I. -iquote $(srcdir)/bench $(CPPFLAGS) $(CXXFLAGS) -std=c++17 -c \
		-o $@ $(srcdir)/bench/base-cxx.cc
CLEANFILES += bench/base-cxx.o
endif

bench_b_queue_SOURCES = bench/b-queue.c $(QUEUE_SOURCES)
bench_b_queue_LDADD = $(BENCH_LDADD)

bench_b_retire_SOURCES = bench/b-retire.c $(WAIT_SOURCES)
bench_b_retire_LDADD = $(BENCH_LDADD)

# The tasks of oneTBB: an object, as the maps of C++ are.
bench_b_runtime_SOURCES = bench/b-runtime.c bench/b-runtime-crowd.c bench/runtime-cxx.h \
	bench/runtime-ours.h $(RUNTIME_SOURCES)
bench_b_runtime_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include -iquote $(srcdir)/engine
bench_b_runtime_LDADD = engine/libengine-core.la $(BENCH_LDADD)
EXTRA_DIST += bench/base-runtime-cxx.cc
if HAVE_TBB
bench_b_runtime_SOURCES += bench/base-runtime-tbb.c
bench_b_runtime_LDADD += bench/base-runtime-cxx.o $(CXX_PEER_LIBS)
bench/base-runtime-cxx.o: bench/base-runtime-cxx.cc bench/runtime-cxx.h config.h
	$(AM_V_GEN)$(MKDIR_P) bench && $(CXX) -I. -iquote $(srcdir)/bench $(CPPFLAGS) $(CXXFLAGS) -std=c++17 -c \
		-o $@ $(srcdir)/bench/base-runtime-cxx.cc
CLEANFILES += bench/base-runtime-cxx.o
endif

# Peers: Concurrency Kit's hash set, and what the C++ library has.
bench_b_set_SOURCES = bench/b-set.c $(SET_SOURCES)
bench_b_set_LDADD = $(BENCH_LDADD)
if HAVE_CXX
check_LIBRARIES += bench/libset-cxx.a
bench_libset_cxx_a_SOURCES = bench/set-cxx.cc bench/set-cxx.h
bench_b_set_SOURCES += bench/base-set-cxx.c
bench_b_set_LDADD += bench/libset-cxx.a -lstdc++
endif

bench_b_slots_SOURCES = bench/b-slots.c $(SLOTS_SOURCES)
bench_b_slots_LDADD = $(BENCH_LDADD) -lm

bench_b_wait_SOURCES = bench/b-wait.c $(WAIT_SOURCES)
bench_b_wait_LDADD = $(BENCH_LDADD)

# Of the engine: make bench-engine.
ENGINE_BENCHES = bench/b-engine
bench_b_engine_SOURCES = bench/b-engine.c bench/b-engine-edits.c bench/b-engine-graphs.c \
	bench/b-engine-work.c bench/engine-ours.h bench/work-engine.h $(ENGINE_SOURCES)
bench_b_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
bench_b_engine_LDADD = engine/libengine-core.la $(BENCH_LDADD)

# Tasks that nobody needs go.
ENGINE_BENCHES += bench/b-engine-collect
bench_b_engine_collect_SOURCES = bench/b-engine-collect.c bench/engine-ours.h bench/store-folder.h \
	bench/work-engine.h $(BENCH_DRIVER)
bench_b_engine_collect_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
bench_b_engine_collect_LDADD = engine/libengine-core.la $(LDADD)

# What the mark of a use costs: the reads alone without it. Its own read.c is linked in place of the library's.
ENGINE_BENCHES += bench/b-engine-unmarked
bench_b_engine_unmarked_SOURCES = bench/b-engine.c bench/b-engine-edits.c bench/b-engine-graphs.c \
	bench/b-engine-work.c bench/engine-ours.h bench/work-engine.h engine/graph/read.c $(BENCH_DRIVER)
bench_b_engine_unmarked_CPPFLAGS = $(bench_b_engine_CPPFLAGS) -DENG_WITHOUT_MARKS
bench_b_engine_unmarked_LDADD = engine/libengine-core.la $(LDADD)

# Steps of the simulation, whose program is made by that of make simulate.
ENGINE_BENCHES += bench/b-simulate
bench_b_simulate_SOURCES = bench/b-simulate.c $(BENCH_DRIVER)
bench_b_simulate_LDADD = $(LDADD)

# Stores: make bench-store.
STORE_BENCHES =
PERSIST_BENCHES =
BUDGET_BENCHES =
EXTRA_DIST += bench/b-engine-budget.c bench/b-persist.c bench/b-store.c bench/store-folder.h
if HAVE_LMDB
PERSIST_BENCHES += bench/b-persist
BUDGET_BENCHES += bench/b-engine-budget
bench_b_engine_budget_SOURCES = bench/b-engine-budget.c
bench_b_engine_budget_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
bench_b_engine_budget_LDADD = engine/libengine-core.la $(LDADD)
bench_b_persist_SOURCES = bench/b-persist.c bench/store-folder.h $(BENCH_DRIVER)
bench_b_persist_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
bench_b_persist_LDADD = engine/libengine-core.la $(BENCH_LDADD)
STORE_BENCHES += bench/b-store
bench_b_store_SOURCES = bench/b-store.c bench/store-folder.h $(BENCH_DRIVER)
bench_b_store_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include
bench_b_store_LDADD = engine/libengine-core.la $(BENCH_LDADD)
endif

# The program's parts: make bench-program.
PROGRAM_BENCHES = bench/b-build bench/b-manifest
bench_b_build_SOURCES = bench/b-build.c $(BENCH_DRIVER)
bench_b_build_LDADD = $(BENCH_LDADD)
bench_b_manifest_SOURCES = bench/b-manifest.c $(BENCH_DRIVER)
bench_b_manifest_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools
bench_b_manifest_LDADD = tools/libmanifest.la $(BENCH_LDADD)
check_PROGRAMS += $(PROGRAM_BENCHES)

check_PROGRAMS += $(BENCHES) $(RUNTIME_BENCHES) $(STORE_BENCHES)
check_PROGRAMS += $(ENGINE_BENCHES) $(PERSIST_BENCHES) $(BUDGET_BENCHES)

# A crawl with a budget of memory; BUDGET="1024 1000" is the large one.
bench-budget: $(BUDGET_BENCHES)
	@test -n '$(BUDGET_BENCHES)' || { echo 'bench-budget: there is no LMDB'; exit 1; }
	@$(BUDGET_BENCHES) $(BUDGET)
PHONY_TARGETS += bench-budget

# JSON lines go to bench/results/ (or to the file BENCH_OUT). BENCH_THREADS is
# the largest number of threads, BENCH_FLAGS go to every program.
bench-toolkit: $(BENCHES)
	@B_FLAGS='$(CFLAGS)' $(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(BENCHES)

# The same with small counts: the numbers mean little, the programs run.
bench-short: $(BENCHES)
	@BENCH_QUICK=1 B_FLAGS='$(CFLAGS)' $(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(BENCHES)

# Tasks: the engine's runtime beside others.
bench-runtime: $(RUNTIME_BENCHES)
	@B_FLAGS='$(CFLAGS)' BENCH_NAME=runtime BENCH_SUMMARY=1 BENCH_THREADS=1 BENCH_PEERS=tokio:--with-rust-peers \
		$(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(RUNTIME_BENCHES)

# The incremental engine beside salsa and memoised tasks: calls, graphs cold and after a change; collection; the
# mark of a use; steps of the simulation, which is built if it can be, and not for a quick run.
bench-engine: $(ENGINE_BENCHES)
	@test -n "$$BENCH_QUICK" || { $(AM_TESTS_ENVIRONMENT) \
		$(SHELL) $(srcdir)/verify/mc-build -s -c "$${MC_CC:-gcc}" -d out/verify >/dev/null; } || \
		echo 'bench-engine: the simulation cannot be built here'
	@B_FLAGS='$(CFLAGS)' BENCH_NAME=engine BENCH_SUMMARY=1 BENCH_THREADS=1 \
		BENCH_PEERS='salsa:--with-rust-peers tokio:--with-rust-peers' \
		$(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(ENGINE_BENCHES)

# Stores beside LMDB as it is, and a file.
bench-store: $(STORE_BENCHES)
	@test -n '$(STORE_BENCHES)' || { echo 'bench-store: there is no LMDB'; exit 1; }
	@B_FLAGS='$(CFLAGS)' BENCH_NAME=store BENCH_THREADS=2 \
		$(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(STORE_BENCHES)

# Snapshots, restarts, and what they cost whoever works meanwhile, beside the store's own bulk write, and a file.
bench-persist: $(PERSIST_BENCHES)
	@test -n '$(PERSIST_BENCHES)' || { echo 'bench-persist: there is no LMDB'; exit 1; }
	@B_FLAGS='$(CFLAGS)' BENCH_NAME=persist BENCH_SUMMARY=1 BENCH_THREADS=1 \
		$(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(PERSIST_BENCHES)

# Builds and reading manifests beside ninja and samurai, where they are.
bench-program: $(PROGRAM_BENCHES) tests/program/read-ninja tools/pawl$(EXEEXT)
	@$(AM_TESTS_ENVIRONMENT) B_FLAGS='$(CFLAGS)' BENCH_NAME=program BENCH_SUMMARY=1 BENCH_THREADS=1 \
		$(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(PROGRAM_BENCHES)

bench: bench-toolkit bench-runtime bench-engine
PHONY_TARGETS += bench bench-engine bench-persist bench-program bench-runtime bench-short bench-store bench-toolkit
