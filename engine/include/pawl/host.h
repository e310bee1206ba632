/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/host.h - a runtime in a program that has a loop of its own (libuv, GLib, a game).
 *
 * With pawl_runtime_options.host the last of the runtime's workers is the thread that creates it: it
 * has no loop in Pawl, the program's loop steps it. There may be other workers beside it, with threads, or
 * none (workers 1): then all bodies run here, one at a time.
 *
 *	options.host = 1;                          a loop that polls:
 *	options.workers = 1;                         watch pawl_host_fd(rt) for reading;
 *	pawl_runtime_create(&options, &rt);          readable: pawl_host_step(rt, 64);
 *	                                           one that does not: pawl_host_step(rt, 64) in each turn
 *
 * The descriptor is readable when a step would find something: a start, a body that goes on, a timer that
 * is due. Who does not drain it by steps finds it readable again. Nobody polls: while the worker has
 * nothing to do no call is made, and of many pushes the first one after a step writes to it.
 *
 * Waits on the host's thread, outside of bodies, step meanwhile: pawl_task_wait(), pawl_group_wait(),
 * pawl_runtime_shutdown(), and whatever else sleeps by pawl_park(); not pawl_lock_lock(). So they come to an
 * end, with no other worker as well; bodies then run below the caller on its thread. A wait with
 * deadline 0 does not step, nor does a shutdown without grace, which gives up what has begun. A body that
 * blocks its thread, or goes on without a wait, holds up the host, and a shutdown by it for good.
 *
 * A program whose only worker is the host, with a clock of its own (pawl_runtime_options.now), decides alone
 * what happens when: such a run can be repeated.
 *
 * With an RCU flavour of liburcu that needs it (pawl/rcu.h) the host puts pawl_rcu_idle_enter() and _leave()
 * around what blocks outside of Pawl, as any attached thread: around its poll.
 *
 *  call             progress
 *  pawl_host_fd     wait-free
 *  pawl_host_step   runs bodies; never sleeps. Begins and ends with a system call or two
 *
 * The host's thread stays attached until pawl_runtime_destroy(), which is its to call.
 */
#ifndef PAWL_HOST_H
#define PAWL_HOST_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

/*
 * pawl_host_fd() - The descriptor: readable (level-triggered) when there is something to step. It is the
 * runtime's, to pawl_runtime_destroy(): poll it, do nothing else with it. Any thread.
 *
 * Errors: -EINVAL: the runtime has no host.
 */
PAWL_API int pawl_host_fd(struct pawl_runtime *runtime);

/*
 * pawl_host_step() - Run what is ready: at most `budget` starts of bodies and resumptions; 0: until nothing
 * is ready, which bodies that go on and on may put off for ever.
 *
 * Requires: attached, outside sections, no lock held, not in an idle stretch.
 * Returns:  0: nothing is ready, or will be before the descriptor is readable; 1: there is more: the
 *           descriptor is readable.
 * Errors:   -EPERM: another thread than the host's; -EDEADLK: in a step, so in a body; -EINVAL: the
 *           runtime has no host.
 * Context:  runs user code: bodies, and what ends with them.
 */
PAWL_API int pawl_host_step(struct pawl_runtime *runtime, uint64_t budget);

PAWL_END_DECLS

#endif
