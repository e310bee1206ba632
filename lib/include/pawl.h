/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl.h - all of libpawl. Programs that want one primitive include its header.
 */
#ifndef PAWL_H
#define PAWL_H

#ifndef __cplusplus
#include <pawl/atomic.h>
#endif
#include <pawl/base.h>
#include <pawl/cmap.h>
#include <pawl/counter.h>
#include <pawl/deque.h>
#include <pawl/ec.h>
#include <pawl/event.h>
#include <pawl/fiber.h>
#include <pawl/gate.h>
#include <pawl/hash.h>
#include <pawl/ids.h>
#include <pawl/lanes.h>
#include <pawl/lock.h>
#include <pawl/map.h>
#include <pawl/mbox.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/report.h>
#include <pawl/retire.h>
#include <pawl/ring.h>
#include <pawl/rmap.h>
#include <pawl/slots.h>
#include <pawl/sset.h>
#include <pawl/thread.h>
#include <pawl/version.h>

#endif
