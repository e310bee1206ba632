/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-lanes.c - priority lanes against lists: with one thread the order of pops is exact, so each pop
 * is compared with the first item of a lane that has the earliest due time. Stamps run on, or jump
 * about; lanes are full, ageing is off, slow or fast, the end of time is near.
 */
#include "config.h"

#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/lanes.h>

#define ITEMS 256u

struct item {
	struct pawl_lane_node node;
	unsigned next; /* in its lane, or among those that are free; ITEMS: none */
};

static struct {
	struct pawl_lanes *lanes;
	struct pawl_lanes_options options;
	struct item item[ITEMS];
	unsigned first[PAWL_LANES_MAX], last[PAWL_LANES_MAX];
	uint64_t queued[PAWL_LANES_MAX];
	unsigned free;
	uint64_t now;
	/* Stamps are anything. */
	bool falling;
} m;

/* Stamps run on a little; or jump about. */
static uint64_t some_stamp(struct fuzz_bytes *bytes)
{
	unsigned how = fuzz_u8(bytes);

	if (m.falling) {
		switch (how & 3) {
		case 0:
			return m.now - (m.now < how ? m.now : how);
		case 1:
			return fuzz_u32(bytes);
		case 2:
			return UINT64_MAX - how;
		default:
			break;
		}
	}
	/* At the end of time it stands still. */
	how = how & 1 ? how >> 1 : 0;
	m.now = UINT64_MAX - m.now < how ? UINT64_MAX : m.now + how;
	return m.now;
}

static struct item *item_of(struct pawl_lane_node *node)
{
	/* The node is the item's first member. */
	struct item *item = (struct item *)node;

	FUZZ_CHECK(item >= m.item && item < m.item + ITEMS);
	return item;
}

static void model_push(unsigned lane, struct item *item)
{
	unsigned index = (unsigned)(item - m.item);

	item->next = ITEMS;
	if (m.first[lane] == ITEMS)
		m.first[lane] = index;
	else
		m.item[m.last[lane]].next = index;
	m.last[lane] = index;
	m.queued[lane]++;
}

/* Later than any other time: times do not wrap. */
static uint64_t due(unsigned lane, uint64_t stamp)
{
	uint64_t late, step = m.options.age_step;

	if (__builtin_mul_overflow(step, (uint64_t)lane, &late) ||
	    __builtin_add_overflow(stamp, late, &late))
		return UINT64_MAX;
	return late;
}

/* The lane that a pop has to take from; PAWL_LANES_MAX: none. */
static unsigned model_lane(void)
{
	unsigned best = PAWL_LANES_MAX;
	uint64_t best_due = 0;

	for (unsigned lane = 0; lane < m.options.lanes; lane++) {
		uint64_t at;

		if (m.first[lane] == ITEMS)
			continue;
		if (m.options.age_step == PAWL_FOREVER)
			return lane;
		at = due(lane, m.item[m.first[lane]].node.pawl_stamp);
		if (best == PAWL_LANES_MAX || at < best_due) {
			best = lane;
			best_due = at;
		}
	}
	return best;
}

static void popped(struct pawl_lane_node *node)
{
	struct item *item = item_of(node);
	unsigned lane = pawl_lane_node_lane(node);

	FUZZ_CHECK(lane < m.options.lanes && m.first[lane] != ITEMS);
	FUZZ_CHECK(item == &m.item[m.first[lane]]);
	FUZZ_CHECK(lane == model_lane());
	m.first[lane] = item->next;
	m.queued[lane]--;
	item->next = m.free;
	m.free = (unsigned)(item - m.item);
}

static void push(struct fuzz_bytes *bytes, unsigned lane, uint64_t stamp)
{
	struct item *item = &m.item[m.free];
	int rc;

	(void)bytes;
	if (m.free == ITEMS)
		return;
	rc = pawl_lanes_push(m.lanes, lane, &item->node, stamp);
	if (lane >= m.options.lanes) {
		FUZZ_CHECK(rc == -EINVAL);
		return;
	}
	if (m.options.lane_max && m.queued[lane] >= m.options.lane_max) {
		FUZZ_CHECK(rc == -ENOSPC);
		return;
	}
	FUZZ_CHECK(rc == 0 && pawl_lane_node_stamp(&item->node) == stamp);
	m.free = item->next;
	model_push(lane, item);
}

static void push_n(struct fuzz_bytes *bytes, unsigned lane, uint64_t stamp)
{
	struct pawl_lane_node *nodes[16];
	unsigned wanted = fuzz_u8(bytes) % 16, n = 0, at;
	int rc;

	for (at = m.free; n < wanted && at != ITEMS; at = m.item[at].next)
		nodes[n++] = &m.item[at].node;
	rc = pawl_lanes_push_n(m.lanes, lane, nodes, n, stamp);
	if (lane >= m.options.lanes) {
		FUZZ_CHECK(rc == -EINVAL);
		return;
	}
	if (m.options.lane_max && m.queued[lane] + n > m.options.lane_max) {
		/* None of none is no error, even where there is no room. */
		FUZZ_CHECK(rc == -ENOSPC || (n == 0 && rc == 0));
		return;
	}
	FUZZ_CHECK(rc == 0);
	m.free = at;
	for (unsigned i = 0; i < n; i++)
		model_push(lane, item_of(nodes[i]));
}

static void pop(unsigned max)
{
	struct pawl_lane_node *nodes[16];
	int n = max ? pawl_lanes_pop_n(m.lanes, max, nodes) : pawl_lanes_pop(m.lanes, nodes);

	FUZZ_CHECK(n >= 0 && n <= (int)(max ? max : 1));
	FUZZ_CHECK((n == 0) == (model_lane() == PAWL_LANES_MAX));
	for (int i = 0; i < n; i++)
		popped(nodes[i]);
}

static void look(void)
{
	uint64_t summary = pawl_lanes_summary(m.lanes);
	bool empty = true;

	for (unsigned lane = 0; lane < m.options.lanes; lane++) {
		empty &= !m.queued[lane];
		FUZZ_CHECK(!m.queued[lane] || summary >> lane & 1);
	}
	FUZZ_CHECK(pawl_lanes_is_empty(m.lanes) == empty);
	FUZZ_CHECK(pawl_lanes_count(m.lanes) == m.options.lanes);
}

static void start(struct fuzz_bytes *bytes)
{
	static const uint64_t steps[] = {0,
					 1,
					 10,
					 1000,
					 UINT64_C(1) << 40,
					 UINT64_C(1) << 60,
					 PAWL_FOREVER - 1,
					 PAWL_FOREVER};
	unsigned shape = fuzz_u8(bytes), more = fuzz_u8(bytes);
	int rc;

	memset(&m, 0, sizeof(m));
	m.falling = shape >> 4 == 2;
	m.now = shape >> 4 == 3 ? UINT64_MAX - 300 : 0;
	m.options = (struct pawl_lanes_options){.size = sizeof(m.options)};
	m.options.lanes = more % (PAWL_LANES_MAX + 2);
	m.options.age_step = steps[shape & 7];
	m.options.lane_max = shape & 8 ? 3 : 0;
	for (unsigned i = 0; i < ITEMS; i++)
		m.item[i].next = i + 1;
	for (unsigned i = 0; i < PAWL_LANES_MAX; i++)
		m.first[i] = ITEMS;
	fuzz_alloc_fail(shape >> 4 == 1);
	rc = pawl_lanes_create(&m.options, &m.lanes);
	fuzz_alloc_fail(0);
	if (m.options.lanes < 1 || m.options.lanes > PAWL_LANES_MAX)
		FUZZ_CHECK(rc == -EINVAL);
	else
		FUZZ_CHECK(rc == (shape >> 4 == 1 ? -ENOMEM : 0));
	if (rc)
		m.lanes = NULL;
}

static void run(struct fuzz_bytes *bytes)
{
	start(bytes);
	if (!m.lanes)
		return;
	while (fuzz_more(bytes)) {
		unsigned op = fuzz_u8(bytes);
		/* Mostly a lane that there is. */
		unsigned lane = fuzz_u8(bytes);

		if (lane < 250)
			lane %= m.options.lanes;
		switch (op & 7) {
		case 0:
		case 1:
		case 2:
			push(bytes, lane, some_stamp(bytes));
			break;
		case 3:
			push_n(bytes, lane, some_stamp(bytes));
			break;
		case 4:
		case 5:
			pop(0);
			break;
		case 6:
			pop(1 + lane % 16);
			break;
		default:
			look();
			break;
		}
	}
	look();
	while (model_lane() != PAWL_LANES_MAX)
		pop(7);
	pop(0);
	look();
	pawl_lanes_destroy(m.lanes);
}

const struct fuzz_target fuzz_target = {.name = "lanes", .run = run};
