/* SPDX-License-Identifier: BSD-2-Clause */
/* builtins.h - functions that every expression can call. */
#ifndef ABACUS_BUILTINS_H
#define ABACUS_BUILTINS_H

#include "common.h"
#include "gen/messages.h"

#define ARGUMENTS_MOST 8

struct builtin {
	const char *name;
	unsigned least, most; /* arguments */
	enum message (*run)(const number *arguments, unsigned count, number *ret);
};

const struct builtin *builtin_find(struct text name);

#endif
