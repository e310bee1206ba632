/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/runtime/scope.c. The frame is plain data that helpers write inside, and that the
 * owner reads and takes back after it has shut the scope.
 *
 *  enter-shut       refused, or waited for
 *  two-inside       the owner sees what both did
 */
/* mc-sources: engine/runtime/scope.c */
#include "scenario.h"

#include "../engine/runtime/scope.h"

struct block {
	struct eng_scope scope;
	unsigned frees;
};

static struct block *block;
static unsigned frame[3], frees;

static void block_free(struct eng_scope *scope)
{
	struct block *mine = PAWL_CONTAINER_OF(scope, struct block, scope);

	mc_assert(mine == block && !mine->frees++);
	frees++;
	pawl_mem_free(mine, sizeof(*mine), 0);
}

static void setup_refs(unsigned helpers)
{
	block = scn_alloc(sizeof(*block));
	eng_scope_init(&block->scope, block_free);
	for (unsigned i = 0; i < helpers; i++)
		eng_scope_get(&block->scope);
	memset(frame, 0, sizeof(frame));
	frees = 0;
}

static void setup_one(void)
{
	setup_refs(1);
}

static void setup_two(void)
{
	setup_refs(2);
}

static void help(void)
{
	if (eng_scope_enter(&block->scope)) {
		mc_assert(frame[mc_thread()] == 0);
		frame[mc_thread()] = 1;
		eng_scope_leave(&block->scope);
	}
	eng_scope_put(&block->scope);
}

static void own(void)
{
	eng_scope_shut(&block->scope);
	for (unsigned i = 0; i < 3; i++) {
		mc_assert(frame[i] <= 1);
		/* As another call's frame would. */
		frame[i] = 7;
	}
	eng_scope_put(&block->scope);
}

static void finish(void)
{
	mc_assert(frees == 1);
}

#define SCOPE(NAME, SETUP, ...)                                                            \
	{                                                                                  \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish, \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true             \
	}

static const struct mc_scenario scenarios[] = {
	SCOPE("enter-shut", setup_one, help, own),
	SCOPE("two-inside", setup_two, help, help, own),
};

MC_MAIN(scenarios)
