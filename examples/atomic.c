/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * atomic.c - hand plain data to other threads: write it, publish a pointer with release, read
 * the pointer with acquire. Atomics need no attached thread.
 */
#include <pthread.h>
#include <stdio.h>

#include <pawl/atomic.h>

#define READERS 3

struct route {
	const char *host;
	unsigned port;
};

static struct pawl_atomic_ptr current_route;
static struct pawl_atomic_u64 port_sum;

static void *reader(void *arg)
{
	const struct route *route;

	(void)arg;
	/* Acquire: whoever sees the pointer sees what was written before it was stored. */
	while (!(route = pawl_load_acquire(&current_route)))
		pawl_pause();
	/* Relaxed: a sum orders nothing, and pthread_join() orders it for main(). */
	pawl_add_relaxed(&port_sum, route->port);
	return NULL;
}

int main(void)
{
	static struct route route;
	pthread_t thread[READERS];
	uint64_t sum;

	for (int i = 0; i < READERS; i++) {
		if (pthread_create(&thread[i], NULL, reader, NULL))
			return 1;
	}
	route.host = "localhost";
	route.port = 8080;
	pawl_store_release(&current_route, (void *)&route);
	for (int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);

	sum = pawl_load_relaxed(&port_sum);
	printf("%d readers of %s:%u, sum of ports %llu\n", READERS, route.host, route.port,
	       (unsigned long long)sum);
	return sum == READERS * 8080 ? 0 : 1;
}
