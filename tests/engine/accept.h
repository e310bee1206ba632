/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept.h - what the acceptance cases of the runtime share: a runtime in virtual time whose sink counts, and
 * bodies that end in known ways. The table of the cases is acceptance.txt.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/timer.h>

#define ACC_EPOCH 1000u

extern struct pawl_runtime *acc_rt;
extern struct pawl_group *acc_root;
/* The time of the runtime. */
extern struct pawl_atomic_u64 acc_virtual_ns;
/* Bodies begun, arguments and values freed; what lets the deaf ones go. */
extern struct pawl_atomic_u32 acc_ran, acc_freed, acc_go;
/* What the sink was told of. */
extern struct pawl_atomic_u32 acc_told[PAWL_OUTCOME_COUNT], acc_refusals, acc_restarts,
	acc_warnings;
/* Called by the sink after it has counted; NULL: nothing. acc_down() takes it back. */
extern void (*acc_hook)(const struct pawl_diagnostic *diagnostic);

/* Up, with all counts at 0. `options` NULL: the defaults; clock and sink are those of this file. */
void acc_up(uint32_t workers);
void acc_up_with(const struct pawl_runtime_options *options);

/*
 * Shut down, twice, and destroy: `spawned` tasks ended once each, and were told of once each. The report is
 * written to ret_report (may be NULL).
 */
void acc_down(uint64_t spawned, struct pawl_shutdown_report *ret_report);

void acc_advance_to(uint64_t ns);

/* Until nothing can run before the clock moves. Returns the next deadline. */
uint64_t acc_quiet(void);

/* Counts itself in acc_ran, as all here; its value is its argument. */
int acc_quick(void *arg, void **ret_value);
/* Waits for ever; ends when it is cancelled. */
int acc_sleep(void *arg, void **ret_value);
/* Waits for acc_go by calls that it does not take as a request to end; force ends it. */
int acc_deaf(void *arg, void **ret_value);
/* Waits for acc_go, blocks its worker, and makes no call of Pawl. */
int acc_astray(void *arg, void **ret_value);
/* Ends by pawl_exit() with -EIO and its argument, a text. */
int acc_fail(void *arg, void **ret_value);

/* Of an interval that is never to be called: it counts itself, too. */
int acc_tick(void *arg, uint64_t tick);

void acc_count_freed(void *arg);

pawl_task_t acc_spawn(struct pawl_group *group, pawl_body_fn *body, void *arg);
struct pawl_group *acc_group(struct pawl_group *parent, const char *name);
/* Waits for it. */
enum pawl_outcome acc_outcome(pawl_task_t task);
/* It has not ended. */
bool acc_goes_on(pawl_task_t task);
void acc_drop_all(const pawl_task_t *tasks, size_t n);

#endif
