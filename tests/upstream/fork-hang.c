/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork-hang.c - a forked child waits for ever for readers that it does not have.
 *
 * The registry of readers is copied by fork, the threads are not: if one was
 * inside a read section at that moment, no grace period of the child ends. The
 * child is killed after two seconds.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <urcu/urcu-memb.h>

#include "upstream.h"

static pthread_barrier_t inside;
static pthread_barrier_t done;

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

int main(void)
{
	pthread_t thread;
	bool ended = false;
	pid_t child;

	pthread_barrier_init(&inside, NULL, 2);
	pthread_barrier_init(&done, NULL, 2);
	urcu_memb_register_thread();
	if (pthread_create(&thread, NULL, reader, NULL))
		upstream_cannot_tell("fork-hang", "no thread");
	pthread_barrier_wait(&inside);
	child = fork();
	if (child == 0) {
		urcu_memb_synchronize_rcu();
		_exit(0);
	}
	if (child < 0)
		upstream_cannot_tell("fork-hang", "no child");
	for (unsigned i = 0; i < 200 && !ended; i++) {
		upstream_sleep_ms(10);
		ended = waitpid(child, NULL, WNOHANG) == child;
	}
	if (!ended) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	pthread_barrier_wait(&done);
	pthread_join(thread, NULL);
	urcu_memb_unregister_thread();
	upstream_say("fork-hang", !ended, "synchronize_rcu of a forked child %s",
		     ended ? "returns"
			   : "has not returned after 2 s: a thread that is not there reads");
	return 0;
}
