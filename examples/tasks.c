/* SPDX-License-Identifier: BSD-2-Clause */
/* tasks.c - start tasks, wait for them, read what became of each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/thread.h>

/* A body. What it leaves in *ret_value is the task's, and freed with its last handle. */
static int root_of(void *arg, void **ret_value)
{
	int n = *(const int *)arg;
	int *root = malloc(sizeof(*root));

	if (!root)
		return -ENOMEM;
	*ret_value = root;
	if (n < 0)
		pawl_exit(-EDOM, "%d is negative", n);
	for (*root = 0; (*root + 1) * (*root + 1) <= n;)
		++*root;
	return 0;
}

#define COUNT 4

int main(void)
{
	static int numbers[COUNT] = {49, 150, -4, 0};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct pawl_shutdown_report report;
	struct pawl_result results[COUNT];
	struct pawl_runtime *runtime;
	pawl_task_t tasks[COUNT];

	if (pawl_thread_attach("main") || pawl_runtime_create(NULL, &runtime))
		return 1;
	options.name = "root";
	options.free_value = free;
	for (int i = 0; i < COUNT; i++) {
		if (pawl_spawn(pawl_runtime_root(runtime), &options, root_of, &numbers[i],
			       &tasks[i]))
			return 1;
	}
	if (pawl_join(runtime, PAWL_JOIN_SETTLED, tasks, COUNT, PAWL_FOREVER, results, NULL))
		return 1;
	for (int i = 0; i < COUNT; i++) {
		if (results[i].outcome == PAWL_OUTCOME_COMPLETED)
			printf("%d: %d\n", numbers[i], *(const int *)results[i].value);
		else
			printf("%d: failed, %s\n", numbers[i], results[i].message);
		pawl_task_drop(runtime, tasks[i]); /* and with it the value */
	}
	if (pawl_runtime_shutdown(runtime, PAWL_FOREVER, &report) ||
	    pawl_runtime_destroy(runtime))
		return 1;
	pawl_thread_detach();
	return report.outcomes[PAWL_OUTCOME_COMPLETED] == 3 ? 0 : 1;
}
