/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.h - what tests of engines share: one engine, numbers as values, states, a question and its answer, what is
 * looked at before an engine is closed, a gate, what was told, a runtime whose time the test moves.
 *
 *	static const struct pawl_function *const functions[] = {&sum};
 *	static const struct pawl_value_type *const types[] = {&fr_number};
 *	...
 *	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
 *
 *	FR_LIST(options, functions);
 *	FR_LIST(options, types);
 *	fr_open(options);
 *	input = fr_state(fr_value(3));
 *	assert_int_equal(fr_ask(&sum, NULL), 3);
 *	fr_down();
 *
 * What runs in tasks and in threads checks by t_check(), what is for the main thread by cmocka's assertions; each
 * section says for whom it is. Cases that run in memory and on a store have a frame of their own: conform.h.
 */
#ifndef FRAME_H
#define FRAME_H

#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/runtime.h>
#include <pawl/state.h>

#define FR_N(array) (sizeof(array) / sizeof(*(array)))
/* The options' functions, types or traits are those of the array of that name. */
#define FR_LIST(options, list) ((options).list = list, (options).list##_n = FR_N(list))

extern struct pawl_engine *fr_engine;

/* ---- an engine: on the main thread -------------------------------------------------------- */

/* On fr_rt, where there is one. */
void fr_open(struct pawl_engine_options options);
/* Until nothing runs; then every sum is right. */
void fr_settle(void);
/* Closes it, unpins its states, ends fr_rt. */
void fr_close(void);
/* Settles, and closes. */
void fr_down(void);
/* A state that is kept until the engine is closed; it takes over the value. */
struct pawl_state *fr_state(struct pawl_value *value);

/* ---- numbers: anywhere ----------------------------------------------------------------------- */

extern const struct pawl_value_type fr_number;

/* Of any type whose payload is one number. */
struct pawl_value *fr_value_of(const struct pawl_value_type *type, int64_t number);
struct pawl_value *fr_value(int64_t number);
int64_t fr_number_of(const struct pawl_value *value);
/* The same, and unpins it. */
int64_t fr_take(struct pawl_value *value);
/* In a task: its number in a cell. */
int fr_give_of(struct pawl_context *context, const struct pawl_value_type *type, int64_t number,
	       pawl_ref_t *ret_output);
int fr_give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output);
int fr_get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, int64_t *ret_number);
int fr_look(struct pawl_context *context, struct pawl_state *state, int64_t *ret_number);

/* ---- questions ------------------------------------------------------------------------------- */

struct fr_ask {
	const struct pawl_function *function;
	const void *args;
	uint32_t flags;
	/* What came of it: a number, where the task gave a value; what it failed with, in words. */
	int64_t number;
	int error;
	char text[1024];
};

/* Anywhere: ask in a visit of its own. Returns: its error. */
int fr_try(struct fr_ask *ask);
/* The same, for threads. */
void fr_try_thread(void *ask);
/* On the main thread: the answer of a strong read. */
int64_t fr_ask(const struct pawl_function *function, const void *args);
/* On the main thread: a strong read fails, in these words. */
void fr_ask_fails(const struct pawl_function *function, const void *args, const char *words);

/* ---- a gate at which tasks and threads wait: anywhere ------------------------------------------- */

struct fr_gate {
	struct pawl_atomic_u32 arrived, open;
	struct pawl_event changed;
};

void fr_gate_init(struct fr_gate *gate);
/* Counts itself, and goes on. */
void fr_gate_arrive(struct fr_gate *gate);
/* Counts itself, and waits until it is open. Errors: -ECANCELED, in tasks. */
int fr_gate_pass(struct fr_gate *gate);
void fr_gate_open(struct fr_gate *gate);
/* Until so many have come. Errors: -ECANCELED, in tasks. */
int fr_gate_await(struct fr_gate *gate, uint32_t arrived);

/* ---- what was told, line by line: anywhere ------------------------------------------------------- */

/* For who knows that nobody tells anything at the moment. */
extern char fr_told[1 << 20];
extern unsigned fr_told_n;

void fr_told_clear(void);
void fr_tell(const char *line);
/* How many lines there are. */
unsigned fr_told_now(void);
/* How many of them have these words, and those. */
unsigned fr_told_times(const char *words, const char *more);
/* On the main thread: how many lines there were, which are forgotten; each has these words. */
unsigned fr_told_take(const char *words);
/* Waits until there is one. */
void fr_told_wait(const char *words, const char *more);

/* ---- a runtime whose time is moved: on the main thread --------------------------------------------- */

extern struct pawl_runtime *fr_rt;
extern struct pawl_atomic_u64 fr_clock_ns;

/* What says the time, for options. */
uint64_t fr_now(void *arg);
void fr_runtime_up(struct pawl_runtime_options options);
/* Time passes, in steps in which all that happens has happened. */
void fr_pass(uint64_t until_ns);

#endif
