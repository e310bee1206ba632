/* SPDX-License-Identifier: BSD-2-Clause */
/* env.h - variables. */
#ifndef ABACUS_ENV_H
#define ABACUS_ENV_H

#include "common.h"

struct variable;

struct env {
	struct variable *buckets[64];
};

bool env_get(const struct env *env, struct text name, number *ret);
/* False when there is no memory. */
bool env_set(struct env *env, struct text name, number value);
void env_clear(struct env *env);

#endif
