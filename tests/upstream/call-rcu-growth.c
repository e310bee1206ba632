/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call-rcu-growth.c - call_rcu takes whatever comes: nobody is told that the thread
 * which frees does not keep up, and what waits to be freed grows without a bound.
 *
 * Shown twice: by retiring as fast as one thread can for a second, and, free of
 * chance, by retiring while another thread sits in a read section.
 */
#include <pthread.h>
#include <stdatomic.h>

#include <urcu/urcu-memb.h>

#include "upstream.h"

enum { MANY = 500000 };

struct object {
	struct rcu_head head;
	char payload[64 - sizeof(struct rcu_head)];
};

static _Atomic uint64_t freed;
static pthread_barrier_t inside;
static pthread_barrier_t done;

static void object_free(struct rcu_head *head)
{
	free(caa_container_of(head, struct object, head));
	atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
}

static void retire_one(void)
{
	struct object *obj = malloc(sizeof(*obj));

	if (!obj)
		upstream_cannot_tell("call-rcu-growth", "no memory");
	urcu_memb_call_rcu(&obj->head, object_free);
}

static void *reader(void *arg)
{
	urcu_memb_register_thread();
	urcu_memb_read_lock();
	pthread_barrier_wait(&inside);
	pthread_barrier_wait(&done);
	urcu_memb_read_unlock();
	urcu_memb_unregister_thread();
	return arg;
}

static uint64_t peak_of_storm(uint64_t *ret_retired)
{
	uint64_t end = upstream_now_ns() + 1000000000u;
	uint64_t retired = 0;
	uint64_t peak = 0;

	while (retired % 256 || upstream_now_ns() < end) {
		uint64_t pending;

		retire_one();
		retired++;
		pending = retired - atomic_load_explicit(&freed, memory_order_relaxed);
		peak = peak > pending ? peak : pending;
	}
	urcu_memb_barrier();
	*ret_retired = retired;
	return peak;
}

static uint64_t pending_behind_reader(void)
{
	uint64_t before = atomic_load(&freed);
	pthread_t thread;
	uint64_t pending;

	pthread_barrier_init(&inside, NULL, 2);
	pthread_barrier_init(&done, NULL, 2);
	if (pthread_create(&thread, NULL, reader, NULL))
		upstream_cannot_tell("call-rcu-growth", "no thread");
	pthread_barrier_wait(&inside);
	for (unsigned i = 0; i < MANY; i++)
		retire_one();
	pending = MANY - (atomic_load(&freed) - before);
	pthread_barrier_wait(&done);
	pthread_join(thread, NULL);
	urcu_memb_barrier();
	return pending;
}

int main(void)
{
	uint64_t retired;
	uint64_t peak;
	uint64_t behind;

	urcu_memb_register_thread();
	peak = peak_of_storm(&retired);
	behind = pending_behind_reader();
	upstream_say("call-rcu-growth", behind >= MANY / 2,
		     "%llu objects (%llu MB) pending at the peak of a storm of %llu in 1 s;"
		     " %llu of %d pending behind one reader, and no call said so",
		     (unsigned long long)peak,
		     (unsigned long long)(peak * sizeof(struct object) >> 20),
		     (unsigned long long)retired, (unsigned long long)behind, MANY);
	urcu_memb_unregister_thread();
	return 0;
}
