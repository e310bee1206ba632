/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * effects - tasks say which lines they want where; what is there already is not written again.
 */
#include <stdio.h>
#include <string.h>

#include <pawl.h>
#include <pawl-engine.h>

static const struct pawl_value_type line = PAWL_VALUE_TYPE("line");
static const struct pawl_trait lines = {sizeof(lines), "lines", NULL, 0};
static struct pawl_state *name;

/* The world: two lines. Each is written once at a time. */
static const char *const keys[] = {"hello", "bye"};
static char there[2][32];

static int writes(void *arg, struct pawl_slice key, const struct pawl_value *value)
{
	(void)arg;
	snprintf(there[key.len == 3], sizeof(there[0]), "%s",
		 (const char *)pawl_value_payload(value));
	return 0;
}

/* "hello" is to be the name, "bye" is always the same. */
static int greets(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *who, *text;
	int error = pawl_state_get(context, name, &who);

	(void)args;
	if (!error)
		error = pawl_effect_emit(context, &lines, (struct pawl_slice){keys[0], 5}, who);
	if (!error)
		error = pawl_value_of(&line, "see you", 8, &text);
	if (!error)
		error = pawl_effect_emit(context, &lines, (struct pawl_slice){keys[1], 3},
					 text);
	*ret_output = PAWL_REF_NONE;
	return error;
}
static const struct pawl_function greet = {
	.size = sizeof(greet), .name = "greet", .version = 1, .body = greets};

struct take {
	struct pawl_effect_target *target;
	struct pawl_value *effects;
};

static int takes(struct pawl_context *context, void *arg)
{
	struct take *take = arg;
	pawl_ref_t ref;
	int error = pawl_call(context, &greet, NULL, &ref);

	return error ? error
		     : pawl_effects_take(context, ref, take->target, &take->effects, NULL);
}

int main(void)
{
	static const struct pawl_function *const functions[] = {&greet};
	static const struct pawl_value_type *const types[] = {&line, &pawl_effect_type};
	static const struct pawl_trait *const traits[] = {&lines};
	static const char *const names[] = {"Ada", "Ada", "Grace"};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_effect_target_options to = PAWL_EFFECT_TARGET_OPTIONS_INIT;
	struct pawl_engine *engine;
	struct take take;

	options.workers = 1;
	options.functions = functions;
	options.functions_n = 1;
	options.types = types;
	options.types_n = 2;
	options.traits = traits;
	options.traits_n = 1;
	to.trait = &lines;
	to.apply = writes;
	if (pawl_thread_attach(NULL) || pawl_engine_open(&options, &engine) ||
	    pawl_effect_target_create(engine, &to, &take.target))
		return 1;
	for (int i = 0; i < 3; i++) {
		struct pawl_effects_report report;
		struct pawl_value *who;

		if (pawl_value_of(&line, names[i], strlen(names[i]) + 1, &who) ||
		    (i ? pawl_state_set(name, who) : pawl_state_create(engine, who, &name)) ||
		    pawl_engine_run(engine, takes, &take) ||
		    pawl_effects_apply(take.target, take.effects, &report))
			return 1;
		printf("%s: %zu written, %zu there: %s, %s\n", names[i], report.applied,
		       report.stood, there[0], there[1]);
		pawl_value_unpin(take.effects);
	}
	pawl_effect_target_destroy(take.target);
	pawl_state_unpin(name);
	if (pawl_engine_close(engine))
		return 1;
	pawl_thread_detach();
	return 0;
}
