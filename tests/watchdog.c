/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.c - ends a test that hangs, with the stacks of all its threads.
 *
 * Threads are listed from /proc/self/task by plain system calls: whoever hangs may hold
 * malloc's locks. Each gets a signal whose handler prints its own stack; one that does not
 * answer in two seconds (signals blocked, or held back by a sanitizer) is described by what
 * the kernel knows of it. The unwinder is loaded beforehand, so that the first backtrace() in
 * a handler does not have to load it.
 */
#include "watchdog.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <pawl/atomic.h>

#define LOOKS_BEFORE_HANG 60
#define FRAMES_MAX	  64
#define DUMP_SIGNAL	  (SIGRTMIN + 7)

static struct {
	uint64_t (*progress)(void);
	void (*describe)(void);
	pthread_t thread;
	bool running;
	bool handler_set;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* under `lock` */
} watchdog = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The watchdog's own thread, 0: none. It has nothing to tell. */
static struct pawl_atomic_u32 watchdog_tid;

/* The thread whose turn it is; the handler stores 0 when it has printed. */
static struct pawl_atomic_u32 dump_turn;

static void put_text(const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(STDERR_FILENO, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

static void put_number(uint64_t value)
{
	char digits[24];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put_text(p);
}

static void put_stack(void)
{
	void *frames[FRAMES_MAX];
	int n = backtrace(frames, FRAMES_MAX);

	backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static void on_dump_signal(int sig)
{
	int saved = errno;

	(void)sig;
	put_stack();
	pawl_store_release(&dump_turn, 0);
	errno = saved;
}

static void prepare_handler(void)
{
	void *frames[4];
	struct sigaction action;

	if (watchdog.handler_set)
		return;
	watchdog.handler_set = true;
	(void)backtrace(frames, 4);
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_dump_signal;
	action.sa_flags = SA_RESTART | SA_ONSTACK;
	sigemptyset(&action.sa_mask);
	sigaction(DUMP_SIGNAL, &action, NULL);
}

/* A small file of /proc about one thread, as one line. */
static void put_proc_line(uint32_t tid, const char *file)
{
	char path[64];
	char text[256];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%u/%s", tid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	put_text(" ");
	put_text(file);
	put_text("=");
	put_text(text);
}

static void dump_thread(uint32_t tid)
{
	const struct timespec tick = {.tv_nsec = 1000000};

	put_text("--- thread ");
	put_number(tid);
	put_proc_line(tid, "comm");
	put_proc_line(tid, "wchan");
	put_text("\n");
	if (tid == (uint32_t)syscall(SYS_gettid)) {
		put_stack();
		return;
	}
	pawl_store_release(&dump_turn, tid);
	if (syscall(SYS_tgkill, getpid(), (pid_t)tid, DUMP_SIGNAL) != 0)
		return;
	for (unsigned i = 0; i < 2000; i++) {
		if (!pawl_load_acquire(&dump_turn))
			return;
		nanosleep(&tick, NULL);
	}
	put_text("    (does not answer)");
	put_proc_line(tid, "syscall");
	put_text("\n");
}

struct kernel_dirent {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

void t_dump_stacks(void)
{
	_Alignas(struct kernel_dirent) char buf[4096];
	int fd;

	prepare_handler();
	fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (;;) {
		long n = syscall(SYS_getdents64, fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		for (long at = 0; at < n;) {
			const struct kernel_dirent *entry = (const void *)(buf + at);
			unsigned long tid = strtoul(entry->name, NULL, 10);

			if (tid && tid != pawl_load_relaxed(&watchdog_tid))
				dump_thread((uint32_t)tid);
			at += entry->reclen;
		}
	}
	close(fd);
}

/* One second, or until told to stop: true. */
static bool sleep_a_look(void)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&watchdog.lock);
	while (!watchdog.stop) {
		if (pthread_cond_timedwait(&watchdog.wake, &watchdog.lock, &until) != 0)
			break;
	}
	stop = watchdog.stop;
	pthread_mutex_unlock(&watchdog.lock);
	return stop;
}

static void *watchdog_main(void *arg)
{
	uint64_t last = watchdog.progress();
	unsigned looks = 0;

	(void)arg;
	pawl_store_relaxed(&watchdog_tid, (uint32_t)syscall(SYS_gettid));
	while (!sleep_a_look()) {
		uint64_t now = watchdog.progress();

		if (now != last) {
			last = now;
			looks = 0;
			continue;
		}
		if (++looks < LOOKS_BEFORE_HANG)
			continue;
		put_text("\n*** hang: no progress in 60 s; progress counter at ");
		put_number(now);
		put_text("\n");
		if (watchdog.describe)
			watchdog.describe();
		t_dump_stacks();
		abort();
	}
	return NULL;
}

void t_watchdog_start(uint64_t (*progress)(void), void (*describe)(void))
{
	const char *tier = getenv("T_TIER");
	pthread_condattr_t attr;
	sigset_t all, old;

	prepare_handler();
	if (watchdog.running || (tier && strcmp(tier, "long") == 0))
		return;
	watchdog.progress = progress;
	watchdog.describe = describe;
	watchdog.stop = false;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog.wake, &attr);
	pthread_condattr_destroy(&attr);

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&watchdog.thread, NULL, watchdog_main, NULL) == 0)
		watchdog.running = true;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (watchdog.running)
		pthread_setname_np(watchdog.thread, "t-watchdog");
}

void t_watchdog_stop(void)
{
	if (!watchdog.running)
		return;
	pthread_mutex_lock(&watchdog.lock);
	watchdog.stop = true;
	pthread_cond_signal(&watchdog.wake);
	pthread_mutex_unlock(&watchdog.lock);
	pthread_join(watchdog.thread, NULL);
	pthread_cond_destroy(&watchdog.wake);
	watchdog.running = false;
}
