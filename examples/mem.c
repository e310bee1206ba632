/* SPDX-License-Identifier: BSD-2-Clause */
/* mem.c - give Pawl an allocator with a budget, and see it keep to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

struct budget {
	struct pawl_atomic_u64 used;
	uint64_t most;
};

static void *budget_alloc(void *arg, size_t size, size_t align)
{
	struct budget *budget = arg;
	void *ptr = NULL;

	if (pawl_add_relaxed(&budget->used, size) + size <= budget->most)
		ptr = aligned_alloc(align, (size + align - 1) & ~(align - 1));
	if (!ptr)
		pawl_sub_relaxed(&budget->used, size);
	return ptr; /* NULL becomes -ENOMEM of the call that needed it */
}

/* Size and alignment come back: nothing has to be remembered for each block. */
static void budget_free(void *arg, void *ptr, size_t size, size_t align)
{
	struct budget *budget = arg;

	(void)align;
	pawl_sub_relaxed(&budget->used, size);
	free(ptr);
}

int main(void)
{
	static struct budget budget = {.most = 4096};
	const struct pawl_allocator allocator = {sizeof(allocator), budget_alloc, budget_free,
						 &budget};
	struct pawl_mem_stats stats;
	void *small, *large;

	/* Once, before anything is allocated. Afterwards it is too late: */
	if (pawl_mem_set_allocator(&allocator) || pawl_mem_set_allocator(&allocator) != -EBUSY)
		return 1;
	small = pawl_mem_zalloc(1000, 0);
	large = pawl_mem_alloc(5000, 64);
	pawl_mem_stats_read(&stats);
	printf("%llu bytes in %llu block, %llu refused\n", (unsigned long long)stats.bytes,
	       (unsigned long long)stats.blocks, (unsigned long long)stats.failures);
	if (!small || large || stats.bytes != 1000 || stats.failures != 1)
		return 1;
	pawl_mem_free(small, 1000, 0);
	return pawl_load_relaxed(&budget.used) == 0 ? 0 : 1;
}
