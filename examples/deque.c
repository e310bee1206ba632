/* SPDX-License-Identifier: BSD-2-Clause */
/* deque.c - a worker with work, and one without that steals half of it. */
#include <pthread.h>
#include <stdio.h>

#include <pawl/deque.h>

enum { TASKS = 1000 };

static struct pawl_deque *busy;
static unsigned done_by_thief, done_by_owner;
static unsigned tasks[TASKS];

static void *thief(void *nothing)
{
	struct pawl_deque *own;
	unsigned *task;

	(void)nothing;
	if (pawl_deque_create(NULL, &own))
		return NULL;
	/* Half of what is there in one go, then from the own deque, until both are empty. */
	while (pawl_deque_steal_half(busy, own)) {
		while ((task = pawl_deque_pop_owner(own))) {
			++*task;
			done_by_thief++;
		}
	}
	pawl_deque_destroy(own);
	return NULL;
}

int main(void)
{
	struct pawl_deque_options options = PAWL_DEQUE_OPTIONS_INIT;
	pthread_t thread;
	unsigned *task;

	options.capacity_max = 1024; /* grows from 256 */
	if (pawl_deque_create(&options, &busy))
		return 1;
	for (unsigned i = 0; i < TASKS; i++) {
		if (pawl_deque_push_owner(busy, &tasks[i]))
			return 1;
	}
	if (pthread_create(&thread, NULL, thief, NULL))
		return 1;
	for (; (task = pawl_deque_pop_owner(busy)); done_by_owner++)
		++*task;
	pthread_join(thread, NULL);
	pawl_deque_destroy(busy);
	for (unsigned i = 0; i < TASKS; i++) {
		if (tasks[i] != 1)
			return 1;
	}
	printf("each of %u tasks ran once\n", done_by_owner + done_by_thief);
	return done_by_owner + done_by_thief == TASKS ? 0 : 1;
}
