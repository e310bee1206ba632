/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - the mistakes with heap memory that the checker has to see, and not to see.
 *
 * A list of one node: one thread unlinks it and frees it, another one looks. Each mistake comes in
 * the smallest version that shows in some executions only.
 */
#include "known.h"

#include <stdlib.h>
#include <string.h>

struct node {
	unsigned value;
	char text[5];
};

static struct pawl_atomic_ptr shared;
static struct pawl_atomic_u32 flag;
static struct node *kept;

static struct node *node_make(void)
{
	struct node *node = malloc(sizeof(*node));

	mc_assert(node);
	return node;
}

static void setup(void)
{
	struct node *node = node_make();

	memset(node, 0, sizeof(*node));
	node->value = 7;
	pawl_init_word(&shared, (void *)node);
	pawl_init_word(&flag, 0u);
	kept = NULL;
}

static void setup_empty(void)
{
	pawl_init_word(&shared, (void *)NULL);
	pawl_init_word(&flag, 0u);
	kept = NULL;
}

static void finish(void)
{
	free(pawl_load_relaxed(&shared));
	free(kept);
}

static void take_and_free(void)
{
	free(pawl_xchg_acq_rel(&shared, (void *)NULL));
}

/* Looks without owning. */
static void look(void)
{
	struct node *node = pawl_load_acquire(&shared);

	if (node)
		mc_assert(node->value == 7);
}

/* Owns what it looks at. */
static void take_and_look(void)
{
	struct node *node = pawl_xchg_acq_rel(&shared, (void *)NULL);

	if (node)
		mc_assert(node->value == 7);
	free(node);
}

/* Both think that they own it. */
static void look_and_free(void)
{
	struct node *node = pawl_load_acquire(&shared);

	pawl_store_release(&shared, (void *)NULL);
	free(node);
}

/* Whoever comes second overwrites the only pointer. */
static void replace(void)
{
	struct node *node = node_make();

	node->value = 7;
	pawl_store_release(&shared, (void *)node);
}

static void replace_and_free(void)
{
	struct node *node = node_make();

	node->value = 7;
	free(pawl_xchg_acq_rel(&shared, (void *)node));
}

static void free_inside(void)
{
	struct node *node = pawl_xchg_acq_rel(&shared, (void *)NULL);
	/* The compiler need not know. */
	char *volatile text = node ? node->text : NULL;

	free(text);
}

/* One too far, if the other one was first. */
static void write_text(unsigned last)
{
	struct node *node = pawl_load_acquire(&shared);
	volatile char *text = node->text;

	/* The node has 12 bytes: 4, 5, and 3 of padding. */
	text[pawl_load_relaxed(&flag) ? last : 0] = 'x';
}

static void write_beyond(void)
{
	write_text(8);
}

static void write_within(void)
{
	write_text(4);
}

static void set_flag(void)
{
	pawl_store_relaxed(&flag, 1u);
}

/* The value comes after the publication: the other one may see what malloc left. */
static void publish_empty(void)
{
	struct node *node = node_make();

	pawl_store_release(&shared, (void *)node);
}

static void publish_copy(void)
{
	struct node *node = node_make(), from;

	memset(&from, 0, sizeof(from));
	from.value = 7;
	memcpy(node, &from, sizeof(*node));
	pawl_store_release(&shared, (void *)node);
}

struct three {
	uint64_t a, b, c;
};

static __attribute__((noinline)) struct three three_of(uint64_t n)
{
	struct three three = {0, 0, 0};

	if (n)
		three.b = n;
	return three;
}

/* It is built where it goes to: gcc has no hook there. */
static void return_into(void)
{
	struct three *threes = malloc(2 * sizeof(*threes));

	threes[1] = three_of(pawl_load_relaxed(&flag));
	mc_assert(threes[1].b + threes[1].c <= 1);
	free(threes);
}

/* A copy of nothing is still nothing. */
static void publish_copy_of_nothing(void)
{
	struct node *node = node_make(), *from = node_make();

	memcpy(node, from, sizeof(*node));
	free(from);
	pawl_store_release(&shared, (void *)node);
}

static void allocate_and_trust(void)
{
	kept = malloc(sizeof(*kept));
	kept->value = 7;
}

static void allocate_and_look(void)
{
	kept = malloc(sizeof(*kept));
	if (kept)
		kept->value = 7;
}

#define PLAIN .setup = setup, .finish = finish, .bare = true
#define EMPTY .setup = setup_empty, .finish = finish, .bare = true

static const struct mc_scenario scenarios[] = {
	{.name = "memory-use-after-free", PLAIN, .threads = {take_and_free, look},
	 .expect_failure = "use-after-free"},
	{.name = "memory-owned", PLAIN, .threads = {take_and_free, take_and_look}},
	{.name = "memory-double-free", PLAIN, .threads = {look_and_free, look_and_free},
	 .expect_failure = "double-free"},
	{.name = "memory-leak", EMPTY, .threads = {replace, replace}, .expect_failure = "leak"},
	{.name = "memory-no-leak", EMPTY, .threads = {replace_and_free, replace_and_free}},
	{.name = "memory-invalid-free", PLAIN, .threads = {free_inside, take_and_free},
	 .expect_failure = "invalid-free"},
	{.name = "memory-out-of-bounds", PLAIN, .threads = {write_beyond, set_flag},
	 .expect_failure = "out-of-bounds"},
	{.name = "memory-within-bounds", PLAIN, .threads = {write_within, set_flag}},
	{.name = "memory-unwritten", EMPTY, .threads = {publish_empty, look},
	 .expect_failure = "uninitialised"},
	{.name = "memory-copy-unwritten", EMPTY, .threads = {publish_copy_of_nothing, look},
	 .expect_failure = "uninitialised"},
	{.name = "memory-written", EMPTY, .threads = {publish_copy, look}},
	{.name = "memory-returned", EMPTY, .threads = {return_into, set_flag}},
	{.name = "memory-oom-trusted", EMPTY, .threads = {allocate_and_trust}, .oom = 1,
	 .expect_failure = "crash"},
	{.name = "memory-oom", EMPTY, .threads = {allocate_and_look}, .oom = 1},
};
MC_MAIN(scenarios)
