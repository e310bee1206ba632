/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * effect.c - effects: emitted by tasks, taken from what they reach.
 *
 * An effect is a cell of the task that wants it, with the key, the digest of the value, and a reference to a cell
 * with the value. It is emitted as any reference is, so counts, sums and "one state" are those of
 * collectibles (graph/collect.c). Who takes effects reads these cells, and the values' own only where the target has
 * something else: a task that has left a value out does not depend on it, but on the target (effect-target.c).
 *
 * What is taken is in the order of keys, so that it is the same whoever was faster. Of a visit it is one state:
 * where something has changed between peeking and reading, it begins anew. A task that takes runs again then.
 */
#include "config.h"

#include "effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/mem.h>

#include "engine.h"
#include "graph/context.h"
#include "graph/local.h"
#include "graph/registry.h"
#include "graph/wait.h"

#define NAME_BYTES 256

/* The payload of an effect's cell. No padding: it is compared byte by byte. */
struct content {
	struct pawl_digest digest;
	pawl_ref_t value;
	char key[];
};

static void effect_visit(const void *payload, size_t bytes,
			 void (*visit)(void *arg, pawl_ref_t ref), void *arg)
{
	const struct content *content = payload;

	(void)bytes;
	visit(arg, content->value);
}

const struct pawl_value_type pawl_effect_type = {.size = sizeof(pawl_effect_type),
						 .name = "pawl effect",
						 .version = 1,
						 .mode = PAWL_CELL_COMPARE,
						 .visit_refs = effect_visit};

static void effects_drop(void *payload, size_t bytes)
{
	struct eng_effects *effects = payload;

	(void)bytes;
	for (size_t i = 0; i < effects->n; i++)
		pawl_value_unpin(effects->items[i].value);
}

const struct pawl_value_type pawl_effects_type = {.size = sizeof(pawl_effects_type),
						  .name = "pawl effects",
						  .version = 1,
						  .mode = PAWL_CELL_NEW,
						  .drop = effects_drop};

/* ---- emitting --------------------------------------------------------------------------- */

/* Values of different types differ. */
static struct pawl_digest digest_of(const struct pawl_value *value)
{
	const struct pawl_value_type *type = pawl_value_type_of(value);
	const void *payload = pawl_value_payload(value);
	size_t bytes = pawl_value_bytes(value);
	struct pawl_digest digest =
		type->digest ? type->digest(payload, bytes) : pawl_digest_bytes(payload, bytes);

	digest.low ^= pawl_hash_bytes(type->name, strlen(type->name), type->version);
	return digest;
}

int pawl_effect_emit(struct pawl_context *context, const struct pawl_trait *trait,
		     struct pawl_slice key, struct pawl_value *value)
{
	struct eng_registry *registry = context->graph->registry;
	struct pawl_value *effect = NULL;
	struct content *content;
	pawl_ref_t ref;
	int error = -EINVAL;

	if (context->run && eng_trait_number(registry, trait) &&
	    eng_type_number(registry, &pawl_effect_type) &&
	    key.len <= PAWL_VALUE_BYTES_MAX - 64)
		error = pawl_value_create(&pawl_effect_type, sizeof(*content) + key.len,
					  &effect);
	if (error) {
		pawl_value_unpin(value);
		return error;
	}
	content = pawl_value_payload(effect);
	content->digest = digest_of(value);
	if (key.len)
		memcpy(content->key, key.ptr, key.len);
	error = pawl_cell(context, value, &content->value);
	if (error) {
		pawl_value_unpin(effect);
		return error;
	}
	error = pawl_cell(context, effect, &ref);
	return error ? error : pawl_emit(context, trait, ref);
}

/* ---- taking ------------------------------------------------------------------------------- */

struct found {
	pawl_ref_t ref;
	struct pawl_value *effect; /* pinned; NULL: not read yet */
	struct pawl_value *value;  /* pinned; NULL: left out */
};

struct taking {
	struct pawl_context *context;
	struct pawl_effect_target *target;
	const struct pawl_error **ret_error;
	struct found *found;
	size_t n, capacity;
	int error;
};

static struct content *content_of(const struct found *found)
{
	return pawl_value_payload(found->effect);
}

static struct pawl_slice key_of(const struct found *found)
{
	return (struct pawl_slice){content_of(found)->key,
				   pawl_value_bytes(found->effect) - sizeof(struct content)};
}

static void forget_from(struct taking *taking, size_t from)
{
	for (size_t i = from; i < taking->n; i++) {
		pawl_value_unpin(taking->found[i].effect);
		pawl_value_unpin(taking->found[i].value);
	}
	taking->n = from;
}

static void taking_fini(struct taking *taking)
{
	forget_from(taking, 0);
	pawl_mem_free(taking->found, taking->capacity * sizeof(*taking->found), 0);
}

static void note(void *arg, pawl_ref_t ref, int32_t count)
{
	struct taking *taking = arg;

	(void)count;
	if (taking->n == taking->capacity) {
		size_t capacity = taking->capacity ? taking->capacity * 2 : 16;
		struct found *more = pawl_mem_alloc(capacity * sizeof(*more), 0);

		if (!more) {
			taking->error = -ENOMEM;
			return;
		}
		if (taking->n)
			memcpy(more, taking->found, taking->n * sizeof(*more));
		pawl_mem_free(taking->found, taking->capacity * sizeof(*more), 0);
		taking->found = more;
		taking->capacity = capacity;
	}
	taking->found[taking->n++] = (struct found){ref, NULL, NULL};
}

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	struct pawl_slice p = key_of(x), q = key_of(y);
	int order = memcmp(p.ptr, q.ptr, p.len < q.len ? p.len : q.len);

	if (order)
		return order;
	if (p.len != q.len)
		return p.len < q.len ? -1 : 1;
	order = memcmp(&content_of(x)->digest, &content_of(y)->digest,
		       sizeof(struct pawl_digest));
	/* Of several tasks that want the same it is the same one that an error names, each time. */
	if (!order)
		order = (x->ref.pawl_bits > y->ref.pawl_bits) -
			(x->ref.pawl_bits < y->ref.pawl_bits);
	return order;
}

static bool same_key(const struct found *a, const struct found *b)
{
	struct pawl_slice p = key_of(a), q = key_of(b);

	return p.len == q.len && !memcmp(p.ptr, q.ptr, p.len);
}

void eng_effect_key_say(struct pawl_slice key, char buf[ENG_EFFECT_KEY_SHOWN + 1])
{
	size_t len = key.len < ENG_EFFECT_KEY_SHOWN ? key.len : ENG_EFFECT_KEY_SHOWN;

	for (size_t i = 0; i < len; i++) {
		char c = ((const char *)key.ptr)[i];

		buf[i] = c;
		if (c < ' ' || c > '~')
			buf[i] = '?';
	}
	buf[len] = 0;
}

PAWL_NOINLINE static int conflict(struct taking *taking, const struct found *a,
				  const struct found *b)
{
	struct eng_graph *graph = taking->context->graph;
	char names[2][NAME_BYTES], shown[ENG_EFFECT_KEY_SHOWN + 1];

	eng_effect_key_say(key_of(a), shown);
	eng_say_origin(graph, eng_ref_task(a->ref), names[0], sizeof(names[0]));
	eng_say_origin(graph, eng_ref_task(b->ref), names[1], sizeof(names[1]));
	return eng_context_error(taking->context,
				 eng_error_printf(0, NULL, NULL,
						  "two effects on \"%s\" differ: one of %s, "
						  "one of %s",
						  shown, names[0], names[1]),
				 taking->ret_error);
}

/* In the order of keys, each once. */
static int sort_out(struct taking *taking)
{
	struct found *found = taking->found;
	size_t n = 0;

	if (taking->n)
		qsort(found, taking->n, sizeof(*found), compare);
	for (size_t i = 0; i < taking->n; i++) {
		if (!n || !same_key(&found[n - 1], &found[i])) {
			struct found kept = found[i];

			/* What is between them was forgotten. */
			found[i].effect = NULL;
			found[n++] = kept;
			continue;
		}
		if (!pawl_digest_equal(content_of(&found[n - 1])->digest,
				       content_of(&found[i])->digest))
			return conflict(taking, &found[n - 1], &found[i]);
		pawl_value_unpin(found[i].effect);
		found[i].effect = NULL;
	}
	taking->n = n;
	return 0;
}

static int read_effects(struct taking *taking)
{
	struct pawl_context *context = taking->context;
	int error = 0;

	for (size_t i = 0; i < taking->n && !error; i++) {
		struct found *found = &taking->found[i];

		error = pawl_read(context, found->ref, 0, &found->effect, taking->ret_error);
		if (!error &&
		    (!found->effect || pawl_value_type_of(found->effect) != &pawl_effect_type))
			error = -EINVAL;
	}
	return error;
}

/* Those values that the target does not have. */
static int read_values(struct taking *taking)
{
	for (size_t i = 0; i < taking->n; i++) {
		struct found *found = &taking->found[i];
		int error = eng_target_has(taking->target, taking->context, key_of(found),
					   content_of(found)->digest);

		if (!error)
			error = pawl_read(taking->context, content_of(found)->value, 0,
					  &found->value, taking->ret_error);
		if (error < 0)
			return error;
	}
	return 0;
}

static int take(struct taking *taking, pawl_ref_t task)
{
	struct pawl_context *context = taking->context;
	pawl_ref_t cell;
	int error;

	taking->error = 0;
	error = eng_resolve(context, task, PAWL_READ_STRONG, &cell, taking->ret_error);
	if (!error)
		error = pawl_peek(context, task, eng_target_trait(taking->target), note,
				  taking);
	if (!error)
		error = taking->error;
	if (!error)
		error = read_effects(taking);
	if (!error)
		error = sort_out(taking);
	return error ? error : read_values(taking);
}

/* Moves the values. */
static int value_make(struct taking *taking, struct pawl_value **ret_effects)
{
	size_t bytes = sizeof(struct eng_effects) + taking->n * sizeof(struct pawl_effect);
	struct eng_effects *effects;
	char *keys;
	int error;

	for (size_t i = 0; i < taking->n; i++)
		bytes += key_of(&taking->found[i]).len;
	error = pawl_value_create(&pawl_effects_type, bytes, ret_effects);
	if (error)
		return error;
	effects = pawl_value_payload(*ret_effects);
	keys = (char *)&effects->items[taking->n];
	for (size_t i = 0; i < taking->n; i++) {
		struct found *found = &taking->found[i];
		struct pawl_effect *item = &effects->items[effects->n++];
		struct pawl_slice key = key_of(found);

		memcpy(keys, key.ptr, key.len);
		item->key = (struct pawl_slice){keys, key.len};
		item->digest = content_of(found)->digest;
		item->value = found->value;
		found->value = NULL;
		keys += key.len;
	}
	return 0;
}

int pawl_effects_take(struct pawl_context *context, pawl_ref_t task,
		      struct pawl_effect_target *target, struct pawl_value **ret_effects,
		      const struct pawl_error **ret_error)
{
	struct taking taking = {.context = context, .target = target, .ret_error = ret_error};
	uint64_t edit;
	int error = 0;

	if (eng_ref_is_local(task))
		error = eng_local_link(context, task, 0, &task, ret_error);
	if (error)
		return error;
	if (!task.pawl_bits || eng_ref_cell(task))
		return -EINVAL;
	/* Ends: as a strong read does. */
	for (;;) {
		error = eng_edit_wait(context, &edit);
		if (error)
			break;
		context->ring = false;
		error = take(&taking, task);
		if (context->run || error == -ECANCELED || error == -ENOMEM ||
		    error == -ESTALE || context->ring ||
		    eng_is_same_moment(context, task, edit))
			break;
		forget_from(&taking, 0);
	}
	if (!error)
		error = value_make(&taking, ret_effects);
	taking_fini(&taking);
	return error;
}

/* ---- what was taken ------------------------------------------------------------------------- */

size_t pawl_effects_count(const struct pawl_value *effects)
{
	return ((const struct eng_effects *)pawl_value_payload(effects))->n;
}

void pawl_effects_get(const struct pawl_value *effects, size_t at,
		      struct pawl_effect *ret_effect)
{
	const struct eng_effects *all = pawl_value_payload(effects);

	PAWL_REQUIRE(at < all->n);
	*ret_effect = all->items[at];
}
