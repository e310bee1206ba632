/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * harness.c - what the test programs stand on: runner, checking allocator, threads, children.
 *
 * Checking allocator. A block is
 *
 *	posix_memalign() -> | struct block | zone | user's bytes | tail zone |
 *
 * with the header directly below the user's bytes. Free verifies header, size, alignment and
 * both zones, overwrites the user's bytes and gives the block to free(), so that a sanitizer
 * underneath keeps its sight; with AddressSanitizer the zones and what lies directly below the
 * user's bytes are poisoned as well.
 * Without a sanitizer freed blocks rest in a quarantine first, and a write into one is found
 * when it leaves.
 *
 * The allocator must not order threads that the library leaves unordered, or
 * ThreadSanitizer would miss races: in its builds there is no list of live blocks and no
 * quarantine (both need locks), and the counters are relaxed everywhere.
 *
 * Each case is measured between two moments at which no thread is attached: the library then
 * holds nothing, so one leaked block fails the case, with no allowance for caches.
 */
#include "harness.h"
#include "watchdog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

#if T_ASAN
#include <sanitizer/asan_interface.h>
#define T_HIDE(ptr, len) ASAN_POISON_MEMORY_REGION((ptr), (len))
#define T_SHOW(ptr, len) ASAN_UNPOISON_MEMORY_REGION((ptr), (len))
#else
#define T_HIDE(ptr, len) ((void)0)
#define T_SHOW(ptr, len) ((void)0)
#endif

#define T_QUARANTINE (!T_ASAN && !T_TSAN)
#define T_BLOCK_LIST (!T_TSAN)

static void die(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "harness: %s (errno %d)\n", what, errno);
	t_dump_stacks();
	abort();
}

/* Progress. */

static struct pawl_atomic_u64 steps;

void t_step(void)
{
	/* Relaxed: a count, and nothing may be ordered by it. */
	pawl_add_relaxed(&steps, 1);
}

uint64_t t_steps(void)
{
	return pawl_load_relaxed(&steps);
}

void t_yield(void)
{
	sched_yield();
}

void t_check_failed(const char *what, const char *file, int line)
{
	fflush(stdout);
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	t_dump_stacks();
	abort();
}

/* Environment. */

static uint64_t seed;

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	char *end;
	unsigned long long value;

	if (!text || !*text)
		return otherwise;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *end)
		die("a number in the environment does not parse");
	return value;
}

unsigned t_scaled(unsigned count)
{
	uint64_t scale = env_number("T_SCALE", 100);
	uint64_t scaled;

	if (scale < 1)
		scale = 1;
	if (scale > 10000)
		scale = 10000;
	scaled = count * scale / 100;
	return scaled ? (unsigned)scaled : 1;
}

bool t_long(void)
{
	const char *tier = getenv("T_TIER");

	return tier && strcmp(tier, "long") == 0;
}

static void choose_seed(void)
{
	uint64_t fresh = 1;

	if (getrandom(&fresh, sizeof(fresh), 0) != sizeof(fresh))
		fresh = (uint64_t)getpid();
	seed = env_number("T_SEED", fresh % 1000000007u);
}

/* Random numbers: splitmix64, one state a thread. */

static pthread_key_t random_key;
static pthread_once_t random_once = PTHREAD_ONCE_INIT;
static struct pawl_atomic_u64 random_streams;

static void random_make_key(void)
{
	if (pthread_key_create(&random_key, free) != 0)
		die("no key for random streams");
}

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t *random_stream(uint64_t number)
{
	uint64_t *state = malloc(sizeof(*state));

	if (!state)
		die("no memory for a random stream");
	*state = seed;
	(void)splitmix(state);
	*state ^= number * UINT64_C(0xd1342543de82ef95);
	if (pthread_setspecific(random_key, state) != 0)
		die("cannot keep a random stream");
	return state;
}

uint64_t t_random(void)
{
	uint64_t *state;

	pthread_once(&random_once, random_make_key);
	state = pthread_getspecific(random_key);
	if (!state)
		state = random_stream(pawl_add_relaxed(&random_streams, 1));
	return splitmix(state);
}

uint64_t t_random_below(uint64_t limit)
{
	return (uint64_t)(((unsigned __int128)t_random() * limit) >> 64);
}

/* The checking allocator. */

#define BLOCK_LIVE  UINT64_C(0x6c69766550617765)
#define BLOCK_FREED UINT64_C(0x6465616450617764)
#define ZONE_BYTE   0xb5
#define FREED_BYTE  0xdd
#define ALLOC_BYTE  0xa7
#define TAIL_BYTES  32
#define BLOCK_MAX   ((size_t)1 << 40)

struct block {
	struct block *next, *prev; /* list of live blocks, under its shard's lock */
	size_t size, align;
	uint64_t number; /* of the allocation, as t_alloc_fail_at() counts */
	void *base;	 /* what posix_memalign() gave */
	/* From here on hidden: neighbours in the list change only what is above. */
	uint64_t pad;
	uint64_t magic;
};
#define BLOCK_HIDDEN (sizeof(struct block) - offsetof(struct block, pad))
_Static_assert(sizeof(struct block) % 16 == 0, "the header keeps malloc's alignment");

static struct pawl_atomic_u64 alloc_blocks, alloc_bytes, alloc_calls;
static struct pawl_atomic_u64 fail_countdown;
static struct pawl_atomic_u32 fail_happened;

#if T_BLOCK_LIST
#define LIST_SHARDS 64
static struct list_shard {
	pthread_mutex_t lock;
	struct block *head;
} PAWL_ALIGNED(64) list_shards[LIST_SHARDS];

static struct list_shard *list_shard_of(const struct block *block)
{
	return &list_shards[((uintptr_t)block >> 6) % LIST_SHARDS];
}

static void list_start(void)
{
	for (unsigned i = 0; i < LIST_SHARDS; i++)
		pthread_mutex_init(&list_shards[i].lock, NULL);
}

static void list_add(struct block *block)
{
	struct list_shard *shard = list_shard_of(block);

	pthread_mutex_lock(&shard->lock);
	block->prev = NULL;
	block->next = shard->head;
	if (block->next)
		block->next->prev = block;
	shard->head = block;
	pthread_mutex_unlock(&shard->lock);
}

static void list_remove(struct block *block)
{
	struct list_shard *shard = list_shard_of(block);

	pthread_mutex_lock(&shard->lock);
	if (block->prev)
		block->prev->next = block->next;
	else
		shard->head = block->next;
	if (block->next)
		block->next->prev = block->prev;
	pthread_mutex_unlock(&shard->lock);
}

void t_alloc_print(void)
{
	for (unsigned i = 0; i < LIST_SHARDS; i++) {
		pthread_mutex_lock(&list_shards[i].lock);
		for (struct block *block = list_shards[i].head; block; block = block->next)
			printf("# block %p: %zu bytes, align %zu, allocation %llu\n",
			       (void *)(block + 1), block->size, block->align,
			       (unsigned long long)block->number);
		pthread_mutex_unlock(&list_shards[i].lock);
	}
}
#else
static void list_start(void)
{
}

static void list_add(struct block *block)
{
	(void)block;
}

static void list_remove(struct block *block)
{
	(void)block;
}

void t_alloc_print(void)
{
	printf("# %llu blocks, %llu bytes\n", (unsigned long long)t_alloc_blocks(),
	       (unsigned long long)t_alloc_bytes());
}
#endif

static size_t block_front(size_t align)
{
	return (sizeof(struct block) + align - 1) / align * align;
}

static void block_complain(const struct block *block, const void *ptr, const char *what,
			   size_t size, size_t align)
{
	fflush(stdout);
	fprintf(stderr, "allocator: %s: %p, freed with size %zu align %zu", what, ptr, size,
		align);
	if (block->magic == BLOCK_LIVE || block->magic == BLOCK_FREED)
		fprintf(stderr, ", made with size %zu align %zu as allocation %llu",
			block->size, block->align, (unsigned long long)block->number);
	fputc('\n', stderr);
	t_dump_stacks();
	abort();
}

static bool zone_intact(const unsigned char *zone, size_t len, unsigned char byte)
{
	for (size_t i = 0; i < len; i++) {
		if (zone[i] != byte)
			return false;
	}
	return true;
}

#if T_QUARANTINE
#define QUARANTINE_BLOCKS    512
#define QUARANTINE_BLOCK_MAX 65536
static pthread_mutex_t quarantine_lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *quarantine[QUARANTINE_BLOCKS];
static unsigned quarantine_at;

static void block_leave_quarantine(struct block *block)
{
	if (!zone_intact((const unsigned char *)(block + 1), block->size, FREED_BYTE) ||
	    block->magic != BLOCK_FREED)
		block_complain(block, block + 1, "written after it was freed", block->size,
			       block->align);
	free(block->base);
}

static void block_release(struct block *block)
{
	struct block *oldest;

	if (block->size > QUARANTINE_BLOCK_MAX) {
		free(block->base);
		return;
	}
	pthread_mutex_lock(&quarantine_lock);
	oldest = quarantine[quarantine_at];
	quarantine[quarantine_at] = block;
	quarantine_at = (quarantine_at + 1) % QUARANTINE_BLOCKS;
	pthread_mutex_unlock(&quarantine_lock);
	if (oldest)
		block_leave_quarantine(oldest);
}

static void quarantine_empty(void)
{
	for (unsigned i = 0; i < QUARANTINE_BLOCKS; i++) {
		struct block *block;

		pthread_mutex_lock(&quarantine_lock);
		block = quarantine[i];
		quarantine[i] = NULL;
		pthread_mutex_unlock(&quarantine_lock);
		if (block)
			block_leave_quarantine(block);
	}
}
#else
static void block_release(struct block *block)
{
	free(block->base);
}

static void quarantine_empty(void)
{
}
#endif

static bool fail_this_one(void)
{
	uint64_t left = pawl_load_relaxed(&fail_countdown);

	while (left) {
		if (pawl_cas_relaxed(&fail_countdown, &left, left - 1)) {
			if (left != 1)
				return false;
			pawl_store_relaxed(&fail_happened, 1);
			return true;
		}
	}
	return false;
}

static void *checked_alloc(void *arg, size_t size, size_t align)
{
	uint64_t number = pawl_add_relaxed(&alloc_calls, 1) + 1;
	struct block *block;
	size_t front;
	void *base;
	char *user;

	if (arg != &alloc_blocks || size == 0 || (align & (align - 1)) ||
	    align < _Alignof(max_align_t))
		die("the allocator was called with arguments it must not get");
	if (fail_this_one())
		return NULL;
	/* A sanitizer's malloc aborts where others say no. */
	if (size > BLOCK_MAX || align > BLOCK_MAX)
		return NULL;
	front = block_front(align);
	if (posix_memalign(&base, align, front + size + TAIL_BYTES) != 0)
		return NULL;
	user = (char *)base + front;
	block = (struct block *)(void *)user - 1;
	memset(base, ZONE_BYTE, front);
	memset(user, ALLOC_BYTE, size);
	memset(user + size, ZONE_BYTE, TAIL_BYTES);
	*block = (struct block){.size = size,
				.align = align,
				.number = number,
				.base = base,
				.magic = BLOCK_LIVE};
	list_add(block);
	T_HIDE(base, front - sizeof(*block));
	T_HIDE(user - BLOCK_HIDDEN, BLOCK_HIDDEN);
	T_HIDE(user + size, TAIL_BYTES);
	pawl_add_relaxed(&alloc_blocks, 1);
	pawl_add_relaxed(&alloc_bytes, size);
	return user;
}

static void checked_free(void *arg, void *ptr, size_t size, size_t align)
{
	struct block *block = (struct block *)ptr - 1;
	size_t front = block_front(align);

	(void)arg;
	if (!ptr)
		die("the allocator was asked to free NULL");
	T_SHOW((char *)ptr - BLOCK_HIDDEN, BLOCK_HIDDEN);
	if (block->magic != BLOCK_LIVE)
		block_complain(block, ptr,
			       block->magic == BLOCK_FREED ? "freed twice" : "not ours", size,
			       align);
	if (block->size != size || block->align != align)
		block_complain(block, ptr, "freed with another size or alignment", size, align);
	T_SHOW(block->base, front - sizeof(*block));
	T_SHOW((char *)ptr + size, TAIL_BYTES);
	if (!zone_intact(block->base, front - sizeof(*block), ZONE_BYTE))
		block_complain(block, ptr, "written before its start", size, align);
	if (!zone_intact((unsigned char *)ptr + size, TAIL_BYTES, ZONE_BYTE))
		block_complain(block, ptr, "written behind its end", size, align);
	list_remove(block);
	block->magic = BLOCK_FREED;
	memset(ptr, FREED_BYTE, size);
	pawl_sub_relaxed(&alloc_blocks, 1);
	pawl_sub_relaxed(&alloc_bytes, size);
	block_release(block);
}

void t_alloc_fail_at(uint64_t n)
{
	pawl_store_relaxed(&fail_happened, 0);
	pawl_store_relaxed(&fail_countdown, n);
}

bool t_alloc_failed(void)
{
	return pawl_load_relaxed(&fail_happened) != 0;
}

uint64_t t_alloc_blocks(void)
{
	return pawl_load_relaxed(&alloc_blocks);
}

uint64_t t_alloc_bytes(void)
{
	return pawl_load_relaxed(&alloc_bytes);
}

uint64_t t_alloc_calls(void)
{
	return pawl_load_relaxed(&alloc_calls);
}

static void install_allocator(void)
{
	const struct pawl_allocator table = {
		.size = sizeof(table),
		.alloc = checked_alloc,
		.free = checked_free,
		.arg = &alloc_blocks,
	};

	list_start();
	if (pawl_mem_set_allocator(&table) != 0)
		die("memory was allocated before t_run()");
}

/* Allocation failure. */

static void detach_all(void)
{
	while (pawl_thread_attached())
		pawl_thread_detach();
}

static void attach_main(void)
{
	if (pawl_thread_attach("main") != 0)
		die("cannot attach the main thread");
}

void t_oom_loop(const char *name, int (*body)(void))
{
	bool was_attached = pawl_thread_attached();
	uint64_t failures = 0;

	detach_all();
	for (uint64_t n = 1;; n++) {
		uint64_t before = t_alloc_blocks();
		bool failed;
		int rc;

		t_step();
		t_alloc_fail_at(n);
		rc = body();
		failed = t_alloc_failed();
		t_alloc_fail_at(0);

		if (pawl_thread_attached() || pawl_thread_count())
			fail_msg("%s, allocation %llu failing: a thread is left attached", name,
				 (unsigned long long)n);
		if (failed ? rc != 0 && rc != -ENOMEM && rc != -EAGAIN : rc != 0)
			fail_msg("%s, allocation %llu %s: returned %d", name,
				 (unsigned long long)n, failed ? "failing" : "not reached", rc);
		if (t_alloc_blocks() != before) {
			t_alloc_print();
			fail_msg("%s, allocation %llu failing: %llu blocks before, %llu after",
				 name, (unsigned long long)n, (unsigned long long)before,
				 (unsigned long long)t_alloc_blocks());
		}
		if (!failed)
			break;
		failures++;
	}
	printf("# %s: %llu allocation failures\n", name, (unsigned long long)failures);
	assert_int_not_equal(failures, 0);
	if (was_attached)
		attach_main();
}

void t_oom_case(void **state)
{
	const struct t_oom *oom = *state;

	t_oom_loop(oom->name, oom->body);
}

/* Threads. */

struct t_thread {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
	uint64_t stream;
	bool attach;
};

static void *thread_main(void *arg)
{
	struct t_thread *thread = arg;

	pthread_once(&random_once, random_make_key);
	random_stream(thread->stream);
	if (thread->attach) {
		char name[16];

		snprintf(name, sizeof(name), "t%llu", (unsigned long long)thread->stream);
		if (pawl_thread_attach(name) != 0)
			die("cannot attach a test thread");
	}
	thread->fn(thread->arg);
	if (thread->attach)
		pawl_thread_detach();
	return NULL;
}

static struct t_thread *thread_start(void (*fn)(void *arg), void *arg, bool attach)
{
	struct t_thread *thread = malloc(sizeof(*thread));

	if (!thread)
		die("no memory for a thread");
	thread->fn = fn;
	thread->arg = arg;
	thread->stream = pawl_add_relaxed(&random_streams, 1);
	thread->attach = attach;
	if (pthread_create(&thread->thread, NULL, thread_main, thread) != 0)
		die("cannot start a thread");
	return thread;
}

struct t_thread *t_thread_start(void (*fn)(void *arg), void *arg)
{
	return thread_start(fn, arg, true);
}

struct t_thread *t_thread_start_bare(void (*fn)(void *arg), void *arg)
{
	return thread_start(fn, arg, false);
}

void t_thread_join(struct t_thread *thread)
{
	bool idle = pawl_thread_attached();

	if (idle)
		pawl_rcu_idle_enter();
	if (pthread_join(thread->thread, NULL) != 0)
		die("cannot join a thread");
	if (idle)
		pawl_rcu_idle_leave();
	free(thread);
}

unsigned t_tasks(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned count = 0;

	if (!dir)
		die("cannot read /proc/self/task");
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] != '.')
			count++;
	}
	closedir(dir);
	return count;
}

void t_tasks_wait(unsigned count)
{
	t_wait_until(t_tasks() <= count);
}

struct t_barrier {
	pthread_barrier_t barrier;
};

struct t_barrier *t_barrier_make(unsigned count)
{
	struct t_barrier *barrier = malloc(sizeof(*barrier));

	if (!barrier || pthread_barrier_init(&barrier->barrier, NULL, count) != 0)
		die("cannot make a barrier");
	return barrier;
}

void t_barrier_wait(struct t_barrier *barrier)
{
	bool idle = pawl_thread_attached();

	if (idle)
		pawl_rcu_idle_enter();
	pthread_barrier_wait(&barrier->barrier);
	if (idle)
		pawl_rcu_idle_leave();
}

void t_barrier_drop(struct t_barrier *barrier)
{
	pthread_barrier_destroy(&barrier->barrier);
	free(barrier);
}

/* Children. */

static int wait_child(pid_t child)
{
	bool idle = pawl_thread_attached();
	int status;

	if (idle)
		pawl_rcu_idle_enter();
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			die("cannot wait for a child");
	}
	if (idle)
		pawl_rcu_idle_leave();
	return status;
}

/* What every forked child does first: it must not outlive us, nor write into our TAP. */
static void child_start(int stderr_fd)
{
	const struct rlimit no_core = {0, 0};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, SIG_DFL);
	if (null >= 0)
		dup2(null, STDOUT_FILENO);
	if (stderr_fd >= 0)
		dup2(stderr_fd, STDERR_FILENO);
}

bool t_aborts(void (*fn)(void *arg), void *arg, const char *text)
{
	static char said[65536];
	int fd = memfd_create("stderr", MFD_CLOEXEC);
	int status;
	ssize_t n;
	pid_t child;

	if (fd < 0)
		die("cannot make a memory file");
	fflush(stdout);
	fflush(stderr);
	child = fork();
	if (child < 0)
		die("cannot fork");
	if (child == 0) {
		child_start(fd);
		fn(arg);
		_exit(0);
	}
	status = wait_child(child);
	n = pread(fd, said, sizeof(said) - 1, 0);
	close(fd);
	said[n > 0 ? n : 0] = '\0';
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, text))
		return true;
	if (WIFSIGNALED(status))
		printf("# child died by signal %d\n", WTERMSIG(status));
	else
		printf("# child ended with status %d\n", WEXITSTATUS(status));
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		printf("# child: %s\n", line);
	return false;
}

int t_forked(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t child;

	fflush(stdout);
	fflush(stderr);
	child = fork();
	if (child < 0)
		die("cannot fork");
	if (child == 0) {
		child_start(-1);
		_exit(fn(arg));
	}
	status = wait_child(child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int t_rerun(const char *word, char *out, size_t len)
{
	char path[] = "/proc/self/exe";
	char *argv[] = {path, (char *)(uintptr_t)word, NULL};
	posix_spawn_file_actions_t actions;
	int fd = memfd_create("stdout", MFD_CLOEXEC);
	int status;
	pid_t child;

	if (fd < 0)
		die("cannot make a memory file");
	fflush(stdout);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	if (posix_spawn(&child, path, &actions, NULL, argv, environ) != 0)
		die("cannot start this program again");
	posix_spawn_file_actions_destroy(&actions);
	status = wait_child(child);
	if (out && len) {
		ssize_t n = pread(fd, out, len - 1, 0);

		out[n > 0 ? n : 0] = '\0';
	}
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The runner. */

struct t_case {
	const struct CMUnitTest *test;
	void *state;
};

/* Written by the main thread, read by the watchdog. */
static struct pawl_atomic_ptr current_case;

static const char *case_name(void)
{
	const char *name = pawl_load_acquire(&current_case);

	return name ? name : "(none)";
}

void t_skip(const char *why)
{
	printf("# %s skipped: %s\n", case_name(), why);
}

static void describe_case(void)
{
	fprintf(stderr, "case %s, T_SEED=%llu\n", case_name(), (unsigned long long)seed);
}

static void run_case(void **state)
{
	struct t_case *one = *state;
	const struct CMUnitTest *test = one->test;
	uint64_t before, after;

	pawl_store_release(&current_case, (void *)(uintptr_t)test->name);
	/* A case that failed may have left the main thread in any state. */
	detach_all();
	before = t_alloc_blocks();
	t_alloc_fail_at(0);
	attach_main();
	t_step();

	one->state = test->initial_state;
	if (test->setup_func)
		assert_int_equal(test->setup_func(&one->state), 0);
	test->test_func(&one->state);
	if (test->teardown_func)
		assert_int_equal(test->teardown_func(&one->state), 0);

	t_step();
	t_alloc_fail_at(0);
	if (pawl_thread_attached()) {
		pawl_retire_barrier();
		pawl_thread_detach();
	}
	assert_false(pawl_thread_attached());
	assert_int_equal(pawl_thread_count(), 0);
	after = t_alloc_blocks();
	if (after != before)
		t_alloc_print();
	assert_int_equal(after, before);
}

int t_run_group(const char *name, const struct CMUnitTest *cases, size_t count)
{
	struct CMUnitTest *wrapped = calloc(count, sizeof(*wrapped));
	struct t_case *own = calloc(count, sizeof(*own));
	int failed;

	if (!wrapped || !own)
		die("no memory for the list of cases");
	setvbuf(stdout, NULL, _IOLBF, 0);
	choose_seed();
	printf("# %s: T_SEED=%llu\n", name, (unsigned long long)seed);
	install_allocator();
	t_watchdog_start(t_steps, describe_case);

	for (size_t i = 0; i < count; i++) {
		own[i].test = &cases[i];
		wrapped[i] = (struct CMUnitTest){
			.name = cases[i].name,
			.test_func = run_case,
			.initial_state = &own[i],
		};
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("T_CASE"));
	cmocka_set_skip_filter(getenv("T_NOT_CASE"));
	failed = _cmocka_run_group_tests(name, wrapped, count, NULL, NULL);
	quarantine_empty();
	t_watchdog_stop();
	free(wrapped);
	free(own);
	return failed;
}
