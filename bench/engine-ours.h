/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine-ours.h - what the benches of the incremental engine share: opening one, numbers as values, calls
 * that may not fail.
 */
#ifndef B_ENGINE_OURS_H
#define B_ENGINE_OURS_H

#include "work-engine.h"

#include <string.h>

#include <pawl/engine.h>
#include <pawl/park.h>
#include <pawl/thread.h>

/* The one type of value: a number of 64 bits. */
extern const struct pawl_value_type b_number;

/* Two numbers: the arguments of most. */
struct b_two {
	uint64_t a, b;
};

/* Functions of b-engine.c (calls), b-engine-graphs.c and b-engine-edits.c (graphs), all of an engine. */
extern const struct pawl_function b_leaf, b_host, b_busy;
extern const struct pawl_function *const b_graph_functions[];
extern const size_t b_graph_functions_n;
extern const struct pawl_function *const b_edit_functions[];
extern const size_t b_edit_functions_n;

/* A static function of two numbers. */
#define B_FUNCTION(NAME, FLAGS)                                             \
	{                                                                   \
		sizeof(struct pawl_function), #NAME, 1, FLAGS, NAME##_body, \
			sizeof(struct b_two), NULL, 0                       \
	}

struct pawl_engine *b_engine_open(unsigned workers);
/* With everything in it; threads of its own end. */
void b_engine_close(struct pawl_engine *engine);

/* b_engine_ask() - Call it from outside and read it strongly. */
uint64_t b_engine_ask(struct pawl_engine *engine, const struct pawl_function *function,
		      const void *args);

/* What b-engine-edits.c does for b-engine-graphs.c: inputs, and the graphs that read them. */
void b_inputs_make(struct pawl_engine *engine, const struct b_kind *kind);
void b_inputs_change(void *made, uint64_t input, uint64_t value);
uint64_t b_inputs_ask(struct pawl_engine *engine, const struct b_kind *kind);
uint64_t b_inputs_useless(void *made);
void b_inputs_drop(void);

static inline pawl_ref_t b_call(struct pawl_context *context,
				const struct pawl_function *function, const void *args)
{
	pawl_ref_t ref;

	if (PAWL_UNLIKELY(pawl_call(context, function, args, &ref)))
		b_die("a call failed");
	return ref;
}

static inline uint64_t b_read(struct pawl_context *context, pawl_ref_t ref, uint32_t flags)
{
	struct pawl_value *value;
	uint64_t number;

	if (PAWL_UNLIKELY(pawl_read(context, ref, flags, &value, NULL)))
		b_die("a read failed");
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static inline int b_give(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&b_number, &number, sizeof(number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

#endif
