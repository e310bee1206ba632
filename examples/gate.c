/* SPDX-License-Identifier: BSD-2-Clause */
/* gate.c - stop all work for a moment, look at what it works on, let it go on. */
#include <pthread.h>
#include <stdio.h>

#include <pawl/gate.h>
#include <pawl/thread.h>

#define THREADS 2
#define EACH	20000

static struct pawl_gate *gate;
static long done[THREADS]; /* plain memory: each thread its own */

static void *worker(void *mine)
{
	long *count = mine;

	if (pawl_thread_attach("worker"))
		return NULL;
	for (int i = 0; i < EACH; i++) {
		pawl_gate_ticket_t ticket = pawl_gate_enter(gate);

		++*count;
		pawl_gate_leave(gate, ticket);
	}
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	long sum = 0;

	if (pawl_thread_attach("main") || pawl_gate_create(&gate))
		return 1;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, &done[i]))
			return 1;
	for (int round = 0; round < 3; round++) {
		pawl_gate_close(gate);
		pawl_gate_wait(gate); /* nobody is inside: all counts may be read */
		printf("%ld and %ld done\n", done[0], done[1]);
		if (pawl_gate_open(gate))
			return 1;
	}
	pawl_thread_detach();
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += done[i];
	}
	pawl_gate_destroy(gate);
	printf("%ld in the end\n", sum);
	return sum != (long)THREADS * EACH;
}
