/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * create.c - finding the task of a call, or making it.
 *
 * Arguments are written once, field by field, into a buffer on the caller's stack: these bytes, with the
 * function's number, are the key. A hit takes no memory and no lock but the caller's own record's. The key lies
 * behind the record, and the map of tasks has the records themselves as its entries.
 *
 * A record is complete, and in its table, before the map has it: who finds it may use it. Of two that make the
 * same task one finds the other's in the map, and takes its own back.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>
#include <pawl/ids.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>

#include "backing.h"
#include "context.h"
#include "evict.h"
#include "local.h"
#include "profile.h"
#include "registry.h"
#include "twice.h"

#define KEY_BYTES    512
#define ORIGIN_BYTES 512

/* ---- keys ------------------------------------------------------------------------------ */

/* A key being written: what fits stands on the stack. */
struct writer {
	size_t bytes, capacity;
	char *data;
	bool transient; /* names something transient */
	PAWL_ALIGNED(8) char buffer[KEY_BYTES];
};

static int put(struct writer *writer, const void *data, size_t bytes)
{
	size_t room = (bytes + 7) & ~(size_t)7;

	if (room > writer->capacity - writer->bytes) {
		size_t capacity = (writer->bytes + room) * 2;
		char *more = pawl_mem_alloc(capacity, 0);

		if (!more)
			return -ENOMEM;
		memcpy(more, writer->data, writer->bytes);
		if (writer->data != writer->buffer)
			pawl_mem_free(writer->data, writer->capacity, 0);
		writer->data = more;
		writer->capacity = capacity;
	}
	if (bytes)
		memcpy(writer->data + writer->bytes, data, bytes);
	memset(writer->data + writer->bytes + bytes, 0, room - bytes);
	writer->bytes += room;
	return 0;
}

static void writer_fini(struct writer *writer)
{
	if (writer->data != writer->buffer)
		pawl_mem_free(writer->data, writer->capacity, 0);
}

/* Arguments of a plain function are cells: what they lead to is part of the key. */
static int put_ref(struct pawl_context *context, const struct pawl_function *function,
		   struct writer *writer, pawl_ref_t ref)
{
	/* A task does not wait: pawl_call() goes on beside it. */
	uint32_t flags = context->run && !context->in_job ? ENG_READ_NOW : 0;
	int error = 0;

	if (ref.pawl_bits && !(function->flags & PAWL_FUNCTION_OPERATION))
		error = eng_resolve(context, ref, flags, &ref, NULL);
	else if (eng_ref_is_local(ref))
		error = eng_local_link(context, ref, flags, &ref, NULL);
	if (error)
		return error;
	writer->transient |= eng_is_transient(eng_ref_task(ref));
	return put(writer, &ref, sizeof(ref));
}

static int put_argument(struct pawl_context *context, const struct pawl_function *function,
			struct writer *writer, const struct pawl_argument *argument,
			const char *args)
{
	const void *at = args + argument->offset;
	struct pawl_slice slice;
	struct pawl_refs refs;
	pawl_ref_t ref;
	uint64_t n;
	int error;

	switch (argument->kind) {
	case PAWL_ARGUMENT_REF:
		memcpy(&ref, at, sizeof(ref));
		return put_ref(context, function, writer, ref);
	case PAWL_ARGUMENT_BYTES:
		memcpy(&slice, at, sizeof(slice));
		n = slice.len;
		error = put(writer, &n, sizeof(n));
		return error ? error : put(writer, slice.ptr, slice.len);
	case PAWL_ARGUMENT_REFS:
		memcpy(&refs, at, sizeof(refs));
		n = refs.n;
		error = put(writer, &n, sizeof(n));
		for (size_t i = 0; i < refs.n && !error; i++)
			error = put_ref(context, function, writer, refs.refs[i]);
		return error;
	default:
		return put(writer, at, argument->bytes);
	}
}

static int key_write(struct pawl_context *context, const struct pawl_function *function,
		     const void *args, struct writer *writer)
{
	int error = 0;

	writer->bytes = 0;
	writer->capacity = sizeof(writer->buffer);
	writer->data = writer->buffer;
	writer->transient = false;
	if (!function->arguments && function->args_bytes)
		return put(writer, args, function->args_bytes);
	for (size_t i = 0; i < function->arguments_n && !error; i++)
		error = put_argument(context, function, writer, &function->arguments[i], args);
	if (error)
		writer_fini(writer);
	return error;
}

void eng_args_read(const struct pawl_function *function, const struct eng_key *key, void *into)
{
	const char *at = key->args;
	char *args = into;

	if (!function->arguments) {
		if (function->args_bytes)
			memcpy(args, at, function->args_bytes);
		return;
	}
	memset(args, 0, function->args_bytes);
	for (size_t i = 0; i < function->arguments_n; i++) {
		const struct pawl_argument *argument = &function->arguments[i];
		struct pawl_slice slice;
		struct pawl_refs refs;
		uint64_t n;

		switch (argument->kind) {
		case PAWL_ARGUMENT_BYTES:
			memcpy(&n, at, sizeof(n));
			slice = (struct pawl_slice){at + sizeof(n), (size_t)n};
			memcpy(args + argument->offset, &slice, sizeof(slice));
			at += sizeof(n) + ((n + 7) & ~(uint64_t)7);
			break;
		case PAWL_ARGUMENT_REFS:
			memcpy(&n, at, sizeof(n));
			refs = (struct pawl_refs){
				(const pawl_ref_t *)(const void *)(at + sizeof(n)), (size_t)n};
			memcpy(args + argument->offset, &refs, sizeof(refs));
			at += sizeof(n) * (n + 1);
			break;
		default:
			n = argument->kind == PAWL_ARGUMENT_REF ? sizeof(pawl_ref_t)
								: argument->bytes;
			memcpy(args + argument->offset, at, n);
			at += (n + 7) & ~(uint64_t)7;
			break;
		}
	}
}

bool eng_args_valid(const struct pawl_function *function, const char *args, size_t bytes)
{
	size_t at = 0, n;
	uint64_t count;

	if (!function->arguments)
		return bytes == ((function->args_bytes + 7) & ~(size_t)7);
	for (size_t i = 0; i < function->arguments_n; i++) {
		const struct pawl_argument *argument = &function->arguments[i];

		n = sizeof(count);
		if (argument->kind == PAWL_ARGUMENT_DATA)
			n = (argument->bytes + 7) & ~(size_t)7;
		if (n > bytes - at)
			return false;
		if (argument->kind == PAWL_ARGUMENT_BYTES ||
		    argument->kind == PAWL_ARGUMENT_REFS) {
			memcpy(&count, args + at, sizeof(count));
			if (count > bytes)
				return false;
			n += argument->kind == PAWL_ARGUMENT_REFS ? count * sizeof(pawl_ref_t)
								  : (count + 7) & ~(uint64_t)7;
			if (n > bytes - at)
				return false;
		}
		at += n;
	}
	return at == bytes;
}

/* ---- finding ----------------------------------------------------------------------------- */

struct wanted {
	uint32_t function;
	size_t bytes;
	const void *data;
};

static uint64_t key_hash(uint32_t function, const void *args, size_t bytes)
{
	return pawl_hash_bytes(args, bytes, function);
}

bool eng_cache_match(const void *entry, const void *arg)
{
	const struct eng_key *key = eng_node_key(entry);
	const struct wanted *wanted = arg;

	return key->function == wanted->function && key->bytes == wanted->bytes &&
	       !memcmp(key->args, wanted->data, wanted->bytes);
}

uint64_t eng_cache_hash(const void *entry)
{
	const struct eng_key *key = eng_node_key(entry);

	/* Not kept: when the map grows it is made again, which costs less than 8 bytes for each task. */
	return key_hash(key->function, key->args, key->bytes);
}

bool eng_cache_put(struct eng_graph *graph, struct eng_node *node)
{
	const struct eng_key *key = eng_node_key(node);
	struct wanted wanted = {key->function, key->bytes, key->args};
	void *found;
	int put;

	do {
		pawl_rcu_begin();
		put = pawl_rmap_entry(graph->cache, eng_cache_hash(node), &wanted, node,
				      &found);
		pawl_rcu_end();
		if (put < 0)
			eng_memory_wait();
	} while (put < 0);
	return put;
}

/* Compared, or asked whether it is none: it may go when this returns. */
static const void *of_same_key(struct eng_graph *graph, const struct eng_node *node)
{
	const struct eng_key *key = eng_node_key(node);
	struct wanted wanted = {key->function, key->bytes, key->args};
	const void *found;

	pawl_rcu_begin();
	found = pawl_rmap_get(graph->cache, eng_cache_hash(node), &wanted);
	pawl_rcu_end();
	return found;
}

bool eng_cache_has(struct eng_graph *graph, const struct eng_node *node)
{
	return of_same_key(graph, node);
}

bool eng_cache_is(struct eng_graph *graph, const struct eng_node *node)
{
	return of_same_key(graph, node) == node;
}

/* It may be in the store. Returns: 0: it is not. */
static eng_id stored(struct eng_graph *graph, const struct wanted *wanted)
{
	const struct eng_backing *backing = graph->backing;
	struct eng_node *node;
	bool same = false, keyless = false;
	eng_id id = 0;
	int error;

	error = backing->look_up(backing->arg,
				 eng_key_digest(wanted->function, wanted->data, wanted->bytes),
				 &id);
	if (!error && !id)
		return 0;
	/* One of this process as well: somebody else has made it just now, and it was saved. */
	node = error ? NULL : eng_lock_any(graph, id);
	/* Or it has gone, and the store is told of that by a snapshot. */
	if (!error && !node && eng_gone_has(graph, id))
		return 0;
	if (node) {
		same = eng_cache_match(node, wanted);
		/* Lost, which is known, or of a function that is gone. */
		keyless = eng_is_lost(node, id);
		eng_unlock(node);
	}
	if (same)
		return id;
	if (!keyless)
		eng_restore_failed(graph, 0);
	return 0;
}

/* ---- making -------------------------------------------------------------------------------- */

/*
 * A number that nobody has, and its place, claimed. One that came back (persist/reuse.c) may have been looked for at a moment at
 * which the store could not be read: then something stands in for the task that might have had it, and keeps it.
 */
static int number(struct eng_graph *graph, bool transient, eng_id *ret_id)
{
	struct pawl_slots *table = graph->tables[transient];
	enum pawl_slot_state was;
	pawl_id_t id;
	int error;

	/* Ends: each turn more leaves a number to what is there. */
	do {
		was = PAWL_SLOT_EMPTY;
		error = pawl_ids_alloc(graph->ids[transient], &id);
		if (error)
			return error;
		/* Ends: who looks for it waits for memory alone. */
		while ((error = pawl_slots_claim(table, (uint32_t)id, &was)) == -EBUSY)
			eng_restore_wait(graph, (eng_id)id);
		if (!error && was != PAWL_SLOT_EMPTY)
			pawl_slots_abandon(table, (uint32_t)id, was);
	} while (error == -EEXIST || (!error && was != PAWL_SLOT_EMPTY));
	if (error)
		(void)pawl_ids_free(graph->ids[transient], id);
	*ret_id = (eng_id)id;
	return error;
}

/* In its table, with a number. In an operation. Errors: -ENOMEM, -ENOSPC; the record is the caller's still. */
static int node_publish(struct eng_graph *graph, struct eng_node *node, bool transient)
{
	eng_id id;
	int error = number(graph, transient, &id);

	if (error)
		return error;
	eng_word_set(node, transient ? ENG_TRANSIENT : 0);
	if (graph->marks && !transient) {
		eng_marks_new(graph->marks, node, id);
		if (PAWL_UNLIKELY(graph->backing && id < graph->backing->limit))
			pawl_add_relaxed(&graph->reclaim.again, UINT64_C(1));
	}
	pawl_slots_publish(graph->tables[transient], id, &node->slot, 0);
	return 0;
}

/* It is in its table, and nobody is to find it any more. */
static void node_drop(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node = eng_lock_any(graph, id);

	if (!node)
		return;
	(void)pawl_slots_drop(graph->tables[eng_is_transient(id)], &node->slot);
	(void)pawl_ids_free(graph->ids[eng_is_transient(id)], id & ~ENG_TRANSIENT);
}

/* Into the map, or what is there. As pawl_rmap_entry(). -EAGAIN: something has left since, and may have had its key. */
static int entry(struct eng_graph *graph, const struct wanted *wanted, uint64_t hash,
		 uint32_t gone, struct eng_node *node, eng_id *ret_id)
{
	struct eng_evict_shard *shard =
		graph->evicts ? eng_evict_shard(graph->evict, hash) : NULL;
	struct eng_node *found;
	int put = -EAGAIN;

	if (shard)
		pawl_lock_lock(&shard->lock);
	pawl_rcu_begin();
	/* Relaxed: under the lock. */
	if (!shard || pawl_load_relaxed(&shard->gone) == gone || !PAWL_MC_STEP("gone"))
		put = pawl_rmap_entry(graph->cache, hash, wanted, node, (void **)&found);
	*ret_id = put < 0 ? 0 : eng_node_id(found);
	pawl_rcu_end();
	if (shard)
		pawl_lock_unlock(&shard->lock);
	return put;
}

static int node_create(struct eng_graph *graph, const struct wanted *wanted, uint64_t hash,
		       uint32_t gone, bool transient, eng_id *ret_id)
{
	struct eng_node *node = eng_node_make(graph, wanted->bytes);
	struct eng_key *key;
	eng_id id;
	int error;

	if (!node)
		return -ENOMEM;
	key = eng_node_key(node);
	key->function = wanted->function;
	memcpy(key->args, wanted->data, wanted->bytes);
	node->bits = ENG_NEW;
	/* From the start: whoever finds it may run it, before its maker has come any further. */
	if (eng_function(graph->registry, wanted->function)->flags & PAWL_FUNCTION_ROOT)
		pawl_init_word(&node->base, ENG_NUMBER_ROOT);
	error = node_publish(graph, node, transient);
	if (error) {
		eng_node_free(graph, node);
		return error;
	}
	id = eng_node_id(node);
	error = entry(graph, wanted, hash, gone, node, ret_id);
	if (error == 1)
		return 0;
	/* Somebody was faster, there is no memory, or it has to be looked for again. */
	node_drop(graph, id);
	return error;
}

static bool may_be_stored(const struct eng_graph *graph, uint64_t hash)
{
	return graph->backing && (graph->backing->limit ||
				  (graph->evicts && eng_evict_may_have(graph->evict, hash)));
}

/*
 * Making a task changes what is saved: it is an operation. `gone`: of the shard, before the key was looked for. Errors
 * also: -EAGAIN: as entry().
 */
static int make(struct eng_graph *graph, const struct wanted *wanted, uint64_t hash,
		uint32_t gone, bool transient, eng_id *ret_id)
{
	struct eng_quiesce_slot *inside;
	int error;

	if (PAWL_UNLIKELY(may_be_stored(graph, hash))) {
		*ret_id = stored(graph, wanted);
		if (*ret_id)
			return 0;
	}
	if (!graph->marks)
		return node_create(graph, wanted, hash, gone, transient, ret_id);
	inside = eng_quiesce_enter(graph->quiesce, graph);
	error = node_create(graph, wanted, hash, gone, transient, ret_id);
	eng_quiesce_leave(graph->quiesce, inside);
	return error;
}

/* In the map. 0: it is not there. */
static eng_id resident(struct eng_graph *graph, const struct wanted *wanted, uint64_t hash)
{
	struct eng_node *node;
	eng_id id;

	pawl_rcu_begin();
	node = pawl_rmap_get_by(graph->cache, hash, eng_cache_match, wanted);
	id = node ? eng_node_id(node) : 0;
	pawl_rcu_end();
	return id;
}

/* Where tasks leave: it may have, before it is looked for, or beside that. */
PAWL_NOINLINE static int make_or_restore(struct eng_graph *graph, const struct wanted *wanted,
					 uint64_t hash, bool transient, eng_id *ret_id)
{
	struct eng_evict_shard *shard = eng_evict_shard(graph->evict, hash);
	uint32_t gone;
	int error;

	/* Ends: a turn more means that something has left. */
	do {
		/* Acquire: what has left by then is not in the map, but in the filter. */
		gone = pawl_load_acquire(&shard->gone);
		*ret_id = resident(graph, wanted, hash);
		error = *ret_id ? 0 : make(graph, wanted, hash, gone, transient, ret_id);
	} while (error == -EAGAIN);
	return error;
}

/* The task of a call that was made before; 0: there is none. */
static eng_id find_only(struct eng_graph *graph, uint32_t function, const struct writer *writer)
{
	const struct wanted wanted = {function, writer->bytes, writer->data};
	uint64_t hash = key_hash(function, writer->data, writer->bytes);
	eng_id id = resident(graph, &wanted, hash);

	/* It may have left. */
	if (!id && graph->evicts && may_be_stored(graph, hash))
		id = stored(graph, &wanted);
	return id;
}

/* The task of a call, made if there was none. */
static int find_or_create(struct eng_graph *graph, uint32_t function,
			  const struct writer *writer, eng_id *ret_id, bool *ret_new)
{
	struct wanted wanted = {function, writer->bytes, writer->data};
	uint64_t hash = key_hash(function, writer->data, writer->bytes);

	*ret_id = resident(graph, &wanted, hash);
	eng_count(graph, function, *ret_id ? ENG_COUNT_HITS : ENG_COUNT_MISSES);
	/* What comes back from a store may have been called before. */
	*ret_new = !*ret_id && !graph->evicts && !may_be_stored(graph, hash);
	if (*ret_id)
		return 0;
	if (PAWL_UNLIKELY(graph->evicts))
		return make_or_restore(graph, &wanted, hash, writer->transient, ret_id);
	return make(graph, &wanted, hash, 0, writer->transient, ret_id);
}

/* What is kept cannot depend on what is not. */
PAWL_NOINLINE static int transient_callee(struct pawl_context *context,
					  const struct pawl_function *function, eng_id callee)
{
	char origin[ORIGIN_BYTES];

	eng_say_origin(context->graph, callee, origin, sizeof(origin));
	return eng_context_error(
		context,
		eng_error_printf(
			0, NULL, NULL,
			"%s has an argument that is transient, and its caller is kept: "
			"what is kept cannot depend on what is not: %s",
			function ? function->name : "an operation", origin),
		NULL);
}

static int callee_check(struct pawl_context *context, const struct pawl_function *function,
			eng_id callee)
{
	if (context->run && callee == context->id)
		return eng_context_error(context,
					 eng_error_printf(0, NULL, NULL, "%s calls itself",
							  function ? function->name : "a task"),
					 NULL);
	if (!context->run || eng_is_transient(context->id) || !eng_is_transient(callee))
		return 0;
	return transient_callee(context, function, callee);
}

/* An argument is not known yet. */
static int call_later(struct pawl_context *context, const struct pawl_function *function,
		      const void *args, pawl_ref_t *ret_output)
{
	const struct eng_callee callee = {function, NULL, 0};
	int error = eng_local_call(context, &callee, args, ret_output);

	if (error != -ENOSPC)
		return error;
	/* No job: it waits itself. */
	context->in_job = true;
	error = pawl_call(context, function, args, ret_output);
	context->in_job = false;
	return error;
}

/* A call that its caller has not made before. */
PAWL_NOINLINE static int connect_fresh(struct pawl_context *context, eng_id id)
{
	struct eng_op op;
	int error;

	eng_op_begin(&op, context->graph, context->priority);
	error = eng_connect(&op, context->run, id);
	eng_op_end(&op);
	return error;
}

static int connect(struct pawl_context *context, const struct pawl_function *function,
		   eng_id id, bool is_new)
{
	int error = callee_check(context, function, id);

	/* Nobody else has called what is new; if somebody did meanwhile it is found out below. */
	if (!error && context->run && !is_new) {
		error = eng_connect_known(context->run, id);
		if (error == 1)
			error = eng_connect_still(context->graph, context->run, id);
		if (error != 1)
			return error;
		error = 0;
	}
	if (!error && !context->run && context->graph->collects)
		error = eng_visit_hold(context, id);
	return error ? error : connect_fresh(context, id);
}

/* Until the moment of quiet is over in which something went: no operation begins within it. Not in an operation. */
PAWL_NOINLINE static void moment_wait(struct pawl_context *context)
{
	struct eng_op op;

	eng_op_begin(&op, context->graph, context->priority);
	eng_op_end(&op);
}

int pawl_call(struct pawl_context *context, const struct pawl_function *function,
	      const void *args, pawl_ref_t *ret_output)
{
	struct eng_graph *graph = context->graph;
	uint32_t number = eng_function_number(graph->registry, function);
	struct writer writer;
	bool is_new;
	eng_id id;
	int error;

	if (!number)
		return -EINVAL;
	if (pawl_load_relaxed(&graph->stopping))
		return eng_refused(context, -ESHUTDOWN);
	error = key_write(context, function, args, &writer);
	if (error == -EAGAIN)
		return call_later(context, function, args, ret_output);
	if (error)
		return error;
	if (PAWL_UNLIKELY(context->twice != NULL)) {
		id = find_only(graph, number, &writer);
		error = id ? callee_check(context, function, id) : 0;
		if (!error)
			error = eng_twice_called(context, id, function);
		goto out;
	}
	/* Ends: what was found and is gone by now is found no more once that moment is over. */
	for (;;) {
		error = find_or_create(graph, number, &writer, &id, &is_new);
		if (!error)
			error = connect(context, function, id, is_new);
		if (PAWL_LIKELY(error != -ESTALE))
			break;
		moment_wait(context);
	}
out:
	writer_fini(&writer);
	if (!error)
		*ret_output = eng_ref(id, 0);
	return error;
}

int pawl_connect(struct pawl_context *context, pawl_ref_t operation)
{
	struct eng_node *node;
	int error;

	if (eng_ref_is_local(operation)) {
		error = eng_local_link(context, operation, 0, &operation, NULL);
		if (error)
			return error;
	}
	if (!operation.pawl_bits || eng_ref_cell(operation))
		return -EINVAL;
	node = eng_lock_any(context->graph, eng_ref_task(operation));
	if (!node) {
		context->stale = eng_ref_task(operation);
		return -ESTALE;
	}
	eng_unlock(node);
	if (PAWL_UNLIKELY(context->twice != NULL)) {
		error = callee_check(context, NULL, eng_ref_task(operation));
		return error ? error : eng_twice_called(context, eng_ref_task(operation), NULL);
	}
	error = connect(context, NULL, eng_ref_task(operation), false);
	if (error == -ESTALE)
		context->stale = eng_ref_task(operation);
	return error;
}

/* ---- transient tasks -------------------------------------------------------------------------- */

void eng_closure_free(void *arg)
{
	struct eng_closure *closure = arg;

	if (closure->free_arg)
		closure->free_arg(closure->arg);
	pawl_mem_free(closure, sizeof(*closure), 0);
}

int eng_create_transient(struct eng_graph *graph, pawl_function_fn *fn, void *arg,
			 void (*free_arg)(void *arg), uint32_t bits, eng_id *ret_id)
{
	struct eng_closure made = {.fn = fn, .arg = arg, .free_arg = free_arg};
	struct eng_closure *closure;
	struct eng_node *node;
	struct eng_op op;
	int error;

	if (eng_dispose_reuse(graph, &made, bits, ret_id))
		return 0;
	closure = pawl_mem_alloc(sizeof(*closure), 0);
	node = closure ? eng_node_make(graph, 0) : NULL;
	if (!node) {
		pawl_mem_free(closure, sizeof(*closure), 0);
		return -ENOMEM;
	}
	*closure = made;
	closure->free_arg = NULL;
	eng_field_make(node, ENG_CLOSURE)->pointer = closure;
	node->bits = bits;
	pawl_init_word(&node->base, ENG_NUMBER_ROOT);
	if (graph->track_active)
		eng_active_make(node)->active.flags = ENG_ACTIVE_ROOT;
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	error = node_publish(graph, node, true);
	if (error) {
		eng_op_end(&op);
		eng_node_free(graph, node);
		return error;
	}
	*ret_id = eng_node_id(node);
	node = eng_lock(graph, *ret_id);
	closure->free_arg = free_arg;
	eng_schedule(&op, node, ENG_PRIORITY_INITIAL);
	eng_unlock(node);
	eng_op_end(&op);
	return 0;
}
