/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl-engine.h - all of libpawl-engine. Programs that want one part include its header.
 */
#ifndef PAWL_ENGINE_ALL_H
#define PAWL_ENGINE_ALL_H

#include <pawl/effect.h>
#include <pawl/engine.h>
#include <pawl/engine-version.h>
#include <pawl/group.h>
#include <pawl/host.h>
#include <pawl/inspect.h>
#include <pawl/io.h>
#include <pawl/jobs.h>
#include <pawl/join.h>
#include <pawl/observe.h>
#include <pawl/parallel.h>
#include <pawl/runtime.h>
#include <pawl/state.h>
#include <pawl/store.h>
#include <pawl/timer.h>
#include <pawl/token.h>
#include <pawl/trace.h>
#include <pawl/value.h>
#include <pawl/visit.h>

#endif
