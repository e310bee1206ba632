/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h - what every fuzz target stands on.
 *
 * A target is a file f-NAME.c that defines
 *
 *	static void run(struct fuzz_bytes *bytes) { while (fuzz_more(bytes)) ...one operation... }
 *	const struct fuzz_target fuzz_target = {.name = "NAME", .run = run};
 *
 * and takes its decisions from the bytes: which operation, on which object, which allocation is to
 * fail. It does each operation on the library and on a plain sequential model, and compares with
 * FUZZ_CHECK(). Any bytes are an input, none is refused: a byte that would lead nowhere is taken
 * modulo what there is. After the bytes have ended all numbers are 0, so a short input is a short run.
 *
 * fuzz.c makes a program of it in three ways: for libFuzzer (compiled with -DFUZZ_LIBFUZZER), for
 * AFL++ (afl-clang-fast, persistent mode), and alone (any compiler): it replays files, the corpus,
 * or inputs drawn from a seed. In all three the memory of Pawl comes from a table that fails when
 * told to, checks each block's size at free, and finds what was not freed after a run.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_bytes {
	const uint8_t *at;
	size_t left;
};

struct fuzz_target {
	const char *name;
	void (*run)(struct fuzz_bytes *bytes);
	/* The thread is attached; it stays so from run to run. */
	bool attach;
	/* Runs retire memory: it is looked for after a barrier, which many runs share. */
	bool retires;
	/* So many blocks may stay behind a run, for the ones after it: threads that it started and ended. */
	unsigned keeps;
};

extern const struct fuzz_target fuzz_target;

static inline bool fuzz_more(const struct fuzz_bytes *bytes)
{
	return bytes->left > 0;
}

static inline uint8_t fuzz_u8(struct fuzz_bytes *bytes)
{
	if (!bytes->left)
		return 0;
	bytes->left--;
	return *bytes->at++;
}

static inline uint16_t fuzz_u16(struct fuzz_bytes *bytes)
{
	uint16_t low = fuzz_u8(bytes);

	return (uint16_t)(low | fuzz_u8(bytes) << 8);
}

static inline uint32_t fuzz_u32(struct fuzz_bytes *bytes)
{
	uint32_t low = fuzz_u16(bytes);

	return low | (uint32_t)fuzz_u16(bytes) << 16;
}

/* A number below `limit`, at most 65536: from one byte if it can be. */
static inline unsigned fuzz_below(struct fuzz_bytes *bytes, unsigned limit)
{
	return (limit <= 256 ? fuzz_u8(bytes) : fuzz_u16(bytes)) % limit;
}

/* The n-th allocation from now on fails, once; 0: none does. */
void fuzz_alloc_fail(unsigned n);
/* Has one failed since fuzz_alloc_fail()? Asking disarms it. */
bool fuzz_alloc_failed(void);
/* Allocations so far. */
uint64_t fuzz_alloc_calls(void);

#define FUZZ_CHECK(cond) ((cond) ? (void)0 : fuzz_failed(#cond, __FILE__, __LINE__))
void fuzz_failed(const char *what, const char *file, int line) __attribute__((noreturn, cold));

#endif
