/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * import.h - what ninja has built before is not built again.
 */
#ifndef BUILD_IMPORT_H
#define BUILD_IMPORT_H

#include "build.h"

/*
 * build_import() - If nothing is known of a tree and ninja's logs are there: edges that ninja would take for up to date get a
 * trace, as if this program had run them. Their files are looked at. Before a plan is made.
 */
void build_import(struct build *build);

/* In a plan, once the values of what it reads are known: completes the trace, and writes it down. */
void import_settle(struct plan *plan, uint32_t edge);

#endif
