/* SPDX-License-Identifier: BSD-2-Clause */
/* ids.c - handles that go stale, and keys that wait until their deletion is on disk. */
#include <errno.h>
#include <stdio.h>

#include <pawl/ids.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

static int handles(void)
{
	struct pawl_ids_options options = PAWL_IDS_OPTIONS_INIT; /* RECYCLE */
	pawl_id_t old, new;
	struct pawl_ids *ids;
	int ok;

	if (pawl_ids_create(&options, &ids) || pawl_ids_alloc(ids, &old))
		return 0;
	pawl_ids_free(ids, old);
	if (pawl_ids_alloc(ids, &new))
		return 0;
	printf("index %u: generation %u, then %u\n", pawl_id_index(new),
	       pawl_id_generation(old), pawl_id_generation(new));
	/* The same index, and the old handle does not reach the new owner. */
	ok = pawl_ids_check(ids, old) == -ESTALE && pawl_ids_check(ids, new) == 0;
	pawl_ids_destroy(ids);
	return ok;
}

static int keys(void)
{
	struct pawl_ids_options options = PAWL_IDS_OPTIONS_INIT;
	struct pawl_ids *ids;
	uint64_t cycle;
	pawl_id_t key;
	int ok;

	options.policy = PAWL_IDS_DURABLE;
	options.last = 1; /* one key, to show when it comes back */
	options.stored = 1;
	if (pawl_ids_create(&options, &ids) || pawl_ids_alloc(ids, &key))
		return 0;
	pawl_ids_free(ids, key);	 /* nothing holds it */
	cycle = pawl_ids_cycle_end(ids); /* the capture of a snapshot */
	pawl_retire_barrier();		 /* a grace period is not enough: */
	ok = pawl_ids_alloc(ids, &key) == -ENOSPC;
	ok &= pawl_ids_durable_up_to(ids, cycle) == 0; /* the batch is on disk */
	ok &= pawl_ids_alloc(ids, &key) == 0;
	printf("key %u is back after cycle %u\n", (unsigned)key, (unsigned)cycle);
	pawl_ids_destroy(ids);
	return ok;
}

int main(void)
{
	int ok = pawl_thread_attach("main") == 0 && handles() && keys();

	pawl_thread_detach();
	return !ok;
}
