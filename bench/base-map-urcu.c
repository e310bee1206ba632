/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-map-urcu.c - liburcu's lock-free table (rculfhash), memb flavour, sections inline, nodes
 * from malloc and freed by call_rcu.
 *
 * Its table is made for all keys at once: growing by itself it may lose requests and stay small
 * (liburcu 0.13.2). So it is spared the growing that all others do in the clock.
 */
#include "bench.h"
#include "maps.h"

#include <stdlib.h>

#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

struct node {
	struct cds_lfht_node hook;
	uint64_t key;
	uint64_t value;
	struct rcu_head head;
};

static void enter(void)
{
	urcu_memb_register_thread();
}

static void leave(void)
{
	urcu_memb_unregister_thread();
}

static void *make(uint64_t capacity)
{
	unsigned long size = 64;
	struct cds_lfht *table;

	while (size < capacity)
		size *= 2;
	table = cds_lfht_new_flavor(size, size, size, 0, &urcu_memb_flavor, NULL);
	if (!table)
		b_die("cds_lfht_new");
	return table;
}

static void node_free(struct rcu_head *head)
{
	free(PAWL_CONTAINER_OF(head, struct node, head));
}

static void drop(void *map)
{
	struct cds_lfht *table = map;
	struct cds_lfht_iter it;
	struct cds_lfht_node *hook;

	enter();
	urcu_memb_read_lock();
	/* Not _entry(): its cast is a warning with clang. */
	cds_lfht_for_each(table, &it, hook)
	{
		struct node *node = PAWL_CONTAINER_OF(hook, struct node, hook);

		cds_lfht_del(table, hook);
		urcu_memb_call_rcu(&node->head, node_free);
	}
	urcu_memb_read_unlock();
	urcu_memb_barrier();
	leave();
	if (cds_lfht_destroy(table, NULL))
		b_die("cds_lfht_destroy");
}

static int match(struct cds_lfht_node *hook, const void *key)
{
	return PAWL_CONTAINER_OF(hook, struct node, hook)->key == *(const uint64_t *)key;
}

static inline bool lfht_get(void *map, uint64_t key, uint64_t hash, uint64_t *ret_value)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *hook;

	urcu_memb_read_lock();
	cds_lfht_lookup(map, hash, match, &key, &it);
	hook = cds_lfht_iter_get_node(&it);
	if (hook)
		*ret_value = PAWL_CONTAINER_OF(hook, struct node, hook)->value;
	urcu_memb_read_unlock();
	return hook;
}

static inline bool lfht_put(void *map, uint64_t key, uint64_t hash, uint64_t value)
{
	struct node *node = malloc(sizeof(*node));
	bool put;

	cds_lfht_node_init(&node->hook);
	node->key = key;
	node->value = value;
	urcu_memb_read_lock();
	put = cds_lfht_add_unique(map, hash, match, &key, &node->hook) == &node->hook;
	urcu_memb_read_unlock();
	if (!put)
		free(node);
	return put;
}

static inline bool lfht_del(void *map, uint64_t key, uint64_t hash)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *hook;
	bool gone = false;

	urcu_memb_read_lock();
	cds_lfht_lookup(map, hash, match, &key, &it);
	hook = cds_lfht_iter_get_node(&it);
	if (hook && !cds_lfht_del(map, hook)) {
		urcu_memb_call_rcu(&PAWL_CONTAINER_OF(hook, struct node, hook)->head,
				   node_free);
		gone = true;
	}
	urcu_memb_read_unlock();
	return gone;
}

B_MAP_PEER(lfht, "urcu-lfht-fixed", make, drop, enter, leave)
