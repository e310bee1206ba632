/* SPDX-License-Identifier: BSD-2-Clause */
/* rcu.c - readers without locks, while a writer replaces what they read. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <pawl/atomic.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

#define VERSIONS 200

struct limits {
	int low, high; /* high is low + 10 in every version */
};

static struct pawl_atomic_ptr limits;
static struct pawl_atomic_u32 stopped, torn;

static void *reader(void *arg)
{
	if (pawl_thread_attach("reader"))
		return arg;
	while (!pawl_load_relaxed(&stopped)) {
		const struct limits *now;

		pawl_rcu_begin();
		now = pawl_load_acquire(&limits); /* valid to the end of the section */
		if (now && now->high != now->low + 10)
			pawl_store_relaxed(&torn, 1u);
		pawl_rcu_end();
		pawl_rcu_quiescent(); /* for builds with qsbr; else nothing */
	}
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	pthread_t thread;

	if (pawl_thread_attach("writer") || pthread_create(&thread, NULL, reader, NULL))
		return 1;
	for (int i = 0; i <= VERSIONS; i++) {
		struct limits *next = i < VERSIONS ? malloc(sizeof(*next)) : NULL, *old;

		if (next)
			*next = (struct limits){i, i + 10};
		old = pawl_xchg_acq_rel(&limits, (void *)next); /* no new reader finds it, */
		pawl_rcu_synchronize(); /* and those who did are done with it */
		free(old);
	}
	pawl_store_relaxed(&stopped, 1u);
	pawl_rcu_idle_enter(); /* around what blocks outside Pawl */
	pthread_join(thread, NULL);
	pawl_rcu_idle_leave();
	pawl_thread_detach();
	printf("%d versions, %u torn\n", VERSIONS, pawl_load_relaxed(&torn));
	return pawl_load_relaxed(&torn) ? 1 : 0;
}
