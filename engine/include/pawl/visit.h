/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/visit.h - what tasks keep alive, for a collector that the embedding program has.
 *
 * Arguments and values of tasks may be objects of a virtual machine that finds the live ones by tracing. The
 * runtime's tables are roots for it then: tasks are given visit_arg and visit_value (pawl_task_options),
 * and pawl_runtime_visit() calls them for all that is kept.
 *
 *	kept                  from                             until
 *	the argument of       the return of pawl_spawn()       just before free_arg is called, or would be:
 *	a task                                                 its body is over or will never run
 *	the value of a task   its end, or pawl_value_set();    just before free_value is called, or would be:
 *	                      of a completion: the return      the last handle is dropped, and the task
 *	                      of pawl_complete()               has ended
 *
 * A visit tells each argument and value that is kept from before it begins until it has ended: exactly once. Of
 * what comes or goes meanwhile it tells some. Bodies, and all other threads, may run meanwhile, and none waits
 * for the visit as a whole; what is told is not freed, and its free function not called, before its visit function
 * has returned: who drops the last handle just then waits for that one function.
 *
 * A collector that wants all of it stops those who make and hand over objects, its mutators, then visits.
 * Two places are the program's, since nobody else can look there: what is in the frame of a body that runs;
 * and *ret_value between its writing and the end of the task. A body whose thread may be passed
 * over by the collector in that moment (it has left the machine, and is about to return)
 * calls pawl_value_set() while the machine still holds the object: there is no gap then. In
 * the same way an object is an argument before pawl_spawn() has returned, or a completion's value before
 * pawl_complete() has: the caller holds it to the return.
 *
 * Visit functions are told the object, not where it lies: collectors that move objects have to pin these.
 * They run under a lock: they are short, do not wait, and call nothing of Pawl. visit_arg may be called while the
 * body runs. Threads that a collector stops are stopped outside of calls of Pawl: one that was suspended inside may
 * have that lock.
 *
 *  call                  progress
 *  pawl_runtime_visit    grows with the most tasks there have been at one time
 *  pawl_value_set        a short critical section; waits for a visit function that is at this task
 */
#ifndef PAWL_VISIT_H
#define PAWL_VISIT_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

/*
 * pawl_runtime_visit() - Call visit_arg and visit_value for what is kept. Several may visit at once.
 *
 * Requires: attached, outside sections, no lock held; the runtime is not destroyed meanwhile.
 * Returns:  how many were told.
 * Context:  frees tasks whose last reference goes meanwhile, which calls their free_value.
 */
PAWL_API size_t pawl_runtime_visit(struct pawl_runtime *runtime, void *visitor_arg);

/*
 * pawl_value_set() - The value of the innermost body's task, from now on: kept, and visited. It is the
 * result if the body completes, unless *ret_value is another one then. One that was set before, and is not this
 * one, is freed (free_value). NULL: none.
 *
 * Requires: in a body.
 */
PAWL_API void pawl_value_set(void *value);

PAWL_END_DECLS

#endif
