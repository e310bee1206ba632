/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-journal.c - what was run, written down: read again whole, cut off anywhere, damaged anywhere, in another life of the
 * machine, written anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#include "build/common.h"
#include "build/journal.h"

#define PATHS 64

/* What was told. */
struct told {
	struct journal *journal;
	uint64_t lost;
	unsigned paths_n;
	char paths[PATHS][32];
	unsigned begun[PATHS], ended[PATHS];
	struct trace traces[PATHS];
};

static char file[64];

static void told_path(void *arg, const char *path, size_t bytes)
{
	struct told *told = arg;

	assert_true(told->paths_n < PATHS);
	assert_int_equal(strlen(path), bytes);
	strcpy(told->paths[told->paths_n++], path);
}

static void told_ended(void *arg, uint32_t edge, const struct trace *trace)
{
	struct told *told = arg;

	assert_true(edge < told->paths_n);
	told->ended[edge]++;
	told->traces[edge] = *trace;
}

static void told_begun(void *arg, uint32_t edge)
{
	struct told *told = arg;

	assert_true(edge < told->paths_n);
	told->begun[edge]++;
}

static int opened(struct told *told, bool read_only, uint64_t boot)
{
	const struct journal_reader reader = {told_path, told_ended, told_begun, told};

	memset(told, 0, sizeof(*told));
	return journal_open(file, &reader, read_only, boot, &told->journal, &told->lost);
}

static void open_again(struct told *told, uint64_t boot)
{
	journal_close(told->journal);
	assert_int_equal(opened(told, false, boot), 0);
	assert_int_equal(told->lost, 0);
}

static uint32_t path(struct told *told, const char *name)
{
	return journal_path(told->journal, name, strlen(name));
}

static struct digest digest(unsigned i)
{
	return (struct digest){i, ~(uint64_t)i, DIGEST_XXH3, 0};
}

/* A run of the edge that makes `out`: of one listed file, one found, and so on as `i` says. */
static int ended(struct told *told, uint32_t out, unsigned i, bool empty)
{
	uint32_t reads[2] = {path(told, "in"), path(told, "found")}, digests[2] = {i, i + 1};
	struct digest outs = empty ? digest_bytes(NULL, 0) : digest(i);

	return journal_end(told->journal, out,
			   &(struct trace){.command = digest(i),
					   .read = digest(i + 1),
					   .duration_ns = i,
					   .ended_ns = i,
					   .n_listed = 1,
					   .n_found = 1,
					   .n_outs = 1,
					   .reads = reads,
					   .read_digests = digests,
					   .outs = &out,
					   .out_digests = &outs});
}

static void is_trace(const struct told *told, uint32_t edge, unsigned i)
{
	const struct trace *t = &told->traces[edge];

	assert_int_equal(told->ended[edge], 1);
	assert_true(digest_equal(t->command, digest(i)) &&
		    digest_equal(t->read, digest(i + 1)));
	assert_int_equal(t->duration_ns, i);
	assert_int_equal(t->n_listed + t->n_found, 2);
	assert_string_equal(told->paths[t->reads[0]], "in");
	assert_string_equal(told->paths[t->reads[1]], "found");
	assert_int_equal(t->read_digests[1], i + 1);
	assert_int_equal(t->outs[0], edge);
	t_step();
}

static void begin(struct told *told)
{
	(void)unlink(file);
	assert_int_equal(opened(told, false, 1), 0);
	assert_int_equal(told->lost, 0);
	assert_int_equal(told->paths_n, 0);
}

static size_t file_bytes(char **ret_bytes)
{
	int fd = open(file, O_RDONLY);
	struct stat st;

	assert_true(fd >= 0 && !fstat(fd, &st));
	*ret_bytes = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, *ret_bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

static void file_write(const char *bytes, size_t n)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void case_read_again(void **state)
{
	struct told told;
	uint32_t a, b;

	(void)state;
	begin(&told);
	a = path(&told, "a");
	b = path(&told, "a longer name");
	assert_int_equal(path(&told, "a"), a);
	assert_int_equal(journal_begin(told.journal, a), 0);
	open_again(&told, 1);
	assert_int_equal(told.begun[a], 1);
	assert_int_equal(told.ended[a], 0);
	assert_int_equal(ended(&told, a, 7, false), 0);
	assert_int_equal(journal_begin(told.journal, b), 0);
	assert_int_equal(ended(&told, b, 8, false), 0);
	assert_int_equal(ended(&told, a, 9, false), 0);
	open_again(&told, 1);
	assert_string_equal(told.paths[b], "a longer name");
	is_trace(&told, a, 9);
	is_trace(&told, b, 8);
	assert_int_equal(told.begun[a] + told.begun[b], 0);
	/* Begun again: it had ended once. */
	assert_int_equal(journal_begin(told.journal, a), 0);
	open_again(&told, 1);
	is_trace(&told, a, 9);
	assert_int_equal(told.begun[a], 1);
	assert_int_equal(journal_forget(told.journal, a), 0);
	open_again(&told, 1);
	assert_int_equal(told.begun[a] + told.ended[a], 0);
	assert_int_equal(journal_begin(told.journal, UINT32_MAX), -EIO);
	journal_close(told.journal);
}

/* What a build was going to run counts as begun after the machine has stopped. */
static void case_planned(void **state)
{
	struct told told;
	uint32_t edges[4];

	(void)state;
	begin(&told);
	edges[0] = path(&told, "ends");
	edges[1] = path(&told, "begins");
	edges[2] = path(&told, "waits");
	edges[3] = path(&told, "stamp");
	assert_int_equal(ended(&told, edges[2], 5, false), 0);
	assert_int_equal(journal_plan(told.journal, edges, 4), 0);
	assert_int_equal(ended(&told, edges[0], 6, false), 0);
	assert_int_equal(journal_begin(told.journal, edges[1]), 0);
	assert_int_equal(ended(&told, edges[3], 7, true), 0);
	/* A killed process: its marks say what it has begun. */
	open_again(&told, 1);
	assert_int_equal(told.begun[0] + told.begun[2] + told.begun[3], 0);
	assert_int_equal(told.begun[1], 1);
	/* The machine has stopped. That something has left an empty file says nothing. */
	journal_close(told.journal);
	assert_int_equal(opened(&told, true, 2), 0);
	assert_int_equal(told.begun[0], 0);
	assert_int_equal(told.begun[1] + told.begun[2] + told.begun[3], 3);
	is_trace(&told, edges[2], 5);
	open_again(&told, 2);
	assert_int_equal(told.begun[1] + told.begun[2] + told.begun[3], 3);
	/* It is said once, and holds. */
	open_again(&told, 3);
	assert_int_equal(told.begun[0], 0);
	assert_int_equal(told.begun[1] + told.begun[2] + told.begun[3], 3);
	assert_int_equal(ended(&told, edges[2], 8, false), 0);
	open_again(&told, 4);
	assert_int_equal(told.begun[2], 0);
	journal_close(told.journal);
}

static void case_planned_and_done(void **state)
{
	struct told told;
	uint32_t edges[3];

	(void)state;
	begin(&told);
	edges[0] = path(&told, "a");
	edges[1] = path(&told, "b");
	edges[2] = path(&told, "c");
	assert_int_equal(journal_plan(told.journal, edges, 2), 0);
	assert_int_equal(journal_begin(told.journal, edges[0]), 0);
	assert_int_equal(journal_done(told.journal), 0);
	open_again(&told, 2);
	assert_int_equal(told.begun[0], 1);
	assert_int_equal(told.begun[1], 0);
	/* Two plans of one build; killed; another build in the same life, which is done. */
	assert_int_equal(journal_plan(told.journal, edges + 1, 1), 0);
	assert_int_equal(journal_plan(told.journal, edges + 2, 1), 0);
	journal_close(told.journal);
	assert_int_equal(opened(&told, true, 3), 0);
	assert_int_equal(told.begun[1] + told.begun[2], 2);
	open_again(&told, 2);
	assert_int_equal(told.begun[1] + told.begun[2], 0);
	assert_int_equal(journal_plan(told.journal, edges, 1), 0);
	assert_int_equal(journal_done(told.journal), 0);
	open_again(&told, 3);
	assert_int_equal(told.begun[1] + told.begun[2], 0);
	journal_close(told.journal);
}

/* An empty file does not show that what was written beside it outlived the machine's end. */
static void case_done_and_stopped(void **state)
{
	struct told told;
	uint32_t edges[3], reads[1], digests[1] = {1};
	struct digest empty = digest_bytes(NULL, 0);
	struct trace trace = {.command = digest(1),
			      .read = digest(2),
			      .n_listed = 1,
			      .n_outs = 1,
			      .reads = reads,
			      .read_digests = digests,
			      .out_digests = &empty};

	(void)state;
	begin(&told);
	edges[0] = path(&told, "long before");
	edges[1] = path(&told, "stamp");
	edges[2] = path(&told, "file");
	reads[0] = path(&told, "in");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(journal_plan(told.journal, edges, 3), 0);
		trace.outs = &edges[i];
		trace.ended_ns = 1000000000000000 + i * (int64_t)700000000000;
		trace.out_digests = i < 2 ? &empty : &trace.command;
		if (i == 1)
			trace.ended_ns += 600000000000;
		assert_int_equal(journal_end(told.journal, edges[i], &trace), 0);
		assert_int_equal(journal_done(told.journal), 0);
	}
	open_again(&told, 1);
	assert_int_equal(told.begun[0] + told.begun[1] + told.begun[2], 0);
	/* As it is when it was written anew. */
	assert_int_equal(journal_rewrite(told.journal), 0);
	open_again(&told, 1);
	assert_int_equal(told.begun[0] + told.begun[1] + told.begun[2], 0);
	open_again(&told, 2);
	assert_int_equal(told.begun[path(&told, "long before")], 0);
	assert_int_equal(told.begun[path(&told, "stamp")], 1);
	assert_int_equal(told.begun[path(&told, "file")], 0);
	/* Once it has run again in this life, that holds. */
	edges[1] = path(&told, "stamp");
	reads[0] = path(&told, "in");
	trace.outs = &edges[1];
	trace.out_digests = &empty;
	assert_int_equal(journal_plan(told.journal, &edges[1], 1), 0);
	assert_int_equal(journal_end(told.journal, edges[1], &trace), 0);
	assert_int_equal(journal_done(told.journal), 0);
	open_again(&told, 2);
	assert_int_equal(told.begun[path(&told, "stamp")], 0);
	journal_close(told.journal);
}

/* Five runs of three edges, and a plan. */
static size_t five_runs(char **ret_bytes)
{
	struct told told;
	uint32_t edges[3];

	begin(&told);
	for (unsigned i = 0; i < 5; i++) {
		char name[] = "edge ?";

		name[5] = (char)('a' + i % 3);
		edges[i % 3] = path(&told, name);
		assert_int_equal(journal_begin(told.journal, edges[i % 3]), 0);
		assert_int_equal(ended(&told, edges[i % 3], 10 + i, false), 0);
	}
	assert_int_equal(journal_plan(told.journal, edges, 3), 0);
	journal_close(told.journal);
	return file_bytes(ret_bytes);
}

/* All that is told was written so. */
static void is_of_five(const struct told *told)
{
	for (unsigned i = 0; i < told->paths_n; i++) {
		const char *name = told->paths[i];

		if (!told->ended[i])
			continue;
		assert_int_equal(strncmp(name, "edge ", 5), 0);
		assert_int_equal((told->traces[i].duration_ns - 10) % 3,
				 (unsigned)(name[5] - 'a'));
		is_trace(told, i, (unsigned)told->traces[i].duration_ns);
	}
}

static void case_cut_off(void **state)
{
	struct told told;
	char *bytes;
	size_t n = five_runs(&bytes);

	(void)state;
	for (size_t at = 0; at <= n; at++) {
		file_write(bytes, at);
		assert_int_equal(opened(&told, false, 1), 0);
		assert_true(told.lost <= at);
		is_of_five(&told);
		/* It goes on from there. */
		assert_int_equal(ended(&told, path(&told, "new"), 99, false), 0);
		open_again(&told, 1);
		is_trace(&told, path(&told, "new"), 99);
		journal_close(told.journal);
	}
	free(bytes);
}

static void case_damaged(void **state)
{
	struct told told;
	char *bytes;
	size_t n = five_runs(&bytes);

	(void)state;
	for (size_t at = 0; at < n; at++) {
		bytes[at] ^= (char)(1 << at % 8);
		file_write(bytes, n);
		bytes[at] ^= (char)(1 << at % 8);
		assert_int_equal(opened(&told, false, 1), 0);
		is_of_five(&told);
		journal_close(told.journal);
	}
	free(bytes);
}

/* What is lost may have been another run of a command that leaves an empty file. */
static void case_lost_marks(void **state)
{
	struct told told;
	uint32_t edges[2];
	struct stat st;

	(void)state;
	begin(&told);
	edges[0] = path(&told, "stamp");
	edges[1] = path(&told, "file");
	assert_int_equal(ended(&told, edges[0], 1, true), 0);
	assert_int_equal(ended(&told, edges[1], 2, false), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(journal_begin(told.journal, edges[0]), 0);
	journal_close(told.journal);
	assert_int_equal(truncate(file, st.st_size + 4), 0);
	assert_int_equal(opened(&told, false, 1), 0);
	assert_int_equal(told.lost, 4);
	assert_int_equal(told.begun[0], 1);
	assert_int_equal(told.begun[1], 0);
	journal_close(told.journal);
}

static void case_another_version(void **state)
{
	struct told told;
	char *bytes;
	size_t n = five_runs(&bytes);

	(void)state;
	bytes[8]++;
	file_write(bytes, n);
	assert_int_equal(opened(&told, true, 1), 0);
	assert_int_equal(told.lost, n);
	assert_int_equal(told.paths_n, 0);
	assert_int_equal(path(&told, "x"), UINT32_MAX);
	journal_close(told.journal);
	assert_int_equal(opened(&told, false, 1), 0);
	assert_int_equal(told.lost, n);
	assert_int_equal(ended(&told, path(&told, "x"), 3, false), 0);
	open_again(&told, 1);
	free(bytes);
	journal_close(told.journal);
}

static void case_written_anew(void **state)
{
	struct told told;
	uint32_t a, b;
	struct stat before, after;

	(void)state;
	begin(&told);
	(void)path(&told, "nobody asks for");
	a = path(&told, "a");
	b = path(&told, "b");
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(ended(&told, a, i, false), 0);
	assert_int_equal(journal_begin(told.journal, b), 0);
	open_again(&told, 1);
	assert_true(journal_wasteful(told.journal));
	assert_int_equal(stat(file, &before), 0);
	assert_int_equal(journal_rewrite(told.journal), 0);
	assert_int_equal(stat(file, &after), 0);
	assert_true(after.st_size * 100 < before.st_size);
	open_again(&told, 1);
	assert_false(journal_wasteful(told.journal));
	assert_int_equal(told.paths_n, 4);
	a = path(&told, "a");
	is_trace(&told, a, 1999);
	assert_int_equal(told.begun[path(&told, "b")], 1);
	journal_close(told.journal);
}

/* The disk is full: nothing is torn, and what could not be written is written with the next one. */
static void case_full(void **state)
{
	struct told told;
	struct rlimit limit, small;
	uint32_t a, b;
	struct stat st;

	(void)state;
	begin(&told);
	a = path(&told, "a");
	assert_int_equal(ended(&told, a, 1, false), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_IGN);
	small = limit;
	small.rlim_cur = (rlim_t)st.st_size + 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	b = path(&told, "b");
	assert_int_equal(ended(&told, a, 2, false), -EFBIG);
	assert_int_equal(journal_begin(told.journal, b), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(ended(&told, b, 3, false), 0);
	open_again(&told, 1);
	is_trace(&told, a, 1);
	is_trace(&told, b, 3);
	journal_close(told.journal);
}

struct writer {
	pthread_t thread;
	struct told *told;
	unsigned i;
};

static void *write_many(void *arg)
{
	struct writer *writer = arg;

	for (unsigned i = 0; i < t_scaled(200); i++) {
		char name[16];
		uint32_t out;

		sprintf(name, "%u.%u", writer->i, i % 10);
		out = journal_path(writer->told->journal, name, strlen(name));
		t_check(!journal_begin(writer->told->journal, out));
		t_check(!ended(writer->told, out, i, false));
		t_step();
	}
	return NULL;
}

static void case_several_threads(void **state)
{
	struct writer writers[4];
	struct told told;

	(void)state;
	begin(&told);
	for (unsigned i = 0; i < 4; i++) {
		writers[i] = (struct writer){.told = &told, .i = i};
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(writers[i].thread, NULL);
	open_again(&told, 1);
	assert_true(told.paths_n >= 4);
	for (unsigned i = 0; i < told.paths_n; i++) {
		if (told.ended[i])
			is_trace(&told, i, (unsigned)told.traces[i].duration_ns);
		assert_int_equal(told.begun[i], 0);
	}
	journal_close(told.journal);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_read_again),
		cmocka_unit_test(case_planned),
		cmocka_unit_test(case_planned_and_done),
		cmocka_unit_test(case_done_and_stopped),
		cmocka_unit_test(case_cut_off),
		cmocka_unit_test(case_damaged),
		cmocka_unit_test(case_lost_marks),
		cmocka_unit_test(case_another_version),
		cmocka_unit_test(case_written_anew),
		cmocka_unit_test(case_full),
		cmocka_unit_test(case_several_threads),
	};
	int failed;

	sprintf(file, "/tmp/pawl-journal.%ld", (long)getpid());
	failed = t_run("journal", cases);
	(void)unlink(file);
	return failed;
}
