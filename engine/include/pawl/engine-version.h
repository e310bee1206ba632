/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/engine-version.h - which libpawl-engine is running. It is of one release with libpawl, so
 * the version of its headers is that of pawl/version.h.
 *
 * All calls: wait-free, any thread.
 */
#ifndef PAWL_ENGINE_VERSION_H
#define PAWL_ENGINE_VERSION_H

#include <pawl/base.h>
#include <pawl/version.h>

PAWL_BEGIN_DECLS

/* pawl_engine_version() - PAWL_VERSION_NUMBER of the engine that is running. */
PAWL_API uint32_t pawl_engine_version(void);

/* pawl_engine_version_string() - PAWL_VERSION_STRING of the engine that is running. */
PAWL_API const char *pawl_engine_version_string(void);

PAWL_END_DECLS

#endif
