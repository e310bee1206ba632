/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/thread.h - threads that use Pawl.
 *
 * A thread attaches before its first call into Pawl and detaches after its
 * last. In between it has a slot number (small, dense, reused), a park token,
 * a batch of retired objects, and a place in the RCU registry; detaching gives
 * all of that back. Calls that need no attachment say so.
 *
 * The first attach of a process starts one helper thread, the reclaimer (see
 * pawl/retire.h); the last detach frees all that was retired and joins it. A
 * process that has detached all its threads holds nothing of Pawl's. The reclaimer
 * blocks all signals; it inherits the CPU affinity and scheduling class of the
 * thread that attached first.
 *
 *  call                    progress
 *  pawl_thread_attach      blocking (a mutex, at times the start of a thread)
 *  pawl_thread_detach      blocking (a grace period at the last detach)
 *  pawl_thread_slot        wait-free
 *  pawl_thread_attached    wait-free
 *  pawl_thread_count       wait-free
 *
 * Fork: only fork + exec (or posix_spawn). In a child forked while any thread was
 * attached, attach answers -ENOTSUP: the threads that the child would have to wait
 * for do not exist there. No other call may be made in it. (Known by pthread_atfork():
 * a child made by a bare clone or _Fork is on its own.)
 */
#ifndef PAWL_THREAD_H
#define PAWL_THREAD_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/* At most this many threads are attached at one time. */
#define PAWL_THREADS_MAX 4096

/* Longest name kept, with the terminating zero; longer ones are cut. */
#define PAWL_THREAD_NAME_BYTES 16

/*
 * pawl_thread_attach() - Let the calling thread use Pawl.
 *
 * Attaching nests: each attach needs its detach, the last one counts. A thread that ends
 * attached is detached by its exit and then reported (PAWL_REPORT_THREAD_LEFT: the hook runs on the
 * detached thread). Destructors of thread-specific data that run later find it detached.
 *
 * Requires: not called from a thread-specific-data destructor.
 * Returns:  0.
 * Errors:   -ENOMEM; -EAGAIN: PAWL_THREADS_MAX threads are attached, the process has no key
 *           for thread-specific data left, or the reclaimer cannot be started; -ENOTSUP: forked child; -EOVERFLOW: nested 2^16 deep.
 *           On error the thread is as before.
 * Context:  any thread; may allocate and block. `name` is for dumps and may be NULL; it is
 *           copied. Nested attaches keep the first name.
 */
PAWL_API PAWL_MUST_CHECK int pawl_thread_attach(const char *name);

/*
 * pawl_thread_detach() - Undo one attach; with the last one, give everything back.
 *
 * Requires: the thread is attached, holds no lock of Pawl, is in no read section and no idle
 *           stretch, no listener of its own is registered, and it runs on no fibre; the fibres
 *           that it started have finished. The same when it ends attached, but for idle stretches.
 * Ordering: what the thread retired is freed as if it had stayed.
 * Context:  the last detach of the process waits until all retired objects are freed and
 *           joins the reclaimer; other attaches and detaches wait meanwhile. Not in a
 *           retire function, nor with a mutex held that a retire function takes.
 */
PAWL_API void pawl_thread_detach(void);

/* pawl_thread_attached() - Is the calling thread attached? Any thread. */
PAWL_API bool pawl_thread_attached(void);

/*
 * pawl_thread_slot() - The calling thread's slot: in [0, PAWL_THREADS_MAX), its own until it
 * detaches, the lowest that was free when it attached.
 *
 * Requires: attached.
 */
PAWL_API unsigned pawl_thread_slot(void);

/*
 * pawl_thread_count() - Threads attached now (the reclaimer is not counted).
 *
 * Context: any thread; the answer may be old when it arrives.
 */
PAWL_API unsigned pawl_thread_count(void);

PAWL_END_DECLS

#endif
