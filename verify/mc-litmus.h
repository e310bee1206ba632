/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-litmus.h - how a scenario tells the checker what it saw.
 *
 * A litmus test asserts nothing: its verdict is the *set* of outcomes over all
 * executions. finish() hands over one text per execution; the checker keeps the
 * distinct ones outside the memory that it restores, with a count each, and
 * prints them after the scenario's verdict, one a line:
 *
 *	outcome SCENARIO COUNT TEXT
 *
 * An execution that is blocked or fails has no outcome.
 */
#ifndef MC_LITMUS_H
#define MC_LITMUS_H

/*
 * Weak: a driver without it (native, or a checker that keeps no outcomes) is
 * recognised by its absence, and litmus_outcome() of litmus/litmus.h then writes
 * the text to the descriptor named by MC_OUTCOME_FD, if there is one.
 */
void mc_outcome(const char *fmt, ...) __attribute__((weak, format(printf, 1, 2)));

#endif
