/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex.c - the two futex calls of the project.
 *
 * Deadlines are absolute on CLOCK_MONOTONIC (FUTEX_WAIT_BITSET takes them so), hence a wait
 * that is interrupted and started again does not grow. An error that the kernel cannot
 * give for our arguments means a broken system: the process ends with its number.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "futex.h"

static void unexpected(const char *call)
{
	char text[64];

	snprintf(text, sizeof(text), "%s does not fail with errno %d", call, errno);
	pawl__contract_broken(text, __FILE__, __LINE__, "futex");
}

bool pawl__futex_wait(struct pawl_atomic_u32 *word, uint32_t expected, uint64_t deadline_ns)
{
	struct timespec deadline;
	struct timespec *timeout = NULL;

	if (deadline_ns != PAWL_FOREVER) {
		deadline.tv_sec = (time_t)(deadline_ns / 1000000000u);
		deadline.tv_nsec = (long)(deadline_ns % 1000000000u);
		timeout = &deadline;
	}
	if (!syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, timeout,
		     NULL, FUTEX_BITSET_MATCH_ANY))
		return true;
	if (errno == ETIMEDOUT)
		return false;
	if (errno != EAGAIN && errno != EINTR)
		unexpected("futex wait");
	return true;
}

void pawl__futex_wake(struct pawl_atomic_u32 *word, uint32_t count)
{
	int most = count > INT_MAX ? INT_MAX : (int)count;

	/*
	 * The word may be gone by now. EFAULT: its page is; EINVAL: a priority-inheriting mutex
	 * has taken its place. Either way nobody sleeps on ours.
	 */
	if (syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most, NULL, NULL, 0) < 0 &&
	    errno != EFAULT && errno != EINVAL)
		unexpected("futex wake");
}
