/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-fiber.c - what fibres are compared with: swapcontext, threads, semaphores and condition
 * variables between two threads.
 */
#include "bench.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STACK_BYTES = 65536 };

/* ---- swapcontext --------------------------------------------------------- */

struct contexts {
	ucontext_t main, other;
	char *stack;
};

/* makecontext hands over ints. */
static struct contexts *current;

static void swap_body(void)
{
	struct contexts *contexts = current;

	for (;;)
		swapcontext(&contexts->other, &contexts->main);
}

static void end_body(void)
{
	b_use(current);
}

static void context_make(struct contexts *contexts, void (*body)(void))
{
	getcontext(&contexts->other);
	contexts->other.uc_stack.ss_sp = contexts->stack;
	contexts->other.uc_stack.ss_size = STACK_BYTES;
	contexts->other.uc_link = &contexts->main;
	makecontext(&contexts->other, body, 0);
}

static void swap_enter(struct b_worker *w)
{
	struct contexts *contexts = b_alloc(sizeof(*contexts));

	contexts->stack = b_alloc(STACK_BYTES);
	w->local = contexts;
	current = contexts;
	context_make(contexts, swap_body);
}

static void swap_leave(struct b_worker *w)
{
	struct contexts *contexts = w->local;

	free(contexts->stack);
	free(contexts);
}

static void swap_work(struct b_worker *w, uint64_t n)
{
	struct contexts *contexts = w->local;

	for (n = (n + 1) / 2; n; n--)
		swapcontext(&contexts->main, &contexts->other);
}

/* The stack is there already: the best that can be had this way. */
static void make_work(struct b_worker *w, uint64_t n)
{
	struct contexts *contexts = w->local;

	while (n--) {
		context_make(contexts, end_body);
		swapcontext(&contexts->main, &contexts->other);
	}
}

/* A new mapping with a guard each time: without a pool. */
static void map_work(struct b_worker *w, uint64_t n)
{
	struct contexts *contexts = w->local;
	char *pooled = contexts->stack;

	while (n--) {
		char *low = mmap(NULL, STACK_BYTES + 4096, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (low == MAP_FAILED || mprotect(low, 4096, PROT_NONE))
			b_die("cannot map a stack");
		contexts->stack = low + 4096;
		context_make(contexts, end_body);
		swapcontext(&contexts->main, &contexts->other);
		munmap(low, STACK_BYTES + 4096);
	}
	contexts->stack = pooled;
}

/* ---- threads --------------------------------------------------------------- */

static void *thread_body(void *arg)
{
	b_use(arg);
	return NULL;
}

static void thread_work(struct b_worker *w, uint64_t n)
{
	while (n--) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_body, w) || pthread_join(thread, NULL))
			b_die("cannot make a thread");
	}
}

struct turns {
	pthread_mutex_t mutex;
	pthread_cond_t cond[2];
	unsigned turn;
	sem_t sem[2];
};

static int turns_setup(struct b_run *run)
{
	struct turns *turns = b_alloc(sizeof(*turns));

	pthread_mutex_init(&turns->mutex, NULL);
	for (unsigned i = 0; i < 2; i++) {
		pthread_cond_init(&turns->cond[i], NULL);
		sem_init(&turns->sem[i], 0, 0);
	}
	run->state = turns;
	return 0;
}

static void turns_teardown(struct b_run *run)
{
	free(run->state);
}

static void cond_work(struct b_worker *w, uint64_t n)
{
	struct turns *turns = w->run->state;

	pthread_mutex_lock(&turns->mutex);
	while (n--) {
		while (turns->turn != w->index)
			pthread_cond_wait(&turns->cond[w->index], &turns->mutex);
		turns->turn = 1 - w->index;
		pthread_cond_signal(&turns->cond[1 - w->index]);
	}
	pthread_mutex_unlock(&turns->mutex);
}

static void sem_work(struct b_worker *w, uint64_t n)
{
	struct turns *turns = w->run->state;

	while (n--) {
		if (w->index)
			sem_wait(&turns->sem[1]);
		sem_post(&turns->sem[1 - w->index]);
		if (!w->index)
			sem_wait(&turns->sem[0]);
	}
}

static const struct b_case cases[] = {
	{.bench = "fiber-switch",
	 .contender = "swapcontext",
	 .threads = 1,
	 .enter = swap_enter,
	 .work = swap_work,
	 .leave = swap_leave},
	{.bench = "fiber-spawn",
	 .contender = "makecontext",
	 .threads = 1,
	 .enter = swap_enter,
	 .work = make_work,
	 .leave = swap_leave},
	{.bench = "fiber-spawn",
	 .contender = "makecontext+mmap",
	 .threads = 1,
	 .enter = swap_enter,
	 .work = map_work,
	 .leave = swap_leave},
	{.bench = "fiber-spawn", .contender = "pthread", .threads = 1, .work = thread_work},
	{.bench = "fiber-wait",
	 .contender = "pthread-cond",
	 .threads = 2,
	 .one_cpu = true,
	 .setup = turns_setup,
	 .work = cond_work,
	 .teardown = turns_teardown},
	{.bench = "fiber-wait",
	 .contender = "pthread-sem",
	 .threads = 2,
	 .one_cpu = true,
	 .setup = turns_setup,
	 .work = sem_work,
	 .teardown = turns_teardown},
};
B_CASES(cases)
