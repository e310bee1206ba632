/* SPDX-License-Identifier: BSD-2-Clause */
/* park.c - a result that one thread waits for and another one brings. */
#include <pthread.h>
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

struct result {
	struct pawl_waiter *waiter; /* who is to be woken */
	struct pawl_atomic_u32 ready;
	unsigned value; /* before `ready` */
};

static void *compute(void *arg)
{
	struct result *result = arg;
	/* Read now: once `ready` is stored, the result may be gone. */
	struct pawl_waiter *waiter = result->waiter;

	if (pawl_thread_attach("compute"))
		return NULL;
	for (unsigned i = 1; i <= 100; i++)
		result->value += i;
	pawl_store_release(&result->ready, 1u);
	pawl_unpark(waiter);
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	pthread_t thread;
	struct result result = {.value = 0};

	if (pawl_thread_attach("main"))
		return 1;
	result.waiter = pawl_waiter_self();
	if (pthread_create(&thread, NULL, compute, &result))
		return 1;
	/* park() may return for nothing, so the condition stands in a loop, and nothing that
	 * may sleep stands between the look and the park. */
	while (!pawl_load_acquire(&result.ready))
		pawl_park();
	printf("1 + 2 + ... + 100 = %u\n", result.value);

	pawl_rcu_idle_enter(); /* around what blocks outside Pawl */
	pthread_join(thread, NULL);
	pawl_rcu_idle_leave();
	pawl_thread_detach();
	return result.value == 5050 ? 0 : 1;
}
