/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-draw.c - the operations that a seed stands for, and what they are called.
 *
 * Two worlds, one with rings; in each what a life does most, and between that, in any order, what is rare.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "sim-op.h"

#include "../../fuzz/graph.h"

static const char *const op_names[OP_COUNT] = {
	"world",	"change",	"together", "root", "dispose",	"settle",
	"rush",		"touch",	"peek",	    "read", "snapshot", "snapshot-fails",
	"tasks",	"cancel",	"reopen",   "stop", "crash",	"crash-snapshot",
	"no-memory",	"hurry",	"moments",  "jobs", "leave",	"bare",
	"collect",	"crash-output", "evict",    "ask",  "swing",	"close",
	"crash-beside", "damage",	"storm"};

void sim_program_tell(const struct sim_op *op, char *buf, size_t len)
{
	enum op kind = sim_op_kind(op);
	size_t at = (size_t)snprintf(buf, len, "%s", op_names[kind]);

	for (unsigned i = 1; i < op->n && at < len; i++)
		at += (size_t)snprintf(buf + at, len - at, " %u", op->bytes[i]);
}

unsigned sim_program_bytes(uint8_t byte)
{
	enum op kind = (enum op)(byte % OP_COUNT);

	if (kind == OP_READ || kind == OP_PEEK || kind == OP_TOUCH || kind == OP_ROOT ||
	    kind == OP_EVICT)
		return 3;
	if (kind == OP_SETTLE || kind == OP_SNAPSHOT || kind == OP_REOPEN || kind == OP_COLLECT)
		return 1;
	if (kind == OP_CHANGE)
		return 16;
	return kind == OP_WORLD ? 2 + 2 * GRAPH_TASKS + 1 : 60;
}

static struct sim_op *add_op(struct sim_run *run, enum op kind, struct sim_random *drawn)
{
	struct sim_op *op = &run->ops[run->ops_n++];

	op->bytes[0] = (uint8_t)kind;
	op->n = (uint8_t)sim_program_bytes(op->bytes[0]);
	for (unsigned i = 1; i < op->n; i++)
		op->bytes[i] = (uint8_t)sim_draw(drawn);
	return op;
}

/* Of what a life does most. */
static void add_some(struct sim_run *run, unsigned n, struct sim_random *drawn)
{
	static const uint8_t usual[] = {OP_CHANGE, OP_CHANGE,  OP_TOGETHER, OP_ROOT, OP_DISPOSE,
					OP_SETTLE, OP_RUSH,    OP_RUSH,	    OP_ASK,  OP_TOUCH,
					OP_PEEK,   OP_READ,    OP_READ,	    OP_ASK,  OP_TASKS,
					OP_CANCEL, OP_SNAPSHOT};

	while (n--)
		add_op(run, (enum op)usual[sim_below(drawn, sizeof(usual))], drawn);
}

static void add_world(struct sim_run *run, bool rings, bool abandon, struct sim_random *drawn)
{
	struct sim_op *op = add_op(run, OP_WORLD, drawn);

	op->bytes[1] = (uint8_t)((op->bytes[1] & ~0xc4u) | (rings ? 4u : 0u) |
				 (abandon ? 0xc0u : 0x80u));
	/* Four tasks at least. */
	op->bytes[2] = (uint8_t)(2 + sim_below(drawn, GRAPH_TASKS - 3));
	if (!rings)
		return;
	/* The first two read each other. */
	for (unsigned i = 0; i < 2; i++) {
		static const uint8_t how[2][6] = {{OP_CHANGE, 0, 1, GRAPH_READ - 1, 1},
						  {OP_CHANGE, 2, 1, GRAPH_READ - 1, 0}};

		op->bytes[3 + 2 * i] &= (uint8_t)~GRAPH_CONSTANT;
		memcpy(run->ops[run->ops_n].bytes, how[i], sizeof(how[i]));
		run->ops[run->ops_n++].n = sizeof(how[i]);
	}
	add_op(run, OP_READ, drawn)->bytes[1] = 0;
}

/* What is rare by itself, in any order. */
static void add_rare(struct sim_run *run, bool abandon, struct sim_random *drawn)
{
	uint8_t rare[] = {OP_SNAPSHOT_FAILS, OP_NO_MEMORY,
			  OP_NO_MEMORY,	     OP_STOP,
			  OP_REOPEN,	     OP_CRASH_SNAPSHOT,
			  OP_CRASH,	     OP_SNAPSHOT_FAILS,
			  OP_RUSH,	     OP_HURRY,
			  OP_HURRY,	     OP_ASK,
			  OP_DISPOSE,	     OP_ROOT,
			  OP_MOMENTS,	     OP_JOBS,
			  OP_COLLECT,	     OP_CRASH_BESIDE,
			  OP_COLLECT,	     OP_SWING,
			  OP_CLOSE,	     OP_CLOSE,
			  OP_DAMAGE,	     OP_CRASH_BESIDE,
			  OP_SWING,	     OP_ASK,
			  OP_STORM};

	for (unsigned n = abandon ? 0 : 3; n; n--)
		add_op(run, OP_EVICT, drawn);
	for (unsigned n = abandon ? 5 : 1; n; n--) {
		/* Of the first four tasks, which others call less. */
		add_op(run, OP_LEAVE, drawn)->bytes[1] %= 4;
		if (abandon)
			add_op(run, OP_HURRY, drawn);
	}
	for (unsigned n = sizeof(rare); n; n--) {
		unsigned i = sim_below(drawn, n);

		add_some(run, 1 + sim_below(drawn, 3), drawn);
		add_op(run, (enum op)rare[i], drawn);
		/* All that is damaged is found there: a loss that is found while the engine is being closed is in open/. */
		if (rare[i] == OP_DAMAGE) {
			add_op(run, OP_SETTLE, drawn);
			add_op(run, OP_SNAPSHOT, drawn);
		}
		rare[i] = rare[n - 1];
	}
	add_op(run, OP_CRASH_OUTPUT, drawn)->bytes[1] %= 4;
	add_op(run, OP_CRASH_OUTPUT, drawn)->bytes[1] %= 4;
}

/* The same without a store, and tasks go. */
static void add_bare(struct sim_run *run, struct sim_random *drawn)
{
	static const uint8_t what[] = {OP_ROOT,	    OP_RUSH,	OP_HURRY, OP_ASK,
				       OP_TOGETHER, OP_DISPOSE, OP_SWING, OP_ASK};

	add_op(run, OP_BARE, drawn);
	for (unsigned i = 0; i < sizeof(what); i++) {
		add_op(run, (enum op)what[i], drawn);
		add_some(run, 1, drawn);
	}
}

void sim_program_make(struct sim_run *run)
{
	struct sim_random drawn = {run->seed * UINT64_C(0x632be59bd9b4e019) + 1};
	bool rings = sim_below(&drawn, 2), abandon = sim_below(&drawn, 2);

	run->ops_n = 0;
	add_world(run, rings, abandon, &drawn);
	add_op(run, OP_ROOT, &drawn);
	add_op(run, OP_RUSH, &drawn);
	add_some(run, 2, &drawn);
	add_rare(run, abandon, &drawn);
	add_some(run, 3, &drawn);
	if (sim_below(&drawn, 2))
		add_bare(run, &drawn);
	add_world(run, !rings, !abandon, &drawn);
	add_some(run, 4, &drawn);
	add_rare(run, !abandon, &drawn);
	add_some(run, 4, &drawn);
	add_bare(run, &drawn);
}
