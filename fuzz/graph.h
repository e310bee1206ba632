/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.h - programs of tasks, as f-graph.c decodes them, and what is asked of an engine that runs one.
 *
 * graph-program.h has the tasks. It is compiled twice, for the engine and for the naive one
 * (naive.h); each is a struct graph_side.
 */
#ifndef FUZZ_GRAPH_H
#define FUZZ_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPH_TASKS  20
#define GRAPH_STEPS  10 /* of a task */
#define GRAPH_STATES 4
#define GRAPH_ROOTS  6
#define GRAPH_TEXT   1024

/* What a step does. `x` is the low part of its second byte, its target or number. */
enum graph_step {
	GRAPH_END,
	GRAPH_CALL,	  /* a task, and does not read it */
	GRAPH_READ,	  /* eventually */
	GRAPH_STRONG,	  /* all below it is up to date */
	GRAPH_CHAIN,	  /* through tasks in between */
	GRAPH_ROOT_CHAIN, /* these are roots */
	GRAPH_KEY,	  /* one key of it */
	GRAPH_FINAL,	  /* nobody will read it again */
	GRAPH_UNTRACKED,  /* at the end, and the value is not used */
	GRAPH_RESOLVE,	  /* to a cell first */
	GRAPH_LEAVES,	  /* leaves of its own */
	GRAPH_STATE,	  /* a state */
	GRAPH_CELL,	  /* make one, of a type */
	GRAPH_EMIT,	  /* a new cell */
	GRAPH_EMIT_OUT,	  /* the output of a task */
	GRAPH_PEEK,	  /* what was emitted below a task */
	GRAPH_TAKE,	  /* and take it away, in roots */
	GRAPH_PASS,	  /* what it gives to a function that takes a cell */
	GRAPH_PASS_TWO,	  /* the same of two */
	GRAPH_HOLD,	  /* an operation to one that connects it */
	GRAPH_FAIL,
	GRAPH_FAIL_ODD,
	GRAPH_CATCH, /* errors of what it reads from here on are values */
	GRAPH_SAME,  /* its output is that of another */
	GRAPH_NOTHING,
	GRAPH_YIELD,
	GRAPH_SESSION,
	GRAPH_INVALIDATOR,
	GRAPH_STEP_COUNT
};

struct graph_spec {
	uint8_t steps[GRAPH_STEPS][2];
};

/* Kinds of tasks. */
#define GRAPH_IS_ROOT 1u
#define GRAPH_FROM_INPUT \
	2u		  /* its spec comes from a task that is invalidated, not from a state */
#define GRAPH_CONSTANT 4u /* its spec never changes, and is no dependency */

struct graph_head {
	unsigned tasks, workers;
	bool rings; /* targets are any tasks, not only those with larger numbers */
	bool no_active;
	/* It has a store; a snapshot shuts the door at once. */
	bool stored, door;
	bool collects; /* what nobody needs goes at once, where it is told to */
	uint8_t kinds[GRAPH_TASKS];
	struct graph_spec specs[GRAPH_TASKS];
};

/* Of restarts. */
#define GRAPH_CRASH	  1u /* what was not saved is gone */
#define GRAPH_RESTORE_ALL 2u /* all is there before anybody asks */

/* Something that is told to the tasks. */
struct graph_change {
	bool is_state;
	unsigned at; /* a task or a state */
	struct graph_spec spec;
	int64_t number;
};

enum graph_look { LOOK_READ, LOOK_PEEK, LOOK_EVENTUAL };

/* What somebody outside sees. */
struct graph_result {
	int error;
	bool ring;  /* naive: it is made of itself */
	bool loose; /* naive: of something whose value is not used */
	bool seen;  /* roots: it has run */
	int64_t number;
	uint32_t count; /* of collectibles */
	char text[GRAPH_TEXT];
};

struct graph_side {
	void (*open)(const struct graph_head *head);
	void (*close)(void);
	/* All at once if `together`. */
	void (*change)(const struct graph_change *changes, unsigned n, bool together);
	void (*look)(unsigned task, enum graph_look how, unsigned trait,
		     struct graph_result *ret_result);
	void (*root)(unsigned root, unsigned task, unsigned how);
	void (*dispose)(unsigned root);
	/* Until all is at rest; then all sums are computed anew. */
	void (*settle)(void);
	void (*root_result)(unsigned root, struct graph_result *ret_result);
	/* With a store: save; have the store fail, or damage, once; end, change, and begin anew, without roots. */
	void (*snapshot)(void);
	void (*fail)(unsigned how);
	void (*restart)(unsigned how, const struct graph_change *changes, unsigned n);
	/* Have all go that nobody needs. */
	void (*collect)(void);
};

extern const struct graph_side graph_engine, graph_naive;

#endif
