/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model-small.h - the oracle of small sets and counter maps: an array of counts over a fixed
 * universe of keys. Used by the fuzz targets f-sset and f-cmap and by the unit tests.
 *
 * Operations speak of indices below MODEL_KEYS; model_key() takes an index to a key that is small,
 * near the largest, or anywhere, so that every form of the library's key handling is met.
 * MODEL_CHECK(cond) is what the includer does about a wrong answer.
 */
#ifndef FUZZ_MODEL_SMALL_H
#define FUZZ_MODEL_SMALL_H

#include <stdlib.h>
#include <string.h>

#include <pawl/cmap.h>
#include <pawl/sset.h>

#include "small.h"

#ifndef MODEL_CHECK
#error "define MODEL_CHECK(cond) before including model-small.h"
#endif

#define MODEL_KEYS 1024u

/* An object of either width. */
struct any_set {
	bool wide;
	struct pawl_sset narrow_set;
	struct pawl_sset64 wide_set;
};
struct any_map {
	bool wide;
	struct pawl_cmap narrow_map;
	struct pawl_cmap64 wide_map;
};
#define ANY_SET(set, call, ...)                                            \
	((set)->wide ? pawl_sset64_##call(&(set)->wide_set, ##__VA_ARGS__) \
		     : pawl_sset_##call(&(set)->narrow_set, ##__VA_ARGS__))
#define ANY_MAP(map, call, ...)                                            \
	((map)->wide ? pawl_cmap64_##call(&(map)->wide_map, ##__VA_ARGS__) \
		     : pawl_cmap_##call(&(map)->narrow_map, ##__VA_ARGS__))

struct model {
	bool wide;
	/* Indices used: others are not looked up. */
	unsigned span;
	uint32_t length;
	int32_t count[MODEL_KEYS];
};

static inline void model_init(struct model *model, bool wide)
{
	memset(model, 0, sizeof(*model));
	model->wide = wide;
	model->span = MODEL_KEYS;
}

static inline void model_set(struct model *model, unsigned index, int32_t count)
{
	model->length += (count != 0) - (model->count[index] != 0);
	model->count[index] = count;
}

/*
 * The key of an index. Injective: the last two bits say which of four kinds, and the kinds
 * differ in their top bits.
 */
static inline uint64_t model_key(bool wide, unsigned index)
{
	uint32_t i = index / 4;

	switch (index % 4) {
	case 0: /* 0, 1, 2, ... */
		return i;
	case 1: /* the largest and down */
		return wide ? ~(uint64_t)i : (uint32_t)~i;
	case 2: /* multiples of a power of two, as addresses and packed ids are */
		return wide ? UINT64_C(0x4000000000000000) | (uint64_t)i << 32
			    : UINT32_C(0x40000000) | i << 16;
	default: /* anywhere */
		return wide ? UINT64_C(0x8000000000000000) |
				       (i * UINT64_C(0x9e3779b97f4a7c15) >> 2)
			    : UINT32_C(0x80000000) | (i * UINT32_C(0x9e3779b1) >> 2);
	}
}

/* The index of a key, or MODEL_KEYS if no index has it. */
static inline unsigned model_index(bool wide, uint64_t key)
{
	static const unsigned kinds[] = {0, 2, 3, 1};
	unsigned kind = kinds[key >> (wide ? 62 : 30) & 3];
	uint64_t first = kind == 0 ? key : kind == 1 ? ~key : key >> (wide ? 32 : 16);

	if (kind < 3)
		first = (first & 0xff) * 4 + kind;
	for (first = kind < 3 ? first : kind; first < MODEL_KEYS; first += 4) {
		if (model_key(wide, (unsigned)first) == key)
			return (unsigned)first;
		if (kind < 3)
			break;
	}
	return MODEL_KEYS;
}

/* One step of a walk: a key of the model with its count, not seen before, in order if sorted. */
static inline void model_visit(const struct model *model, bool *seen, bool sorted,
			       uint64_t *last, uint32_t at, uint64_t key, int32_t count)
{
	unsigned index = model_index(model->wide, key);

	MODEL_CHECK(index < MODEL_KEYS);
	MODEL_CHECK(count != 0 && model->count[index] == count);
	MODEL_CHECK(!seen[index]);
	MODEL_CHECK(!sorted || at == 0 || *last < key);
	seen[index] = true;
	*last = key;
}

/* Everything that a set answers is what the model answers. */
static inline void model_check_set(const struct model *model, const struct any_set *set)
{
	bool seen[MODEL_KEYS] = {false};
	bool sorted = ANY_SET(set, bytes) <= SMALL_ARRAY_BYTES;
	uint32_t cursor = 0, at = 0, narrow;
	uint64_t key, last = 0;

	MODEL_CHECK(set->wide ? pawl__sset64_audit(&set->wide_set)
			      : pawl__sset_audit(&set->narrow_set));
	MODEL_CHECK(ANY_SET(set, count) == model->length);
	for (;; at++) {
		if (set->wide) {
			if (!pawl_sset64_next(&set->wide_set, &cursor, &key))
				break;
		} else {
			if (!pawl_sset_next(&set->narrow_set, &cursor, &narrow))
				break;
			key = narrow;
		}
		model_visit(model, seen, sorted, &last, at, key, 1);
	}
	MODEL_CHECK(at == model->length);
	for (unsigned i = 0; i < model->span; i++)
		MODEL_CHECK(ANY_SET(set, has, model_key(set->wide, i)) == !!model->count[i]);
}

/* Everything that a map answers is what the model answers. */
static inline void model_check_map(const struct model *model, const struct any_map *map)
{
	bool seen[MODEL_KEYS] = {false};
	bool sorted = ANY_MAP(map, bytes) <= SMALL_ARRAY_BYTES;
	struct pawl_cmap_entry narrow;
	struct pawl_cmap64_entry entry;
	uint32_t cursor = 0, at = 0;
	uint64_t last = 0;

	MODEL_CHECK(map->wide ? pawl__cmap64_audit(&map->wide_map)
			      : pawl__cmap_audit(&map->narrow_map));
	MODEL_CHECK(ANY_MAP(map, count) == model->length);
	for (;; at++) {
		if (map->wide) {
			if (!pawl_cmap64_next(&map->wide_map, &cursor, &entry))
				break;
		} else {
			if (!pawl_cmap_next(&map->narrow_map, &cursor, &narrow))
				break;
			entry = (struct pawl_cmap64_entry){narrow.key, narrow.count};
		}
		model_visit(model, seen, sorted, &last, at, entry.key, entry.count);
	}
	MODEL_CHECK(at == model->length);
	for (unsigned i = 0; i < model->span; i++)
		MODEL_CHECK(ANY_MAP(map, get, model_key(map->wide, i)) == model->count[i]);
}

#endif
