/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-engine-version.c - the engine and libpawl are of one release.
 */
#include "harness.h"

#include <pawl-engine.h>
#include <pawl/version.h>

static void case_versions(void **state)
{
	(void)state;
	assert_int_equal(pawl_engine_version(), PAWL_VERSION_NUMBER);
	assert_int_equal(pawl_engine_version(), pawl_version());
	assert_string_equal(pawl_engine_version_string(), PAWL_VERSION_STRING);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_versions),
	};

	return t_run("engine-version", cases);
}
