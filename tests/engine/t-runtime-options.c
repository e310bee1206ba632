/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-runtime-options.c - what pawl_runtime_create() refuses.
 *
 * A size of stacks that no stack has was once taken: every start then found no stack, as if memory had
 * run out, and looked again for ever.
 */
#include "harness.h"

#include <errno.h>

#include <pawl/runtime.h>
#include <pawl/thread.h>

static int create(const struct pawl_runtime_options *options)
{
	struct pawl_runtime *runtime;
	int error = pawl_runtime_create(options, &runtime);

	if (error)
		return error;
	assert_int_equal(pawl_runtime_shutdown(runtime, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(runtime), 0);
	return 0;
}

static void case_bounds(void **state)
{
	const struct pawl_runtime_options defaults = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_runtime_options options = defaults;

	(void)state;
	assert_int_equal(pawl_thread_attach("test"), 0);
	options.workers = PAWL_RUNTIME_WORKERS_MAX + 1;
	assert_int_equal(create(&options), -EINVAL);
	options = defaults;
	options.blocking_max = 4097;
	assert_int_equal(create(&options), -EINVAL);
	options = defaults;
	options.size++;
	assert_int_equal(create(&options), -E2BIG);
	options.size -= 2;
	assert_int_equal(create(&options), -EINVAL);
	pawl_thread_detach();
}

static void case_stacks(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	(void)state;
	assert_int_equal(pawl_thread_attach("test"), 0);
	options.workers = 1;
	options.stack_bytes = 1;
	assert_int_equal(create(&options), 0);
	options.stack_bytes = (size_t)1 << 30;
	assert_int_equal(create(&options), -EINVAL);
	pawl_thread_detach();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_bounds),
		cmocka_unit_test(case_stacks),
	};

	return t_run("runtime-options", cases);
}
