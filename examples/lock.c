/* SPDX-License-Identifier: BSD-2-Clause */
/* lock.c - a lock in every account, and transfers that take two of them. */
#include <pthread.h>
#include <stdio.h>

#include <pawl/lock.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

#define TRANSFERS 20000

struct account {
	struct pawl_lock lock; /* four bytes */
	int balance;	       /* under the lock */
};

static struct account accounts[2] = {{PAWL_LOCK_INIT, 1000}, {PAWL_LOCK_INIT, 500}};

/* Either order of accounts is fine: the pair lock takes them in one fixed order. */
static void transfer(struct account *from, struct account *to, int amount)
{
	pawl_lock_lock_pair(&from->lock, &to->lock);
	from->balance -= amount;
	to->balance += amount;
	pawl_lock_unlock_pair(&from->lock, &to->lock);
}

static void *clerk(void *from)
{
	struct account *to = from == &accounts[0] ? &accounts[1] : &accounts[0];

	if (pawl_thread_attach("clerk"))
		return NULL;
	for (int i = 0; i < TRANSFERS; i++)
		transfer(from, to, i % 10);
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	pthread_t thread[2];
	int sum;

	if (pawl_thread_attach("main"))
		return 1;
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&thread[i], NULL, clerk, &accounts[i]))
			return 1;
	}
	pawl_rcu_idle_enter(); /* around what blocks outside Pawl */
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	pawl_rcu_idle_leave();
	sum = accounts[0].balance + accounts[1].balance;
	pawl_thread_detach();
	printf("%d transfers, sum of balances %d\n", 2 * TRANSFERS, sum);
	return sum == 1500 ? 0 : 1;
}
