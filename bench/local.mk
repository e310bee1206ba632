# SPDX-License-Identifier: BSD-2-Clause
#
# To add a bench: a line in BENCHES, its source beside BENCH_COMMON, its LDADD.
# Cases register themselves from every file that is linked, hence the peers
# (bench/base-*.c) are sources of each program and not an archive.
# `make check` builds the benches, so that they keep compiling, and runs none.

BENCHES = \
	bench/b-counter \
	bench/b-ids \
	bench/b-retire \
	bench/b-wait

bench_b_counter_SOURCES = bench/b-counter.c $(BENCH_COMMON)
bench_b_counter_LDADD = $(BENCH_LDADD)

bench_b_ids_SOURCES = bench/b-ids.c bench/work-ids.h $(BENCH_COMMON) $(IDS_PEERS)
bench_b_ids_LDADD = $(BENCH_LDADD)

bench_b_retire_SOURCES = bench/b-retire.c $(BENCH_COMMON)
bench_b_retire_LDADD = $(BENCH_LDADD)

bench_b_wait_SOURCES = bench/b-wait.c $(BENCH_COMMON)
bench_b_wait_LDADD = $(BENCH_LDADD)

check_PROGRAMS += $(BENCHES)

BENCH_COMMON = bench/bench.c bench/bench.h bench/work.h bench/base-pthread.c
BENCH_LDADD = $(LDADD)
IDS_PEERS =
if HAVE_LIBCK
BENCH_COMMON += bench/base-ck.c
IDS_PEERS += bench/base-ids-ck.c
BENCH_LDADD += $(CK_LIBS)
endif
if HAVE_URCU_PEER
BENCH_COMMON += bench/base-urcu.c
BENCH_LDADD += $(URCU_PEER_LIBS)
endif

# The Rust peers are built by cargo, which fetches their sources: only where
# configure was told to (--with-rust-peers). Elsewhere the C side is compiled,
# so that it does not rot, and linked into nothing.
RUST_PEERS = bench/peers-rust/target/release/libpawl_bench_peers.a
if WITH_RUST_PEERS
BENCH_COMMON += bench/base-event-listener.c
IDS_PEERS += bench/base-ids-queue.c
BENCH_LDADD += $(RUST_PEERS) -lgcc_s -lm
$(RUST_PEERS): bench/peers-rust/src/lib.rs bench/peers-rust/src/queue.rs \
		bench/peers-rust/Cargo.toml
	$(CARGO) build --release \
		--manifest-path $(srcdir)/bench/peers-rust/Cargo.toml \
		--target-dir $(abs_builddir)/bench/peers-rust/target
	touch $@
else
check_LIBRARIES += bench/libno-rust-peers.a
bench_libno_rust_peers_a_SOURCES = bench/base-event-listener.c bench/base-ids-queue.c \
	bench/work-ids.h bench/bench.h bench/work.h
endif

# JSON lines go to bench/results/ (or to the file BENCH_OUT). BENCH_THREADS is
# the largest number of threads, BENCH_FLAGS go to every program.
bench-toolkit: $(BENCHES)
	@B_FLAGS='$(CFLAGS)' $(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(BENCHES)

# The same with small counts: the numbers mean little, the programs run.
bench-short: $(BENCHES)
	@BENCH_SHORT=1 B_FLAGS='$(CFLAGS)' $(SHELL) $(srcdir)/scripts/run-bench '$(builddir)' $(BENCHES)

bench: bench-toolkit
PHONY_TARGETS += bench bench-short bench-toolkit
