/* SPDX-License-Identifier: BSD-2-Clause */
/* thread.c - attach threads, and use the slot number to give each a counter of its own. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/thread.h>

#define THREADS 4
#define ROUNDS	10000

/* Lines apart, so that no two threads write to one cache line. */
static struct {
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 count;
} counters[PAWL_THREADS_MAX];

static void *worker(void *arg)
{
	int error = pawl_thread_attach("worker");

	(void)arg;
	if (error) {
		fprintf(stderr, "attach: %s\n", strerror(-error));
		return NULL;
	}
	/* The slot is this thread's until it detaches; then another one may get it. */
	for (int i = 0; i < ROUNDS; i++)
		pawl_add_relaxed(&counters[pawl_thread_slot()].count, 1u);
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];
	uint64_t sum = 0;

	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&thread[i], NULL, worker, NULL))
			return 1;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < PAWL_THREADS_MAX; i++)
		sum += pawl_load_relaxed(&counters[i].count);
	printf("%d threads counted to %llu, %u are still attached\n", THREADS,
	       (unsigned long long)sum, pawl_thread_count());
	return sum == THREADS * ROUNDS && pawl_thread_count() == 0 ? 0 : 1;
}
