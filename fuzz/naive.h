/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * naive.h - other names for the calls of pawl/engine.h and pawl/state.h: those of an engine that
 * remembers nothing.
 *
 * A program of tasks that is compiled behind this header runs on naive.c; the same text compiled
 * without it runs on the engine, and what the two give can be compared in one process. Values
 * (pawl/value.h) are those of the engine: they may go from one to the other.
 *
 * Requires: included before any other header of Pawl.
 */
#ifndef FUZZ_NAIVE_H
#define FUZZ_NAIVE_H

#define pawl_engine		    naive_engine
#define pawl_context		    naive_context
#define pawl_error		    naive_error
#define pawl_state		    naive_state
#define pawl_edit		    naive_edit
#define pawl_engine_open	    naive_engine_open
#define pawl_engine_close	    naive_engine_close
#define pawl_engine_runtime	    naive_engine_runtime
#define pawl_engine_run		    naive_engine_run
#define pawl_engine_spawn_root	    naive_engine_spawn_root
#define pawl_engine_dispose_root    naive_engine_dispose_root
#define pawl_engine_wait_idle	    naive_engine_wait_idle
#define pawl_engine_verify	    naive_engine_verify
#define pawl_engine_stats_read	    naive_engine_stats_read
#define pawl_call		    naive_call
#define pawl_read		    naive_read
#define pawl_read_key		    naive_read_key
#define pawl_resolve		    naive_resolve
#define pawl_cell		    naive_cell
#define pawl_connect		    naive_connect
#define pawl_context_fail	    naive_context_fail
#define pawl_context_invalidator    naive_context_invalidator
#define pawl_mark_session_dependent naive_mark_session_dependent
#define pawl_emit		    naive_emit
#define pawl_unemit		    naive_unemit
#define pawl_peek		    naive_peek
#define pawl_invalidate		    naive_invalidate
#define pawl_error_message	    naive_error_message
#define pawl_error_cause	    naive_error_cause
#define pawl_error_describe	    naive_error_describe
#define pawl_state_create	    naive_state_create
#define pawl_state_pin		    naive_state_pin
#define pawl_state_unpin	    naive_state_unpin
#define pawl_state_get		    naive_state_get
#define pawl_state_set		    naive_state_set
#define pawl_edit_begin		    naive_edit_begin
#define pawl_edit_set		    naive_edit_set
#define pawl_edit_invalidate	    naive_edit_invalidate
#define pawl_edit_commit	    naive_edit_commit
#define pawl_edit_abort		    naive_edit_abort
/* Of the runtime: there is one thread, and nobody to yield to. */
#define pawl_yield naive_yield

#include <pawl/engine.h>
#include <pawl/state.h>

/* Can the task come back to itself by calls? All it reaches is computed. */
bool naive_has_ring(struct pawl_context *context, pawl_ref_t task);
/* In this visit: did a ring of reads have one in it whose value is not used? Then what fails is a matter of order. */
bool naive_is_loose(const struct pawl_context *context);

#endif
