/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.c - one input for a target, from wherever it comes: libFuzzer, AFL++, files, a seed.
 *
 *	f-NAME                      the corpus in fuzz/corpus/NAME, then some drawn inputs; TAP. With T_TIER=long ten times
 *	                            as many, and others each time: T_SEED is the first one
 *	f-NAME FILE|FOLDER ...      these files
 *	f-NAME --random N [SEED]    N drawn inputs; a failing one is written to crash-NAME
 */
#include "config.h"

#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

/* ---- memory ---------------------------------------------------------------- */

/* Stands before each block. The reclaimer frees too, so counters are shared words. */
struct header {
	size_t size;
	uint64_t magic;
};
#define MAGIC_LIVE  UINT64_C(0x6c69766562616c6c)
#define MAGIC_FREED UINT64_C(0x6672656564626c6b)

/* Relaxed: counts; they are compared when all threads but one are gone, or by their one writer. */
static struct pawl_atomic_u64 blocks, calls, until_failure, failures;

static void *table_alloc(void *arg, size_t size, size_t align)
{
	size_t room = align > sizeof(struct header) ? align : sizeof(struct header);
	struct header *header;
	char *base;

	(void)arg;
	pawl_add_relaxed(&calls, 1u);
	if (pawl_load_relaxed(&until_failure) && pawl_sub_relaxed(&until_failure, 1u) == 1) {
		pawl_add_relaxed(&failures, 1u);
		return NULL;
	}
	if (size > (size_t)1 << 31)
		return NULL;
	base = aligned_alloc(align, (room + size + align - 1) / align * align);
	if (!base)
		return NULL;
	header = (struct header *)(void *)(base + room) - 1;
	*header = (struct header){size, MAGIC_LIVE};
	memset(base + room, 0xa5, size);
	pawl_add_relaxed(&blocks, 1u);
	return base + room;
}

static void table_free(void *arg, void *ptr, size_t size, size_t align)
{
	size_t room = align > sizeof(struct header) ? align : sizeof(struct header);
	struct header *header = (struct header *)ptr - 1;

	(void)arg;
	FUZZ_CHECK(header->magic == MAGIC_LIVE);
	FUZZ_CHECK(header->size == size);
	header->magic = MAGIC_FREED;
	memset(ptr, 0xdb, size);
	pawl_sub_relaxed(&blocks, 1u);
	free((char *)ptr - room);
}

void fuzz_alloc_fail(unsigned n)
{
	pawl_store_relaxed(&failures, 0u);
	pawl_store_relaxed(&until_failure, n);
}

bool fuzz_alloc_failed(void)
{
	pawl_store_relaxed(&until_failure, 0u);
	return pawl_load_relaxed(&failures) != 0;
}

uint64_t fuzz_alloc_calls(void)
{
	return pawl_load_relaxed(&calls);
}

/* ---- one input --------------------------------------------------------------- */

#define RUNS_A_BARRIER 256u

static const uint8_t *input;
static size_t input_size;

void fuzz_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
	abort();
}

/* Blocks that the process holds between two runs: those of the attached thread. */
static uint64_t held;

static void start(void)
{
	static const struct pawl_allocator table = {sizeof(table), table_alloc, table_free,
						    NULL};

	FUZZ_CHECK(pawl_mem_set_allocator(&table) == 0);
	if (fuzz_target.attach)
		FUZZ_CHECK(pawl_thread_attach(fuzz_target.name) == 0);
	held = pawl_load_relaxed(&blocks);
}

static void run_one(const uint8_t *data, size_t size)
{
	static unsigned runs;
	struct fuzz_bytes bytes = {data, size};

	input = data;
	input_size = size;
	fuzz_alloc_fail(0);
	fuzz_target.run(&bytes);
	fuzz_alloc_fail(0);
	/* A grace period takes milliseconds: so many runs share one. */
	if (fuzz_target.retires && ++runs % RUNS_A_BARRIER != 0)
		return;
	if (fuzz_target.retires)
		pawl_retire_barrier();
	FUZZ_CHECK(pawl_load_relaxed(&blocks) >= held);
	FUZZ_CHECK(pawl_load_relaxed(&blocks) <= held + fuzz_target.keeps);
}

#if !defined(FUZZ_LIBFUZZER)
/* The end: nothing is held any more. */
static void finish(void)
{
	if (fuzz_target.attach)
		pawl_thread_detach();
	FUZZ_CHECK(pawl_load_relaxed(&blocks) == 0);
}
#endif

#if defined(FUZZ_LIBFUZZER)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run_one(data, size);
	return 0;
}

#elif defined(__AFL_HAVE_MANUAL_CONTROL)

__AFL_FUZZ_INIT();

int main(void)
{
	const unsigned char *data;

	/* Every run's process is forked here: threads, as the reclaimer, are made behind it. */
	__AFL_INIT();
	data = __AFL_FUZZ_TESTCASE_BUF;
	start();
	while (__AFL_LOOP(10000))
		run_one(data, (size_t)__AFL_FUZZ_TESTCASE_LEN);
	finish();
	return 0;
}

#else /* alone */

#define DRAWN_MAX 4096u

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/*
 * An input of up to 4 KB. Most bytes are like the ones before it, so that runs of one operation
 * build something up, as a fuzzer's insertions and copies do.
 */
static void run_drawn(uint64_t seed)
{
	static uint8_t data[DRAWN_MAX];
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	size_t size = (size_t)(draw(&state) >> 16) % DRAWN_MAX + 1;
	size_t period = (size_t)(draw(&state) >> 16) % 8 + 1;
	unsigned wild = (unsigned)(draw(&state) >> 16) % 4;

	for (size_t i = 0; i < size; i++) {
		uint64_t number = draw(&state) >> 16;

		data[i] = i < period || number % 4 <= wild ? (uint8_t)(number >> 8)
							   : data[i - period];
	}
	run_one(data, size);
}

static bool run_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t *data = malloc((size_t)1 << 20);
	size_t size;

	if (!in || !data) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(2);
	}
	size = fread(data, 1, (size_t)1 << 20, in);
	fclose(in);
	run_one(data, size);
	free(data);
	return true;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static unsigned run_path(const char *path)
{
	struct dirent **entries;
	struct stat about;
	unsigned ran = 0;
	int count;

	if (stat(path, &about) || !S_ISDIR(about.st_mode))
		return run_file(path);
	count = scandir(path, &entries, visible, alphasort);
	for (int i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		ran += run_path(name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return ran;
}

/* Where drawing begins in a long test: others each time, unless they are asked for again. */
static uint64_t first_of_many(void)
{
	const char *seed = getenv("T_SEED");

	return seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) % 1000000007u * 100000u;
}

/* As a test: the corpus, and a number of drawn inputs: always the same, so that who has changed nothing sees nothing new. */
static int test(void)
{
	const char *source = getenv("PAWL_SRCDIR"), *scale = getenv("T_SCALE"),
		   *tier = getenv("T_TIER");
	bool many = tier && !strcmp(tier, "long");
	unsigned drawn =
		(many ? 20 : 2) * (scale ? (unsigned)strtoul(scale, NULL, 10) : 100) + 1;
	uint64_t first = many ? first_of_many() : 0;
	char path[4096];
	unsigned ran;

	snprintf(path, sizeof(path), "%s/fuzz/corpus/%s", source ? source : ".",
		 fuzz_target.name);
	printf("1..2\n");
	fflush(stdout);
	ran = run_path(path);
	printf("%s 1 - corpus of %s: %u files\n", ran ? "ok" : "not ok", fuzz_target.name, ran);
	fflush(stdout);
	if (many) {
		/* Before they run: one that ends the process is found by it. */
		printf("# f-%s --random %u %llu\n", fuzz_target.name, drawn,
		       (unsigned long long)first);
		fflush(stdout);
	}
	for (unsigned i = 0; i < drawn; i++)
		run_drawn(first + i);
	finish();
	printf("ok 2 - %u drawn inputs\n", drawn);
	return !ran;
}

/* Where an input is written to that ends the process, if it is in no file yet. */
static const char *save_as;

/* Also by a contract that was broken: so it is a signal's. */
static void on_abort(int number)
{
	int fd = open(save_as, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	(void)number;
	if (fd < 0 || write(fd, input, input_size) != (ssize_t)input_size)
		return;
	close(fd);
	fprintf(stderr, "the input of %zu bytes is in %s\n", input_size, save_as);
}

int main(int argc, char **argv)
{
	char crash[256];

	snprintf(crash, sizeof(crash), "crash-%s", fuzz_target.name);
	start();
	if (argc == 1)
		return test();
	if (!strcmp(argv[1], "--random") && argc > 2) {
		uint64_t count = strtoull(argv[2], NULL, 0);
		uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;

		save_as = crash;
		(void)signal(SIGABRT, on_abort);
		for (uint64_t i = 0; i < count; i++)
			run_drawn(seed + i);
		finish();
		printf("%s: %llu drawn inputs from seed %llu\n", fuzz_target.name,
		       (unsigned long long)count, (unsigned long long)seed);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		printf("%s: %u files of %s\n", fuzz_target.name, run_path(argv[i]), argv[i]);
	finish();
	return 0;
}

#endif
