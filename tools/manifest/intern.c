/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intern.c - one node for a path, one symbol for a name; names in scopes.
 *
 * I1: places of an index are 0, or the upper half of the string's hash and its number + 1: a look-up
 *     that finds nothing touches no string, one that does touches one.
 * I2: an index is at most three quarters full, a table of names at most half.
 */
#include "config.h"

#include "manifest/reader.h"

#include <errno.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

int reader_keep(struct mf_reader *reader, const char *at, size_t len, struct mf_text *ret)
{
	int error;
	char *to;

	if (len >= MF_NONE - 1)
		return -EFBIG;
	to = vec_add(&reader->text, (uint32_t)len + 1, &error);
	if (!to)
		return error;
	if (len)
		memcpy(to, at, len);
	to[len] = '\0';
	*ret = (struct mf_text){reader->text.n - (uint32_t)len - 1, (uint32_t)len};
	return 0;
}

/* ---- strings ----------------------------------------------------------------------------------- */

static const struct mf_text *text_at(const struct mf_text *texts, size_t stride, uint32_t i)
{
	return (const struct mf_text *)(const void *)((const char *)texts + stride * i);
}

/* The place of a string, or the free one where it belongs. */
static uint32_t place_of(const char *text, const uint64_t *slots, uint32_t n_slots,
			 const struct mf_text *texts, size_t stride, uint64_t hash,
			 const char *at, size_t len)
{
	uint32_t mask = n_slots - 1, i = (uint32_t)hash & mask;

	for (; slots[i]; i = (i + 1) & mask) {
		const struct mf_text *other;

		if (slots[i] >> 32 != hash >> 32)
			continue;
		other = text_at(texts, stride, (uint32_t)slots[i] - 1);
		if (other->len == len && !memcmp(text + other->at, at, len))
			break;
	}
	return i;
}

uint32_t hashed_find(const char *text, const uint64_t *slots, uint32_t n_slots,
		     const struct mf_text *texts, size_t stride, const char *at, size_t len)
{
	if (!n_slots)
		return MF_NONE;
	return (uint32_t)slots[place_of(text, slots, n_slots, texts, stride,
					pawl_hash_bytes(at, len, 0), at, len)] -
	       1;
}

static int hashed_grow(struct hashed *hashed, const char *text, const struct mf_text *texts,
		       size_t stride)
{
	uint32_t n = hashed->n_slots ? hashed->n_slots * 2 : 256, i, place;
	uint64_t *slots;

	if (hashed->n_slots && hashed->n < hashed->n_slots / 4 * 3)
		return 0;
	if (n > UINT32_C(1) << 30)
		return -EFBIG;
	slots = pawl_mem_zalloc((size_t)n * sizeof(*slots), 0);
	if (!slots)
		return -ENOMEM;
	for (i = 0; i < hashed->n; i++) {
		const struct mf_text *at = text_at(texts, stride, i);
		uint64_t hash = pawl_hash_bytes(text + at->at, at->len, 0);

		for (place = (uint32_t)hash & (n - 1); slots[place];)
			place = (place + 1) & (n - 1);
		slots[place] = hash >> 32 << 32 | (i + 1);
	}
	pawl_mem_free(hashed->slots, (size_t)hashed->n_slots * sizeof(*slots), 0);
	hashed->slots = slots;
	hashed->n_slots = n;
	return 0;
}

int reader_symbol(struct mf_reader *reader, const char *at, size_t len, uint32_t *ret_symbol)
{
	struct hashed *index = &reader->symbol_index;
	uint64_t hash = pawl_hash_bytes(at, len, 0);
	int error =
		hashed_grow(index, reader->text.at, reader->symbols.at, sizeof(struct mf_text));
	struct mf_text *symbol, kept;
	uint32_t place, *last;

	if (error)
		return error;
	place = place_of(reader->text.at, index->slots, index->n_slots, reader->symbols.at,
			 sizeof(struct mf_text), hash, at, len);
	if (!index->slots[place]) {
		error = reader_keep(reader, at, len, &kept);
		if (!error)
			error = vec_reserve(&reader->last_values, 1);
		if (error)
			return error;
		symbol = vec_add(&reader->symbols, 1, &error);
		if (!symbol)
			return error;
		*symbol = kept;
		last = vec_add(&reader->last_values, 1, &error);
		*last = MF_NONE;
		index->slots[place] = hash >> 32 << 32 | ++index->n;
	}
	*ret_symbol = (uint32_t)index->slots[place] - 1;
	return 0;
}

int reader_intern(struct mf_reader *reader, const char *at, size_t len, uint32_t *ret_node)
{
	struct hashed *index = &reader->node_index;
	uint64_t hash = pawl_hash_bytes(at, len, 0);
	int error =
		hashed_grow(index, reader->text.at, reader->nodes.at, sizeof(struct mf_node));
	struct mf_text path;
	struct mf_node *node;
	uint32_t place;

	if (error)
		return error;
	place = place_of(reader->text.at, index->slots, index->n_slots, reader->nodes.at,
			 sizeof(struct mf_node), hash, at, len);
	if (!index->slots[place]) {
		error = reader_keep(reader, at, len, &path);
		if (error)
			return error;
		node = vec_add(&reader->nodes, 1, &error);
		if (!node)
			return error;
		*node = (struct mf_node){.path = path, .edge = MF_NONE};
		index->slots[place] = hash >> 32 << 32 | ++index->n;
	}
	*ret_node = (uint32_t)index->slots[place] - 1;
	return 0;
}

/* ---- names in scopes --------------------------------------------------------------------------- */

static uint32_t slot_of(const struct mf_slot *slots, uint32_t n_slots, uint32_t scope,
			uint32_t name)
{
	uint32_t mask = n_slots - 1;
	uint32_t i = (uint32_t)pawl_hash_mix((uint64_t)scope << 32 | name) & mask;

	while (slots[i].value != MF_NONE && (slots[i].scope != scope || slots[i].name != name))
		i = (i + 1) & mask;
	return i;
}

uint32_t table_find(const struct mf_slot *slots, uint32_t n_slots, uint32_t scope,
		    uint32_t name)
{
	return n_slots ? slots[slot_of(slots, n_slots, scope, name)].value : MF_NONE;
}

int table_add(struct table *table, uint32_t scope, uint32_t name, uint32_t value)
{
	uint32_t n = table->n_slots ? table->n_slots * 2 : 64, i;
	struct mf_slot *slots;

	if (table->n + 1 > table->n_slots / 2) {
		if (n > UINT32_C(1) << 30)
			return -EFBIG;
		slots = pawl_mem_alloc((size_t)n * sizeof(*slots), 0);
		if (!slots)
			return -ENOMEM;
		for (i = 0; i < n; i++)
			slots[i] = (struct mf_slot){0, 0, MF_NONE};
		for (i = 0; i < table->n_slots; i++)
			if (table->slots[i].value != MF_NONE)
				slots[slot_of(slots, n, table->slots[i].scope,
					      table->slots[i].name)] = table->slots[i];
		pawl_mem_free(table->slots, (size_t)table->n_slots * sizeof(*slots), 0);
		table->slots = slots;
		table->n_slots = n;
	}
	table->slots[slot_of(table->slots, table->n_slots, scope, name)] =
		(struct mf_slot){scope, name, value};
	table->n++;
	return 0;
}
