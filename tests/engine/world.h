/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - inputs that tests of pawl/engine.h share, and tasks that read them: one, several at once, the sum of two.
 */
#ifndef WORLD_H
#define WORLD_H

#include "frame.h"

#define WORLD_INPUTS 64

struct one {
	uint64_t n;
};

/* Runs of which functions are counted. */
enum { INPUT, ADD, MANY, TREE, METHOD, PURE, COUNTED };

void world_ran(unsigned which);
/* How often, since it was last asked. */
unsigned world_ran_now(unsigned which);

extern struct pawl_state *world_inputs[WORLD_INPUTS];
/* What numbers are: fr_number, unless a test has another type with one number. */
extern const struct pawl_value_type *world_number;

/* The number of an input; negative ones are errors. */
extern const struct pawl_function world_input;
/* The sum of the first n, read at once; errors go on. */
extern const struct pawl_function world_many;
/* The sum of two cells; and of two outputs, as they are. */
extern const struct pawl_function world_add, world_add_op;
/* For lists of functions. */
#define WORLD_FUNCTIONS &world_input, &world_many, &world_add, &world_add_op

/* ---- in tasks -------------------------------------------------------------------------------- */

int world_give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output);
int world_call_input(struct pawl_context *context, uint64_t n, pawl_ref_t *ret_output);
int world_call_add(struct pawl_context *context, const struct pawl_function *function,
		   pawl_ref_t a, pawl_ref_t b, pawl_ref_t *ret_output);
/* A body that calls, reads nothing, and gives 1. */
int world_unread_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);

/* ---- on the main thread ------------------------------------------------------------------------ */

/* Input n is n; fr_down() is the end of it. */
void world_up(struct pawl_engine_options options, unsigned workers);
void world_set(unsigned at, int64_t number);
/* The argument is a struct one. */
int64_t world_ask(const struct pawl_function *function, uint64_t n);
void world_ask_fails(const struct pawl_function *function, uint64_t n, const char *words);

#endif
