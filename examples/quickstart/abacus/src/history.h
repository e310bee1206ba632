/* SPDX-License-Identifier: BSD-2-Clause */
/* history.h - earlier results: "last" is the one before, last1 the one before that, to last9. */
#ifndef ABACUS_HISTORY_H
#define ABACUS_HISTORY_H

#include "common.h"

struct history {
	number values[10];
	unsigned count;
};

void history_add(struct history *history, number value);
bool history_get(const struct history *history, struct text name, number *ret);

#endif
