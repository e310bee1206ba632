/* SPDX-License-Identifier: BSD-2-Clause */
/* retire.c - replace an object again and again; old ones are freed when nobody reads them. */
#include <stdio.h>
#include <stdlib.h>

#include <pawl/atomic.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

#define VERSIONS 10000

struct page {
	struct pawl_retire_node node;
	unsigned version;
	char text[1000];
};

static struct pawl_atomic_ptr front;
static struct pawl_atomic_u64 freed;

/* Runs on the reclaimer's thread, after a grace period. */
static void page_free(struct pawl_retire_node *node)
{
	free(PAWL_CONTAINER_OF(node, struct page, node));
	pawl_add_relaxed(&freed, 1u);
}

/* Unlink the old page, then retire it. Returns true: wait, once outside of sections. */
static bool replace(struct page *next)
{
	struct page *old = pawl_xchg_acq_rel(&front, (void *)next);

	return old && pawl_retire(&old->node, sizeof(*old), page_free);
}

int main(void)
{
	struct pawl_retire_stats stats;

	if (pawl_retire_set_limit(256 * 1024) || pawl_thread_attach("main"))
		return 1;
	for (unsigned i = 0; i <= VERSIONS; i++) {
		struct page *next = i < VERSIONS ? calloc(1, sizeof(*next)) : NULL;

		if (next)
			next->version = i;
		if (replace(next))
			pawl_retire_wait();
	}
	pawl_retire_barrier(); /* all that was retired is freed now */
	pawl_retire_stats_read(&stats);
	pawl_thread_detach();
	printf("%llu pages freed, at most %llu of %llu bytes waited\n",
	       (unsigned long long)pawl_load_relaxed(&freed),
	       (unsigned long long)stats.pending_max_bytes,
	       (unsigned long long)stats.limit_bytes);
	if (pawl_load_relaxed(&freed) != VERSIONS)
		return 1;
	return stats.pending_max_bytes <= stats.limit_bytes ? 0 : 1;
}
