/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph/evict.c: records leave memory beside who wants them. What comes back is what left, under the
 * same number, and nothing runs again because of that; in the end all sums are right.
 *
 *  evict-call      a visit calls and reads it: it finds what is there, or what has left, or is about to
 *  evict-read      somebody has its number, and reads it
 *  evict-change    what it has read changes
 *  evict-save      a snapshot writes what has changed since: it has all of it
 *  evict-evict     two have records leave: one has its turn
 *  evict-pause     somebody wants that nothing leaves, and looks at what there is
 *
 * Natively only, since there are too many executions:
 *  evict-make      two make the same task, and one of them also has it saved, and leave
 *
 * In place of the store are bytes of each record, by its number, as engine/persist/image.c writes them; in place of its
 * view a lock.
 */
/* mc-sources: engine/persist/bytes.c engine/persist/image.c engine/persist/image-read.c */
/* mc-sources: engine/persist/record.c */
#include "../engine/graph/evict.h"
#include "../engine/persist/image.h"

#include "graph-standin.h"

#define TASKS 4u /* no more than that are made */
#define BYTES 192u
#define STILL 3u /* value() of that is never anything else */

/* ---- what is saved ----------------------------------------------------------------------- */

struct record {
	eng_id id; /* 0: none, nor behind it */
	struct pawl_digest digest;
	size_t meta_n, data_n;
	char meta[BYTES], data[BYTES];
};

/* Of the snapshot that is under way, and of all before; each under its lock. */
static struct record batch[TASKS], stored[TASKS];
static struct pawl_lock batch_lock, stored_lock;
static struct eng_marks *marks;
static struct eng_bitmap *taken;
static uint32_t next, known;
static struct eng_backing backing;
static struct eng_kept kept;

/* Locked. Of one that is not there: the next empty one. */
static struct record *record_of(struct record *records, eng_id id)
{
	unsigned i = 0;

	while (i < TASKS && records[i].id && records[i].id != id)
		i++;
	mc_assert(i < TASKS);
	return &records[i];
}

static void put(struct eng_image *image)
{
	struct record *record;

	mc_assert(!eng_image_complete(image));
	mc_assert(image->meta.n <= BYTES && image->data.n <= BYTES);
	pawl_lock_lock(&batch_lock);
	record = record_of(batch, image->id);
	record->id = image->id;
	if (image->categories & ENG_META)
		memcpy(record->meta, image->meta.bytes, record->meta_n = image->meta.n);
	if (image->categories & ENG_DATA)
		memcpy(record->data, image->data.bytes, record->data_n = image->data.n);
	if (image->is_new)
		record->digest = image->digest;
	pawl_lock_unlock(&batch_lock);
	eng_image_fini(image);
}

/* Locked, as who walks: values are bytes, so none of the program's functions is called. */
static void take(struct eng_node *node, uint32_t pending)
{
	struct eng_image image = {0};

	mc_assert(!eng_image_take(graph, node, pending, &image));
	put(&image);
}

static void help(void *arg, struct eng_node *node, uint32_t pending)
{
	(void)arg;
	take(node, pending);
}

static void capture(void *arg)
{
	(void)arg;
	taken = eng_marks_capture(marks);
	next = (uint32_t)pawl_ids_next(graph->ids[0]);
}

/* The view is exchanged, and then the snapshot counts as over, as in engine/persist/snapshot.c. */
static void save_taken(void)
{
	struct eng_node *node;

	for (uint32_t id = 0; taken && eng_bitmap_next(taken, &id); id++) {
		uint32_t pending;

		node = eng_lock_resident(graph, id);
		if (!node)
			continue;
		pending = eng_marks_pending(marks, node);
		if (pending)
			take(node, pending);
		eng_unlock(node);
	}
	pawl_lock_lock(&stored_lock);
	memcpy(stored, batch, sizeof(stored));
	known = next;
	pawl_lock_unlock(&stored_lock);
	for (uint32_t id = 0; taken && eng_bitmap_next(taken, &id); id++) {
		node = eng_lock_resident(graph, id);
		if (!node)
			continue;
		node->bits &= ~ENG_NEW;
		eng_unlock(node);
	}
	if (taken)
		eng_marks_end(marks);
}

static void save(void)
{
	mc_assert(!eng_quiesce_run(graph->quiesce, capture, NULL));
	save_taken();
}

static int restore(void *arg, eng_id id, struct eng_node **ret_node)
{
	const struct record *record;
	int error;

	(void)arg;
	pawl_lock_lock(&stored_lock);
	record = record_of(stored, id);
	error = eng_image_read(graph, id, known,
			       (struct pawl_slice){record->meta, record->meta_n},
			       (struct pawl_slice){record->data, record->data_n}, ret_node);
	pawl_lock_unlock(&stored_lock);
	mc_assert(!error);
	return 0;
}

/* One by one. */
static void restore_many(void *arg, const eng_id *ids, unsigned n, struct eng_node **ret_nodes)
{
	(void)arg;
	(void)ids;
	memset(ret_nodes, 0, n * sizeof(*ret_nodes));
}

static int look_up(void *arg, struct pawl_digest digest, eng_id *ret_id)
{
	(void)arg;
	*ret_id = 0;
	pawl_lock_lock(&stored_lock);
	for (unsigned i = 0; i < TASKS; i++)
		if (!memcmp(&stored[i].digest, &digest, sizeof(digest)))
			*ret_id = stored[i].id;
	pawl_lock_unlock(&stored_lock);
	return 0;
}

static void lost(void *arg, eng_id id)
{
	(void)arg;
	(void)id;
	mc_fail("nothing is lost here", __FILE__, __LINE__);
}

static bool is_current(void *arg)
{
	(void)arg;
	return true;
}

/* ---- functions --------------------------------------------------------------------------- */

static const struct pawl_value_type saved_type = {
	.size = sizeof(saved_type), .name = "saved", .version = 1, .flags = PAWL_VALUE_PLAIN};

static int give_saved(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;

	mc_assert(!pawl_value_of(&saved_type, &number, sizeof(number), &value));
	return pawl_cell(context, value, ret_output);
}

static struct pawl_atomic_u32 ran;

static int value_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	pawl_add_relaxed(&ran, 1u);
	if (one->n >= STILL)
		return give_saved(context, one->n, ret_output);
	context->run->invalidator = true;
	/* Acquire: who changed it may be told of in another way. */
	return give_saved(context, pawl_load_acquire(&world[one->n]), ret_output);
}
FUNCTION(value);

static int over_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	pawl_add_relaxed(&ran, 1u);
	return give_saved(context, 1 + get(context, call(context, &value, one->n), 0),
			  ret_output);
}
FUNCTION(over);

/* ---- what threads do ----------------------------------------------------------------------- */

static eng_id still;  /* value(STILL) */
static unsigned runs; /* so many there have to be */
static unsigned looks_n;

/* The hand looks at so many, all of which are there: behind them the table goes on for very long. */
static void evict(void)
{
	(void)eng_evict_some(graph, looks_n);
}

/* It was not used since the hand came by, which comes to it next. */
static void not_used(eng_id id)
{
	struct eng_node *node = eng_lock(graph, id);

	node->bits &= ~ENG_USED;
	eng_unlock(node);
	graph->evict->hand = id;
}

static void setup_kept(void)
{
	memset(batch, 0, sizeof(batch));
	memset(stored, 0, sizeof(stored));
	pawl_lock_init(&batch_lock, PAWL_LOCK_RANK_NONE);
	pawl_lock_init(&stored_lock, PAWL_LOCK_RANK_NONE);
	pawl_init_word(&ran, 0u);
	next = known = 0;
	mc_assert(!eng_marks_create(help, NULL, &marks));
	backing = (struct eng_backing){.restore = restore,
				       .restore_many = restore_many,
				       .look_up = look_up,
				       .lost = lost,
				       .is_current = is_current};
	kept = (struct eng_kept){.backing = &backing, .marks = marks};
	saved_to = &kept;
	more_functions[0] = &value;
	more_functions[1] = &over;
	more_functions_n = 2;
	more_type = &saved_type;
	setup_empty();
	top = &value;
	mc_held_count(&ran);
	/* Who wants a moment of quiet shuts the door at once. */
	eng_quiesce_looks(graph->quiesce, 0);
}

/* One task, that may leave. */
static void setup_still(void)
{
	setup_kept();
	mc_assert(ask(&value, STILL, PAWL_READ_STRONG) == STILL);
	run_own();
	still = task_of(&value, STILL);
	save();
	mc_assert(ask(&value, 0, PAWL_READ_STRONG) == 0);
	not_used(still);
	looks_n = 1;
	runs = 2;
}

/* Of over(0) the number is smaller: it was made first. */
static void both_not_used(void)
{
	not_used(inputs[0]);
	not_used(task_of(&over, 0));
}

/* Two, of which one reads the other. */
static void setup_over(void)
{
	setup_kept();
	mc_assert(ask(&over, 0, PAWL_READ_STRONG) == 1);
	run_own();
	inputs[0] = task_of(&value, 0);
	save();
	both_not_used();
	still = 0;
	looks_n = 2;
	runs = 3;
}

static void setup_over_once(void)
{
	setup_over();
	runs = 4;
}

/* And it has changed since, and a snapshot has taken that: it is to be written. */
static void setup_taken(void)
{
	setup_over();
	change(0, 1);
	mc_assert(ask(&over, 0, PAWL_READ_STRONG) == 2);
	run_own();
	both_not_used();
	mc_assert(!eng_quiesce_run(graph->quiesce, capture, NULL));
	runs = 5;
}

static void call_still(void)
{
	mc_assert(ask(&value, STILL, 0) == STILL);
	run_own();
}

static void read_still(void)
{
	mc_assert(read_ref(eng_ref(still, 0), 0) == STILL);
}

/* Both of them run again. */
static void change_below(void)
{
	change(0, 2);
}

static void pause_and_look(void)
{
	bool live;

	eng_evict_pause(graph);
	live = pawl_slots_state(graph->tables[0], still) == PAWL_SLOT_LIVE;
	mc_assert(live == (pawl_slots_state(graph->tables[0], still) == PAWL_SLOT_LIVE));
	eng_evict_resume(graph);
}

#if !defined(PAWL_MC)
static void setup_none(void)
{
	setup_kept();
	mc_assert(ask(&value, 0, PAWL_READ_STRONG) == 0);
	looks_n = 1;
	runs = 2;
	still = 0;
}

/* It never ran: that is left to the other one. A snapshot of it alone has been made, and is over. */
static void make_and_leave(void)
{
	struct eng_node *node = eng_lock(graph, task_of(&value, STILL));

	take(node, ENG_META | ENG_DATA);
	pawl_lock_lock(&stored_lock);
	memcpy(stored, batch, sizeof(stored));
	known = eng_node_id(node) + 1;
	pawl_lock_unlock(&stored_lock);
	node->bits &= ~(ENG_NEW | ENG_META | ENG_DATA | ENG_USED);
	graph->evict->hand = eng_node_id(node);
	eng_unlock(node);
	evict();
}

static void make(void)
{
	(void)task_of(&value, STILL);
}
#endif

static void finish_kept(void)
{
	settle();
	if (!still)
		mc_assert(ask(&value, STILL, PAWL_READ_STRONG) == STILL);
	else
		mc_assert(task_of(&value, STILL) == still && ask(&value, STILL, 0) == STILL);
	mc_assert(pawl_load_relaxed(&ran) == runs);
	finish_graph();
	eng_marks_destroy(marks);
	saved_to = NULL;
	more_functions_n = 0;
	more_type = NULL;
}

/* With at most one preemption: a turn has many steps, at which nobody else can do anything. */
#define LEAVES(...)                                                                           \
	{                                                                                     \
		__VA_ARGS__, .finish = finish_kept, .no_spurious = true,                      \
			     .no_membarrier = true, .ideal_locks = true, .ideal_parks = true, \
			     .preemption_bound_plus_1 = 2, .native_divisor = 50               \
	}

static const struct mc_scenario scenarios[] = {
	LEAVES(.name = "evict-call", .setup = setup_still, .threads = {evict, call_still}),
	LEAVES(.name = "evict-read", .setup = setup_still, .threads = {evict, read_still}),
	LEAVES(.name = "evict-change", .setup = setup_over_once,
	       .threads = {evict, change_below}),
	LEAVES(.name = "evict-save", .setup = setup_taken, .threads = {evict, save_taken}),
	LEAVES(.name = "evict-evict", .setup = setup_still, .threads = {evict, evict}),
	LEAVES(.name = "evict-pause", .setup = setup_still, .threads = {evict, pause_and_look}),
#if !defined(PAWL_MC)
	LEAVES(.name = "evict-make", .setup = setup_none, .threads = {make_and_leave, make}),
#endif
};
MC_MAIN(scenarios)
