/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * naive.c - an engine that remembers nothing: the measure for the one that does.
 *
 * One thread. A task has a number, so that references can be compared, and its arguments. What it
 * computed counts until the end of the visit, or of the root's run, in which it was computed: so a
 * task runs once in each, and graphs with many ways to one task come to an end. Reading a reference
 * runs the task by calling its body, and collecting walks over all that is called. There are no
 * dependencies, nothing is ever dirty, and each visit sees the world as it is.
 *
 * Reading round in a ring ends at the task that is being computed already, with an error. If one of these reads is
 * untracked, and so of no use to who reads, another order of reading fails elsewhere, or nowhere.
 *
 * Memory comes from the C library, and abort() is the answer to having none: failing allocations are
 * meant for the engine.
 */
#include "config.h"

#include "naive.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct naive_error {
	struct naive_error *next; /* of all that the engine has made */
	const char *function;
	const struct naive_error *cause;
	char message[];
};

struct emitted {
	const struct pawl_trait *trait;
	uint64_t ref;
	int32_t count;
};

enum progress { NOT_YET, UNDER_WAY, OVER };

struct task {
	const struct pawl_function *function; /* NULL: a root */
	char *key;			      /* its arguments as bytes */
	size_t key_bytes;
	bool transient;
	/* A root's. */
	pawl_function_fn *fn;
	void *arg;
	void (*free_arg)(void *arg);
	bool active;
	/* The result, of the visit with this number. */
	uint64_t visit;
	enum progress progress;
	const struct naive_error *failure;
	pawl_ref_t output;
	struct pawl_value **cells;
	size_t cells_n;
	struct emitted *emitted;
	size_t emitted_n;
	uint32_t *children;
	size_t children_n;
	/* Of walks: the number of the last one that came here. */
	uint64_t reached, summed, rounded;
	bool above;
	struct emitted *sum; /* in the walk `summed` */
	size_t sum_n;
};

struct pawl_engine {
	struct pawl_engine_options options;
	struct task **tasks; /* number n is at n - 1 */
	uint32_t tasks_n;
	uint64_t visit, walk;
	struct naive_error *errors;
	struct naive_context *inner; /* of the task that is computed now */
	bool untracked;		     /* the read that is under way is */
	bool loose; /* in this visit: a ring of reads had one that is untracked */
};

struct pawl_context {
	struct naive_engine *engine;
	uint32_t id; /* 0: a visit */
	const struct naive_error *failure, *last;
	struct naive_context *outer; /* who is computed, too, since it wants this one */
	bool untracked;		     /* but not for its value */
};

struct pawl_state {
	struct pawl_value *value;
	uint32_t owners;
};

#define NOTHING	   ((uint64_t)UINT32_MAX << 32)
#define MUST(cond) ((cond) ? (void)0 : abort())

/* One place more at the end of an array. */
static void *more(void *array, size_t n, size_t bytes)
{
	char *grown = realloc(array, (n + 1) * bytes);

	MUST(grown);
	memset(grown + n * bytes, 0, bytes);
	return grown;
}

static pawl_ref_t ref_of(uint32_t id, size_t cell)
{
	return (pawl_ref_t){(uint64_t)cell << 32 | id};
}

static uint32_t ref_id(pawl_ref_t ref)
{
	return (uint32_t)ref.pawl_bits;
}

static struct task *task_at(struct naive_engine *engine, pawl_ref_t ref)
{
	uint32_t id = ref_id(ref);

	return id && id <= engine->tasks_n ? engine->tasks[id - 1] : NULL;
}

/* ---- errors ------------------------------------------------------------------------------ */

static const struct naive_error *error_v(struct naive_engine *engine, const char *function,
					 const struct naive_error *cause, const char *format,
					 va_list args) PAWL_PRINTF(4, 0);
static const struct naive_error *error_v(struct naive_engine *engine, const char *function,
					 const struct naive_error *cause, const char *format,
					 va_list args)
{
	struct naive_error *error;
	char text[1024];
	size_t bytes;

	(void)vsnprintf(text, sizeof(text), format, args);
	bytes = strlen(text) + 1;
	error = malloc(sizeof(*error) + bytes);
	MUST(error);
	error->next = engine->errors;
	error->function = function;
	error->cause = cause;
	memcpy(error->message, text, bytes);
	engine->errors = error;
	return error;
}

PAWL_PRINTF(4, 5)
static const struct naive_error *error_make(struct naive_engine *engine, const char *function,
					    const struct naive_error *cause, const char *format,
					    ...)
{
	const struct naive_error *error;
	va_list args;

	va_start(args, format);
	error = error_v(engine, function, cause, format, args);
	va_end(args);
	return error;
}

static int give_error(struct naive_context *context, const struct naive_error *error,
		      const struct naive_error **ret_error)
{
	context->last = error;
	if (ret_error)
		*ret_error = error;
	return -PAWL_ETASK;
}

static const char *own_name(const struct naive_context *context)
{
	const struct task *task = task_at(context->engine, ref_of(context->id, 0));

	return !task ? NULL : task->function ? task->function->name : "root";
}

int pawl_context_fail(struct naive_context *context, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	context->failure =
		error_v(context->engine, own_name(context), context->last, format, args);
	va_end(args);
	context->last = NULL;
	return -PAWL_ETASK;
}

const char *pawl_error_message(const struct naive_error *error)
{
	return error->message;
}

const struct naive_error *pawl_error_cause(const struct naive_error *error)
{
	return error->cause;
}

size_t pawl_error_describe(const struct naive_error *error, char *buf, size_t len)
{
	char text[8192] = "";
	size_t length = 0;

	for (unsigned i = 0; error && i < 64; i++, error = error->cause) {
		if (length < sizeof(text))
			length += (size_t)snprintf(
				text + length, sizeof(text) - length, "%s%s%s%s",
				length ? ": " : "", error->function ? error->function : "",
				error->function && *error->message ? ": " : "", error->message);
	}
	if (len)
		(void)snprintf(buf, len, "%s", text);
	return length;
}

/* ---- running a task ----------------------------------------------------------------------- */

static void forget(struct task *task)
{
	for (size_t i = 0; i < task->cells_n; i++)
		pawl_value_unpin(task->cells[i]);
	free(task->cells);
	free(task->emitted);
	free(task->children);
	free(task->sum);
	task->cells = NULL;
	task->emitted = task->sum = NULL;
	task->children = NULL;
	task->cells_n = task->emitted_n = task->children_n = task->sum_n = 0;
	task->summed = 0;
	task->progress = NOT_YET;
	task->failure = NULL;
	task->output = PAWL_REF_NONE;
}

/* Arguments from the key: the struct as its fields say. */
static void args_read(const struct task *task, char *args)
{
	const struct pawl_function *function = task->function;
	const char *at = task->key;

	if (!function->arguments) {
		if (function->args_bytes)
			memcpy(args, at, function->args_bytes);
		return;
	}
	for (size_t i = 0; i < function->arguments_n; i++) {
		const struct pawl_argument *argument = &function->arguments[i];
		struct pawl_slice slice;
		struct pawl_refs refs;
		uint64_t n;

		memcpy(&n, at, sizeof(n));
		at += sizeof(n);
		slice = (struct pawl_slice){at, n};
		refs = (struct pawl_refs){(const pawl_ref_t *)(const void *)at,
					  n / sizeof(pawl_ref_t)};
		if (argument->kind == PAWL_ARGUMENT_BYTES)
			memcpy(args + argument->offset, &slice, sizeof(slice));
		else if (argument->kind == PAWL_ARGUMENT_REFS)
			memcpy(args + argument->offset, &refs, sizeof(refs));
		else
			memcpy(args + argument->offset, at, n);
		at += (n + 7) & ~(uint64_t)7;
	}
}

static const struct naive_error *failure_of(struct naive_context *context, int error)
{
	if (error == -PAWL_ETASK && context->failure)
		return context->failure;
	if (error == -PAWL_ETASK && context->last)
		return error_make(context->engine, own_name(context), context->last, "%s", "");
	return error_make(context->engine, own_name(context), NULL, "error %d", -error);
}

/* Returns: false: it is under way, so its result would need itself. */
static bool compute(struct naive_engine *engine, uint32_t id)
{
	struct task *task = engine->tasks[id - 1];
	struct naive_context context = {.engine = engine,
					.id = id,
					.outer = engine->inner,
					.untracked = engine->untracked};
	char *args = NULL;
	int error;

	engine->untracked = false;
	if (task->visit != engine->visit) {
		forget(task);
		task->visit = engine->visit;
	}
	if (task->progress != NOT_YET)
		return task->progress == OVER;
	task->progress = UNDER_WAY;
	engine->inner = &context;
	if (task->function) {
		args = calloc(1, task->function->args_bytes + 1);
		MUST(args);
		args_read(task, args);
		error = task->function->body(&context, args, &task->output);
		free(args);
	} else {
		error = task->fn(&context, task->arg, &task->output);
	}
	engine->inner = context.outer;
	if (error)
		task->failure = failure_of(&context, error);
	else if (!task->output.pawl_bits)
		task->output.pawl_bits = NOTHING;
	task->progress = OVER;
	return true;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The task is under way, and is wanted by the innermost one. */
static void note_ring(struct naive_engine *engine, uint32_t id, bool untracked)
{
	const struct naive_context *context = engine->inner;

	engine->loose |= untracked;
	for (; context && context->id != id; context = context->outer)
		engine->loose |= context->untracked;
}

int pawl_resolve(struct naive_context *context, pawl_ref_t ref, uint32_t flags,
		 pawl_ref_t *ret_cell, const struct naive_error **ret_error)
{
	struct naive_engine *engine = context->engine;
	bool untracked = flags & PAWL_READ_UNTRACKED, computed;
	uint32_t hops = 0;

	while (!(ref.pawl_bits >> 32)) {
		struct task *task = task_at(context->engine, ref);

		if (!task)
			return -ESTALE;
		engine->untracked = untracked;
		computed = compute(engine, ref_id(ref));
		engine->untracked = false;
		if (!computed)
			note_ring(engine, ref_id(ref), untracked);
		/* Also an output that leads to itself. */
		if (!computed || hops++ > engine->tasks_n)
			return give_error(context,
					  error_make(engine, NULL, NULL, "tasks in a ring"),
					  ret_error);
		if (task->failure)
			return give_error(context, task->failure, ret_error);
		ref = task->output;
	}
	*ret_cell = ref;
	return 0;
}

int pawl_read(struct naive_context *context, pawl_ref_t ref, uint32_t flags,
	      struct pawl_value **ret_value, const struct naive_error **ret_error)
{
	struct task *task;
	int error = pawl_resolve(context, ref, flags, &ref, ret_error);

	*ret_value = NULL;
	if (error || ref.pawl_bits == NOTHING)
		return error;
	task = task_at(context->engine, ref);
	if (!task)
		return -ESTALE;
	(void)compute(context->engine, ref_id(ref));
	/* A cell may be read while its task goes on, once it is there. */
	if (ref.pawl_bits >> 32 > task->cells_n)
		return give_error(context,
				  error_make(context->engine, NULL, NULL,
					     "cell is not made any more"),
				  ret_error);
	*ret_value = pawl_value_pin(task->cells[(ref.pawl_bits >> 32) - 1]);
	return 0;
}

int pawl_read_key(struct naive_context *context, pawl_ref_t ref, uint64_t key_hash,
		  struct pawl_value **ret_value, const struct naive_error **ret_error)
{
	(void)key_hash;
	return pawl_read(context, ref, 0, ret_value, ret_error);
}

/* ---- calling ---------------------------------------------------------------------------------- */

struct key {
	char *data;
	size_t bytes;
	bool transient;
};

static void key_put(struct key *key, const void *data, size_t bytes, bool length)
{
	uint64_t n = bytes;
	size_t room = ((bytes + 7) & ~(size_t)7) + (length ? sizeof(n) : 0);

	key->data = realloc(key->data, key->bytes + room + 1);
	MUST(key->data);
	memset(key->data + key->bytes, 0, room);
	if (length)
		memcpy(key->data + key->bytes, &n, sizeof(n));
	if (bytes)
		memcpy(key->data + key->bytes + (length ? sizeof(n) : 0), data, bytes);
	key->bytes += room;
}

static int key_put_refs(struct naive_context *context, const struct pawl_function *function,
			struct key *key, const pawl_ref_t *refs, size_t n)
{
	pawl_ref_t *resolved = calloc(n + 1, sizeof(*resolved));
	int error = 0;

	MUST(resolved);
	for (size_t i = 0; i < n && !error; i++) {
		struct task *task;

		resolved[i] = refs[i];
		if (refs[i].pawl_bits && !(function->flags & PAWL_FUNCTION_OPERATION))
			error = pawl_resolve(context, refs[i], 0, &resolved[i], NULL);
		task = task_at(context->engine, resolved[i]);
		key->transient |= task && task->transient;
	}
	if (!error)
		key_put(key, resolved, n * sizeof(*resolved), true);
	free(resolved);
	return error;
}

static int key_make(struct naive_context *context, const struct pawl_function *function,
		    const char *args, struct key *key)
{
	int error = 0;

	if (!function->arguments && function->args_bytes)
		key_put(key, args, function->args_bytes, false);
	for (size_t i = 0; i < function->arguments_n && !error; i++) {
		const struct pawl_argument *argument = &function->arguments[i];
		const char *at = args + argument->offset;
		struct pawl_slice slice;
		struct pawl_refs refs;
		pawl_ref_t ref;

		switch (argument->kind) {
		case PAWL_ARGUMENT_BYTES:
			memcpy(&slice, at, sizeof(slice));
			key_put(key, slice.ptr, slice.len, true);
			break;
		case PAWL_ARGUMENT_REF:
			memcpy(&ref, at, sizeof(ref));
			error = key_put_refs(context, function, key, &ref, 1);
			break;
		case PAWL_ARGUMENT_REFS:
			memcpy(&refs, at, sizeof(refs));
			error = key_put_refs(context, function, key, refs.refs, refs.n);
			break;
		default:
			key_put(key, at, argument->bytes, true);
			break;
		}
	}
	return error;
}

static uint32_t task_make(struct naive_engine *engine, const struct pawl_function *function)
{
	struct task *task = calloc(1, sizeof(*task));

	MUST(task);
	task->function = function;
	engine->tasks = more(engine->tasks, engine->tasks_n, sizeof(struct task *));
	engine->tasks[engine->tasks_n++] = task;
	return engine->tasks_n;
}

/* Takes the key's memory. */
static uint32_t find_or_make(struct naive_engine *engine, const struct pawl_function *function,
			     struct key *key)
{
	uint32_t id;

	for (id = 1; id <= engine->tasks_n; id++) {
		struct task *task = engine->tasks[id - 1];

		if (task->function == function && task->key_bytes == key->bytes &&
		    (!key->bytes || !memcmp(task->key, key->data, key->bytes))) {
			free(key->data);
			return id;
		}
	}
	id = task_make(engine, function);
	engine->tasks[id - 1]->key = key->data;
	engine->tasks[id - 1]->key_bytes = key->bytes;
	engine->tasks[id - 1]->transient = key->transient;
	return id;
}

static int connect_child(struct naive_context *context, const char *name, uint32_t id)
{
	struct task *task = task_at(context->engine, ref_of(context->id, 0));

	if (!task)
		return 0;
	if (id == context->id)
		return give_error(context,
				  error_make(context->engine, NULL, NULL, "%s calls itself",
					     name ? name : "a task"),
				  NULL);
	if (!task->transient && context->engine->tasks[id - 1]->transient)
		return give_error(
			context,
			error_make(context->engine, NULL, NULL,
				   "%s has an argument that is transient, and its caller is "
				   "kept: what is kept cannot depend on what is not",
				   name ? name : "an operation"),
			NULL);
	for (size_t i = 0; i < task->children_n; i++) {
		if (task->children[i] == id)
			return 0;
	}
	task->children = more(task->children, task->children_n, sizeof(*task->children));
	task->children[task->children_n++] = id;
	return 0;
}

int pawl_call(struct naive_context *context, const struct pawl_function *function,
	      const void *args, pawl_ref_t *ret_output)
{
	struct key key = {NULL, 0, false};
	uint32_t id;
	int error = key_make(context, function, args, &key);

	if (error) {
		free(key.data);
		return error;
	}
	id = find_or_make(context->engine, function, &key);
	error = connect_child(context, function->name, id);
	if (!error)
		*ret_output = ref_of(id, 0);
	return error;
}

int pawl_connect(struct naive_context *context, pawl_ref_t operation)
{
	if (!task_at(context->engine, operation) || operation.pawl_bits >> 32)
		return -EINVAL;
	return connect_child(context, NULL, ref_id(operation));
}

int pawl_cell(struct naive_context *context, struct pawl_value *value, pawl_ref_t *ret_cell)
{
	struct task *task = task_at(context->engine, ref_of(context->id, 0));

	if (!task) {
		pawl_value_unpin(value);
		return -EINVAL;
	}
	task->cells = more(task->cells, task->cells_n, sizeof(*task->cells));
	task->cells[task->cells_n++] = value;
	*ret_cell = ref_of(context->id, task->cells_n);
	return 0;
}

void pawl_mark_session_dependent(struct naive_context *context)
{
	(void)context;
}

int naive_yield(void)
{
	return 0;
}

/* ---- collectibles --------------------------------------------------------------------------- */

static void bag_add(struct emitted **bag, size_t *n, struct emitted entry)
{
	for (size_t i = 0; i < *n; i++) {
		if ((*bag)[i].trait == entry.trait && (*bag)[i].ref == entry.ref) {
			(*bag)[i].count += entry.count;
			return;
		}
	}
	*bag = more(*bag, *n, sizeof(**bag));
	(*bag)[(*n)++] = entry;
}

static bool is_root(const struct task *task)
{
	return !task->function || task->function->flags & PAWL_FUNCTION_ROOT;
}

static int emit(struct naive_context *context, const struct pawl_trait *trait, pawl_ref_t ref,
		int32_t count)
{
	struct task *task = task_at(context->engine, ref_of(context->id, 0));
	struct task *what = task_at(context->engine, ref);

	if (!task || !what)
		return -EINVAL;
	if (what->transient && !task->transient)
		return give_error(context,
				  error_make(context->engine, NULL, NULL,
					     "collectible is transient: transient collectibles "
					     "cannot be emitted from persistent tasks"),
				  NULL);
	if (count < 0 && !is_root(task))
		return -EPERM;
	bag_add(&task->emitted, &task->emitted_n,
		(struct emitted){trait, ref.pawl_bits, count});
	return 0;
}

int pawl_emit(struct naive_context *context, const struct pawl_trait *trait, pawl_ref_t ref)
{
	return emit(context, trait, ref, 1);
}

int pawl_unemit(struct naive_context *context, const struct pawl_trait *trait, pawl_ref_t ref)
{
	return emit(context, trait, ref, -1);
}

/* All that a task is made of, itself first, computed. Returns: how many; *ret_ids is to be freed. */
static size_t reach(struct naive_engine *engine, uint32_t id, bool into_roots,
		    uint32_t **ret_ids)
{
	uint32_t *ids = more(NULL, 0, sizeof(*ids));
	uint64_t walk = ++engine->walk;
	size_t n = 1;

	ids[0] = id;
	engine->tasks[id - 1]->reached = walk;
	for (size_t at = 0; at < n; at++) {
		struct task *task = engine->tasks[ids[at] - 1];

		(void)compute(engine, ids[at]);
		if (at && !into_roots && is_root(task))
			continue;
		for (size_t i = 0; i < task->children_n; i++) {
			struct task *child = engine->tasks[task->children[i] - 1];

			if (child->reached == walk)
				continue;
			child->reached = walk;
			ids = more(ids, n, sizeof(*ids));
			ids[n++] = task->children[i];
		}
	}
	*ret_ids = ids;
	return n;
}

/*
 * What a task and all it is made of have emitted: each reference that came from below counts once, and
 * what the task itself emitted or took away as often as it did. One below that may take away is seen
 * with what it left, as a whole; what it is made of counts where it is reached another way.
 */
static void sum_up(struct naive_engine *engine, uint32_t id, uint64_t sum)
{
	struct task *task = engine->tasks[id - 1];
	struct emitted *below = NULL;
	size_t below_n = 0, n;
	uint32_t *ids;

	if (task->summed == sum)
		return;
	task->summed = sum;
	n = reach(engine, id, false, &ids);
	for (size_t at = 1; at < n; at++) {
		struct task *other = engine->tasks[ids[at] - 1];

		if (is_root(other))
			sum_up(engine, ids[at], sum);
		for (size_t i = 0; i < (is_root(other) ? other->sum_n : other->emitted_n); i++)
			bag_add(&below, &below_n,
				is_root(other) ? other->sum[i] : other->emitted[i]);
	}
	free(ids);
	free(task->sum);
	task->sum = NULL;
	task->sum_n = 0;
	for (size_t i = 0; i < below_n; i++) {
		below[i].count = below[i].count > 0;
		bag_add(&task->sum, &task->sum_n, below[i]);
	}
	for (size_t i = 0; i < task->emitted_n; i++)
		bag_add(&task->sum, &task->sum_n, task->emitted[i]);
	free(below);
}

int pawl_peek(struct naive_context *context, pawl_ref_t ref, const struct pawl_trait *trait,
	      pawl_collect_fn *fn, void *arg)
{
	struct task *task = task_at(context->engine, ref);
	pawl_ref_t cell;
	uint32_t *ids;

	if (!task || ref.pawl_bits >> 32)
		return -EINVAL;
	/* That it failed is known to the reader, as in any read. */
	if (pawl_resolve(context, ref, PAWL_READ_STRONG, &cell, NULL) == -ESTALE)
		return -ESTALE;
	/* First all bodies, which may collect as well. */
	(void)reach(context->engine, ref_id(ref), true, &ids);
	free(ids);
	sum_up(context->engine, ref_id(ref), ++context->engine->walk);
	for (size_t i = 0; i < task->sum_n; i++) {
		if (task->sum[i].trait == trait && task->sum[i].count)
			fn(arg, (pawl_ref_t){task->sum[i].ref}, task->sum[i].count);
	}
	return 0;
}

/* Depth first: a task that is met while it is above itself. */
static bool goes_round(struct naive_engine *engine, uint32_t id, uint64_t walk)
{
	struct task *task = engine->tasks[id - 1];
	bool round = false;

	if (task->rounded == walk)
		return task->above;
	task->rounded = walk;
	task->above = true;
	for (size_t i = 0; i < task->children_n && !round; i++)
		round = goes_round(engine, task->children[i], walk);
	task->above = false;
	return round;
}

bool naive_is_loose(const struct naive_context *context)
{
	return context->engine->loose;
}

bool naive_has_ring(struct naive_context *context, pawl_ref_t task)
{
	uint32_t *ids;

	(void)reach(context->engine, ref_id(task), true, &ids);
	free(ids);
	return goes_round(context->engine, ref_id(task), ++context->engine->walk);
}

/* ---- the world --------------------------------------------------------------------------------- */

int pawl_context_invalidator(struct naive_context *context,
			     struct pawl_invalidator *ret_invalidator)
{
	if (!context->id)
		return -EINVAL;
	ret_invalidator->pawl_graph = NULL;
	ret_invalidator->pawl_task = context->id;
	return 0;
}

void pawl_invalidate(const struct pawl_invalidator *invalidators, size_t n)
{
	(void)invalidators;
	(void)n;
}

int pawl_state_create(struct naive_engine *engine, struct pawl_value *value,
		      struct naive_state **ret_state)
{
	struct naive_state *state = calloc(1, sizeof(*state));

	(void)engine;
	MUST(state);
	state->value = value;
	state->owners = 1;
	*ret_state = state;
	return 0;
}

struct naive_state *pawl_state_pin(struct naive_state *state)
{
	state->owners++;
	return state;
}

void pawl_state_unpin(struct naive_state *state)
{
	if (!state || --state->owners)
		return;
	pawl_value_unpin(state->value);
	free(state);
}

int pawl_state_get(struct naive_context *context, struct naive_state *state,
		   struct pawl_value **ret_value)
{
	(void)context;
	*ret_value = pawl_value_pin(state->value);
	return 0;
}

int pawl_state_set(struct naive_state *state, struct pawl_value *value)
{
	pawl_value_unpin(state->value);
	state->value = value;
	return 0;
}

struct change {
	struct naive_state *state;
	struct pawl_value *value;
};

struct pawl_edit {
	struct change *changes;
	size_t n;
};

int pawl_edit_begin(struct naive_engine *engine, struct naive_edit **ret_edit)
{
	(void)engine;
	*ret_edit = calloc(1, sizeof(**ret_edit));
	MUST(*ret_edit);
	return 0;
}

int pawl_edit_set(struct naive_edit *edit, struct naive_state *state, struct pawl_value *value)
{
	edit->changes = more(edit->changes, edit->n, sizeof(*edit->changes));
	edit->changes[edit->n++] = (struct change){pawl_state_pin(state), value};
	return 0;
}

int pawl_edit_invalidate(struct naive_edit *edit, const struct pawl_invalidator *invalidator)
{
	(void)edit;
	(void)invalidator;
	return 0;
}

static void edit_end(struct naive_edit *edit, bool commit)
{
	for (size_t i = 0; i < edit->n; i++) {
		if (commit)
			MUST(!pawl_state_set(edit->changes[i].state, edit->changes[i].value));
		else
			pawl_value_unpin(edit->changes[i].value);
		pawl_state_unpin(edit->changes[i].state);
	}
	free(edit->changes);
	free(edit);
}

void pawl_edit_commit(struct naive_edit *edit)
{
	edit_end(edit, true);
}

void pawl_edit_abort(struct naive_edit *edit)
{
	if (edit)
		edit_end(edit, false);
}

/* ---- engines --------------------------------------------------------------------------------------- */

int pawl_engine_open(const struct pawl_engine_options *options,
		     struct naive_engine **ret_engine)
{
	struct naive_engine *engine = calloc(1, sizeof(*engine));

	MUST(engine);
	engine->options = *options;
	*ret_engine = engine;
	return 0;
}

int pawl_engine_close(struct naive_engine *engine)
{
	if (!engine)
		return 0;
	for (uint32_t i = 0; i < engine->tasks_n; i++) {
		struct task *task = engine->tasks[i];

		forget(task);
		if (task->free_arg)
			task->free_arg(task->arg);
		free(task->key);
		free(task);
	}
	while (engine->errors) {
		struct naive_error *error = engine->errors;

		engine->errors = error->next;
		free(error);
	}
	free(engine->tasks);
	free(engine);
	return 0;
}

struct pawl_runtime *pawl_engine_runtime(struct naive_engine *engine)
{
	(void)engine;
	return NULL;
}

int pawl_engine_run(struct naive_engine *engine, pawl_visit_fn *fn, void *arg)
{
	struct naive_context context = {.engine = engine};

	engine->visit++;
	engine->loose = false;
	return fn(&context, arg);
}

int pawl_engine_spawn_root(struct naive_engine *engine, pawl_function_fn *fn, void *arg,
			   void (*free_arg)(void *arg), pawl_ref_t *ret_root)
{
	uint32_t id = task_make(engine, NULL);
	struct task *task = engine->tasks[id - 1];

	task->fn = fn;
	task->arg = arg;
	task->free_arg = free_arg;
	task->transient = task->active = true;
	*ret_root = ref_of(id, 0);
	return 0;
}

int pawl_engine_dispose_root(struct naive_engine *engine, pawl_ref_t root)
{
	struct task *task = task_at(engine, root);

	if (!task || task->function)
		return -ESTALE;
	task->active = false;
	return 0;
}

/* Roots that stay active run when all others have come to rest; each of them alone. */
int pawl_engine_wait_idle(struct naive_engine *engine, uint64_t deadline_ns)
{
	(void)deadline_ns;
	for (uint32_t i = 0; i < engine->tasks_n; i++) {
		if (!engine->tasks[i]->active)
			continue;
		engine->visit++;
		engine->loose = false;
		(void)compute(engine, i + 1);
	}
	return 0;
}

int pawl_engine_verify(struct naive_engine *engine, char *buf, size_t len)
{
	(void)engine;
	(void)buf;
	(void)len;
	return 0;
}

void pawl_engine_stats_read(struct naive_engine *engine, struct pawl_engine_stats *ret_stats)
{
	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->tasks = engine->tasks_n;
}
