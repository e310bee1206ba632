/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber-stack.c - stacks: mapped in slabs, pooled by class, guarded.
 *
 * A slab is one mapping of many stacks of a class (64, by default), each with a page below it for
 * its guard, and an array of records (struct pawl_fiber), one for each stack, for good. Slabs are
 * unmapped by the last detach of the process only: records are waiters, and waiters stay.
 *
 *	low  [guard][stack 0    <-][guard][stack 1    <-] ...  high
 *
 * Idle stacks are in magazines: lists of up to batch_stacks. A thread has two of each class, `hot`
 * which it takes from and puts to, and `cold`, full or empty; it goes to the depot only when both
 * are full or both are empty, so never twice for one stack (Bonwick and Adams). The depot is two
 * lists of magazines under a mutex: warm ones, whose stacks may have pages, and cool ones whose
 * pages were given back. A magazine that comes when enough are warm is cooled first.
 *
 * Guards. From Linux 6.13 on madvise(MADV_GUARD_INSTALL) makes a page fault without a mapping of
 * its own. Elsewhere mprotect() does, at two mappings a stack, of which a process may have 65,530
 * by default: 32,000 stacks, and then every mmap of the process fails. So mprotect guards stop at
 * a limit well below it, said once through the report hook, and later stacks have a canary: the
 * words below the stack, looked at in each switch out. It finds an overflow late, but it finds it
 * on the fibre that did it. Which way is chosen is seen from the first guard of each slab.
 *
 * Invariants:
 *  I1 a stack is in a magazine, or has a fibre (state is not UNUSED), or is on its way in
 *     between, in the hands of one thread.
 *  I2 a magazine in the depot is reached from its list alone, under the mutex: a stack that comes
 *     back is pushed as any other, so there is no ABA to speak of.
 *  I3 the list of slabs only grows until the last detach.
 *
 * Ordering:
 *  O1 slabs are pushed with release and read with acquire, since a handler of SIGSEGV and the
 *     statistics read them without the mutex.
 *  All else is the mutex's.
 *
 * Transparent huge pages would turn the first touch of a stack into 2 MiB: slabs refuse them.
 *
 * Rejected: a lock-free depot (a magazine's worth of stacks goes through it at once, and mapping
 * a stack costs a hundred times the mutex; it would need tagged indices against ABA); munmap of
 * idle slabs (address space is plentiful, records must stay anyway).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pawl/mem.h>

#include "fiber-announce.h"
#include "fiber-internal.h"
#include "report-internal.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MAP_STACK
#define MAP_STACK 0
#endif

#define CANARY	     UINT64_C(0x8badf00dc0a1f1b7)
#define CANARY_WORDS 8
#define SLAB_MAX     1024u

static const size_t class_bytes[PAWL_FIBER_CLASSES] = {
	PAWL__STACK_SCALE << 14,
	PAWL__STACK_SCALE << 16,
	PAWL__STACK_SCALE << 18,
};
#define CLASS_DEFAULT 1

struct slab {
	struct slab *next; /* const once pushed */
	char *low;
	size_t bytes;  /* of the mapping */
	size_t stride; /* guard and stack */
	uint32_t count;
	uint32_t stack_class;
	uint32_t unguarded;
	struct pawl_fiber fibers[];
};

static struct depot {
	pthread_mutex_t mutex;
	/* Under the mutex. */
	struct pawl_fiber *warm;
	struct pawl_fiber *cool;
	/* Stacks in the warm list. Written under the mutex; read without it, relaxed: a hint. */
	struct pawl_atomic_u32 warm_stacks;
} PAWL_ALIGNED(PAWL_LINE_BYTES) depots[PAWL_FIBER_CLASSES] = {
	[0 ... PAWL_FIBER_CLASSES - 1] = {.mutex = PTHREAD_MUTEX_INITIALIZER},
};

/* O1. Of all classes. */
static struct pawl_atomic_ptr slabs;
/* Stacks mapped so far: the numbers of the next ones. Relaxed: numbers. */
static struct pawl_atomic_u32 stacks_made;
/* mprotect guards installed. Relaxed: a limit that may be passed by a slab. */
static struct pawl_atomic_u32 guards_made;
static struct pawl_atomic_u32 said_unguarded;
static struct pawl_atomic_u64 given_back;
/* enum pawl_fiber_guard of the newest stacks. */
static struct pawl_atomic_u32 newest_guard;

/* Written while there are no stacks. */
static struct pawl_fiber_config settings = {
	.slab_stacks = 64,
	.batch_stacks = 16,
	.warm_stacks = 1024,
};

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

uint32_t pawl__stack_class_of(size_t bytes)
{
	uint32_t stack_class = 0;

	if (!bytes)
		return CLASS_DEFAULT;
	while (stack_class < PAWL_FIBER_CLASSES && class_bytes[stack_class] < bytes)
		stack_class++;
	return stack_class;
}

/* --- Guards. --- */

/* 5/16 of the mappings that a process may have: each guard costs two. */
static uint32_t guards_limit(void)
{
	uint64_t maps = 0;
	char text[24];
	ssize_t len = 0;
	int fd;

	if (settings.guards_max)
		return settings.guards_max;
	fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text));
		close(fd);
	}
	for (ssize_t i = 0; i < len && text[i] >= '0' && text[i] <= '9' && maps < UINT32_MAX; i++)
		maps = maps * 10 + (uint64_t)(text[i] - '0');
	if (!maps)
		maps = 65530;
	maps = maps * 5 / 16;
	return maps < UINT32_MAX ? (uint32_t)maps : UINT32_MAX;
}

static bool guard_by_madvise(struct slab *slab, size_t page)
{
	if (settings.guard != PAWL_FIBER_GUARD_AUTO && settings.guard != PAWL_FIBER_GUARD_MADVISE)
		return false;
	for (uint32_t i = 0; i < slab->count; i++) {
		if (madvise(slab->low + i * slab->stride, page, MADV_GUARD_INSTALL))
			return false;
		slab->fibers[i].guarded = true;
	}
	return true;
}

static bool guard_by_mprotect(struct slab *slab, size_t page)
{
	if (settings.guard == PAWL_FIBER_GUARD_CANARY ||
	    pawl_load_relaxed(&guards_made) + slab->count > guards_limit())
		return false;
	for (uint32_t i = 0; i < slab->count; i++) {
		if (slab->fibers[i].guarded)
			continue;
		/* Out of mappings: those that have one keep it. */
		if (mprotect(slab->low + i * slab->stride, page, PROT_NONE))
			return false;
		slab->fibers[i].guarded = true;
		pawl_add_relaxed(&guards_made, 1u);
	}
	return true;
}

static PAWL__NO_ASAN void canary_write(struct pawl_fiber *fiber)
{
	uint64_t *word = (void *)fiber->stack_low;

	for (unsigned i = 1; i <= CANARY_WORDS; i++)
		word[-(ptrdiff_t)i] = CANARY;
}

PAWL__NO_ASAN bool pawl__stack_canary_ok(const struct pawl_fiber *fiber)
{
	const uint64_t *word = (const void *)fiber->stack_low;

	for (unsigned i = 1; i <= CANARY_WORDS; i++) {
		if (word[-(ptrdiff_t)i] != CANARY)
			return false;
	}
	return true;
}

static void guard(struct slab *slab)
{
	size_t page = page_bytes();

	if (guard_by_madvise(slab, page)) {
		pawl_store_relaxed(&newest_guard, PAWL_FIBER_GUARD_MADVISE);
		return;
	}
	if (guard_by_mprotect(slab, page)) {
		pawl_store_relaxed(&newest_guard, PAWL_FIBER_GUARD_MPROTECT);
		return;
	}
	pawl_store_relaxed(&newest_guard, PAWL_FIBER_GUARD_CANARY);
	for (uint32_t i = 0; i < slab->count; i++) {
		if (!slab->fibers[i].guarded) {
			canary_write(&slab->fibers[i]);
			slab->unguarded++;
		}
	}
}

static void say_unguarded(void)
{
	if (settings.guard != PAWL_FIBER_GUARD_CANARY && !pawl_xchg_relaxed(&said_unguarded, 1u))
		pawl__report(PAWL_REPORT_FIBER_NO_GUARD,
			     "further stacks of fibres have no guard page, only a canary",
			     pawl_load_relaxed(&guards_made), NULL);
}

/* --- Slabs. --- */

static size_t slab_size(uint32_t count)
{
	return sizeof(struct slab) + count * sizeof(struct pawl_fiber);
}

static void slab_fill(struct slab *slab, size_t page)
{
	/* Relaxed: numbers. */
	uint32_t number = pawl_add_relaxed(&stacks_made, slab->count);

	for (uint32_t i = 0; i < slab->count; i++) {
		struct pawl_fiber *fiber = &slab->fibers[i];

		fiber->waiter.ops = &pawl__fiber_waiter_ops;
		fiber->waiter.number = number + i;
		fiber->stack_low = slab->low + i * slab->stride + page;
		fiber->stack_bytes = slab->stride - page;
		fiber->stack_class = slab->stack_class;
		valgrind_stack_mapped(fiber);
	}
}

static struct slab *slab_new(uint32_t stack_class)
{
	uint32_t count = settings.slab_stacks;
	size_t page = page_bytes();
	size_t stride = page + class_bytes[stack_class];
	struct slab *slab;
	void *low;

	slab = pawl_mem_zalloc(slab_size(count), _Alignof(struct slab));
	if (!slab)
		return NULL;
	low = mmap(NULL, count * stride, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (low == MAP_FAILED) {
		pawl_mem_free(slab, slab_size(count), _Alignof(struct slab));
		return NULL;
	}
	/* An older kernel, or one without huge pages, refuses: there is nothing to prevent then. */
	(void)madvise(low, count * stride, MADV_NOHUGEPAGE);
	slab->low = low;
	slab->bytes = count * stride;
	slab->stride = stride;
	slab->count = count;
	slab->stack_class = stack_class;
	slab_fill(slab, page);
	guard(slab);
	return slab;
}

static void slab_push(struct slab *slab)
{
	void *head = pawl_load_relaxed(&slabs);

	/* Ends: each turn but the last lost to another thread's slab. */
	do {
		slab->next = head;
	} while (!pawl_cas_weak_release(&slabs, &head, slab)); /* O1 */
}

static void slab_free(struct slab *slab)
{
	for (uint32_t i = 0; i < slab->count; i++)
		valgrind_stack_unmapped(&slab->fibers[i]);
	munmap(slab->low, slab->bytes);
	pawl_mem_free(slab, slab_size(slab->count), _Alignof(struct slab));
}

/* --- Giving pages back. --- */

bool pawl__stack_give_back(struct pawl_fiber *fiber)
{
	/* Memory that is locked cannot be given back. The guard or canary below is not touched. */
	if (!fiber->touched || madvise(fiber->stack_low, fiber->stack_bytes, MADV_DONTNEED))
		return false;
	fiber->touched = false;
	pawl_add_relaxed(&given_back, 1u);
	return true;
}

static size_t cool(struct pawl_fiber *first)
{
	size_t count = 0;

	for (struct pawl_fiber *fiber = first; fiber; fiber = fiber->next)
		count += pawl__stack_give_back(fiber);
	return count;
}

/* --- The depot. --- */

static void push_locked(struct pawl_fiber **list, struct pawl_fiber *magazine)
{
	magazine->magazine_next = *list;
	*list = magazine;
}

static struct pawl_fiber *pop_locked(struct pawl_fiber **list)
{
	struct pawl_fiber *magazine = *list;

	if (magazine)
		*list = magazine->magazine_next;
	return magazine;
}

static void warm_stacks_add_locked(struct depot *depot, uint32_t count)
{
	pawl_store_relaxed(&depot->warm_stacks, pawl_load_relaxed(&depot->warm_stacks) + count);
}

static struct pawl_fiber *pop_warm_locked(struct depot *depot)
{
	struct pawl_fiber *magazine = pop_locked(&depot->warm);

	if (magazine)
		warm_stacks_add_locked(depot, 0u - magazine->magazine_count);
	return magazine;
}

static void depot_push(struct depot *depot, struct pawl_fiber *magazine, uint32_t count)
{
	/* Relaxed: a hint; a few more or less may be warm. */
	bool warm = pawl_load_relaxed(&depot->warm_stacks) + count <= settings.warm_stacks;

	if (!warm)
		(void)cool(magazine);
	magazine->magazine_count = count;
	pthread_mutex_lock(&depot->mutex);
	push_locked(warm ? &depot->warm : &depot->cool, magazine);
	if (warm)
		warm_stacks_add_locked(depot, count);
	pthread_mutex_unlock(&depot->mutex);
}

static struct pawl_fiber *depot_pop(struct depot *depot)
{
	struct pawl_fiber *magazine;

	pthread_mutex_lock(&depot->mutex);
	magazine = pop_warm_locked(depot);
	if (!magazine)
		magazine = pop_locked(&depot->cool);
	pthread_mutex_unlock(&depot->mutex);
	return magazine;
}

/* --- A thread's pool. --- */

static void magazine_add(struct pawl__magazine *magazine, struct pawl_fiber *fiber)
{
	fiber->next = magazine->first;
	magazine->first = fiber;
	magazine->count++;
}

static void magazine_empty_to_depot(struct pawl__magazine *magazine, struct depot *depot)
{
	if (magazine->first)
		depot_push(depot, magazine->first, magazine->count);
	*magazine = (struct pawl__magazine){0};
}

static void magazine_load(struct pawl__magazine *magazine, struct pawl_fiber *first)
{
	magazine->first = first;
	magazine->count = first->magazine_count;
}

static void put(struct pawl__stack_pool *pool, struct pawl_fiber *fiber)
{
	if (PAWL_UNLIKELY(pool->hot.count >= settings.batch_stacks)) {
		magazine_empty_to_depot(&pool->cold, &depots[fiber->stack_class]);
		pool->cold = pool->hot;
		pool->hot = (struct pawl__magazine){0};
	}
	magazine_add(&pool->hot, fiber);
}

/* Map some; the pool and the depot get all. */
static int refill(struct pawl__stack_pool *pool, uint32_t stack_class)
{
	struct slab *slab;

	if (!pawl_load_relaxed(&slabs) && pawl__fiber_shadow_stack())
		return -ENOTSUP;
	slab = slab_new(stack_class);
	if (!slab)
		return -ENOMEM;
	/* The low stacks come last, so that they are given out first. */
	for (uint32_t i = slab->count; i-- > 0;)
		put(pool, &slab->fibers[i]);
	slab_push(slab);
	if (slab->unguarded)
		say_unguarded();
	return 0;
}

/* Both magazines are empty. */
static PAWL_NOINLINE int fetch(struct pawl__stack_pool *pool, uint32_t stack_class)
{
	struct pawl_fiber *first = depot_pop(&depots[stack_class]);

	if (!first)
		return refill(pool, stack_class);
	magazine_load(&pool->hot, first);
	return 0;
}

int pawl__stack_get(struct pawl__thread *self, uint32_t stack_class, struct pawl_fiber **ret_fiber)
{
	struct pawl__stack_pool *pool = &self->stack_pools[stack_class];
	struct pawl_fiber *fiber;

	/* Again only if the report's hook made fibres and took all that was mapped. */
	while (PAWL_UNLIKELY(!pool->hot.first)) {
		int error;

		pool->hot = pool->cold;
		pool->cold = (struct pawl__magazine){0};
		error = pool->hot.first ? 0 : fetch(pool, stack_class);
		if (error)
			return error;
	}
	fiber = pool->hot.first;
	pool->hot.first = fiber->next;
	pool->hot.count--;
	*ret_fiber = fiber;
	return 0;
}

void pawl__stack_put(struct pawl__thread *self, struct pawl_fiber *fiber)
{
	put(&self->stack_pools[fiber->stack_class], fiber);
}

/* --- Threads come and go. --- */

void pawl__fiber_thread_leave(struct pawl__thread *self)
{
	PAWL_REQUIRE(!self->fiber && "a thread detaches on its own stack");
	PAWL_REQUIRE(!self->fibers && "the fibres started on a thread have finished at its detach");
	self->fiber_hooks = NULL;
	for (unsigned i = 0; i < PAWL_FIBER_CLASSES; i++) {
		magazine_empty_to_depot(&self->stack_pools[i].hot, &depots[i]);
		magazine_empty_to_depot(&self->stack_pools[i].cold, &depots[i]);
	}
}

void pawl__fiber_process_end(void)
{
	/* Relaxed: who pushed has detached, which the registry's mutex ordered. */
	struct slab *slab = pawl_load_relaxed(&slabs);

	pawl_store_relaxed(&slabs, (void *)NULL);
	for (unsigned i = 0; i < PAWL_FIBER_CLASSES; i++) {
		depots[i].warm = NULL;
		depots[i].cool = NULL;
		pawl_store_relaxed(&depots[i].warm_stacks, 0u);
	}
	while (slab) {
		struct slab *next = slab->next;

		for (uint32_t i = 0; i < slab->count; i++)
			PAWL_REQUIRE(pawl_load_relaxed(&slab->fibers[i].state) == PAWL_FIBER_UNUSED &&
				     "all fibres are destroyed at the last detach");
		slab_free(slab);
		slab = next;
	}
	pawl_store_relaxed(&stacks_made, 0u);
	pawl_store_relaxed(&guards_made, 0u);
	pawl_store_relaxed(&said_unguarded, 0u);
	pawl_store_relaxed(&newest_guard, PAWL_FIBER_GUARD_AUTO);
}

/* --- Settings and counts. --- */

int pawl_fiber_configure(const struct pawl_fiber_config *config)
{
	(void)pawl__self_required();
	if (config->size > sizeof(*config))
		return -E2BIG;
	if (config->size < sizeof(*config) || config->reserved ||
	    (unsigned)config->guard >= PAWL_FIBER_GUARD_COUNT || config->slab_stacks > SLAB_MAX)
		return -EINVAL;
	if (pawl_load_relaxed(&slabs))
		return -EBUSY;
	settings = *config;
	if (!settings.slab_stacks)
		settings.slab_stacks = 64;
	if (!settings.batch_stacks)
		settings.batch_stacks = 16;
	if (!settings.warm_stacks)
		settings.warm_stacks = 1024;
	return 0;
}

/* Warm magazines become cool, one at a time, so that takers find the others. */
static size_t depot_trim(struct depot *depot)
{
	/* Relaxed: what comes meanwhile may stay warm, so this ends. */
	uint32_t left = pawl_load_relaxed(&depot->warm_stacks);
	size_t count = 0;

	while (left) {
		struct pawl_fiber *magazine;

		pthread_mutex_lock(&depot->mutex);
		magazine = pop_warm_locked(depot);
		pthread_mutex_unlock(&depot->mutex);
		if (!magazine)
			break;
		left -= magazine->magazine_count < left ? magazine->magazine_count : left;
		count += cool(magazine);
		pthread_mutex_lock(&depot->mutex);
		push_locked(&depot->cool, magazine);
		pthread_mutex_unlock(&depot->mutex);
	}
	return count;
}

size_t pawl_fiber_trim(void)
{
	struct pawl__thread *self = pawl__self_required();
	size_t count = 0;

	for (unsigned i = 0; i < PAWL_FIBER_CLASSES; i++) {
		count += cool(self->stack_pools[i].hot.first);
		count += cool(self->stack_pools[i].cold.first);
		count += depot_trim(&depots[i]);
	}
	return count;
}

void pawl_fiber_stats_read(struct pawl_fiber_stats *ret_stats)
{
	struct pawl_fiber_stats stats = {0};

	(void)pawl__self_required();
	for (struct slab *slab = pawl_load_acquire(&slabs); slab; slab = slab->next) { /* O1 */
		uint64_t live = 0;

		for (uint32_t i = 0; i < slab->count; i++)
			live += pawl_load_relaxed(&slab->fibers[i].state) != PAWL_FIBER_UNUSED;
		stats.fibers += live;
		stats.live[slab->stack_class] += live;
		stats.stacks[slab->stack_class] += slab->count;
		stats.mapped_bytes += slab->bytes;
		stats.unguarded += slab->unguarded;
	}
	stats.given_back = pawl_load_relaxed(&given_back);
	stats.guard = (enum pawl_fiber_guard)pawl_load_relaxed(&newest_guard);
	*ret_stats = stats;
}

/* --- What is at an address: async-signal-safe. --- */

struct text {
	char *buf;
	size_t len;
	size_t used;
};

static void say(struct text *text, const char *words)
{
	for (; *words && text->used + 1 < text->len; words++)
		text->buf[text->used++] = *words;
}

static void say_number(struct text *text, uint64_t number, unsigned base)
{
	char digits[24];
	unsigned i = sizeof(digits);

	digits[--i] = 0;
	do {
		digits[--i] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	say(text, base == 16 ? "0x" : "");
	say(text, digits + i);
}

static void say_fiber(struct text *text, const struct pawl_fiber *fiber, uintptr_t at)
{
	bool unused = pawl_load_relaxed(&fiber->state) == PAWL_FIBER_UNUSED;
	uintptr_t low = (uintptr_t)fiber->stack_low;

	if (at < low)
		say(text, "stack overflow of ");
	if (unused)
		say(text, "no ");
	say(text, "fibre ");
	say_number(text, fiber->waiter.number, 10);
	/* Plain: the faulting thread's own fibre, or one that its asker knows to be there. */
	if (!unused && fiber->name[0]) {
		say(text, " \"");
		say(text, fiber->name);
		say(text, "\"");
	}
	say(text, ": ");
	say_number(text, at, 16);
	say(text, " is ");
	say_number(text, at < low ? low - at : at - low, 10);
	say(text, at < low ? " bytes below its stack of " : " bytes above the end of its stack of ");
	say_number(text, fiber->stack_bytes, 10);
	say(text, " bytes");
}

enum pawl_fiber_fault pawl_fiber_describe_fault(const void *addr, char *buf, size_t len)
{
	enum pawl_fiber_fault fault = PAWL_FIBER_FAULT_NONE;
	struct text text = {buf, len, 0};
	uintptr_t at = (uintptr_t)addr;

	for (struct slab *slab = pawl_load_acquire(&slabs); slab; slab = slab->next) { /* O1 */
		uintptr_t low = (uintptr_t)slab->low;

		if (at < low || at - low >= slab->bytes)
			continue;
		fault = (at - low) % slab->stride < slab->stride - class_bytes[slab->stack_class]
				? PAWL_FIBER_FAULT_OVERFLOW
				: PAWL_FIBER_FAULT_STACK;
		say_fiber(&text, &slab->fibers[(at - low) / slab->stride], at);
		break;
	}
	if (len)
		buf[text.used] = 0;
	return fault;
}
