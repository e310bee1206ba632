/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stored.h - on the frame: an engine with a budget of memory, and a store in memory that is written to when the test
 * asks for it; what tests of records that leave and come back share.
 *
 *	options.memory_bytes = ST_NEVER_NEAR;
 *	st_up(options, ST_IN_MEMORY);
 *	id = st_id_of(&st_pure, 3);
 *	st_save();
 *	assert_int_equal(eng_evict_all(fr_engine->graph), 4);
 *	assert_true(st_is_out(id));
 *	st_down();
 */
#ifndef STORED_H
#define STORED_H

#include "frame.h"

#include <pawl/store.h>

#include "../../engine/graph/graph.h"

/* A budget that is never near: what leaves is what a case has leave. */
#define ST_NEVER_NEAR (UINT64_C(1) << 40)
#define ST_LARGE      65536u
#define ST_STATES     64u

enum st_on { ST_NOWHERE, ST_IN_MEMORY, ST_FAULTY };

extern struct pawl_store *st_store; /* NULL: none */
/* Of numbers, 0 at first. */
extern struct pawl_state *st_states[ST_STATES];

/* ---- on the main thread ------------------------------------------------------------------------ */

/* Two workers, and nothing is saved unless it is asked for; the rest is the caller's. Ends with st_down(), or with fr_close(), and then st_again(). */
void st_up(struct pawl_engine_options options, enum st_on on);
/* On the store that is there. */
void st_again(struct pawl_engine_options options);
void st_down(void);
void st_set(unsigned n, int64_t number);
/* All that is there, once nothing runs. */
void st_save(void);
/* The answer of a strong read; and who gives it. */
int64_t st_ask(const struct pawl_function *function, uint64_t n);
eng_id st_id_of(const struct pawl_function *function, uint64_t n);

/* ---- anywhere ----------------------------------------------------------------------------------- */

bool st_is_out(eng_id id);
struct pawl_engine_memory st_memory(void);

/* ---- tasks -------------------------------------------------------------------------------------- */

/* Numbers: saved; saved, and staying where they are; without a codec. */
extern const struct pawl_value_type st_number, st_staying, st_handle;
#define ST_TYPES &st_number, &st_staying, &st_handle

/* For types of a test: the bytes as they are. */
size_t st_encode(const void *payload, size_t bytes, void *into, size_t room);
int st_decode(const struct pawl_value_type *type, const void *from, size_t bytes,
	      struct pawl_value **ret_value);

/* A number in ST_LARGE bytes. */
int st_give_large(struct pawl_context *context, const struct pawl_value_type *type,
		  int64_t number, pawl_ref_t *ret_output);

/* The number of a state. */
extern const struct pawl_function st_input;
/* 0: nothing below it. Each of the others reads the one before; 2 n + 2. */
extern const struct pawl_function st_pure;
/* 7. 0: a value without a codec; 1: one that says that it stays. */
extern const struct pawl_function st_odd;
#define ST_FUNCTIONS &st_input, &st_pure, &st_odd

/* Runs are counted, of those above and of those of a test that says so. */
enum st_kind { ST_INPUT, ST_PURE, ST_ODD, ST_MIDDLE, ST_TOP, ST_KINDS };
void st_ran(enum st_kind kind);
/* How often, since it was last asked; of all: forgotten. */
unsigned st_ran_now(enum st_kind kind);
void st_ran_clear(void);

#endif
