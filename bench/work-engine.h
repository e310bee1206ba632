/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work-engine.h - what b-engine and its peers have in common: the graphs, how large they are, what they have to
 * give and how many bodies have to run for that. One code measures and checks all contenders.
 *
 * A graph's result is a number, known beforehand; a repetition that gives another one, or for which a peer ran
 * another number of bodies, ends the program. Of ours extra runs after a change are reported (extra_runs), and
 * how many of those read just what the run before had read (useless_runs).
 */
#ifndef B_WORK_ENGINE_H
#define B_WORK_ENGINE_H

#include "bench.h"

/* Also known to peers/src/queries.rs and memo.rs, by number. */
enum b_graph {
	/* fib(a) of chain b: each chain from 0 to size - 1 by itself; a sum of all. size (size + 1) / 2 + 1 tasks. */
	B_FIBONACCI,
	/*
	 * size x size tasks, each reads the one to its left, and then the one above. All of the right and lower
	 * border are asked for at once; those count as operations too: size^2 + 2 size - 1.
	 */
	B_RECTANGLE,
	/* A sum of `size` tasks, each of which reads a leaf of its own. 2 size + 1 tasks. */
	B_FAN,
	/* A sum of `size` tasks that read one input. */
	B_READERS,
	/* The same called and not read by who calls them; asked for apart where nobody can wait for what he calls. */
	B_READERS_APART,
	/* Sums of ten sums of ten ..., `size` levels above the leaves; each leaf is half of its own input. */
	B_TREE,
	/* 32 layers of 32, each task reads three of the layer below; the lowest layer reads the input. */
	B_DIAMONDS,
	/* The same, but what is read is one, two and half as many layers down: changes arrive one after the other. */
	B_UNEVEN,
	/* The rectangle, of which one corner is asked for. */
	B_CORNER,
	/* What peers do not have: one chain of B_FIBONACCI; `size` leaves called and not read; callers of those. */
	B_CHAIN,
	B_CHILDREN,
	B_ATTACH,
	/* One caller alone, and the visit that asks for it. */
	B_ATTACH_FIRST,
	B_GRAPH_COUNT
};
enum { B_LAYERS = 32, B_BRANCHES = 10, B_ATTACHED = 1000, B_EDITS = 100, B_WIDTH_MAX = 1024 };

/* What is timed. */
enum b_when {
	B_COLD,	  /* making the engine, and the graph, from nothing */
	B_AFTER,  /* a graph in an engine that has another one, `before`, already */
	B_CHANGE, /* n times: a change of one input, and the new result */
	B_EQUAL,  /* the same, of changes that do not change the value of who reads the input */
};

struct b_kind {
	enum b_graph graph;
	enum b_when when;
	uint64_t size;
	unsigned workers;
	bool memory; /* of the process too, and what stays */
	const struct b_kind *before;
};

/* Who makes graphs: a table for each contender. */
struct b_maker {
	void *(*make)(const struct b_kind *kind);
	uint64_t (*ask)(void *made, const struct b_kind *kind);
	void (*change)(void *made, uint64_t input, uint64_t value);
	/* Bodies that ran, so far; `made` may be NULL, before there is one. */
	uint64_t (*runs)(void *made);
	/* Of those, runs that read what the run before had read; NULL: unknown. */
	uint64_t (*useless)(void *made);
	void (*drop)(void *made);
	/* May run more bodies than have to. */
	bool inexact;
};

struct b_graph_case {
	const struct b_kind *kind;
	const struct b_maker *maker;
};

/* What all need (b-engine-work.c). */
uint64_t b_kind_inputs(const struct b_kind *kind);
int b_graph_setup(struct b_run *run);
void b_graph_work(struct b_worker *worker, uint64_t n);
void b_graph_teardown(struct b_run *run);
/* Threads that call an engine of ours are attached; it does others no harm. */
void b_engine_enter(struct b_worker *worker);
void b_engine_leave(struct b_worker *worker);

/* b_spin_ns() - Busy for so long, by the processor's own clock where it has one. */
void b_spin_ns(uint64_t ns);

/* Sum of first ... first + n - 1; of n draws of 0 ... keys - 1 in turn. */
static inline uint64_t b_sum(uint64_t first, uint64_t n)
{
	return n * first + (n & 1 ? n * ((n - 1) / 2) : n / 2 * (n - 1));
}

static inline uint64_t b_sum_turns(uint64_t keys, uint64_t n)
{
	return n / keys * b_sum(0, keys) + b_sum(0, n % keys);
}

/* ---- the cases: each contender's file expands the list with its own B_GRAPH ----------------- */

/* Tasks of them, in the params and as the count of operations. */
#define B_TASKS_FIBONACCI(S) ((S) * ((S) + 1) / 2 + 1)
#define B_TASKS_RECTANGLE(S) ((S) * (S) + 2 * (S)-1)
#define B_TASKS_FAN(S)	     (2 * (S) + 1)

/* G(bench, graph, when, size, keys, operations, workers) */
#define B_FIBONACCI_CASES(G, W)                                      \
	G("fibonacci", B_FIBONACCI, B_COLD, 100, 5051, 5051, W)      \
	G("fibonacci", B_FIBONACCI, B_COLD, 200, 20101, 20101, W)    \
	G("fibonacci", B_FIBONACCI, B_COLD, 500, 125251, 125251, W)  \
	G("fibonacci", B_FIBONACCI, B_COLD, 1000, 500501, 500501, W) \
	G("fibonacci", B_FIBONACCI, B_COLD, 1414, 1000406, 1000406, W)
#define B_RECTANGLE_CASES(G, W)                                   \
	G("rectangle", B_RECTANGLE, B_COLD, 5, 25, 34, W)         \
	G("rectangle", B_RECTANGLE, B_COLD, 10, 100, 119, W)      \
	G("rectangle", B_RECTANGLE, B_COLD, 15, 225, 254, W)      \
	G("rectangle", B_RECTANGLE, B_COLD, 20, 400, 439, W)      \
	G("rectangle", B_RECTANGLE, B_COLD, 25, 625, 674, W)      \
	G("rectangle", B_RECTANGLE, B_COLD, 30, 900, 959, W)      \
	G("rectangle", B_RECTANGLE, B_COLD, 100, 10000, 10199, W) \
	G("rectangle", B_RECTANGLE, B_COLD, 200, 40000, 40399, W) \
	G("rectangle", B_RECTANGLE, B_COLD, 300, 90000, 90599, W)
#define B_FAN_CASES(G, W)                               \
	G("fan", B_FAN, B_COLD, 1000, 2001, 2001, W)    \
	G("fan", B_FAN, B_COLD, 10000, 20001, 20001, W) \
	G("fan", B_FAN, B_COLD, 40000, 80001, 80001, W) \
	G("fan", B_FAN, B_COLD, 500000, 1000001, 1000001, W)
#define B_EDIT_CASES(G, W)                                                       \
	G("invalidate", B_READERS, B_CHANGE, 1000, 1000, 1001, W)                \
	G("invalidate", B_READERS, B_CHANGE, 20000, 20000, 20001, W)             \
	G("invalidate", B_READERS, B_CHANGE, 200000, 200000, 200001, W)          \
	G("invalidate-apart", B_READERS_APART, B_CHANGE, 1000, 1000, 1000, W)    \
	G("invalidate-apart", B_READERS_APART, B_CHANGE, 20000, 20000, 20000, W) \
	G("diamonds", B_DIAMONDS, B_CHANGE, 32, 1024, 1025, W)                   \
	G("diamonds-uneven", B_UNEVEN, B_CHANGE, 32, 1024, 1025, W)
#define B_TREE_CASES(G, W)                                      \
	G("edit-tree", B_TREE, B_CHANGE, 3, 1111, B_EDITS, W)   \
	G("edit-tree", B_TREE, B_CHANGE, 4, 11111, B_EDITS, W)  \
	G("edit-tree", B_TREE, B_CHANGE, 5, 111111, B_EDITS, W) \
	G("edit-equal", B_TREE, B_EQUAL, 3, 1111, B_EDITS, W)   \
	G("edit-equal", B_TREE, B_EQUAL, 4, 11111, B_EDITS, W)  \
	G("edit-equal", B_TREE, B_EQUAL, 5, 111111, B_EDITS, W)
#define B_MEMORY_CASES(G, W)                                                  \
	G("memory-fibonacci", B_FIBONACCI, B_COLD, 1414, 1000406, 1000406, W) \
	G("memory-fan", B_FAN, B_COLD, 500000, 1000001, 1000001, W)

/* C(params, operations): calls. With "bodies" two tasks make them at once, on two workers. */
#define B_HIT_CASES(C)                              \
	C("\"keys\":1,\"workers\":1", 1000000)      \
	C("\"keys\":1000,\"workers\":1", 1000000)   \
	C("\"keys\":100000,\"workers\":1", 1000000) \
	C("\"keys\":1000000,\"workers\":1", 1000000)
#define B_HIT_BODIES_CASES(C)                              \
	C("\"keys\":1,\"workers\":2,\"bodies\":2", 500000) \
	C("\"keys\":100000,\"workers\":2,\"bodies\":2", 500000)
#define B_CREATE_CASES(C)                          \
	C("\"keys\":1000,\"workers\":1", 1000)     \
	C("\"keys\":10000,\"workers\":1", 10000)   \
	C("\"keys\":100000,\"workers\":1", 100000) \
	C("\"keys\":1000000,\"workers\":1", 1000000)
#define B_CREATE_FIRST_CASES(C)                  \
	C("\"keys\":1000,\"workers\":1", 1000)   \
	C("\"keys\":1000,\"workers\":2", 1000)   \
	C("\"keys\":50000,\"workers\":1", 50000) \
	C("\"keys\":50000,\"workers\":2", 50000)
#define B_OVERHEAD_CASES(C)                \
	C("\"us\":1,\"workers\":1", 20000) \
	C("\"us\":10,\"workers\":1", 5000) \
	C("\"us\":100,\"workers\":1", 500) \
	C("\"us\":1000,\"workers\":1", 50)
#define B_PARALLEL_CASES(C)                \
	C("\"us\":1,\"workers\":2", 20000) \
	C("\"us\":10,\"workers\":2", 5000) \
	C("\"us\":100,\"workers\":2", 500) \
	C("\"us\":1000,\"workers\":2", 50)

/* One case. */
#define B_GRAPH_CASE(CONTENDER, MAKER, BENCH, GRAPH, WHEN, SIZE, KEYS, OPS, WORKERS, ...)      \
	{.bench = BENCH,                                                                       \
	 .contender = CONTENDER,                                                               \
	 .params = "\"size\":" #SIZE ",\"keys\":" #KEYS ",\"workers\":" #WORKERS,              \
	 .arg = (uintptr_t) &                                                                  \
		(const struct b_graph_case){&(const struct b_kind){GRAPH, WHEN, SIZE, WORKERS, \
								   __VA_ARGS__},               \
					    &(MAKER)},                                         \
	 .count = OPS,                                                                         \
	 .whole = true,                                                                        \
	 .anywhere = true,                                                                     \
	 .threads = 1,                                                                         \
	 .setup = b_graph_setup,                                                               \
	 .enter = b_engine_enter,                                                              \
	 .work = b_graph_work,                                                                 \
	 .leave = b_engine_leave,                                                              \
	 .teardown = b_graph_teardown},

#endif
