/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-memory.c - blocks at addresses that are the same in each run.
 *
 * One mapping at a fixed place; blocks have a head in front, come from lists by size, and wait in a queue
 * after they were freed. A byte for each 16 of memory says whether they are of a freed block: every access that
 * the compiler told us of looks there. What is freed is overwritten, what is given out is not zero.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PC	  __builtin_return_address(0)
#define BASE	  0x10000000000u
#define BYTES	  (1ull << 32)
#define SMALL	  1024u /* up to here classes are 16 bytes apart */
#define CLASSES	  (SMALL / 16 + 1 + 48)
#define QUEUE	  2048u
#define LIVE	  0x4c495645u
#define FREED	  0x46524545u
#define FILL_MOST 4096u
enum { UNKNOWN, IS_LIVE, IS_FREED };

struct head {
	uint32_t state, class;
	uint64_t bytes;
	char *chunk;
	const void *pc; /* that allocated, or freed it */
};

static uint8_t *shadow;
static char *top;
static struct free_chunk {
	struct free_chunk *next;
} * lists[CLASSES];
static struct head *queue[QUEUE];
static unsigned queue_at;
static unsigned fail_in;
static uint64_t failed;

void sim_memory_init(void)
{
	void *at =
		mmap((void *)(uintptr_t)BASE, BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
	void *marks =
		mmap((void *)(uintptr_t)(BASE + BYTES), BYTES / 16, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);

	if (at != (void *)(uintptr_t)BASE || marks != (void *)(uintptr_t)(BASE + BYTES))
		abort();
	top = at;
	shadow = marks;
}

void sim_check_access(uint64_t addr, unsigned long bytes, bool write, const void *pc)
{
	uint64_t offset = addr - BASE;

	(void)pc;
	if (offset >= BYTES || !bytes || !sim_on)
		return;
	if (shadow[offset / 16] == IS_FREED || shadow[(offset + bytes - 1) / 16] == IS_FREED)
		sim_fail("use after free: %s of %lu bytes", write ? "write" : "read", bytes);
}

static void mark(const void *at, size_t bytes, int how)
{
	memset(shadow + ((uintptr_t)at - BASE) / 16, how, (bytes + 15) / 16);
}

static unsigned class_of(size_t bytes, size_t *ret_bytes)
{
	unsigned log = 11;

	if (bytes <= SMALL) {
		*ret_bytes = (bytes + 15) / 16 * 16;
		return (unsigned)(*ret_bytes / 16);
	}
	while ((size_t)1 << log < bytes)
		log++;
	*ret_bytes = (size_t)1 << log;
	return SMALL / 16 + 1 + log - 11;
}

void sim_fail_allocation(unsigned n)
{
	fail_in = n;
}

uint64_t sim_allocations_failed(void)
{
	return failed;
}

static bool out_of_memory(void)
{
	if (!sim_on || !fail_in || sim_self()->no_oom || --fail_in)
		return false;
	failed++;
	sim_note("an allocation fails");
	return true;
}

/* `mapped`: all of it zero: from memory that nobody has had. */
static void *allocate(size_t size, size_t align, bool mapped, const void *pc)
{
	size_t bytes, wanted = size + sizeof(struct head) + (align > 16 ? align : 0);
	unsigned class;
	struct head *head;
	char *chunk, *block;

	if (size > BYTES / 4 || out_of_memory()) {
		errno = ENOMEM;
		return NULL;
	}
	class = class_of(wanted, &bytes);
	if (mapped) {
		class = CLASSES;
		bytes = (wanted + 4095) / 4096 * 4096;
	}
	chunk = mapped ? NULL : (char *)lists[class];
	if (chunk) {
		lists[class] = lists[class]->next;
	} else {
		chunk = top;
		top += bytes;
		if ((uintptr_t)top > BASE + BYTES)
			sim_fail("the simulator's memory is full");
	}
	block = chunk + sizeof(*head);
	if (align > 16)
		block = (char *)(((uintptr_t)block + align - 1) / align * align);
	head = (struct head *)(void *)(block - sizeof(*head));
	*head = (struct head){LIVE, class, size, chunk, pc};
	if (!mapped)
		memset(block, 0xa5, size < FILL_MOST ? size : FILL_MOST);
	mark(block, size, IS_LIVE);
	return block;
}

static void release(struct head *head)
{
	struct free_chunk *chunk = (void *)head->chunk;
	unsigned class = head->class;

	if (class == CLASSES)
		return;
	chunk->next = lists[class];
	lists[class] = chunk;
}

static void deallocate(void *block, const void *pc)
{
	struct head *head = (struct head *)(void *)((char *)block - sizeof(*head));

	if ((uintptr_t)block - BASE >= BYTES)
		sim_fail("free of what is no block");
	if (head->state == FREED)
		sim_fail("double free");
	if (head->state != LIVE)
		sim_fail("free of what is no block");
	head->state = FREED;
	head->pc = pc;
	memset(block, 0xdf, head->bytes < FILL_MOST ? head->bytes : FILL_MOST);
	mark(block, head->bytes, IS_FREED);
	if (queue[queue_at % QUEUE])
		release(queue[queue_at % QUEUE]);
	queue[queue_at++ % QUEUE] = head;
}

void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return allocate(size, 16, false, PC);
}

void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	void *block = n && size > BYTES / n ? NULL : allocate(n * size, 16, false, PC);

	return block ? memset(block, 0, n * size) : NULL;
}

void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
	void *other = allocate(size, 16, false, PC);
	const struct head *head = (const void *)((char *)block - sizeof(*head));

	if (!other || !block)
		return other;
	memcpy(other, block, head->bytes < size ? head->bytes : size);
	deallocate(block, PC);
	return other;
}

void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return allocate(size, align, false, PC);
}

int __wrap_posix_memalign(void **ret, size_t align, size_t size);
int __wrap_posix_memalign(void **ret, size_t align, size_t size)
{
	void *block = allocate(size, align, false, PC);

	if (!block)
		return ENOMEM;
	*ret = block;
	return 0;
}

void __wrap_free(void *block);
void __wrap_free(void *block)
{
	if (block)
		deallocate(block, PC);
}

char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
	char *copy = allocate(strlen(s) + 1, 16, false, PC);

	return copy ? strcpy(copy, s) : NULL;
}

size_t __wrap_malloc_usable_size(void *block);
size_t __wrap_malloc_usable_size(void *block)
{
	return ((const struct head *)(const void *)((char *)block - sizeof(struct head)))
		->bytes;
}

/* ---- mappings: blocks that are zero ---- */

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	void *block = allocate(bytes, 4096, true, PC);

	(void)at;
	(void)protection;
	(void)flags;
	(void)fd;
	(void)offset;
	return block ? block : MAP_FAILED;
}

int __wrap_munmap(void *at, size_t bytes);
int __wrap_munmap(void *at, size_t bytes)
{
	(void)bytes;
	deallocate(at, PC);
	return 0;
}

int __wrap_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice)
{
	(void)advice;
	sim_check_access((uintptr_t)at, bytes, true, PC);
	return 0;
}

int __wrap_mprotect(void *at, size_t bytes, int protection);
int __wrap_mprotect(void *at, size_t bytes, int protection)
{
	(void)at;
	(void)bytes;
	(void)protection;
	return 0;
}
