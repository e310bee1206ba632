/* SPDX-License-Identifier: BSD-2-Clause */
/* version.c - which engine is running. */
#include "config.h"

#include <pawl/engine-version.h>

uint32_t pawl_engine_version(void)
{
	return PAWL_VERSION_NUMBER;
}

const char *pawl_engine_version_string(void)
{
	return PAWL_VERSION_STRING;
}
