/* SPDX-License-Identifier: BSD-2-Clause */
/* version.c - which library is running, and how it was built. */
#include "config.h"

#include <pawl/version.h>

#include "check.h"

#ifdef PAWL_URCU_QSBR
#define FLAVOUR "urcu-qsbr"
#else
#define FLAVOUR "urcu-memb"
#endif

#if PAWL_DEBUG_BUILD
#define CHECKS " debug-checks"
#else
#define CHECKS ""
#endif

#ifdef PAWL_SANITIZERS
#define SANITIZERS " sanitizer=" PAWL_SANITIZERS
#else
#define SANITIZERS ""
#endif

#if defined(__clang__)
#define TEXT_OF(number)	 #number
#define TEXT(number)	 TEXT_OF(number)
#define COMPILER                                                            \
	" clang-" TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT( \
		__clang_patchlevel__)
#else
#define COMPILER " gcc-" __VERSION__
#endif

uint32_t pawl_version(void)
{
	return PAWL_VERSION_NUMBER;
}

const char *pawl_version_string(void)
{
	return PAWL_VERSION_STRING;
}

const char *pawl_build_string(void)
{
	return FLAVOUR CHECKS SANITIZERS COMPILER;
}
