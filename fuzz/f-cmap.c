/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-cmap.c - two small counter maps of one width against the model: crossings, overflow, adding in
 * bulk, merging with either sign, copying, reserving, and allocations that fail.
 */
#include "config.h"

#include "fuzz.h"

#define MODEL_CHECK(cond) FUZZ_CHECK(cond)
#include "model-small.h"

#include <errno.h>

#define RUN_MAX 64u

struct pair {
	struct any_map map[2];
	struct model model[2];
	unsigned span;
	/* So many go in without memory: reserved, and none vanished since. */
	uint32_t reserved[2];
	unsigned looks;
};

/* Mostly one more or one less; at times the limits of 16 and 32 bits. */
static int32_t some_delta(struct fuzz_bytes *bytes)
{
	static const int32_t rare[] = {
		INT16_MAX, INT16_MIN, INT16_MAX + 1, INT16_MIN - 1, INT32_MAX,
		INT32_MIN, 0,	      1 << 30};
	unsigned byte = fuzz_u8(bytes);

	return byte < 0xf0 ? (int32_t)(byte % 8) - 3 : rare[byte % 8];
}

static bool refused(int rc, bool overflow)
{
	FUZZ_CHECK(rc == 0 || rc == -EOVERFLOW || rc == -ENOMEM);
	FUZZ_CHECK((rc != -EOVERFLOW && rc != 0) || (rc == -EOVERFLOW) == overflow);
	FUZZ_CHECK(rc != -ENOMEM || fuzz_alloc_failed());
	return rc != 0;
}

static void one(struct pair *p, unsigned which, unsigned index, int32_t delta)
{
	struct any_map *map = &p->map[which];
	struct model *model = &p->model[which];
	int64_t after = (int64_t)model->count[index] + delta;
	uint64_t calls = fuzz_alloc_calls();
	struct pawl_crossing crossing = {0, 0};
	int rc = ANY_MAP(map, add, model_key(map->wide, index), delta, &crossing);

	/* To zero is possible without memory. */
	FUZZ_CHECK(rc != -ENOMEM || after != 0);
	if (refused(rc, after != (int32_t)after))
		return;
	FUZZ_CHECK(crossing.before == model->count[index] && crossing.after == after);
	if (after == 0 && crossing.before)
		p->reserved[which] = 0;
	model_set(model, index, (int32_t)after);
	FUZZ_CHECK(model->length > p->reserved[which] || fuzz_alloc_calls() == calls);
	FUZZ_CHECK(ANY_MAP(map, get, model_key(map->wide, index)) == after);
}

/* Some may have vanished: what was reserved may be gone. */
static void crossed(struct pair *p, unsigned which, const struct pawl_crossing *made,
		    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (made[i].before && !made[i].after)
			p->reserved[which] = 0;
	}
}

static void many(struct pair *p, unsigned which, struct fuzz_bytes *bytes)
{
	struct any_map *map = &p->map[which];
	unsigned index = fuzz_below(bytes, p->span), stride = fuzz_u8(bytes);
	unsigned count = fuzz_below(bytes, RUN_MAX);
	struct pawl_cmap64_entry entries[RUN_MAX];
	struct pawl_cmap_entry narrow[RUN_MAX];
	struct pawl_crossing made[RUN_MAX], said[RUN_MAX];
	struct model after = p->model[which];
	bool overflow = false;
	int32_t delta = 1;
	int rc;

	for (unsigned i = 0; i < count; i++, index = (index + stride) % p->span) {
		int64_t sum;

		if (i % 4 == 0)
			delta = some_delta(bytes);
		sum = (int64_t)after.count[index] + delta;
		overflow |= sum != (int32_t)sum;
		entries[i] = (struct pawl_cmap64_entry){model_key(map->wide, index), delta};
		narrow[i] = (struct pawl_cmap_entry){(uint32_t)entries[i].key, delta};
		made[i] = (struct pawl_crossing){after.count[index], (int32_t)sum};
		model_set(&after, index, (int32_t)sum);
	}
	rc = map->wide ? pawl_cmap64_add_n(&map->wide_map, entries, count, said)
		       : pawl_cmap_add_n(&map->narrow_map, narrow, count, said);
	if (refused(rc, overflow))
		return;
	FUZZ_CHECK(memcmp(made, said, count * sizeof(*made)) == 0);
	crossed(p, which, made, count);
	p->model[which] = after;
}

/* What `which` merges with: an entry of a walk of the other. */
static bool next(const struct any_map *map, uint32_t *cursor,
		 struct pawl_cmap64_entry *ret_entry)
{
	struct pawl_cmap_entry narrow;

	if (map->wide)
		return pawl_cmap64_next(&map->wide_map, cursor, ret_entry);
	if (!pawl_cmap_next(&map->narrow_map, cursor, &narrow))
		return false;
	*ret_entry = (struct pawl_cmap64_entry){narrow.key, narrow.count};
	return true;
}

static void merge(struct pair *p, unsigned which, int sign)
{
	static struct pawl_crossing made[MODEL_KEYS], said[MODEL_KEYS];
	struct any_map *map = &p->map[which], *from = &p->map[!which];
	struct model after = p->model[which];
	struct pawl_cmap64_entry entry;
	bool overflow = false;
	uint32_t cursor = 0;
	size_t count = 0;
	int rc;

	for (; next(from, &cursor, &entry); count++) {
		unsigned index = model_index(map->wide, entry.key);
		int64_t sum = (int64_t)after.count[index] + sign * (int64_t)entry.count;

		overflow |= sum != (int32_t)sum;
		made[count] = (struct pawl_crossing){after.count[index], (int32_t)sum};
		model_set(&after, index, (int32_t)sum);
	}
	rc = map->wide ? pawl_cmap64_merge(&map->wide_map, &from->wide_map, sign, said)
		       : pawl_cmap_merge(&map->narrow_map, &from->narrow_map, sign, said);
	if (refused(rc, overflow))
		return;
	FUZZ_CHECK(memcmp(made, said, count * sizeof(*made)) == 0);
	crossed(p, which, made, count);
	p->model[which] = after;
}

static void copy(struct pair *p, unsigned which)
{
	struct any_map fresh = {.wide = p->map[which].wide};
	int rc = fresh.wide ? pawl_cmap64_copy(&p->map[which].wide_map, &fresh.wide_map)
			    : pawl_cmap_copy(&p->map[which].narrow_map, &fresh.narrow_map);

	if (refused(rc, false))
		return;
	ANY_MAP(&p->map[!which], fini);
	p->map[!which] = fresh;
	p->reserved[!which] = 0;
	p->model[!which] = p->model[which];
}

static void reserve(struct pair *p, unsigned which, struct fuzz_bytes *bytes)
{
	unsigned count = fuzz_below(bytes, MODEL_KEYS);
	uint64_t calls;

	if (refused(ANY_MAP(&p->map[which], reserve, count), false))
		return;
	/* What was promised: so many go in without memory. Now, or as it comes. */
	calls = fuzz_alloc_calls();
	if (p->reserved[which] < count)
		p->reserved[which] = count;
	for (unsigned i = 0; count % 2 && p->model[which].length < count && i < p->span; i++) {
		if (!p->model[which].count[i])
			one(p, which, i, 100000);
	}
	FUZZ_CHECK(fuzz_alloc_calls() == calls);
}

static void look(struct pair *p, unsigned which)
{
	FUZZ_CHECK(ANY_MAP(&p->map[which], count) == p->model[which].length);
	if (++p->looks % 16 == 0)
		model_check_map(&p->model[which], &p->map[which]);
}

static void step(struct pair *p, unsigned which, unsigned op, struct fuzz_bytes *bytes)
{
	unsigned index;

	switch (op) {
	case 0:
	case 1:
	case 2:
	case 3:
		index = fuzz_below(bytes, p->span);
		one(p, which, index, some_delta(bytes));
		break;
	case 4:
	case 5:
		/* Away with it. */
		index = fuzz_below(bytes, p->span);
		one(p, which, index,
		    p->model[which].count[index] == INT32_MIN ? INT32_MAX
							      : -p->model[which].count[index]);
		break;
	case 6:
	case 7:
	case 8:
		many(p, which, bytes);
		break;
	case 9:
		merge(p, which, 1);
		break;
	case 10:
		merge(p, which, -1);
		break;
	case 11:
		copy(p, which);
		break;
	case 12:
		ANY_MAP(&p->map[which], trim);
		p->reserved[which] = 0;
		break;
	case 13:
		reserve(p, which, bytes);
		break;
	case 14:
		ANY_MAP(&p->map[which], fini);
		p->reserved[which] = 0;
		model_init(&p->model[which], p->map[which].wide);
		p->model[which].span = p->span;
		break;
	default:
		model_check_map(&p->model[which], &p->map[which]);
		break;
	}
}

static void run(struct fuzz_bytes *bytes)
{
	static struct pair p;
	unsigned first = fuzz_u8(bytes);

	memset(&p, 0, sizeof(p));
	p.span = first & 2 ? MODEL_KEYS : first & 4 ? 150 : 6;
	for (unsigned which = 0; which < 2; which++) {
		p.map[which].wide = first & 1;
		model_init(&p.model[which], first & 1);
		p.model[which].span = p.span;
	}
	while (fuzz_more(bytes)) {
		unsigned op = fuzz_u8(bytes);

		/* The op in four bits, which map in one; two bits say that memory runs out. */
		fuzz_alloc_fail((op & 0xc0) == 0xc0 ? 1 + (op >> 5 & 1) : 0);
		step(&p, op >> 4 & 1, op & 15, bytes);
		fuzz_alloc_fail(0);
		look(&p, op >> 4 & 1);
	}
	for (unsigned which = 0; which < 2; which++) {
		model_check_map(&p.model[which], &p.map[which]);
		ANY_MAP(&p.map[which], fini);
	}
}

const struct fuzz_target fuzz_target = {.name = "cmap", .run = run};
