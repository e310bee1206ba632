/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - what a build tells at its end, and what it keeps to be asked for later.
 */
#ifndef BUILD_REPORT_H
#define BUILD_REPORT_H

#include "build.h"

void report_nothing(struct build *build);
void report_summary(struct build *build);
/* The file `why`: a line for each command that ran. Those of edges that did not run stay. */
void report_why_save(struct build *build);
/* The chain from a target to what made it run, or will. */
void report_why(struct build *build, uint32_t node);
/* The edges that were wanted and what became of them, for dot(1). */
void report_dot(struct build *build);
/* -d stats */
void report_stats(struct build *build);
/* The commands as Chrome trace events: chrome://tracing, ui.perfetto.dev. */
void report_trace(struct build *build);

#endif
