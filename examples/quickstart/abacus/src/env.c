/* SPDX-License-Identifier: BSD-2-Clause */
#include "env.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

struct variable {
	struct variable *next;
	struct text name;
	number value;
	char bytes[];
};

static struct variable *find(const struct env *env, struct text name)
{
	struct variable *at = env->buckets[text_hash(name) % COUNT(env->buckets)];

	while (at && !text_same(at->name, name))
		at = at->next;
	return at;
}

bool env_get(const struct env *env, struct text name, number *ret)
{
	const struct variable *variable = find(env, name);

	if (variable)
		*ret = variable->value;
	return variable;
}

bool env_set(struct env *env, struct text name, number value)
{
	struct variable *variable = find(env, name), **bucket;

	if (!variable) {
		variable = malloc(sizeof(*variable) + name.length);
		if (!variable)
			return false;
		memcpy(variable->bytes, name.at, name.length);
		variable->name = (struct text){variable->bytes, name.length};
		bucket = &env->buckets[text_hash(name) % COUNT(env->buckets)];
		variable->next = *bucket;
		*bucket = variable;
	}
	variable->value = value;
	return true;
}

void env_clear(struct env *env)
{
	for (size_t i = 0; i < COUNT(env->buckets); i++)
		while (env->buckets[i]) {
			struct variable *variable = env->buckets[i];

			env->buckets[i] = variable->next;
			free(variable);
		}
}
