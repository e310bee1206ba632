/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops.c - operations that a capture has found suspended: what is left of them is saved with the batch, and done by the
 * next process before anything else.
 *
 * What is left of an operation is its queue (graph/queue.h) and the edges that may close a ring of calls. Of that is
 * left out what is of this process alone: whatever names a transient task, how many active referrers there are,
 * what is clean in this session, and what might be scheduled, since it is dirty and found again.
 *
 * The next process puts what was saved of all of them into the queue of one operation, one behind the other. A
 * removal that does not find its edge goes to the end of the queue, behind the addition that it waits for,
 * whichever operation that was of: so all of them go on in turn, and none waits for one that comes after it.
 *
 *	kind			what follows, in numbers
 *	GAINED, LOST		uppers, tasks
 *	DATA			uppers, container, difference, collectibles: how many, and of each reference, trait, count
 *	READERS			trait, uppers, tasks
 *	NUMBER			task, base, distance
 *	BALANCE, SUSPECT, RING	upper, task, number
 *	OPTIMIZE		task
 *	a list			how many, and of each its task and count
 *
 * Model: verify/spin/snapshot.pml, points 3, 5 and 6: saved by what is suspended, not by what its slot says, and done together.
 */
#include "config.h"

#include <errno.h>
#include "persist.h"

enum kind {
	KIND_END,
	KIND_GAINED,
	KIND_LOST,
	KIND_DATA,
	KIND_READERS,
	KIND_NUMBER,
	KIND_BALANCE,
	KIND_OPTIMIZE,
	KIND_SUSPECT,
	KIND_RING
};

/* ---- saving ------------------------------------------------------------------------------ */

static uint64_t zigzag(int64_t number)
{
	return (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
}

static int64_t unzigzag(uint64_t number)
{
	return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

/* How many of a list are saved. */
static uint32_t kept_of(const struct eng_list *list)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->n; i++)
		n += !eng_is_transient(list->ids[i]);
	return n;
}

static void put_list(struct eng_out *out, const struct eng_list *list)
{
	eng_out_number(out, kept_of(list));
	for (uint32_t i = 0; i < list->n; i++) {
		if (eng_is_transient(list->ids[i]))
			continue;
		eng_out_number(out, list->ids[i]);
		eng_out_number(out, eng_list_count(list, i));
	}
}

static bool is_kept(const struct eng_collectible *collectible)
{
	return collectible->ref == ENG_NOTHING || !eng_is_transient((eng_id)collectible->ref);
}

static void put_data(struct eng_out *out, const struct eng_job *job)
{
	const struct eng_update *update = &job->update;
	bool told = update->container && !eng_is_transient(update->container) && update->dirty;
	uint32_t n = 0;

	for (uint32_t i = 0; i < update->n; i++)
		n += is_kept(&update->collectibles[i]);
	if (!kept_of(&job->uppers) || (!told && !n))
		return;
	eng_out_number(out, KIND_DATA);
	put_list(out, &job->uppers);
	eng_out_number(out, told ? update->container : 0);
	eng_out_number(out, told ? zigzag(update->dirty) : 0);
	eng_out_number(out, n);
	for (uint32_t i = 0; i < update->n; i++) {
		const struct eng_collectible *one = &update->collectibles[i];

		if (!is_kept(one))
			continue;
		eng_out_number(out, one->ref);
		eng_out_number(out, one->trait);
		eng_out_number(out, zigzag(one->count));
	}
}

static void put_job(struct eng_out *out, const struct eng_job *job)
{
	bool edges = kept_of(&job->uppers) && kept_of(&job->tasks);

	switch (job->kind) {
	case ENG_JOB_GAINED:
	case ENG_JOB_LOST:
		if (!edges)
			return;
		eng_out_number(out, job->kind == ENG_JOB_GAINED ? KIND_GAINED : KIND_LOST);
		put_list(out, &job->uppers);
		put_list(out, &job->tasks);
		break;
	case ENG_JOB_DATA:
		put_data(out, job);
		break;
	case ENG_JOB_READERS:
		if (!edges)
			return;
		eng_out_number(out, KIND_READERS);
		eng_out_number(out, job->trait);
		put_list(out, &job->uppers);
		put_list(out, &job->tasks);
		break;
	case ENG_JOB_ACTIVATE:
	case ENG_JOB_DEACTIVATE:
	case ENG_JOB_UNCALLED:
		break;
	}
}

static void put_entry(struct eng_out *out, enum eng_class class_, const struct eng_entry *entry)
{
	eng_id id = (eng_id)entry->key, upper = (eng_id)(entry->key >> 32);

	if (eng_is_transient(id) || (class_ == ENG_CLASS_BALANCE && eng_is_transient(upper)))
		return;
	if (class_ == ENG_CLASS_NUMBERS) {
		eng_out_number(out, KIND_NUMBER);
		eng_out_number(out, id);
		eng_out_number(out, entry->a);
		eng_out_number(out, entry->b);
	} else if (class_ == ENG_CLASS_BALANCE) {
		eng_out_number(out, KIND_BALANCE);
		eng_out_number(out, upper);
		eng_out_number(out, id);
		eng_out_number(out, 0);
	} else if (class_ == ENG_CLASS_OPTIMIZE) {
		eng_out_number(out, KIND_OPTIMIZE);
		eng_out_number(out, id);
	}
}

static void put_pending(struct eng_out *out, const struct eng_queue *queue,
			enum eng_class class_)
{
	const struct eng_pending *pending = &queue->pending[class_];
	uint32_t first = pending->at, end = pending->now.n;

	if (!(queue->waiting >> class_ & 1))
		return;
	/* These are taken from the end. */
	if (class_ == ENG_CLASS_NUMBERS) {
		first = 0;
		end -= pending->at;
	}
	for (uint32_t i = first; i < end; i++)
		put_entry(out, class_, &pending->now.entries[i]);
	for (uint32_t i = 0; i < pending->next.n; i++)
		put_entry(out, class_, &pending->next.entries[i]);
}

static void put_ring(struct eng_out *out, enum kind kind, const struct eng_ring_edge *edge)
{
	for (; edge; edge = edge->next) {
		if (eng_is_transient(edge->upper) || eng_is_transient(edge->task))
			continue;
		eng_out_number(out, kind);
		eng_out_number(out, edge->upper);
		eng_out_number(out, edge->task);
		eng_out_number(out, edge->number);
	}
}

/* At the moment of the capture: nobody changes it. */
static void put_operation(void *arg, void *suspended)
{
	const struct eng_op *op = suspended;
	struct eng_out *out = arg;

	for (const struct eng_job *job = op->queue.first; job; job = job->next)
		put_job(out, job);
	for (unsigned i = 0; i < ENG_CLASS_COUNT; i++)
		put_pending(out, &op->queue, (enum eng_class)i);
	put_ring(out, KIND_SUSPECT, op->suspects);
	put_ring(out, KIND_RING, op->rings);
}

void eng_ops_take(struct eng_persist *persist, struct eng_out *out)
{
	size_t head;

	eng_out_begin(out);
	head = out->n;
	eng_quiesce_each_suspended(persist->graph->quiesce, put_operation, out);
	if (!out->error && out->n == head) {
		out->n = 0;
		return;
	}
	eng_out_number(out, KIND_END);
	eng_out_end(out, PAWL_STORE_INFRA, ENG_INFRA_OPS);
}

/* ---- what was saved ------------------------------------------------------------------------ */

/* A pass over it: without an operation it is looked at, with one it becomes part of that one's queue. */
struct pass {
	struct eng_reader reader;
	struct eng_op *op;
	uint32_t limit;
};

static eng_id get_id(struct pass *pass)
{
	uint64_t id = eng_read_number(&pass->reader);

	if (!id || id >= pass->limit)
		eng_reader_spoil(&pass->reader);
	return (eng_id)id;
}

static uint32_t get_number32(struct pass *pass)
{
	return eng_read_number32(&pass->reader);
}

static struct eng_list get_list(struct pass *pass)
{
	size_t n = eng_read_count(&pass->reader, 2);
	struct eng_list list = {NULL, NULL, 0};

	if (!n || n > UINT32_MAX) {
		eng_reader_spoil(&pass->reader);
		return list;
	}
	if (pass->op) {
		list = eng_list_make(&pass->op->queue, (uint32_t)n);
		list.counts = eng_queue_alloc(&pass->op->queue, n * sizeof(uint32_t));
	}
	for (size_t i = 0; i < n && !pass->reader.bad; i++) {
		eng_id id = get_id(pass);
		uint32_t count = get_number32(pass);

		if (!pass->op)
			continue;
		list.ids[i] = id;
		list.counts[i] = count;
	}
	return list;
}

static void get_collectibles(struct pass *pass, struct eng_update *update)
{
	size_t n = eng_read_count(&pass->reader, 3);

	if (pass->op && n)
		update->collectibles =
			eng_queue_alloc(&pass->op->queue, n * sizeof(*update->collectibles));
	update->n = (uint32_t)n;
	for (size_t i = 0; i < n && !pass->reader.bad; i++) {
		struct eng_collectible one;
		uint64_t ref = eng_read_number(&pass->reader);

		one.ref = ref;
		one.trait = get_number32(pass);
		one.count = (int32_t)unzigzag(eng_read_number(&pass->reader));
		if (ref != ENG_NOTHING && (!(eng_id)ref || (eng_id)ref >= pass->limit))
			eng_reader_spoil(&pass->reader);
		if (pass->op)
			update->collectibles[i] = one;
	}
}

static void get_data(struct pass *pass)
{
	struct eng_list uppers = get_list(pass);
	uint64_t container = eng_read_number(&pass->reader);
	struct eng_update update = {.container = (eng_id)container};

	if (container >= pass->limit)
		eng_reader_spoil(&pass->reader);
	update.dirty = (int32_t)unzigzag(eng_read_number(&pass->reader));
	get_collectibles(pass, &update);
	if (pass->op)
		eng_queue_data(&pass->op->queue, uppers, &update);
}

static void get_edges(struct pass *pass, enum kind kind)
{
	uint32_t trait = kind == KIND_READERS ? get_number32(pass) : 0;
	struct eng_list uppers = get_list(pass), tasks = get_list(pass);
	struct eng_job *job;

	if (!pass->op)
		return;
	if (kind == KIND_GAINED) {
		eng_queue_gained(&pass->op->queue, uppers, tasks);
	} else if (kind == KIND_LOST) {
		eng_queue_lost(&pass->op->queue, uppers, tasks, 0);
	} else {
		job = eng_queue_job(&pass->op->queue, ENG_JOB_READERS);
		job->trait = trait;
		job->uppers = uppers;
		job->tasks = tasks;
		eng_queue_push(&pass->op->queue, job);
	}
}

static void get_pair(struct pass *pass, enum kind kind)
{
	eng_id upper = get_id(pass), task = get_id(pass);
	uint32_t number = get_number32(pass);

	if (!pass->op)
		return;
	if (kind == KIND_BALANCE) {
		eng_queue_balance(&pass->op->queue, upper, task);
	} else if (kind == KIND_SUSPECT) {
		eng_ring_suspect(pass->op, upper, task, number);
	} else {
		eng_ring_of_calls(pass->op, upper);
		eng_ring_of_calls(pass->op, task);
	}
}

static void get_number(struct pass *pass)
{
	eng_id id = get_id(pass);
	uint32_t base = get_number32(pass), distance = get_number32(pass);

	if (pass->op)
		eng_queue_number(&pass->op->queue, id, base, distance);
}

static bool get_one(struct pass *pass)
{
	uint64_t kind = eng_read_number(&pass->reader);
	eng_id id;

	switch (kind) {
	case KIND_GAINED:
	case KIND_LOST:
	case KIND_READERS:
		get_edges(pass, (enum kind)kind);
		break;
	case KIND_DATA:
		get_data(pass);
		break;
	case KIND_NUMBER:
		get_number(pass);
		break;
	case KIND_BALANCE:
	case KIND_SUSPECT:
	case KIND_RING:
		get_pair(pass, (enum kind)kind);
		break;
	case KIND_OPTIMIZE:
		id = get_id(pass);
		if (pass->op)
			eng_queue_optimize(&pass->op->queue, id);
		break;
	case KIND_END:
		return false;
	default:
		eng_reader_spoil(&pass->reader);
		break;
	}
	return !pass->reader.bad;
}

/* Returns: false: these are not the bytes of operations. */
static bool pass_over(const struct eng_out *ops, struct eng_op *op, uint32_t limit)
{
	struct pawl_slice bytes = {ops->bytes, ops->n};
	uint64_t seed = eng_frame_seed(PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_OPS));
	struct pass pass = {.op = op, .limit = limit};
	uint8_t version;

	if (eng_frame_open(bytes, seed, &version, &pass.reader) || version != ENG_OUT_VERSION)
		return false;
	while (get_one(&pass))
		;
	return eng_reader_done(&pass.reader);
}

int eng_ops_read(struct eng_persist *persist)
{
	struct pawl_slice bytes;
	int error = pawl_store_get(persist->view, PAWL_STORE_INFRA,
				   pawl_store_id(ENG_INFRA_OPS), &bytes);

	if (error || !bytes.ptr)
		return error;
	eng_out_bytes(&persist->ops, bytes.ptr, bytes.len);
	if (persist->ops.error)
		return persist->ops.error;
	persist->ops_stored = true;
	/* What they have left half done is not known. */
	if (!pass_over(&persist->ops, NULL, persist->backing.limit)) {
		persist->cold = "operations that were not over are damaged";
		persist->backing.limit = persist->known = 0;
	}
	return 0;
}

void eng_ops_go_on(struct eng_persist *persist)
{
	struct eng_op op;

	if (persist->ops.n && !persist->cold) {
		eng_op_begin(&op, persist->graph, ENG_PRIORITY_INITIAL);
		(void)pass_over(&persist->ops, &op, persist->backing.limit);
		/* One that was suspended behind its last step has nothing left to do but that look. */
		eng_ring_look(&op);
		eng_op_end(&op);
	}
	eng_out_fini(&persist->ops);
}
