/* SPDX-License-Identifier: BSD-2-Clause */
/* ec.c - a worker that sleeps on an event count when there is nothing to do. */
#include <pthread.h>
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/ec.h>
#include <pawl/thread.h>

#define JOBS 1000

static struct pawl_ec wake = PAWL_EC_INIT;
static struct pawl_atomic_u32 jobs, done, stopped;

static bool take_job(void)
{
	uint32_t left = pawl_load_relaxed(&jobs);

	/* A failed exchange brings `left` up to date. */
	while (left && !pawl_cas_weak_acquire(&jobs, &left, left - 1))
		;
	return left > 0;
}

static void *worker(void *arg)
{
	if (pawl_thread_attach("worker"))
		return arg;
	for (bool end = false; !end;) {
		pawl_ec_key_t key = pawl_ec_prepare(&wake);

		/* From here on a notifier sees us. What ends us is looked at before the jobs. */
		end = pawl_load_acquire(&stopped);
		if (!end && !pawl_load_relaxed(&jobs))
			pawl_ec_wait(&wake, key);
		else
			pawl_ec_cancel(&wake);
		while (take_job())
			pawl_add_relaxed(&done, 1u);
	}
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, worker, NULL))
		return 1;
	for (int i = 0; i < JOBS; i++) {
		pawl_add_release(&jobs, 1u);
		pawl_ec_notify(&wake, 1);
	}
	pawl_store_release(&stopped, 1u);
	pawl_ec_notify_all(&wake);
	pthread_join(thread, NULL);
	printf("%u of %d jobs done\n", pawl_load_relaxed(&done), JOBS);
	return pawl_load_relaxed(&done) != JOBS;
}
