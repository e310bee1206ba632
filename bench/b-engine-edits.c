/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine-edits.c - the incremental engine: graphs of ours that read inputs, which are states.
 *
 * An edit may make a task run twice only if what it reads has changed twice: bodies write down what they
 * have read, and one that reads just what its last run has read counts as useless.
 */
#include "engine-ours.h"

#include <stdlib.h>

#include <pawl/state.h>

/* Of the one engine that is measured. */
static struct {
	struct pawl_state **states;
	uint64_t n;
	/* What the tasks have read: a digest of it, written by their bodies, of which there is one at a time. */
	struct read {
		uint64_t digest;
		bool ran;
	} * reads;
	uint64_t reads_n;
	struct pawl_atomic_u64 useless;
} inputs;

static uint64_t input_read(struct pawl_context *context, uint64_t input)
{
	struct pawl_value *value;
	uint64_t number;

	if (pawl_state_get(context, inputs.states[input], &value))
		b_die("a state was not read");
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static uint64_t digest_of(uint64_t digest, uint64_t read)
{
	return (digest ^ read) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static void has_read(uint64_t task, uint64_t digest)
{
	struct read *read = &inputs.reads[task];

	if (read->ran && read->digest == digest)
		pawl_add_relaxed(&inputs.useless, 1u);
	read->ran = true;
	read->digest = digest;
}

/* ---- readers ------------------------------------------------------------------------ */

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;
	uint64_t number = input_read(context, 0);

	has_read(at->a, number);
	return b_give(context, number + at->a, ret_output);
}
static const struct pawl_function reader = B_FUNCTION(reader, 0);

static int readers_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = ((const struct b_two *)args)->a, sum = 0, digest = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t number =
			b_read(context, b_call(context, &reader, &(struct b_two){i, 0}), 0);

		digest = digest_of(digest, number);
		sum += number;
	}
	has_read(n, digest);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function readers = B_FUNCTION(readers, 0);

static int apart_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = ((const struct b_two *)args)->a;

	for (uint64_t i = 0; i < n; i++)
		b_use(b_call(context, &reader, &(struct b_two){i, 0}).pawl_bits);
	return b_give(context, n, ret_output);
}
static const struct pawl_function apart = B_FUNCTION(apart, 0);

/* ---- a tree --------------------------------------------------------------------------- */

static const struct pawl_function tree;

/* The b-th of those that are a above the leaves. */
static int tree_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;
	pawl_ref_t refs[B_BRANCHES];
	uint64_t sum = 0;

	if (!at->a)
		return b_give(context, input_read(context, at->b) / 2, ret_output);
	for (uint64_t i = 0; i < B_BRANCHES; i++)
		refs[i] = b_call(context, &tree,
				 &(struct b_two){at->a - 1, at->b * B_BRANCHES + i});
	for (uint64_t i = 0; i < B_BRANCHES; i++)
		sum += b_read(context, refs[i], 0);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function tree = B_FUNCTION(tree, 0);

/* ---- diamonds -------------------------------------------------------------------------- */

/* Of layer a the b-th: reads three tasks, each so many layers down. */
static int layers_body(struct pawl_context *context, const struct b_two *at,
		       const struct pawl_function *function, const uint64_t down[3],
		       pawl_ref_t *ret_output)
{
	uint64_t sum = 0, digest = 0;

	if (!at->a) {
		sum = digest = input_read(context, 0);
		sum += at->b;
	}
	for (uint64_t i = 0; at->a && i < 3; i++) {
		struct b_two below = {at->a - down[i], (at->b + i) % B_LAYERS};
		uint64_t number = b_read(context, b_call(context, function, &below), 0);

		digest = digest_of(digest, number);
		sum += number;
	}
	has_read(at->a * B_LAYERS + at->b, digest);
	return b_give(context, sum, ret_output);
}

static const struct pawl_function diamond, uneven;

static int diamond_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const uint64_t down[3] = {1, 1, 1};

	return layers_body(context, args, &diamond, down, ret_output);
}
static const struct pawl_function diamond = B_FUNCTION(diamond, 0);

static int uneven_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;
	uint64_t down[3] = {1, at->a < 2 ? at->a : 2, at->a - at->a / 2};

	return layers_body(context, at, &uneven, down, ret_output);
}
static const struct pawl_function uneven = B_FUNCTION(uneven, 0);

static int tops_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct b_two *at = args;
	uint64_t sum = 0, digest = 0;

	for (uint64_t i = 0; i < B_LAYERS; i++) {
		struct b_two top = {B_LAYERS - 1, i};
		uint64_t number =
			b_read(context, b_call(context, at->a ? &uneven : &diamond, &top), 0);

		digest = digest_of(digest, number);
		sum += number;
	}
	has_read(B_LAYERS * B_LAYERS, digest);
	return b_give(context, sum, ret_output);
}
static const struct pawl_function tops = B_FUNCTION(tops, 0);

const struct pawl_function *const b_edit_functions[] = {
	&reader, &readers, &apart, &tree, &diamond, &uneven, &tops,
};
const size_t b_edit_functions_n = sizeof(b_edit_functions) / sizeof(b_edit_functions[0]);

/* ---- for b-engine-graphs.c --------------------------------------------------------------- */

void b_inputs_make(struct pawl_engine *engine, const struct b_kind *kind)
{
	inputs.n = b_kind_inputs(kind);
	inputs.states = b_alloc(inputs.n * sizeof(*inputs.states));
	inputs.reads_n = kind->graph == B_READERS || kind->graph == B_READERS_APART
				 ? kind->size + 1
				 : B_LAYERS * B_LAYERS + 1;
	inputs.reads = b_alloc(inputs.reads_n * sizeof(*inputs.reads));
	pawl_init_word(&inputs.useless, 0u);
	for (uint64_t i = 0; i < inputs.n; i++) {
		struct pawl_value *value;
		uint64_t zero = 0;

		if (pawl_value_of(&b_number, &zero, sizeof(zero), &value) ||
		    pawl_state_create(engine, value, &inputs.states[i]))
			b_die("no state");
	}
}

void b_inputs_change(void *made, uint64_t input, uint64_t number)
{
	struct pawl_value *value;

	(void)made;
	if (pawl_value_of(&b_number, &number, sizeof(number), &value) ||
	    pawl_state_set(inputs.states[input], value))
		b_die("a state was not set");
}

uint64_t b_inputs_ask(struct pawl_engine *engine, const struct b_kind *kind)
{
	switch (kind->graph) {
	case B_READERS:
		return b_engine_ask(engine, &readers, &(struct b_two){kind->size, 0});
	case B_READERS_APART:
		return b_engine_ask(engine, &apart, &(struct b_two){kind->size, 0});
	case B_TREE:
		return b_engine_ask(engine, &tree, &(struct b_two){kind->size, 0});
	default:
		return b_engine_ask(engine, &tops, &(struct b_two){kind->graph == B_UNEVEN, 0});
	}
}

uint64_t b_inputs_useless(void *made)
{
	(void)made;
	return pawl_load_relaxed(&inputs.useless);
}

void b_inputs_drop(void)
{
	for (uint64_t i = 0; i < inputs.n; i++)
		pawl_state_unpin(inputs.states[i]);
	free(inputs.states);
	free(inputs.reads);
	inputs.states = NULL;
	inputs.reads = NULL;
	inputs.n = 0;
}
