/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * double-checked.c - build a shared object on first use, with a lock only then.
 *
 * D. C. Schmidt, T. Harrison, "Double-checked locking" (PLoP 1996); what is wrong with
 * it: S. Meyers, A. Alexandrescu, "C++ and the perils of double-checked locking" (2004).
 *
 * Mistakes: the look without the lock does not acquire, or the pointer is published
 * without release: a user may hold the pointer and not see what it points to.
 */
#include "known.h"

struct object {
	uint32_t a, b;
};

static struct pawl_atomic_ptr shared;
static struct pawl_atomic_u32 lock;
static struct object storage;
static uint32_t built;

static void setup(void)
{
	pawl_init_word(&shared, NULL);
	pawl_init_word(&lock, 0u);
	storage = (struct object){0, 0};
	built = 0;
}

static void build(bool release)
{
	uint32_t unlocked = 0;

	while (!pawl_cas_acquire(&lock, &unlocked, 1u)) {
		unlocked = 0;
		pawl_pause();
	}
	if (!pawl_load_relaxed(&shared)) {
		built++;
		storage = (struct object){1, 2};
		if (release)
			pawl_store_release(&shared, (void *)&storage);
		else
			pawl_store_relaxed(&shared, (void *)&storage);
	}
	pawl_store_release(&lock, 0u);
}

static void use(bool acquire, bool release)
{
	struct object *object;

	object = acquire ? pawl_load_acquire(&shared) : pawl_load_relaxed(&shared);
	if (!object) {
		build(release);
		/* The lock ordered us after whoever built it. */
		object = pawl_load_relaxed(&shared);
	}
	mc_assert(object->a == 1 && object->b == 2);
}

static void user(void)
{
	use(true, true);
}
static void user_no_acquire(void)
{
	use(false, true);
}
static void user_no_release(void)
{
	use(true, false);
}

static void finish(void)
{
	mc_assert(built == 1);
}

static const struct mc_scenario scenarios[] = {
	{
		.name = "double-checked-no-acquire",
		.setup = setup,
		.threads = {user_no_acquire, user_no_acquire},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "double-checked-no-release",
		.setup = setup,
		.threads = {user_no_release, user_no_release},
		.finish = finish,
		.bare = true,
		.expect_failure = "race",
	},
	{
		.name = "double-checked-repaired",
		.setup = setup,
		.threads = {user, user},
		.finish = finish,
		.bare = true,
	},
};
MC_MAIN(scenarios)
