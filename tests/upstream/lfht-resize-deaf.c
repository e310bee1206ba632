/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lfht-resize-deaf.c - a table of cds_lfht with automatic resizing stops growing for good.
 *
 * Whoever wants the table to grow queues a work item and then sets "resize
 * initiated"; the worker clears the flag when it is done. A worker that is done
 * before the flag is set leaves it set for ever, and every later request is
 * skipped because one seems to be under way. On one CPU the worker, woken by
 * the queueing, usually runs at once and wins.
 *
 * Seen from outside: look-ups in such a table walk a chain of thousands. The
 * measure is the same table made with enough buckets at the start.
 */
#include <sched.h>

#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "upstream.h"

enum { TABLES = 60, ENTRIES = 4000, SLOW = 10 };

struct entry {
	struct cds_lfht_node node;
	uint64_t key;
};

static unsigned long hash(uint64_t key)
{
	key *= 0x9e3779b97f4a7c15u;
	return key ^ key >> 32;
}

static int match(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct entry, node)->key == *(const uint64_t *)key;
}

static void fill(struct cds_lfht *table, struct entry *entries)
{
	for (uint64_t i = 0; i < ENTRIES; i++) {
		entries[i].key = i;
		cds_lfht_node_init(&entries[i].node);
		urcu_memb_read_lock();
		cds_lfht_add(table, hash(i), &entries[i].node);
		urcu_memb_read_unlock();
	}
}

static double lookup_ns(struct cds_lfht *table)
{
	struct cds_lfht_iter iter;
	uint64_t begin = upstream_now_ns();

	urcu_memb_read_lock();
	for (uint64_t i = 0; i < ENTRIES; i++)
		cds_lfht_lookup(table, hash(i), match, &i, &iter);
	urcu_memb_read_unlock();
	return (double)(upstream_now_ns() - begin) / ENTRIES;
}

/* The table is left: destroying one while its worker may run is another matter. */
static double filled_lookup_ns(unsigned long buckets, int flags)
{
	struct cds_lfht *table =
		cds_lfht_new_flavor(buckets, buckets, 0, flags, &urcu_memb_flavor, NULL);
	struct entry *entries = calloc(ENTRIES, sizeof(*entries));

	if (!table || !entries)
		upstream_cannot_tell("lfht-resize-deaf", "no memory");
	fill(table, entries);
	/* All the time a resize could want. */
	upstream_sleep_ms(20);
	return lookup_ns(table);
}

int main(void)
{
	cpu_set_t one;
	unsigned slow = 0;
	double worst = 0;
	double fixed;

	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		upstream_cannot_tell("lfht-resize-deaf", "cannot pin to one CPU");
	urcu_memb_register_thread();
	fixed = filled_lookup_ns(8192, 0);
	for (unsigned i = 0; i < TABLES; i++) {
		double ns = filled_lookup_ns(1, CDS_LFHT_AUTO_RESIZE);

		slow += ns > SLOW * fixed;
		worst = worst > ns ? worst : ns;
	}
	upstream_say("lfht-resize-deaf", slow > 0,
		     "%u of %d tables of %d entries stay small: a look-up takes up to %.0f ns,"
		     " %.0f ns with enough buckets from the start",
		     slow, TABLES, ENTRIES, worst, fixed);
	fflush(stdout);
	_Exit(0);
}
