/* SPDX-License-Identifier: BSD-2-Clause */
/* error.h - what went wrong, and at which column. */
#ifndef ABACUS_ERROR_H
#define ABACUS_ERROR_H

#include "common.h"
#include "gen/messages.h"

struct error {
	enum message message; /* MESSAGE_NONE: nothing */
	size_t column;	      /* from 1 */
};

/* Keeps the first one. Returns false, so that it can be returned. */
bool error_set(struct error *error, enum message message, size_t column);
const char *error_words(const struct error *error);

#endif
