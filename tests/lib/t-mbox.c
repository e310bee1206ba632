/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/mbox.c. What threads may see: verify/t-mbox.c.
 */
#include "../harness.h"

#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mbox.h>
#include <pawl/park.h>

#define MANY 50

struct letter {
	struct pawl_mbox_node node;
	unsigned from, number;
};

static struct letter *letter_of(struct pawl_mbox_node *node)
{
	return PAWL_CONTAINER_OF(node, struct letter, node);
}

static void case_zero_is_valid(void **state)
{
	struct pawl_mbox zero, initialised = PAWL_MBOX_INIT, made;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	pawl_mbox_init(&made);
	assert_true(pawl_mbox_is_empty(&zero));
	assert_true(pawl_mbox_is_empty(&initialised));
	assert_true(pawl_mbox_is_empty(&made));
	assert_null(pawl_mbox_take_all(&zero));
}

static void case_first_and_order(void **state)
{
	struct pawl_mbox mbox = PAWL_MBOX_INIT;
	struct letter letters[MANY];

	(void)state;
	for (unsigned count = 1; count <= MANY; count++) {
		struct pawl_mbox_node *node;

		for (unsigned i = 0; i < count; i++) {
			letters[i].number = i;
			assert_int_equal(pawl_mbox_push(&mbox, &letters[i].node), i == 0);
			assert_false(pawl_mbox_is_empty(&mbox));
		}
		node = pawl_mbox_take_all(&mbox);
		for (unsigned i = 0; i < count; i++, node = pawl_mbox_next(node))
			assert_int_equal(letter_of(node)->number, i);
		assert_null(node);
		assert_true(pawl_mbox_is_empty(&mbox));
		assert_null(pawl_mbox_take_all(&mbox));
		t_step();
	}
}

/* Lists and single nodes; a list that was taken is sent on as it is. */
static void case_lists(void **state)
{
	struct pawl_mbox mbox = PAWL_MBOX_INIT, other = PAWL_MBOX_INIT;
	struct letter l[6];
	struct pawl_mbox_node *node;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		l[i].number = i;
	assert_true(pawl_mbox_push(&mbox, &l[0].node));
	pawl_mbox_link(&l[1].node, &l[2].node);
	pawl_mbox_link(&l[2].node, &l[3].node);
	pawl_mbox_link(&l[3].node, NULL);
	assert_false(pawl_mbox_push_list(&mbox, &l[1].node, &l[3].node));
	pawl_mbox_link(&l[4].node, NULL);
	assert_false(pawl_mbox_push_list(&mbox, &l[4].node, &l[4].node));
	node = pawl_mbox_take_all(&mbox);
	assert_ptr_equal(node, &l[0].node);
	assert_true(pawl_mbox_push_list(&other, node, &l[4].node));
	assert_false(pawl_mbox_push(&other, &l[5].node));
	node = pawl_mbox_take_all(&other);
	for (unsigned i = 0; i < 6; i++, node = pawl_mbox_next(node))
		assert_int_equal(letter_of(node)->number, i);
	assert_null(node);
}

static void push_open_list(void *arg)
{
	struct pawl_mbox mbox = PAWL_MBOX_INIT;
	struct pawl_mbox_node nodes[2];

	(void)arg;
	pawl_mbox_link(&nodes[0], &nodes[1]);
	pawl_mbox_push_list(&mbox, &nodes[0], &nodes[0]);
}

static void case_list_must_end(void **state)
{
	(void)state;
	assert_true(t_aborts(push_open_list, NULL, "ends it"));
}

/* ---- the protocol of the header ---------------------------------------- */

enum { SENDERS = 3 };

static struct pawl_mbox shared;
static struct pawl_waiter *owner;
static struct letter *letters[SENDERS];
static unsigned rounds;
static struct pawl_atomic_u32 wakes;

static void sender(void *arg)
{
	unsigned from = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < rounds; i++) {
		letters[from][i].from = from;
		letters[from][i].number = i;
		if (pawl_mbox_push(&shared, &letters[from][i].node)) {
			pawl_add_relaxed(&wakes, 1u);
			pawl_unpark(owner);
		}
		t_step();
	}
}

/* Nobody but a first sender wakes: a wrong answer is a hang, or a letter out of order. */
static void case_first_sender_wakes(void **state)
{
	struct t_thread *threads[SENDERS];
	unsigned next[SENDERS] = {0}, got = 0, takes = 0;

	(void)state;
	rounds = t_scaled(30000);
	owner = pawl_waiter_self();
	pawl_init_word(&wakes, 0u);
	pawl_mbox_init(&shared);
	for (unsigned i = 0; i < SENDERS; i++) {
		letters[i] = calloc(rounds, sizeof(*letters[i]));
		assert_non_null(letters[i]);
		threads[i] = t_thread_start(sender, (void *)(uintptr_t)i);
	}
	while (got < SENDERS * rounds) {
		struct pawl_mbox_node *node = pawl_mbox_take_all(&shared);

		if (!node) {
			pawl_park();
			continue;
		}
		takes++;
		for (; node; node = pawl_mbox_next(node), got++) {
			struct letter *letter = letter_of(node);

			assert_int_equal(letter->number, next[letter->from]);
			next[letter->from]++;
		}
	}
	for (unsigned i = 0; i < SENDERS; i++) {
		t_thread_join(threads[i]);
		free(letters[i]);
	}
	/* As many first ones as takings that found something. */
	assert_int_equal(pawl_load_relaxed(&wakes), takes);
	assert_true(pawl_mbox_is_empty(&shared));
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_zero_is_valid),
		cmocka_unit_test(case_first_and_order),
		cmocka_unit_test(case_lists),
		cmocka_unit_test(case_list_must_end),
		cmocka_unit_test(case_first_sender_wakes),
	};

	return t_run("mbox", cases);
}
