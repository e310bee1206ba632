/* SPDX-License-Identifier: BSD-2-Clause */
/* eval.h - the value of a tree. */
#ifndef ABACUS_EVAL_H
#define ABACUS_EVAL_H

#include "ast.h"
#include "env.h"
#include "error.h"
#include "history.h"

struct world {
	struct env env;
	struct history history;
};

bool eval(const struct node *node, struct world *world, number *ret, struct error *error);

#endif
