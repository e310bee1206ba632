/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-ids.c - id factories of the three policies against what their users know: which ids they have,
 * which they gave back, and in which cycle. One thread, so "no id is left" is exact.
 */
#include "config.h"

#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/ids.h>
#include <pawl/retire.h>
#include <pawl/sset.h>

#define LIVE_MAX   2048u
#define PARKED_MAX 2048u

static struct {
	struct pawl_ids *ids;
	struct pawl_ids_options options;
	uint64_t last;
	/* In use, in no order. */
	unsigned live_count;
	pawl_id_t live[LIVE_MAX];
	struct pawl_sset64 live_set;
	/* Handed out, ever. With RECYCLE nothing of it comes a second time. */
	struct pawl_sset64 ever;
	/* DURABLE with a store: freed, by the cycle that has to be durable first. */
	unsigned parked_count;
	pawl_id_t parked[PARKED_MAX];
	uint64_t parked_in[PARKED_MAX];
	uint64_t cycle, durable;
	unsigned barriers;
	uint64_t freed;
} m;

static void put(struct pawl_sset64 *set, pawl_id_t id)
{
	/* The model's memory does not run out. */
	fuzz_alloc_fail(0);
	FUZZ_CHECK(pawl_sset64_add(set, id, NULL) == 0);
}

static uint64_t index_of(pawl_id_t id)
{
	return m.options.policy == PAWL_IDS_RECYCLE ? pawl_id_index(id) : id;
}

static struct pawl_ids_counts audit(void)
{
	struct pawl_ids_counts now;

	fuzz_alloc_fail(0);
	FUZZ_CHECK(pawl_ids_audit(m.ids, &now) == 0);
	FUZZ_CHECK(now.live + now.magazines + now.depot + now.parked + now.retired ==
		   now.next - m.options.first);
	FUZZ_CHECK(now.next == pawl_ids_next(m.ids));
	return now;
}

/* DURABLE: what waits for a cycle that is not durable may not come. */
static void check_unparked(pawl_id_t id)
{
	for (unsigned i = 0; i < m.parked_count; i++) {
		if (m.parked[i] != id)
			continue;
		FUZZ_CHECK(m.parked_in[i] <= m.durable);
		m.parked_count--;
		m.parked[i] = m.parked[m.parked_count];
		m.parked_in[i] = m.parked_in[m.parked_count];
		return;
	}
}

static void alloc(void)
{
	struct pawl_ids_counts now;
	pawl_id_t id = 0;
	bool failed;
	int rc;

	if (m.live_count == LIVE_MAX)
		return;
	rc = pawl_ids_alloc(m.ids, &id);
	failed = fuzz_alloc_failed();
	FUZZ_CHECK(rc == 0 || rc == -ENOSPC || (rc == -ENOMEM && failed));
	if (rc == -ENOSPC) {
		now = audit();
		FUZZ_CHECK(now.next == m.last + 1);
		/* What waited for a grace period may have come back since. */
		FUZZ_CHECK(now.magazines + now.depot == 0 ||
			   (m.options.policy == PAWL_IDS_DURABLE && m.freed));
		return;
	}
	if (rc)
		return;
	FUZZ_CHECK(index_of(id) >= m.options.first && index_of(id) <= m.last);
	FUZZ_CHECK(!pawl_sset64_has(&m.live_set, id));
	FUZZ_CHECK(pawl_ids_check(m.ids, id) == 0);
	FUZZ_CHECK(index_of(id) < pawl_ids_next(m.ids));
	if (m.options.policy != PAWL_IDS_DURABLE)
		FUZZ_CHECK(!pawl_sset64_has(&m.ever, id));
	if (m.options.policy == PAWL_IDS_MONOTONE)
		FUZZ_CHECK(id >= m.options.next);
	if (m.options.policy == PAWL_IDS_RECYCLE)
		FUZZ_CHECK(pawl_id_generation(id) & 1);
	check_unparked(id);
	put(&m.live_set, id);
	put(&m.ever, id);
	m.live[m.live_count++] = id;
}

static void free_one(unsigned at)
{
	pawl_id_t id;
	int rc;

	if (!m.live_count)
		return;
	at %= m.live_count;
	id = m.live[at];
	rc = pawl_ids_free(m.ids, id);
	if (m.options.policy == PAWL_IDS_MONOTONE) {
		FUZZ_CHECK(rc == -EINVAL);
		return;
	}
	FUZZ_CHECK(rc == 0);
	m.freed++;
	m.live[at] = m.live[--m.live_count];
	FUZZ_CHECK(pawl_sset64_remove(&m.live_set, id));
	FUZZ_CHECK(pawl_ids_check(m.ids, id) == -ESTALE);
	/* Twice is noticed, at once and for ever. */
	FUZZ_CHECK(pawl_ids_free(m.ids, id) == -EINVAL);
	if (m.options.stored && m.parked_count < PARKED_MAX) {
		m.parked[m.parked_count] = id;
		m.parked_in[m.parked_count++] = m.cycle + 1;
	}
}

/* An id from nowhere, or one that was in use. */
static void foreign(struct fuzz_bytes *bytes)
{
	pawl_id_t id = fuzz_u32(bytes) | (uint64_t)fuzz_u32(bytes) << 32;
	uint32_t cursor = fuzz_u16(bytes);
	int rc;

	if (cursor & 1)
		(void)pawl_sset64_next(&m.ever, &cursor, &id);
	if (cursor & 2)
		id = (id & ~UINT64_C(0xffffffff)) | (m.options.first + cursor % 64);
	rc = pawl_ids_check(m.ids, id);
	if (pawl_sset64_has(&m.live_set, id)) {
		FUZZ_CHECK(rc == 0);
		return;
	}
	if (m.options.policy == PAWL_IDS_MONOTONE) {
		/* It may lie in a magazine. */
		FUZZ_CHECK(rc == -EINVAL || (rc == 0 && id < pawl_ids_next(m.ids)));
	} else if (m.options.policy == PAWL_IDS_DURABLE && id < m.options.next &&
		   id >= m.options.first) {
		/* From before the restart: in use until somebody frees it. */
		FUZZ_CHECK(rc == 0 || rc == -ESTALE);
		return;
	} else {
		FUZZ_CHECK(rc == (pawl_sset64_has(&m.ever, id) ? -ESTALE : rc));
		FUZZ_CHECK(rc == -ESTALE || rc == -EINVAL);
	}
	FUZZ_CHECK(pawl_ids_free(m.ids, id) == -EINVAL);
}

static void cycle(struct fuzz_bytes *bytes)
{
	uint64_t to;

	if (!m.options.stored)
		return;
	if (fuzz_u8(bytes) & 1) {
		FUZZ_CHECK(pawl_ids_cycle_end(m.ids) == m.cycle + 1);
		m.cycle++;
	}
	to = m.cycle + 1 - fuzz_below(bytes, 4);
	if (to > m.cycle + 1)
		return;
	FUZZ_CHECK(pawl_ids_durable_up_to(m.ids, to) == (to > m.cycle ? -EINVAL : 0));
	if (to <= m.cycle && to > m.durable)
		m.durable = to;
}

/* A grace period, at most a few in a run: they take their time. */
static void barrier(void)
{
	if (m.barriers++ >= 2)
		return;
	pawl_retire_barrier();
	pawl_retire_barrier();
}

static void look(void)
{
	struct pawl_ids_counts now = audit();

	for (unsigned i = 0; i < m.live_count; i++)
		FUZZ_CHECK(pawl_ids_check(m.ids, m.live[i]) == 0);
	/* Those from before a restart are in use as well. */
	if (m.options.policy == PAWL_IDS_RECYCLE)
		FUZZ_CHECK(now.live == m.live_count);
	else
		FUZZ_CHECK(now.live >= m.live_count);
}

static bool start(struct fuzz_bytes *bytes)
{
	static const uint64_t ranges[] = {1, 7, 64, 65, 300, 1000, 5000, 0};
	static const uint64_t lasts[] = {PAWL_IDS_LAST_MONOTONE, PAWL_IDS_LAST_RECYCLE,
					 PAWL_IDS_LAST_DURABLE};
	unsigned shape = fuzz_u8(bytes), more = fuzz_u8(bytes), range = fuzz_u8(bytes);
	struct pawl_ids_options *options = &m.options;
	int rc;

	memset(&m, 0, sizeof(m));
	*options = (struct pawl_ids_options){.size = sizeof(*options)};
	options->policy = (enum pawl_ids_policy)(shape % 3);
	options->magazine = 1 + (shape >> 2) % PAWL_IDS_MAGAZINE_MAX;
	options->first = more & 1 ? 1 : more & 2 ? 1000 : 0;
	m.last = lasts[options->policy];
	if (range & 0x80)
		options->first = m.last - 300;
	if (ranges[range & 7])
		options->last = options->first + ranges[range & 7] - 1;
	if (options->last > m.last || (options->last == 0 && ranges[range & 7]))
		options->last = 0;
	if (options->last)
		m.last = options->last;
	if (options->policy == PAWL_IDS_RECYCLE) {
		options->generation = more & 4 ? UINT32_MAX - 3 - 2 * (more >> 3 & 3) : 0;
		/* 2^32 - 1 indices at most. */
		if (options->first == 0 && options->last == 0)
			options->first = 1;
	} else if (more & 4) {
		options->next = options->first + (more >> 3);
		if (options->next > m.last + 1)
			options->next = 0;
	}
	options->stored = options->policy == PAWL_IDS_DURABLE && (range & 0x40);
	fuzz_alloc_fail(range & 0x20 ? 1 + (range >> 3 & 3) : 0);
	rc = pawl_ids_create(options, &m.ids);
	FUZZ_CHECK(rc == 0 || (rc == -ENOMEM && fuzz_alloc_failed()));
	return rc == 0;
}

static void run(struct fuzz_bytes *bytes)
{
	if (!start(bytes))
		return;
	while (fuzz_more(bytes)) {
		unsigned op = fuzz_u8(bytes);

		fuzz_alloc_fail((op & 0xc0) == 0xc0 ? 1 + (op >> 5 & 1) : 0);
		switch (op & 15) {
		case 0:
		case 1:
		case 2:
			alloc();
			break;
		case 3:
		case 4:
			free_one(fuzz_u16(bytes));
			break;
		case 5:
		case 6:
		case 7:
			for (unsigned n = fuzz_u8(bytes); n--;)
				alloc();
			break;
		case 8:
		case 9:
			for (unsigned n = fuzz_u8(bytes), at = fuzz_u8(bytes); n--;)
				free_one(at);
			break;
		case 10:
		case 11:
			foreign(bytes);
			break;
		case 12:
		case 13:
			cycle(bytes);
			break;
		case 14:
			if (fuzz_u8(bytes) % 8 == 0)
				barrier();
			break;
		default:
			look();
			break;
		}
		fuzz_alloc_fail(0);
	}
	look();
	pawl_ids_destroy(m.ids);
	pawl_sset64_fini(&m.live_set);
	pawl_sset64_fini(&m.ever);
}

const struct fuzz_target fuzz_target = {
	.name = "ids", .run = run, .attach = true, .retires = true};
