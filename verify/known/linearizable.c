/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linearizable.c - what only the history shows: a counter and a register that are atomic to the byte
 * and not linearizable.
 *
 * Mistakes: a counter that loads and stores hands out a number twice; a register in two halves
 * is read half old, half new; a register with a cache in front of it is read new and then old
 * (which needs two readers that order themselves by something else).
 */
#include "known.h"

static struct pawl_atomic_u32 counter, halves[2], cell, cache, baton;

enum { OP_TAKE, OP_SET, OP_GET };

static void setup(void)
{
	pawl_init_word(&counter, 0u);
	pawl_init_word(&halves[0], 0u);
	pawl_init_word(&halves[1], 0u);
	pawl_init_word(&cell, 0u);
	pawl_init_word(&cache, 0u);
	pawl_init_word(&baton, 0u);
}

/* ---- counter: take() gives 0, 1, 2, ... -------------------------------- */

static bool counter_step(void *state, const struct mc_op *op)
{
	uint64_t *next = state;

	return op->ret == UINT64_MAX ? ((*next)++, true) : op->result[0] == (*next)++;
}

static const struct mc_spec counter_spec = {
	.name = "counter", .state_bytes = sizeof(uint64_t), .step = counter_step};

static void take_torn(void)
{
	uint32_t seen;

	mc_call(OP_TAKE, 0, 0);
	seen = pawl_load_acquire(&counter);
	pawl_store_release(&counter, seen + 1);
	mc_return(seen, 0);
}

static void take(void)
{
	uint32_t seen;

	mc_call(OP_TAKE, 0, 0);
	seen = pawl_add_acq_rel(&counter, 1u);
	mc_return(seen, 0);
}

/* ---- register ---------------------------------------------------------- */

static bool register_step(void *state, const struct mc_op *op)
{
	uint64_t *value = state;

	if (op->op == OP_SET) {
		*value = op->arg[0];
		return true;
	}
	return op->ret == UINT64_MAX || op->result[0] == *value;
}

static const struct mc_spec register_spec = {
	.name = "register", .state_bytes = sizeof(uint64_t), .step = register_step};

static void set_halves(void)
{
	mc_call(OP_SET, 0x10001, 0);
	pawl_store_release(&halves[0], 1u);
	pawl_store_release(&halves[1], 1u);
	mc_return(0, 0);
}

static void get_halves(void)
{
	uint32_t high, low;

	mc_call(OP_GET, 0, 0);
	high = pawl_load_acquire(&halves[1]);
	low = pawl_load_acquire(&halves[0]);
	mc_return((uint64_t)high << 16 | low, 0);
}

static void set_cell(void)
{
	mc_call(OP_SET, 1, 0);
	pawl_store_release(&cell, 1u);
	mc_return(0, 0);
}

static uint32_t get(struct pawl_atomic_u32 *from)
{
	uint32_t seen;

	mc_call(OP_GET, 0, 0);
	seen = pawl_load_acquire(from);
	mc_return(seen, 0);
	return seen;
}

static void get_cell_pass(void)
{
	(void)get(&cell);
	pawl_store_release(&baton, 1u);
}

static void get_cell_after(void)
{
	if (pawl_load_acquire(&baton))
		(void)get(&cell);
}

/* The cache is never told. */
static void get_cache_after(void)
{
	if (pawl_load_acquire(&baton))
		(void)get(&cache);
}

#define PLAIN .setup = setup, .bare = true

static const struct mc_scenario scenarios[] = {
	{.name = "history-counter-torn", PLAIN, .threads = {take_torn, take_torn},
	 .spec = &counter_spec, .expect_failure = "history"},
	{.name = "history-counter", PLAIN, .threads = {take, take, take}, .spec = &counter_spec},
	{.name = "history-register-halves", PLAIN, .threads = {set_halves, get_halves},
	 .spec = &register_spec, .expect_failure = "history"},
	{.name = "history-register-cached", PLAIN,
	 .threads = {set_cell, get_cell_pass, get_cache_after}, .spec = &register_spec,
	 .expect_failure = "history"},
	{.name = "history-register", PLAIN, .threads = {set_cell, get_cell_pass, get_cell_after},
	 .spec = &register_spec},
};
MC_MAIN(scenarios)
