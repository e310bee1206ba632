/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sync.c - several processes on one store: the one that writes says whether all it has is in there; one that
 * reads asks, waits a little, and knows then what it has.
 *
 * Whoever reads stands on one generation from its first to its last moment. What comes to the store later it does not
 * see, so nothing that it has computed itself is ever replaced; and that is of its own numbers, behind those of the
 * generation, and is saved nowhere.
 *
 * The writer counts as behind from before its first record is changed until a snapshot has left none that is. The store
 * carries that from one process to the other, and forgets it with the process.
 *
 * I1: told under `sync_lock`, and again whenever it may have changed: who changes the first record tells after that is
 *     in the bitmap, who has saved tells after he has looked into the bitmap. So the last one who tells has seen it.
 *
 * To tell is two calls of the system, 1.2 us together: once after each snapshot, with the lock of the first record that
 * changes held, since who reads has to see it before that has changed; and ten times a second while something is not saved.
 *
 * Rejected: readers that follow the writer (what they have computed would have to be thrown away, or be merged); a
 * socket (needs a thread where the writer has nothing to do, and rights to write where readers have none).
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <pawl/atomic.h>
#include <pawl/park.h>

#include "persist.h"

#define LOOK_NS UINT64_C(5000000)

/* ---- who writes ---------------------------------------------------------------------------- */

bool eng_persist_is_saved(const struct eng_persist *persist)
{
	/* Acquire: its contents, if it was exchanged. */
	return eng_bitmap_is_empty(pawl_load_acquire(&persist->marks->modified)) &&
	       !persist->ops_stored && !persist->backing.changed;
}

/* Where it cannot be told, readers do not know: nothing else comes of that. */
static bool tell(struct eng_persist *persist, bool behind)
{
	bool asked = false;

	persist->behind = behind;
	return !pawl_store_tell(persist->store, behind, &asked) && asked;
}

/* Of the marks: something is modified, and nothing was. With its lock held. */
void eng_sync_behind(void *arg)
{
	struct eng_persist *persist = arg;

	pthread_mutex_lock(&persist->sync_lock);
	if (!persist->behind)
		(void)tell(persist, true);
	pthread_mutex_unlock(&persist->sync_lock);
}

void eng_sync_saved(struct eng_persist *persist)
{
	pthread_mutex_lock(&persist->sync_lock);
	if (persist->behind && eng_persist_is_saved(persist))
		(void)tell(persist, false);
	pthread_mutex_unlock(&persist->sync_lock);
}

bool eng_sync_asked(struct eng_persist *persist)
{
	bool asked;

	pthread_mutex_lock(&persist->sync_lock);
	asked = tell(persist, persist->behind);
	pthread_mutex_unlock(&persist->sync_lock);
	return asked;
}

void eng_sync_end(struct eng_persist *persist)
{
	/* What it had is gone with it. */
	if (persist->behind)
		(void)tell(persist, false);
}

/* ---- who reads ----------------------------------------------------------------------------- */

/* Returns: it is known; else it may be worth to wait. */
static bool look(struct eng_persist *persist, bool asks)
{
	struct pawl_engine_sync *sync = &persist->sync;
	struct pawl_store_writer writer;

	sync->sync = PAWL_SYNC_UNKNOWN;
	/* It would not be known later either. */
	if (pawl_store_ask(persist->store, asks, &writer))
		return true;
	sync->writer_pid = writer.there ? writer.pid : 0;
	memcpy(persist->writer_name, writer.name, sizeof(writer.name));
	if (!writer.there)
		sync->sync = PAWL_SYNC_ALONE;
	else if (!writer.behind)
		sync->sync = PAWL_SYNC_SYNCED;
	return sync->sync != PAWL_SYNC_UNKNOWN;
}

static void nap(void)
{
	struct pawl_waiter *before = pawl_waiter_set(NULL);

	/* As the thread, whatever fibre calls. */
	(void)pawl_park_until(pawl_deadline_in(LOOK_NS));
	(void)pawl_waiter_set(before);
}

void eng_sync_wait(struct eng_persist *persist, uint64_t wait_ns)
{
	uint64_t begun_ns = pawl_now_ns(), now_ns = begun_ns;
	bool waits = wait_ns != PAWL_SYNC_NO_WAIT;
	struct pawl_store_writer writer;

	while (!look(persist, waits) && waits && now_ns - begun_ns < wait_ns) {
		nap();
		now_ns = pawl_now_ns();
	}
	if (waits)
		(void)!pawl_store_ask(persist->store, false, &writer);
	persist->sync.waited_ns = now_ns - begun_ns;
}
