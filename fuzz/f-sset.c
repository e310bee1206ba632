/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-sset.c - two small sets of one width against the model: single keys, runs of keys, merging,
 * copying, reserving, walks that go on while the set changes, and allocations that fail.
 */
#include "config.h"

#include "fuzz.h"

#define MODEL_CHECK(cond) FUZZ_CHECK(cond)
#include "model-small.h"

#include <errno.h>

#define RUN_MAX 128u

struct pair {
	struct any_set set[2];
	struct model model[2];
	unsigned span;
	/* So many go in without memory: reserved, and nothing came out since. */
	uint32_t reserved[2];
	/* How often everything was compared: it is dear. */
	unsigned looks;
};

static unsigned some_index(struct pair *p, struct fuzz_bytes *bytes)
{
	return fuzz_below(bytes, p->span);
}

static void one(struct pair *p, unsigned which, struct fuzz_bytes *bytes, bool in)
{
	struct any_set *set = &p->set[which];
	struct model *model = &p->model[which];
	unsigned index = some_index(p, bytes);
	uint64_t key = model_key(set->wide, index), calls = fuzz_alloc_calls();
	bool added;
	int rc;

	if (!in) {
		FUZZ_CHECK(ANY_SET(set, remove, key) == !!model->count[index]);
		if (model->count[index])
			p->reserved[which] = 0;
		model_set(model, index, 0);
		return;
	}
	rc = ANY_SET(set, add, key, &added);
	FUZZ_CHECK(model->length >= p->reserved[which] || fuzz_alloc_calls() == calls);
	FUZZ_CHECK(rc == 0 || (rc == -ENOMEM && fuzz_alloc_failed()));
	if (rc == 0) {
		FUZZ_CHECK(added == !model->count[index]);
		model_set(model, index, 1);
	}
	FUZZ_CHECK(ANY_SET(set, has, key) == !!model->count[index]);
}

/* A run of indices with a stride, in or out at once. */
static void many(struct pair *p, unsigned which, struct fuzz_bytes *bytes, bool in)
{
	struct any_set *set = &p->set[which];
	struct model *model = &p->model[which];
	unsigned index = some_index(p, bytes), stride = fuzz_u8(bytes);
	unsigned count = fuzz_below(bytes, RUN_MAX);
	struct model after = *model;
	uint64_t keys[RUN_MAX];
	uint32_t narrow[RUN_MAX];
	size_t did = 0, expected = 0;
	int rc = 0;

	for (unsigned i = 0; i < count; i++, index = (index + stride) % p->span) {
		keys[i] = model_key(set->wide, index);
		narrow[i] = (uint32_t)keys[i];
		expected += !!after.count[index] != in;
		model_set(&after, index, in);
	}
	if (in)
		rc = set->wide ? pawl_sset64_add_n(&set->wide_set, keys, count, &did)
			       : pawl_sset_add_n(&set->narrow_set, narrow, count, &did);
	else
		did = set->wide ? pawl_sset64_remove_n(&set->wide_set, keys, count)
				: pawl_sset_remove_n(&set->narrow_set, narrow, count);
	FUZZ_CHECK(rc == 0 || (rc == -ENOMEM && fuzz_alloc_failed()));
	if (rc == 0) {
		FUZZ_CHECK(did == expected);
		if (!in && did)
			p->reserved[which] = 0;
		*model = after;
	}
}

static void merge(struct pair *p, unsigned which, unsigned from)
{
	struct any_set *set = &p->set[which];
	struct model after = p->model[which];
	uint64_t calls = fuzz_alloc_calls();
	size_t added = 0;
	int rc;

	for (unsigned i = 0; i < p->span; i++)
		model_set(&after, i, after.count[i] | p->model[from].count[i]);
	rc = set->wide ? pawl_sset64_merge(&set->wide_set, &p->set[from].wide_set, &added)
		       : pawl_sset_merge(&set->narrow_set, &p->set[from].narrow_set, &added);
	FUZZ_CHECK(rc == 0 || (rc == -ENOMEM && fuzz_alloc_failed()));
	FUZZ_CHECK(after.length > p->reserved[which] || fuzz_alloc_calls() == calls);
	if (rc == 0) {
		FUZZ_CHECK(added == after.length - p->model[which].length);
		p->model[which] = after;
	}
}

static void copy(struct pair *p, unsigned which)
{
	struct any_set fresh = {.wide = p->set[which].wide};
	int rc = fresh.wide ? pawl_sset64_copy(&p->set[which].wide_set, &fresh.wide_set)
			    : pawl_sset_copy(&p->set[which].narrow_set, &fresh.narrow_set);

	FUZZ_CHECK(rc == 0 || (rc == -ENOMEM && fuzz_alloc_failed()));
	if (rc)
		return;
	ANY_SET(&p->set[!which], fini);
	p->set[!which] = fresh;
	p->reserved[!which] = 0;
	p->model[!which] = p->model[which];
}

static void reserve(struct pair *p, unsigned which, struct fuzz_bytes *bytes)
{
	unsigned count = fuzz_below(bytes, MODEL_KEYS);
	int rc = ANY_SET(&p->set[which], reserve, count);

	FUZZ_CHECK(rc == 0 || (rc == -ENOMEM && fuzz_alloc_failed()));
	if (rc == 0) {
		/* What was promised: so many go in without memory. Now, or as it comes. */
		uint64_t calls = fuzz_alloc_calls();

		if (p->reserved[which] < count)
			p->reserved[which] = count;
		for (unsigned i = 0; count % 2 && p->model[which].length < count && i < p->span;
		     i++) {
			FUZZ_CHECK(ANY_SET(&p->set[which], add,
					   model_key(p->set[which].wide, i), NULL) == 0);
			model_set(&p->model[which], i, 1);
		}
		FUZZ_CHECK(fuzz_alloc_calls() == calls);
	}
}

/* A walk that goes on while keys come and go: only what is there, and in bounds. */
static void walk(struct pair *p, unsigned which, struct fuzz_bytes *bytes)
{
	uint32_t cursor = fuzz_u8(bytes), narrow;

	for (unsigned turn = 0; turn < MODEL_KEYS && fuzz_more(bytes); turn++) {
		struct any_set *set = &p->set[which];
		unsigned change = fuzz_u8(bytes);
		uint64_t key;

		if (set->wide) {
			if (!pawl_sset64_next(&set->wide_set, &cursor, &key))
				break;
		} else {
			if (!pawl_sset_next(&set->narrow_set, &cursor, &narrow))
				break;
			key = narrow;
		}
		FUZZ_CHECK(model_index(set->wide, key) < MODEL_KEYS);
		FUZZ_CHECK(p->model[which].count[model_index(set->wide, key)]);
		if (change & 1)
			one(p, which, bytes, change & 2);
	}
}

static void look(struct pair *p, unsigned which)
{
	FUZZ_CHECK(ANY_SET(&p->set[which], count) == p->model[which].length);
	if (++p->looks % 16 == 0)
		model_check_set(&p->model[which], &p->set[which]);
}

static void step(struct pair *p, unsigned which, unsigned op, struct fuzz_bytes *bytes)
{
	switch (op) {
	case 0:
	case 1:
	case 2:
		one(p, which, bytes, true);
		break;
	case 3:
	case 4:
		one(p, which, bytes, false);
		break;
	case 5:
	case 6:
		many(p, which, bytes, true);
		break;
	case 7:
		many(p, which, bytes, false);
		break;
	case 8:
		merge(p, which, fuzz_u8(bytes) & 1);
		break;
	case 9:
		copy(p, which);
		break;
	case 10:
		ANY_SET(&p->set[which], trim);
		p->reserved[which] = 0;
		break;
	case 11:
		reserve(p, which, bytes);
		break;
	case 12:
		walk(p, which, bytes);
		break;
	case 13:
		ANY_SET(&p->set[which], fini);
		p->reserved[which] = 0;
		model_init(&p->model[which], p->set[which].wide);
		p->model[which].span = p->span;
		break;
	default:
		model_check_set(&p->model[which], &p->set[which]);
		break;
	}
}

static void run(struct fuzz_bytes *bytes)
{
	static struct pair p;
	unsigned first = fuzz_u8(bytes);

	memset(&p, 0, sizeof(p));
	p.span = first & 2 ? MODEL_KEYS : first & 4 ? 150 : 12;
	for (unsigned which = 0; which < 2; which++) {
		p.set[which].wide = first & 1;
		model_init(&p.model[which], first & 1);
		p.model[which].span = p.span;
	}
	while (fuzz_more(bytes)) {
		unsigned op = fuzz_u8(bytes);

		/* The op in four bits, which set in one; two bits say that memory runs out. */
		fuzz_alloc_fail((op & 0xc0) == 0xc0 ? 1 + (op >> 5 & 1) : 0);
		step(&p, op >> 4 & 1, op & 15, bytes);
		fuzz_alloc_fail(0);
		look(&p, op >> 4 & 1);
	}
	for (unsigned which = 0; which < 2; which++) {
		model_check_set(&p.model[which], &p.set[which]);
		ANY_SET(&p.set[which], fini);
	}
}

const struct fuzz_target fuzz_target = {.name = "sset", .run = run};
