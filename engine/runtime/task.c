/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.c - one word for all that decides about a task. verify/t-task.c runs this file under the
 * model checker.
 *
 * The word: bits 0-2 phase, 3-5 outcome, 8 CANCEL, 9 FORCE, 10 EXPECTED, 11 BACK, 12 HELD, 16-31 how
 * many have pinned it, 32-63 generation of the handle.
 *
 * Invariants:
 *  I1 A task becomes final by one transition, and who makes it ends the task: nobody else, and
 *     once.
 *  I2 Value, error and message are written by the one who runs it (RUNNING) or settles it
 *     (SETTLING), and by nobody once it is final. Where a running one is given up, the runner
 *     may still write: with that outcome nobody reads them.
 *  I3 Between make and the last put the generation stays, and nothing but the word tells it: a
 *     transition that was decided on from a word fails if the record serves another task.
 *  I4 `group` is set before the task enters its group, in the phase STARTING: who closed the group
 *     sees every record that was let in before.
 *  I5 What visitors may look at, `visit_arg` and `value`, changes under slots_lock, and what is taken out of
 *     there is freed afterwards: it is not freed while a visitor tells it. Who reads a value by a handle
 *     needs no lock: it does not change while there are handles to a final task.
 *  I6 EXPECTED is set before anybody watches or listens to `done`, in a word that is not final, and stays:
 *     the transition to FINAL is one on the same word, so who makes it sees the bit, or who wants
 *     to set it sees FINAL. Most tasks are final before anybody asks: nobody is looked for then.
 *  I7 While a task is pinned it does not become final, but by being given up, and then its body is
 *     not over: so its name, which its owner may take away with its end, is there.
 *
 * Ordering:
 *  O1 publish releases the record to walkers, who acquire the word, or what became of it. Who claims
 *     or settles has the record from a queue or by a handle, and is ordered after its making by
 *     that.
 *  O2 FINAL is stored with release: who reads it with acquire sees value and error, and what
 *     the body did.
 *  O3 stop: a flag, then the notification of `interrupt` (a fence); the waiter listens (a fence),
 *     then looks at the flags. A body that is told late is told at its next call. The flag is set
 *     with release and read with acquire: who finds itself cancelled sees what was done before.
 *  O4 put releases, and the last one acquires, as reference counts do.
 *  O5 A walker acquires the word, then reads the group: NULL, or one of this generation or a later
 *     one, where I3 holds. The group is stored with release, after the group's own making. With a
 *     reference it may read all that was written before publishing, if the word was of a later phase.
 *
 *  O6 Watchers are pushed with release and taken with acquire; CLOSED is stored with release, after
 *     the outcome, and read with acquire: who is refused sees the outcome. EXPECTED is relaxed (I6); who
 *     finds the word final acquires it.
 *  O7 unpin and release (of who holds it) release, and the transitions to FINAL acquire, but that of who
 *     gives it up: what was read of the record is read before its name and its argument go. pin and
 *     hold acquire the publishing, through whatever became of the word since (O1).
 *
 *  O8 Words of a label are stored with release, after the word of their generation, and read with
 *     acquire, before another look at the word: who reads one of a later task notices.
 *
 * Rejected: cancelling a task that waits in a queue by taking it out (a queue with holes costs every
 * push; a dead entry costs one look when its turn comes); a lock for each record.
 */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/ids.h>
#include <pawl/mem.h>

#include "task.h"

#define PHASE	      UINT64_C(7)
#define OUTCOME_SHIFT 3
#define FLAGS \
	(ENG_TASK_CANCEL | ENG_TASK_FORCE | ENG_TASK_EXPECTED | ENG_TASK_BACK | ENG_TASK_HELD)
#define READERS	   UINT64_C(0xffff0000)
#define GENERATION (~UINT64_C(0) << 32)
#define HANDLE	   (UINT64_C(1) << 32)
#define CLOSED	   ((void *)1)

/* Segment k has FIRST << k records: 24 of them hold 2^32. */
#ifdef PAWL_MC
#define FIRST_LOG 1
#else
#define FIRST_LOG 8
#endif
#define FIRST	 (UINT64_C(1) << FIRST_LOG)
#define SEGMENTS (33 - FIRST_LOG)

struct eng_tasks {
	struct pawl_ids *ids;
	/* Arrays of records, never replaced, freed with the table. */
	struct pawl_atomic_ptr segments[SEGMENTS];
};

static unsigned segment_of(uint32_t index, uint64_t *ret_at)
{
	uint64_t number = index + FIRST;
	unsigned segment = 63 - FIRST_LOG - (unsigned)__builtin_clzll(number);

	*ret_at = number - (FIRST << segment);
	return segment;
}

int eng_tasks_create(uint32_t max, struct eng_tasks **ret_tasks)
{
	struct pawl_ids_options options = PAWL_IDS_OPTIONS_INIT;
	struct eng_tasks *tasks = pawl_mem_zalloc(sizeof(*tasks), 0);
	int error;

	if (!tasks)
		return -ENOMEM;
	options.last = max;
#ifdef PAWL_MC
	options.magazine = 1;
#endif
	error = pawl_ids_create(&options, &tasks->ids);
	if (error) {
		pawl_mem_free(tasks, sizeof(*tasks), 0);
		return error;
	}
	for (unsigned k = 0; k < SEGMENTS; k++)
		pawl_init_word(&tasks->segments[k], (void *)NULL);
	*ret_tasks = tasks;
	return 0;
}

void eng_tasks_destroy(struct eng_tasks *tasks)
{
	if (!tasks)
		return;
	for (unsigned k = 0; k < SEGMENTS; k++) {
		void *segment = pawl_load_relaxed(&tasks->segments[k]);

		if (segment)
			pawl_mem_free(segment, (FIRST << k) * sizeof(struct eng_task),
				      PAWL_LINE_BYTES);
	}
	pawl_ids_destroy(tasks->ids);
	pawl_mem_free(tasks, sizeof(*tasks), 0);
}

/* The segment's array, made if there is none yet. NULL: no memory. */
static struct eng_task *segment_make(struct eng_tasks *tasks, unsigned k)
{
	struct eng_task *segment = pawl_load_acquire(&tasks->segments[k]);
	size_t bytes = (FIRST << k) * sizeof(*segment);
	void *seen = NULL;

	if (PAWL_LIKELY(segment))
		return segment;
	segment = pawl_mem_zalloc(bytes, PAWL_LINE_BYTES);
	if (!segment)
		return NULL;
	if (pawl_cas_acq_rel(&tasks->segments[k], &seen, (void *)segment))
		return segment;
	pawl_mem_free(segment, bytes, PAWL_LINE_BYTES);
	return seen;
}

/* A memset in pieces that compilers turn into stores: a whole record would be a slow `rep stos`. */
static inline void clear(char *at, size_t bytes)
{
	for (; bytes >= 64; bytes -= 64, at += 64)
		memset(at, 0, 64);
	memset(at, 0, bytes);
}

int eng_task_make(struct eng_tasks *tasks, uint32_t refs, uint32_t handles,
		  struct eng_task **ret_task)
{
	struct eng_task *task;
	pawl_id_t id;
	uint64_t at;
	unsigned k;
	int error;

	error = pawl_ids_alloc(tasks->ids, &id);
	if (error)
		return error == -ENOSPC ? -EAGAIN : error;
	k = segment_of((uint32_t)id, &at);
	task = segment_make(tasks, k);
	if (!task) {
		pawl_ids_free(tasks->ids, id);
		return -ENOMEM;
	}
	task += at;
	pawl_store_relaxed(&task->group, (void *)NULL);
	/* Release: a walker that sees the generation does not see the group of the one before (O5). */
	pawl_store_release(&task->word, (id & GENERATION) | ENG_TASK_STARTING);
	pawl_store_release(&task->label[0], UINT64_C(0)); /* O8 */
	/* Release: who gets a reference to it by an old id sees the new generation. */
	pawl_store_release(&task->refs, refs + handles * HANDLE);
	pawl_store_relaxed(&task->waiters, 0u);
	pawl_store_relaxed(&task->lent_lane, 0u);
	pawl_store_relaxed(&task->urged, 0u);
	pawl_store_relaxed(&task->produced, 0u);
	pawl_store_relaxed(&task->parting, 0u);
	pawl_store_relaxed(&task->watchers, (void *)NULL);
	pawl_store_relaxed(&task->waits_for, 0u);
	pawl_store_relaxed(&task->tag, 0u);
	pawl_store_relaxed(&task->spawned_ns, 0u);
	pawl_store_relaxed(&task->waits_note, (void *)NULL);
	pawl_store_relaxed(&task->waits_since_ns, 0u);
	/* The events stay as they are: late notifiers of the task before may look at them. */
	task->id = id;
	task->made = refs + handles * HANDLE;
	clear((char *)task + offsetof(struct eng_task, body),
	      sizeof(*task) - offsetof(struct eng_task, body));
	*ret_task = task;
	return 0;
}

/* Nobody has the record but the caller. */
static void recycle(struct eng_tasks *tasks, struct eng_task *task)
{
	pawl_store_relaxed(&task->word, (task->id & GENERATION) | ENG_TASK_FREE);
	pawl_ids_free(tasks->ids, task->id);
}

void eng_task_unmake(struct eng_tasks *tasks, struct eng_task *task)
{
	/* Who looks for the task before, by its id, may have a reference for a moment: the last one recycles (O4). */
	if (pawl_sub_release(&task->refs, task->made) == task->made)
		recycle(tasks, task);
}

int eng_task_find(struct eng_tasks *tasks, uint64_t id, struct eng_task **ret_task)
{
	struct eng_task *segment;
	uint64_t at, word;
	unsigned k;

	k = segment_of((uint32_t)id, &at);
	segment = (uint32_t)id ? pawl_load_acquire(&tasks->segments[k]) : NULL;
	if (!segment)
		return -EINVAL;
	word = pawl_load_relaxed(&segment[at].word);
	if (PAWL_LIKELY(((word ^ id) & GENERATION) == 0 &&
			eng_word_phase(word) != ENG_TASK_FREE)) {
		*ret_task = &segment[at];
		return 0;
	}
	return pawl_ids_check(tasks->ids, id) == -EINVAL ? -EINVAL : -ESTALE;
}

PAWL_STATIC_ASSERT(sizeof(((struct eng_task *)NULL)->label) == ENG_LABEL_BYTES,
		   "a label's bytes");

void eng_task_name(struct eng_task *task, const char *name)
{
	uint64_t words[3] = {0};

	pawl_store_relaxed(&task->name, (void *)(uintptr_t)name);
	if (!name)
		return;
	memcpy(words, name, strnlen(name, sizeof(words) - 1));
	for (unsigned i = 0; i < 3; i++)
		pawl_store_release(&task->label[i], words[i]); /* O8 */
}

bool eng_task_label(struct eng_tasks *tasks, uint64_t id, char ret_label[ENG_LABEL_BYTES])
{
	struct eng_task *task;
	uint64_t words[3];

	if (eng_task_find(tasks, id, &task))
		return false;
	for (unsigned i = 0; i < 3; i++)
		words[i] = pawl_load_acquire(&task->label[i]); /* O8 */
	memcpy(ret_label, words, sizeof(words));
	return !PAWL_MC_STEP("label-again") ||
	       !((pawl_load_relaxed(&task->word) ^ id) & GENERATION);
}

/* The word with another phase, and an outcome where it is final. */
static uint64_t word_to(uint64_t word, enum eng_phase phase, enum eng_outcome outcome)
{
	return (word & (GENERATION | READERS | FLAGS)) | (uint64_t)phase |
	       (uint64_t)outcome << OUTCOME_SHIFT;
}

bool eng_task_publish(struct eng_task *task, enum eng_phase phase)
{
	uint64_t seen = pawl_load_relaxed(&task->word);
	uint64_t next;

	do {
		PAWL_REQUIRE(eng_word_phase(seen) == ENG_TASK_STARTING);
		next = seen & ENG_TASK_CANCEL
			       ? word_to(seen, ENG_TASK_FINAL, ENG_OUTCOME_CANCELLED)
			       : word_to(seen, phase, ENG_OUTCOME_NONE);
	} while (!pawl_cas_weak_release(&task->word, &seen, next)); /* O1, O2 */
	return eng_word_phase(next) == phase;
}

bool eng_task_claim(struct eng_task *task)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	while (eng_word_phase(seen) == ENG_TASK_READY) {
		if (pawl_cas_weak_relaxed(&task->word, &seen, /* O1 */
					  word_to(seen, ENG_TASK_RUNNING, ENG_OUTCOME_NONE)))
			return true;
	}
	return false;
}

/* Somebody reads the record, or lost its processor while it did: look again. Returns the word. */
static uint64_t pinned_pause(const struct eng_task *task)
{
	pawl_pause();
	sched_yield();
	return pawl_load_relaxed(&task->word);
}

/* Rare, and short: who holds it tells somebody of it. */
static void wait_while_held(struct eng_task *task)
{
	while (pawl_load_relaxed(&task->word) & ENG_TASK_HELD) {
		struct pawl_listener listener;

		pawl_event_listen(&task->interrupt, &listener, "who is told of it", 0);
		if (pawl_load_relaxed(&task->word) & ENG_TASK_HELD)
			pawl_event_wait(&listener);
		else
			pawl_event_unlisten(&listener);
	}
}

bool eng_task_finish(struct eng_task *task, enum eng_outcome outcome)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	for (;;) {
		while (PAWL_LIKELY((seen & (PHASE | ENG_TASK_HELD | READERS)) ==
				   ENG_TASK_RUNNING)) {
			if (pawl_cas_weak_acq_rel(&task->word, &seen, /* O2, O7 */
						  word_to(seen, ENG_TASK_FINAL, outcome)))
				return true;
		}
		wait_while_held(task);
		seen = pawl_load_acquire(&task->word); /* O7 */
		if (eng_word_phase(seen) != ENG_TASK_RUNNING)
			return false;
		if (seen & READERS) /* I7 */
			seen = pinned_pause(task);
	}
}

bool eng_task_hold(struct eng_task *task, uint64_t id)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	while (eng_word_phase(seen) == ENG_TASK_RUNNING && !((seen ^ id) & GENERATION)) {
		if (pawl_cas_weak_acquire(&task->word, &seen, seen | ENG_TASK_HELD)) /* O1 */
			return true;
	}
	return false;
}

void eng_task_release(struct eng_task *task)
{
	/*
	 * From then on the record may serve another task, whose word has no such flag, and
	 * whose body bears a notification for nothing.
	 */
	pawl_and_release(&task->word, ~ENG_TASK_HELD); /* O7 */
	pawl_event_notify_all(&task->interrupt);
}

bool eng_task_give_up(struct eng_task *task, uint64_t word)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	/* Relaxed: there is nothing to be seen of one that runs on. Who has pinned it need not have done. */
	while (eng_word_phase(seen) == ENG_TASK_RUNNING && !((seen ^ word) & GENERATION)) {
		if (pawl_cas_weak_relaxed(&task->word, &seen,
					  word_to(seen, ENG_TASK_FINAL, ENG_OUTCOME_STUCK)))
			return true;
	}
	return false;
}

bool eng_task_settle(struct eng_task *task, uint64_t word)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	while ((eng_word_phase(seen) == ENG_TASK_READY ||
		eng_word_phase(seen) == ENG_TASK_PENDING) &&
	       !((seen ^ word) & GENERATION)) {
		if (pawl_cas_weak_relaxed(&task->word, &seen, /* O1 */
					  word_to(seen, ENG_TASK_SETTLING, ENG_OUTCOME_NONE)))
			return true;
	}
	return false;
}

void eng_task_settled(struct eng_task *task, enum eng_outcome outcome)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	PAWL_REQUIRE(eng_word_phase(seen) == ENG_TASK_SETTLING &&
		     "who settles a task makes it final");
	/* Not a store: it may be expected, or pinned, meanwhile (I6, I7). */
	do {
		while (PAWL_UNLIKELY(seen & READERS))
			seen = pinned_pause(task);
	} while (!pawl_cas_weak_acq_rel(&task->word, &seen, /* O2, O7 */
					word_to(seen, ENG_TASK_FINAL, outcome)));
}

bool eng_task_pin(struct eng_task *task, uint64_t word)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	do {
		enum eng_phase phase = eng_word_phase(seen);

		if (((seen ^ word) & GENERATION) || phase < ENG_TASK_READY)
			return false;
		if (phase == ENG_TASK_FINAL &&
		    (eng_word_outcome(seen) != ENG_OUTCOME_STUCK || seen & ENG_TASK_BACK))
			return false;
	} while (!pawl_cas_weak_acquire(&task->word, &seen, seen + ENG_TASK_READER)); /* O7 */
	return true;
}

void eng_task_unpin(struct eng_task *task)
{
	pawl_sub_release(&task->word, ENG_TASK_READER); /* O7 */
}

void eng_task_came_home(struct eng_task *task)
{
	uint64_t seen = pawl_or_relaxed(&task->word, ENG_TASK_BACK);

	while (seen & READERS)
		seen = pinned_pause(task);
	(void)pawl_load_acquire(&task->word); /* O7 */
}

enum eng_stopped eng_task_stop(struct eng_task *task, uint64_t word, uint64_t flags)
{
	uint64_t seen = pawl_load_relaxed(&task->word);
	uint64_t next;

	for (;;) {
		enum eng_phase phase = eng_word_phase(seen);
		bool waits = phase == ENG_TASK_READY || phase == ENG_TASK_PENDING;

		if (((seen ^ word) & GENERATION) || phase == ENG_TASK_FREE ||
		    phase == ENG_TASK_SETTLING || phase == ENG_TASK_FINAL)
			return ENG_STOPPED_NOT;
		if (waits && PAWL_UNLIKELY(seen & READERS)) {
			seen = pinned_pause(task); /* I7 */
			continue;
		}
		next = waits ? word_to(seen, ENG_TASK_FINAL, ENG_OUTCOME_CANCELLED)
			     : seen | flags;
		if (next == seen)
			return ENG_STOPPED_ASKED;
		/* O1, O7: what is final is ended by the caller, who reads the record. And O3. */
		if (pawl_cas_weak_acq_rel(&task->word, &seen, next))
			break;
	}
	if (eng_word_phase(next) == ENG_TASK_FINAL)
		return ENG_STOPPED_FINAL;
	pawl_event_notify_all(&task->interrupt); /* O3 */
	return ENG_STOPPED_ASKED;
}

enum eng_outcome eng_task_outcome(const struct eng_task *task)
{
	return eng_word_outcome(pawl_load_acquire(&task->word)); /* O2 */
}

bool eng_task_expect(struct eng_task *task)
{
	uint64_t seen = pawl_load_relaxed(&task->word);

	do {
		if (eng_word_phase(seen) == ENG_TASK_FINAL) {
			(void)pawl_load_acquire(&task->word); /* O2 */
			return false;
		}
		if (seen & ENG_TASK_EXPECTED)
			break;
	} while (!pawl_cas_weak_relaxed(&task->word, &seen, seen | ENG_TASK_EXPECTED)); /* I6 */
	return true;
}

bool eng_task_watch(struct eng_task *task, struct eng_watcher *watcher)
{
	void *seen = pawl_load_relaxed(&task->watchers);

	if (!eng_task_expect(task))
		return false;
	do {
		if (seen == CLOSED) {
			(void)pawl_load_acquire(&task->watchers); /* O6 */
			return false;
		}
		watcher->next = seen;
	} while (!pawl_cas_weak_release(&task->watchers, &seen, (void *)watcher)); /* O6 */
	return true;
}

void eng_task_tell(struct eng_task *task)
{
	/* Relaxed: by who made it final, or from whom the caller has that. */
	uint64_t word = pawl_load_relaxed(&task->word);
	struct eng_watcher *watcher;

	if (!(word & ENG_TASK_EXPECTED)) /* I6 */
		return;
	watcher = pawl_xchg_acq_rel(&task->watchers, CLOSED); /* O6 */
	while (watcher) {
		struct eng_watcher *next = watcher->next;

		/* From here on it may be gone. */
		watcher->ended(watcher, eng_word_outcome(word));
		watcher = next;
	}
	pawl_event_notify_all(&task->done);
}

int eng_task_handle(struct eng_tasks *tasks, uint64_t id, struct eng_task **ret_task)
{
	struct eng_task *task;
	int error = eng_task_find(tasks, id, &task);

	if (error)
		return error;
	if (pawl_load_relaxed(&task->refs) < HANDLE)
		return -ESTALE;
	*ret_task = task;
	return 0;
}

void eng_task_keep(struct eng_task *task)
{
	pawl_add_relaxed(&task->refs, HANDLE); /* O4 */
}

bool eng_task_try_get(struct eng_tasks *tasks, uint64_t id, struct eng_task **ret_task)
{
	struct eng_task *task;
	uint64_t seen;

	if (eng_task_find(tasks, id, &task))
		return false;
	seen = pawl_load_relaxed(&task->refs);
	do {
		/* Without any it is on its way to another task. */
		if (!seen)
			return false;
	} while (!pawl_cas_weak_acquire(&task->refs, &seen, seen + 1)); /* O4 */
	/* With the reference the record stays what it is: perhaps another one already. */
	if ((pawl_load_relaxed(&task->word) ^ id) & GENERATION) {
		eng_task_put(tasks, task, 1);
		return false;
	}
	*ret_task = task;
	return true;
}

static void slots_lock(struct eng_task *task)
{
	if (PAWL_UNLIKELY(task->visited))
		pawl_lock_lock(&task->slots_lock);
}

static void slots_unlock(struct eng_task *task)
{
	if (PAWL_UNLIKELY(task->visited))
		pawl_lock_unlock(&task->slots_lock);
}

void eng_task_value_set(struct eng_task *task, void *value)
{
	void *before;

	slots_lock(task); /* I5 */
	before = task->value;
	task->value = value;
	slots_unlock(task);
	if (before && before != value && task->free_value)
		task->free_value(before);
}

void eng_task_arg_gone(struct eng_task *task)
{
	slots_lock(task); /* I5 */
	task->visit_arg = NULL;
	slots_unlock(task);
}

/* Requires: a reference to a task that was published. */
static size_t tell_slots(struct eng_task *task, void *visitor_arg)
{
	size_t told = 0;

	slots_lock(task); /* I5 */
	if (task->visit_arg) {
		task->visit_arg(task->arg, visitor_arg);
		told++;
	}
	if (task->value && task->visit_value) {
		task->visit_value(task->value, visitor_arg);
		told++;
	}
	slots_unlock(task);
	return told;
}

size_t eng_task_visit(struct eng_tasks *tasks, uint64_t word, uint64_t id, void *visitor_arg)
{
	struct eng_task *task;
	size_t told = 0;

	/* One that is not published is still written. The record stays what it is meanwhile. */
	if (eng_word_phase(word) == ENG_TASK_STARTING || !eng_task_try_get(tasks, id, &task))
		return 0;
	if (task->visited)
		told = tell_slots(task, visitor_arg);
	eng_task_put(tasks, task, 1);
	return told;
}

void eng_task_get(struct eng_task *task)
{
	pawl_add_relaxed(&task->refs, 1u); /* O4 */
}

/* Requires: the caller alone may look at the value, but for visitors. */
static void value_free(struct eng_task *task)
{
	eng_task_value_set(task, NULL);
}

void eng_task_forget(struct eng_task *task)
{
	value_free(task);
	if (task->message)
		pawl_mem_free(task->message, task->message_bytes, 0);
	task->message = NULL;
}

/* Nobody has a reference or a handle any more. */
static void last_gone(struct eng_tasks *tasks, struct eng_task *task)
{
	eng_task_forget(task);
	recycle(tasks, task);
}

void eng_task_put(struct eng_tasks *tasks, struct eng_task *task, uint32_t n)
{
	uint64_t before = pawl_sub_acq_rel(&task->refs, (uint64_t)n); /* O4 */

	PAWL_REQUIRE((uint32_t)before >= n && "a task's references are given back once");
	if (before == n)
		last_gone(tasks, task);
}

bool eng_task_drop(struct eng_tasks *tasks, struct eng_task *task)
{
	uint64_t seen = pawl_load_relaxed(&task->refs);
	uint64_t next;

	do {
		if (seen < HANDLE)
			return false;
		/* The last handle becomes a reference, while the value is freed, if there are others. */
		next = seen - HANDLE + (seen > HANDLE && seen < 2 * HANDLE);
	} while (!pawl_cas_weak_acq_rel(&task->refs, &seen, next)); /* O4 */
	if (!next)
		last_gone(tasks, task);
	if (!next || seen >= 2 * HANDLE)
		return true;
	/* Who ends it later gives the value back with its references. */
	if (eng_task_outcome(task) && eng_task_outcome(task) != ENG_OUTCOME_STUCK)
		value_free(task);
	eng_task_put(tasks, task, 1);
	return true;
}

void eng_tasks_each(struct eng_tasks *tasks, eng_tasks_fn *fn, void *arg)
{
	for (unsigned k = 0; k < SEGMENTS; k++) {
		struct eng_task *segment = pawl_load_acquire(&tasks->segments[k]);

		for (uint64_t at = 0; segment && at < FIRST << k; at++) {
			uint64_t word = pawl_load_acquire(&segment[at].word);
			uint64_t id = (word & GENERATION) | ((FIRST << k) + at - FIRST);

			if (eng_word_phase(word) != ENG_TASK_FREE &&
			    !fn(&segment[at], word, id, arg))
				return;
		}
	}
}

uint64_t eng_tasks_live(struct eng_tasks *tasks)
{
	struct pawl_ids_counts counts;

	if (pawl_ids_audit(tasks->ids, &counts))
		return UINT64_MAX;
	return counts.live;
}
