/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h - assertions of debug builds (--enable-debug). PAWL_REQUIRE of pawl/base.h stays in
 * every build and guards what is cheap; these guard what costs something on a hot path.
 * Conditions have no side effects.
 */
#ifndef PAWL_CHECK_H
#define PAWL_CHECK_H

#include <pawl/base.h>

#ifdef PAWL_DEBUG
#define PAWL_DEBUG_BUILD 1
#define PAWL_ASSERT(cond) PAWL_REQUIRE(cond)
#else
#define PAWL_DEBUG_BUILD 0
#define PAWL_ASSERT(cond) ((void)sizeof(!(cond)))
#endif

#endif
