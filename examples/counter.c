/* SPDX-License-Identifier: BSD-2-Clause */
/* counter.c - threads count, a bystander reads at three prices. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include <pawl/counter.h>
#include <pawl/thread.h>

#define THREADS 4
#define EACH	100010

static void *worker(void *counter)
{
	if (pawl_thread_attach("worker"))
		return NULL;
	for (int i = 0; i < EACH; i++)
		pawl_counter_add(counter, 1);
	pawl_thread_detach(); /* what it had not told of yet is told now */
	return NULL;
}

int main(void)
{
	struct pawl_counter_bound bound;
	struct pawl_counter *counter;
	pthread_t threads[THREADS];
	int64_t sum;

	if (pawl_counter_create(0, &counter))
		return 1;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, counter))
			return 1;
	pawl_counter_read_bound(counter, &bound);
	printf("about %" PRId64 ", between %" PRId64 " and %" PRId64 "\n", bound.value,
	       bound.min, bound.max);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	sum = pawl_counter_read_sum(counter);
	printf("in the end %" PRId64 "\n", sum);
	pawl_counter_destroy(counter);
	return sum != (int64_t)THREADS * EACH;
}
