/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lfht-overshoot.c - without CDS_LFHT_ACCOUNTING a cds_lfht grows by the length of the
 * longest chain it walks into, and ends with many times the buckets that it needs.
 *
 * Seen from outside: the bytes that the table takes from malloc, entries not
 * counted. A bucket is 16 bytes; one for each entry, rounded up, would be 32 at
 * the most. Chains are a matter of chance, so several tables are filled. The worker
 * that resizes gets a CPU of its own: on a shared one it makes the table deaf
 * (lfht-resize-deaf.c), which then does not grow at all.
 */
#include <malloc.h>
#include <sched.h>

#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "upstream.h"

enum { TABLES = 10, ENTRIES = 10000, TOO_MUCH = 100 };

static unsigned long hash(uint64_t key)
{
	key *= 0x9e3779b97f4a7c15u;
	return key ^ key >> 32;
}

static size_t taken(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* The worker may be at it for a while, for this table or the one before. */
static void settle(void)
{
	size_t before;
	unsigned turns = 0;

	do {
		before = taken();
		upstream_sleep_ms(100);
	} while (taken() != before && ++turns < 20);
}

static double bytes_per_entry(int flags)
{
	struct cds_lfht_node *nodes = calloc(ENTRIES, sizeof(*nodes));
	size_t before = taken();
	struct cds_lfht *table = cds_lfht_new_flavor(1, 1, 0, flags, &urcu_memb_flavor, NULL);

	if (!table || !nodes)
		upstream_cannot_tell("lfht-overshoot", "no memory");
	for (uint64_t i = 0; i < ENTRIES; i++) {
		cds_lfht_node_init(&nodes[i]);
		urcu_memb_read_lock();
		cds_lfht_add(table, hash(i), &nodes[i]);
		urcu_memb_read_unlock();
	}
	settle();
	return (double)(taken() - before) / ENTRIES;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		upstream_cannot_tell("lfht-overshoot", "cannot pin a thread");
}

/* The worker starts with the first table, on the CPU of whoever makes it; we go elsewhere. */
static void part_from_worker(void)
{
	int cpus[2];
	int count = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		upstream_cannot_tell("lfht-overshoot", "no affinity");
	for (int cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++)
		if (CPU_ISSET((unsigned)cpu, &set))
			cpus[count++] = cpu;
	if (count < 2)
		upstream_cannot_tell("lfht-overshoot", "takes two CPUs");
	pin(cpus[1]);
	if (!cds_lfht_new_flavor(1, 1, 0, CDS_LFHT_AUTO_RESIZE, &urcu_memb_flavor, NULL))
		upstream_cannot_tell("lfht-overshoot", "no memory");
	pin(cpus[0]);
}

int main(void)
{
	double worst = 0;
	double accounted;

	/* The worker's allocations are to be in the one arena that taken() sees. */
	mallopt(M_ARENA_MAX, 1);
	urcu_memb_register_thread();
	part_from_worker();
	accounted = bytes_per_entry(CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING);
	for (unsigned i = 0; i < TABLES && worst <= TOO_MUCH; i++) {
		double bytes = bytes_per_entry(CDS_LFHT_AUTO_RESIZE);

		worst = worst > bytes ? worst : bytes;
	}
	upstream_say(
		"lfht-overshoot", worst > TOO_MUCH,
		"up to %.0f bytes of buckets for an entry in a table of %d; %.0f with accounting",
		worst, ENTRIES, accounted);
	fflush(stdout);
	_Exit(0);
}
