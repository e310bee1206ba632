/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observe.h - what tests of pawl/observe.h share: an engine whose tasks are inputs and their sum, what is done to it,
 * and tasks that wait.
 */
#ifndef OBSERVE_H
#define OBSERVE_H

#include "frame.h"

#include <pawl/join.h>
#include <pawl/observe.h>

#define OBS_INPUTS 8

struct one {
	uint64_t n;
};

extern struct pawl_state *obs_inputs[OBS_INPUTS];
/* Of the tasks that have read them. */
extern struct pawl_invalidator obs_invalidators[OBS_INPUTS];
/* The number of one of them; all of them. */
extern const struct pawl_function obs_input, obs_sum;

/* With two workers, those functions and numbers, unless the options have others; input n is n. */
void obs_up_with(struct pawl_engine_options options);
void obs_up(void);
/* With a clock that stands until it is moved, at 1000 or as it says. */
void obs_up_in_time(struct pawl_engine_options options);
void obs_up_at(struct pawl_engine_options options, uint64_t begins_ns);

/* The sum. */
int64_t obs_ask(void);
void obs_set(unsigned at, int64_t number);

extern const struct pawl_reason_kind obs_file_changed;

/* Invalidates an input. */
void obs_because(unsigned at, const struct pawl_reason_kind *kind, const char *subject);

struct pawl_subscription *obs_subscribe(const char *name, enum pawl_severity least,
					uint32_t most, uint32_t before);
/* A notice: "it is NUMBER". */
void obs_post(const char *name, enum pawl_severity severity, int number);

/* For a task of fr_rt: waits for it, and drops it. */
void obs_wait_over(pawl_task_t task);

/* Roots: one waits at the gate, one for the task whose reference is its argument. */
extern struct fr_gate obs_gate;

int obs_gated_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
int obs_waits_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);

#endif
