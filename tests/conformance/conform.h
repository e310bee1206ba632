/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conform.h - what the conformance cases stand on: an engine with a case's functions, runs of a body three times,
 * numbers as values, gates that a task waits at.
 *
 *	static const struct cf_tables tables = {functions, N(functions), ...};
 *	static void body(unsigned run) { assert_int_equal(cf_ask(...), 42); }
 *	static void case_x(void **state) { cf_thrice(&tables, body); }
 *	int main(void) { ... return cf_run("conform-x", cases); }
 *
 * Each case runs twice: in memory alone, and, as case_x_stored, on engines with a store, into which snapshots go all the
 * while. There the last of three runs is on what was saved by the first two, and when a case is over another engine
 * restores all that it has left, and finds that its sums are right and that there is nothing to be done.
 *
 * Bodies run on the main thread. Nothing here looks at a clock, but for the snapshots: when they are made is a matter of
 * chance, and makes no difference.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/engine.h>
#include <pawl/state.h>
#include <pawl/store.h>

#define CF_N(array) (sizeof(array) / sizeof(*(array)))

/* A function whose arguments are plain data, or none (`bytes` 0). */
#define CF_FUNCTION(function, flags, bytes)            \
	static const struct pawl_function function = { \
		sizeof(function), #function, 1, (flags), function##_body, (bytes), NULL, 0}
/* One with a table of arguments of the name function##_arguments. */
#define CF_FUNCTION_OF(function, flags, type)                               \
	static const struct pawl_function function = {sizeof(function),     \
						      #function,            \
						      1,                    \
						      (flags),              \
						      function##_body,      \
						      sizeof(type),         \
						      function##_arguments, \
						      CF_N(function##_arguments)}
#define CF_REF(type, member)                                                                 \
	{                                                                                    \
		PAWL_ARGUMENT_REF, offsetof(type, member), sizeof(((const type *)0)->member) \
	}
#define CF_DATA(type, member)                                                                 \
	{                                                                                     \
		PAWL_ARGUMENT_DATA, offsetof(type, member), sizeof(((const type *)0)->member) \
	}

/* What the engine of a case is made with. cf_number is in all of them. */
struct cf_tables {
	const struct pawl_function *const *functions;
	size_t functions_n;
	const struct pawl_value_type *const *types;
	size_t types_n;
	const struct pawl_trait *const *traits;
	size_t traits_n;
	uint32_t workers; /* 0: 2 */
};

extern struct pawl_engine *cf_engine;

/* This case is on a store: "case_x_stored". */
extern bool cf_stored;
/* Snapshots go there all the while (true to begin with). */
extern bool cf_snapshots_often;
/* And what may leave memory does (true to begin with): a call of that counts as a miss. */
extern bool cf_evicts;
/* Is all that run 0 computed still there in this one? */
static inline bool cf_is_kept(unsigned run)
{
	return run == 1 || (run && cf_stored);
}

/* Is it the one after a restart? */
static inline bool cf_is_restored(unsigned run)
{
	return run == 2 && cf_stored;
}

void cf_open(const struct cf_tables *tables);
/* With a store: the engine is closed, and another one opened on it. States are to be made again. */
void cf_restart(void);
/* With a store: how many keys it has. */
uint64_t cf_rows(enum pawl_store_space space);
/* Waits until nothing runs; recomputes every sum. */
void cf_settle(void);
/* The same, and frees the engine and the states that were made; with a store, looks at what is in there. */
void cf_close(void);
/* Frees it at once: it is no case's matter what is left. */
void cf_abandon(void);
/* Run 0 on a new engine, 1 on the same, 2 on a new one on the same store. Sums are checked after each. */
void cf_thrice(const struct cf_tables *tables, void (*body)(unsigned run));
void cf_once(const struct cf_tables *tables, void (*body)(unsigned run));

/* In a list of cases: one that is about something that is otherwise with a store. */
/* clang-format off */
#define cf_in_memory_test(function) \
	{#function, function, NULL, NULL, (void *)(uintptr_t)&cf_in_memory_only}
/* clang-format on */
extern const char cf_in_memory_only;
/* The whole of main(): each case in memory, and with a store. */
#define cf_run(name, cases) cf_run_group((name), (cases), CF_N(cases))
int cf_run_group(const char *name, const struct CMUnitTest *cases, size_t count);

/* ---- numbers ----------------------------------------------------------------------- */

extern const struct pawl_value_type cf_number;

struct pawl_value *cf_value(int64_t number);
int64_t cf_number_of(const struct pawl_value *value);
/* In a task: keep the number in a cell. */
int cf_give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output);
/* Read one. */
int cf_get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, int64_t *ret_number);
/* Call, and read. */
int cf_call(struct pawl_context *context, const struct pawl_function *function,
	    const void *args, int64_t *ret_number);

/* Call and read from outside, strongly; it succeeds. */
int64_t cf_ask(const struct pawl_function *function, const void *args);
int64_t cf_ask_eventual(const struct pawl_function *function, const void *args);
/* Returns: the error; its text is written to text. */
int cf_ask_error(const struct pawl_function *function, const void *args, char *text,
		 size_t len);
/* Call fn on a worker; it succeeds. */
void cf_visit(pawl_visit_fn *fn, void *arg);

/* A strong read of what is there: its number; or its error, and that in words. */
struct cf_reading {
	pawl_ref_t ref;
	int64_t number;
	int error;
	char text[512];
};
void cf_read(struct cf_reading *reading);

/*
 * States: kept until the engine is closed; an argument is their number. The first one of an engine is 1, so a body's
 * states have the same numbers again on a new engine.
 */

struct cf_state {
	uint64_t state;
};

struct pawl_state *cf_state_of(struct cf_state state);

struct cf_state cf_state_make(int64_t number);
void cf_state_set(struct cf_state state, int64_t number);
int cf_state_get(struct pawl_context *context, struct cf_state state, int64_t *ret_number);

/* ---- gates: a task waits there until it is open, and can be waited for ---------------------- */

struct cf_gate {
	struct pawl_atomic_u32 arrived, open;
	struct pawl_event changed;
};

void cf_gate_init(struct cf_gate *gate);
/* In a task. Errors: -ECANCELED. */
int cf_gate_pass(struct cf_gate *gate);
/* Outside: until so many have come. */
void cf_gate_wait(struct cf_gate *gate, unsigned arrived);
void cf_gate_open(struct cf_gate *gate);

/* ---- counts --------------------------------------------------------------------------------- */

static inline void cf_count(struct pawl_atomic_u32 *counter)
{
	pawl_add_relaxed(counter, 1u);
}

static inline unsigned cf_counted(struct pawl_atomic_u32 *counter)
{
	return pawl_xchg_relaxed(counter, 0u);
}

#endif
