/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-size.c - what a task costs in memory: the terms of the schema, and what the allocator was asked for by
 * tasks, edges and cells, against tests/engine/sizes.txt. Growth fails; who makes something smaller on
 * purpose, or larger for a reason, writes the new figure there. `make size-report` prints them.
 *
 * Measured is a difference of two graphs, one with twice as many tasks, in an engine each, when it is
 * idle: everything counts, tables that grow by doubling as well. Bytes are those asked for: what an allocator
 * rounds up is its own (bench/b-engine has it).
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl.h>
#include <pawl/engine.h>

#include "../../engine/graph/node.h"
#include "../../engine/graph/run.h"

#define N      8192u
#define NAME   48
#define SETTLE 200
#define TRIES  3
#define SLACK  1.0 /* bytes, of a measured figure: what the engine itself took meanwhile */

/* ---- the committed file ------------------------------------------------------------- */

static double committed(const char *name)
{
	const char *srcdir = getenv("PAWL_SRCDIR");
	char path[4096], line[256], word[NAME + 1];
	double value = -1, read;
	FILE *file;

	if (!srcdir)
		return -1;
	snprintf(path, sizeof(path), "%s/tests/engine/sizes.txt", srcdir);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%48s %lf", word, &read) == 2 && !strcmp(word, name))
			value = read;
	}
	fclose(file);
	return value;
}

/* A term, and what it may be. */
static void term(const char *name, double bytes, double slack)
{
	double most = committed(name);

	if (most < 0)
		printf("# %-42s %8.1f\n", name, bytes);
	else
		printf("# %-42s %8.1f   committed %8.1f\n", name, bytes, most);
	if (getenv("PAWL_SRCDIR")) {
		t_check(most >= 0 && "tests/engine/sizes.txt has the term");
		t_check(bytes <= most + slack && "no growth");
	}
}

/* ---- the schema ------------------------------------------------------------------------ */

static void case_schema(void **unused)
{
	const struct eng_node node = {0};

	(void)unused;
	term("record", sizeof(struct eng_node), 0);
	term("record.slot", sizeof(node.slot), 0);
	term("record.number-bits", sizeof(node.base) + sizeof(node.bits), 0);
#define X(name, kind, category, filtered, shrinks, immutable) \
	term("record." #name, sizeof(node.name), 0);
	ENG_FIELDS_INLINE(X)
#undef X
	term("record.tail", sizeof(node.tail), 0);
	term("key", sizeof(struct eng_key), 0);
	term("tail", sizeof(struct eng_tail), 0);
	/* Each is there only while it holds something. */
#define X(name, kind, category, filtered, shrinks, immutable) \
	term("tail." #name, sizeof(union eng_slot), 0);
	ENG_FIELDS_TAIL(X)
#undef X
	term("run", sizeof(struct eng_run_state), 0);
}

/* ---- a graph ------------------------------------------------------------------------------ */

static const struct pawl_value_type number = PAWL_VALUE_TYPE("number");

enum { MUTABLE = 1, READS = 2, TWICE = 4 };

struct args {
	uint64_t n;
	uint32_t flags, cells;
};

static int put_cell(struct pawl_context *context, uint64_t n, pawl_ref_t *ret_cell)
{
	struct pawl_value *value;
	int error = pawl_value_of(&number, &n, sizeof(n), &value);

	return error ? error : pawl_cell(context, value, ret_cell);
}

/* Its key is 8 bytes: 40 of the number, 8 of flags, 16 of cells more than the one. */
static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args;
	struct pawl_invalidator invalidator;
	pawl_ref_t more;
	int error = 0;

	if (n >> 40 & MUTABLE)
		error = pawl_context_invalidator(context, &invalidator);
	if (!error)
		error = put_cell(context, n, ret_output);
	for (uint64_t i = 0; i < n >> 48 && !error; i++)
		error = put_cell(context, i, &more);
	return error;
}
static const struct pawl_function leaf = {sizeof(leaf), "leaf",		  1,	0,
					  leaf_body,	sizeof(uint64_t), NULL, 0};

static int top_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct args *top = args;
	int error = 0;

	for (uint64_t i = 0; i < top->n && !error; i++) {
		uint64_t key =
			i | (uint64_t)(top->flags & MUTABLE) << 40 | (uint64_t)top->cells << 48;
		struct pawl_value *value = NULL;
		pawl_ref_t ref;

		error = pawl_call(context, &leaf, &key, &ref);
		/* Read in any case, so that it has run; not always as a dependency. */
		if (!error)
			error = pawl_read(context, ref,
					  top->flags & READS ? 0 : PAWL_READ_UNTRACKED, &value,
					  NULL);
		pawl_value_unpin(value);
	}
	return error ? error : put_cell(context, top->n, ret_output);
}
static const struct pawl_function top = {sizeof(top),	      "top", 1, 0, top_body,
					 sizeof(struct args), NULL,  0};

static int visit(struct pawl_context *context, void *arg)
{
	struct args *args = arg;

	for (unsigned i = 0; i <= !!(args->flags & TWICE); i++) {
		struct args one = *args;
		struct pawl_value *value;
		pawl_ref_t ref;
		int error;

		/* Another task by another key, that calls the same. */
		if (!i)
			one.flags &= ~(uint32_t)TWICE;
		error = pawl_call(context, &top, &one, &ref);
		if (!error)
			error = pawl_read(context, ref, PAWL_READ_STRONG, &value, NULL);
		if (error)
			return error;
		pawl_value_unpin(value);
	}
	return 0;
}

static double bytes_of(uint64_t n, uint32_t flags, uint32_t cells)
{
	static const struct pawl_function *const functions[] = {&leaf, &top};
	static const struct pawl_value_type *const types[] = {&number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct args args = {n, flags, cells};
	struct pawl_engine *engine;
	double bytes;

	options.workers = 1;
	options.functions = functions;
	options.functions_n = 2;
	options.types = types;
	options.types_n = 1;
	t_check(!pawl_engine_open(&options, &engine));
	t_check(!pawl_engine_run(engine, visit, &args));
	t_check(!pawl_engine_wait_idle(engine, PAWL_FOREVER));
	pawl_retire_barrier();
	/* What an end of a task still holds goes in a moment, and a figure that is too large is none. */
	bytes = (double)t_alloc_bytes();
	for (unsigned i = 0; i < SETTLE; i++) {
		double now = (double)t_alloc_bytes();

		bytes = now < bytes ? now : bytes;
		t_yield();
	}
	t_check(!pawl_engine_close(engine));
	pawl_retire_barrier();
	return bytes;
}

/* Of one of the tasks that the larger graph has more. */
static double bytes_each(uint32_t flags, uint32_t cells)
{
	double many = 0, few = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		double bytes = bytes_of(2 * N, flags, cells);

		many = !i || bytes < many ? bytes : many;
		bytes = bytes_of(N, flags, cells);
		few = !i || bytes < few ? bytes : few;
	}
	return (many - few) / N;
}

static void case_measured(void **unused)
{
	double one, changes, reads;

	(void)unused;
	if (T_ASAN || T_TSAN) {
		t_skip("sizes are those of a build as it is used");
		return;
	}
	one = bytes_each(0, 0);
	changes = bytes_each(MUTABLE, 0);
	reads = bytes_each(MUTABLE | READS, 0);
	/* A task that calls none, of an argument and a value of 8 bytes, called by one, and its share of tables. */
	term("leaf", one, SLACK);
	term("leaf.mutable", changes, SLACK);
	/* Another caller: the edge in both directions. */
	term("edge.call", bytes_each(TWICE, 0) - one, SLACK);
	/* A reader: of output and cell, in both directions. */
	term("edge.read", reads - changes, SLACK);
	term("cell.more", (bytes_each(0, 5) - bytes_each(0, 1)) / 4, SLACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_schema),
		cmocka_unit_test(case_measured),
	};

	return t_run("size", tests);
}
