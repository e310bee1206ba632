/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small-template.h - the three forms of small sets and counter maps. Included by sset.c and
 * cmap.c, once for each width of keys, after they define
 *
 *	HANDLE        the public struct
 *	KEY, KEY_BITS the type of keys
 *	COUNTED       1: entries have a count (cmap)
 *	PUBLIC(name)  pawl_sset_##name and the like
 *	AUDIT         pawl__sset_audit and the like
 *	L(name)       name##_32 or name##_64: what is static
 *
 * An entry is a key, or a key and a count. The handle is 8 bytes `pawl_wide`, 4 `pawl_narrow`, and
 * the form word (small.h). The forms:
 *
 *  inline  entries in wide and narrow: three 32-bit keys; one 64-bit key; one 64-bit key and
 *          its count; one 32-bit key and its count, or two such if both counts have 16 bits.
 *  array   wide is the address of a block, narrow the number of entries in it, in ascending
 *          order of keys. Blocks of up to SMALL_ARRAY_BYTES.
 *  hash    the same, and the block is a table with linear probing: an entry lies in the first slot
 *          from its home on (cyclically) that was vacant, and removing one moves later ones
 *          back, so there are no tombs and a look-up ends at the first vacant slot. At most
 *          13 of 16 slots are taken. Vacant is count 0 in a map, which no entry has, and
 *          key 0 in a set, whose own key 0 is a bit of the form word.
 *
 * Up: an insertion that finds no room builds the next form or size beside the old one, and changes
 * the handle when all of it is there (so out of memory changes nothing). Arrays grow by one
 * class, tables by two (a third to a half). Down, with hysteresis: a table becomes an array at
 * half of what an array may hold, a smaller table below a quarter of its slots, an array a
 * smaller one below half, and inline at half of what inline holds (one-entry forms: when
 * empty). Going down may fail to get memory; then the larger form stays, which is
 * right, only larger, and the next removal tries again.
 *
 * Invariants (audit() checks them):
 *  I1 inline: 0 to INLINE_MAX entries in ascending order, all other bits of wide and narrow are
 *     0. So the empty set without a reservation is 16 zero bytes.
 *  I2 array: narrow entries, strictly ascending, at most as many as the class holds, and the
 *     block is no longer than SMALL_ARRAY_BYTES.
 *  I3 hash: narrow entries (key 0 counted), at most small_hash_room(slots), each found by
 *     looking from its home on; the block is longer than SMALL_ARRAY_BYTES.
 *  I4 no count is 0.
 *
 * Rejected. Control bytes beside the slots, as in Swiss tables: one more byte for each entry, and
 * with keys of 4 or 8 bytes comparing the keys themselves is as fast. Powers of two as
 * table sizes: the bytes right after a doubling are what edges of a graph would mostly have.
 * Tables in the order of their hashes (look-ups then end early): each probe computes a
 * hash. Longer inline forms by smaller keys: ids are dense, but not small.
 */

/* What cmap64 needs: 12 bytes each. The others are as they would be anyway. */
struct L(entry) {
	KEY key;
#if COUNTED
	int32_t count;
#endif
} __attribute__((packed, aligned(4)));

#define ENTRY	    struct L(entry)
#define ENTRY_BYTES sizeof(ENTRY)
/* Entries that fit the handle; those that do whatever their counts; from here on back inline. */
#define INLINE_MAX  (KEY_BITS == 64 ? 1u : COUNTED ? 2u : 3u)
#define INLINE_SURE (COUNTED ? 1u : INLINE_MAX)
#define INLINE_BACK (INLINE_MAX / 2)

PAWL_STATIC_ASSERT(ENTRY_BYTES == KEY_BITS / 8 + 4 * COUNTED, "entries are packed");

/* ---- parts of a handle --------------------------------------------------------------------- */

static inline ENTRY *L(block)(const struct HANDLE *h)
{
	return (ENTRY *)(uintptr_t)h->pawl_wide;
}

static inline uint32_t L(slots)(unsigned class)
{
	return (uint32_t)(small_class_bytes(class) / ENTRY_BYTES);
}

static inline uint32_t L(capacity)(const struct HANDLE *h)
{
	return L(slots)(small_size(h->pawl_form));
}

static inline uint32_t L(length)(const struct HANDLE *h)
{
	return small_kind(h->pawl_form) == SMALL_INLINE ? small_size(h->pawl_form)
							: h->pawl_narrow;
}

/* How many entries fit without another block. */
static uint32_t L(room)(const struct HANDLE *h)
{
	switch (small_kind(h->pawl_form)) {
	case SMALL_INLINE:
		return INLINE_SURE;
	case SMALL_ARRAY:
		return L(capacity)(h);
	default:
		return small_hash_room(L(capacity)(h));
	}
}

static inline bool L(vacant)(ENTRY entry)
{
#if COUNTED
	return entry.count == 0;
#else
	return entry.key == 0;
#endif
}

/* ---- the inline form ----------------------------------------------------------------------- */

static inline KEY L(inline_key)(const struct HANDLE *h, uint32_t at)
{
#if KEY_BITS == 64
	(void)at;
	return h->pawl_wide;
#else
	return at < 2 ? (KEY)(h->pawl_wide >> 32 * at) : h->pawl_narrow;
#endif
}

static inline ENTRY L(inline_entry)(const struct HANDLE *h, uint32_t at)
{
	ENTRY entry = {.key = L(inline_key)(h, at)};

#if COUNTED
	if (small_size(h->pawl_form) == 1)
		entry.count = (int32_t)h->pawl_narrow;
	else
		entry.count = (int16_t)(h->pawl_narrow >> 16 * at);
#endif
	return entry;
}

/* Make `entries` all that is in it; false, and nothing changed, if they do not fit. */
static bool L(inline_store)(struct HANDLE *h, const ENTRY *entries, uint32_t count)
{
	uint64_t wide = 0;
	uint32_t narrow = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i < 64 / KEY_BITS)
			wide |= (uint64_t)entries[i].key << KEY_BITS % 64 * i;
		else
			narrow = (uint32_t)entries[i].key;
#if COUNTED
		if (count == 1) {
			narrow = (uint32_t)entries[0].count;
			break;
		}
		if (entries[i].count != (int16_t)entries[i].count)
			return false;
		narrow |= (uint32_t)(uint16_t)entries[i].count << 16 * i;
#endif
	}
	h->pawl_wide = wide;
	h->pawl_narrow = narrow;
	h->pawl_form = small_form(SMALL_INLINE, count, 0);
	return true;
}

static uint32_t L(inline_load)(const struct HANDLE *h, ENTRY *ret_entries)
{
	uint32_t count = small_size(h->pawl_form);

	for (uint32_t i = 0; i < count; i++)
		ret_entries[i] = L(inline_entry)(h, i);
	return count;
}

/* ---- looking ------------------------------------------------------------------------------- */

static inline uint32_t L(home)(const struct HANDLE *h, KEY key, uint32_t slots)
{
	return small_home(key, small_seed(h->pawl_form), slots);
}

static inline struct small_place L(find_inline)(const struct HANDLE *h, KEY key)
{
	uint32_t count = small_size(h->pawl_form);
	struct small_place place = {0, false};

	/* Without branches on keys: which one it is cannot be guessed. */
	for (uint32_t i = 0; i < INLINE_MAX; i++) {
		place.at += (i < count) & (L(inline_key)(h, i) < key);
		place.found |= (i < count) & (L(inline_key)(h, i) == key);
	}
	return place;
}

/* The first that is not less, by halves; a mask, since a compiler makes a branch of a choice. */
static inline struct small_place L(find_array)(const struct HANDLE *h, KEY key)
{
	const ENTRY *base = L(block)(h);
	uint32_t left = h->pawl_narrow;
	struct small_place place = {0, false};

	if (!left)
		return place;
	while (left > 1) {
		uint32_t half = left / 2;

		base += half & (0u - (uint32_t)(base[half - 1].key < key));
		left -= half;
	}
	place.at = (uint32_t)(base - L(block)(h)) + (base->key < key);
	place.found = base->key == key;
	return place;
}

static inline struct small_place L(find_hash)(const struct HANDLE *h, KEY key)
{
	const ENTRY *slots = L(block)(h);
	uint32_t count = L(capacity)(h);
	struct small_place place = {SMALL_AT_ZERO, (h->pawl_form & SMALL_ZERO_KEY) != 0};

	if (!COUNTED && key == 0)
		return place;
	place.at = L(home)(h, key, count);
	/* Ends: a slot is vacant (I3). */
	for (;;) {
		place.found = slots[place.at].key == key;
		if (L(vacant)(slots[place.at]))
			place.found = false;
		else if (!place.found) {
			place.at = place.at + 1 == count ? 0 : place.at + 1;
			continue;
		}
		return place;
	}
}

static inline struct small_place L(find)(const struct HANDLE *h, KEY key)
{
	switch (small_kind(h->pawl_form)) {
	case SMALL_INLINE:
		return L(find_inline)(h, key);
	case SMALL_ARRAY:
		return L(find_array)(h, key);
	default:
		return L(find_hash)(h, key);
	}
}

/* The next entry of a walk; see next() in the headers. */
static bool L(walk)(const struct HANDLE *h, uint32_t *cursor, ENTRY *ret_entry)
{
	uint32_t at = *cursor, count = L(length)(h);

	switch (small_kind(h->pawl_form)) {
	case SMALL_INLINE:
		if (at >= count)
			return false;
		*ret_entry = L(inline_entry)(h, at);
		*cursor = at + 1;
		return true;
	case SMALL_ARRAY:
		if (at >= count)
			return false;
		*ret_entry = L(block)(h)[at];
		*cursor = at + 1;
		return true;
	default:
		break;
	}
	/* Hash: place 0 is that of key 0 in a set, slots are counted from 1. */
	count = L(capacity)(h);
	if (at == 0) {
		*cursor = at = 1;
		if (h->pawl_form & SMALL_ZERO_KEY) {
			*ret_entry = (ENTRY){.key = 0};
			return true;
		}
	}
	for (; at <= count; at++) {
		if (!L(vacant)(L(block)(h)[at - 1])) {
			*ret_entry = L(block)(h)[at - 1];
			*cursor = at + 1;
			return true;
		}
	}
	*cursor = at;
	return false;
}

/* ---- changing within a form ---------------------------------------------------------------- */

/* Put a new entry where find() said; false, and nothing changed, if there is no room. */
static bool L(insert)(struct HANDLE *h, uint32_t at, ENTRY entry)
{
	ENTRY all[INLINE_MAX + 1];
	uint32_t count = h->pawl_narrow;

	switch (small_kind(h->pawl_form)) {
	case SMALL_INLINE:
		count = L(inline_load)(h, all);
		if (count == INLINE_MAX)
			return false;
		memmove(all + at + 1, all + at, (count - at) * ENTRY_BYTES);
		all[at] = entry;
		return L(inline_store)(h, all, count + 1);
	case SMALL_ARRAY:
		if (count == L(capacity)(h))
			return false;
		memmove(L(block)(h) + at + 1, L(block)(h) + at, (count - at) * ENTRY_BYTES);
		L(block)(h)[at] = entry;
		break;
	default:
		if (count == small_hash_room(L(capacity)(h)))
			return false;
		if (!COUNTED && at == SMALL_AT_ZERO)
			h->pawl_form |= SMALL_ZERO_KEY;
		else
			L(block)(h)[at] = entry;
		break;
	}
	h->pawl_narrow++;
	return true;
}

/* Empty a slot, and move those back that would not be found any more. */
static void L(erase_slot)(struct HANDLE *h, uint32_t hole)
{
	ENTRY *slots = L(block)(h);
	uint32_t count = L(capacity)(h);
	uint32_t at = hole;

	/* Ends: a slot is vacant (I3). */
	for (;;) {
		uint32_t home, from_home, from_hole;

		at = at + 1 == count ? 0 : at + 1;
		if (L(vacant)(slots[at]))
			break;
		/* It may move if the hole is no further back than its home, cyclically. */
		home = L(home)(h, slots[at].key, count);
		from_home = at >= home ? at - home : at + count - home;
		from_hole = at >= hole ? at - hole : at + count - hole;
		if (from_home >= from_hole) {
			slots[hole] = slots[at];
			hole = at;
		}
	}
	memset(&slots[hole], 0, ENTRY_BYTES);
}

/* Take an entry out; the form stays. */
static void L(erase)(struct HANDLE *h, uint32_t at)
{
	ENTRY all[INLINE_MAX + 1];
	uint32_t count = h->pawl_narrow;

	switch (small_kind(h->pawl_form)) {
	case SMALL_INLINE:
		count = L(inline_load)(h, all);
		memmove(all + at, all + at + 1, (count - at - 1) * ENTRY_BYTES);
		/* Two entries fit by 16 bits each, so what is left of them fits. */
		(void)L(inline_store)(h, all, count - 1);
		return;
	case SMALL_ARRAY:
		memmove(L(block)(h) + at, L(block)(h) + at + 1, (count - at - 1) * ENTRY_BYTES);
		break;
	default:
		if (!COUNTED && at == SMALL_AT_ZERO)
			h->pawl_form &= ~SMALL_ZERO_KEY;
		else
			L(erase_slot)(h, at);
		break;
	}
	h->pawl_narrow--;
}

/* ---- from form to form --------------------------------------------------------------------- */

static void L(release)(struct HANDLE *h)
{
	if (small_kind(h->pawl_form) != SMALL_INLINE)
		pawl_mem_free(L(block)(h), (size_t)small_class_bytes(small_size(h->pawl_form)),
			      0);
}

/* Put all entries of `from` into an empty table. */
static void L(fill_hash)(struct HANDLE *h, const struct HANDLE *from)
{
	ENTRY *slots = L(block)(h);
	uint32_t count = L(capacity)(h), cursor = 0, at;
	ENTRY entry;

	h->pawl_narrow = L(length)(from);
	while (L(walk)(from, &cursor, &entry)) {
		if (!COUNTED && entry.key == 0) {
			h->pawl_form |= SMALL_ZERO_KEY;
			continue;
		}
		/* Keys differ, so the first vacant slot is the right one; there is one (I3). */
		for (at = L(home)(h, entry.key, count); !L(vacant)(slots[at]);)
			at = at + 1 == count ? 0 : at + 1;
		slots[at] = entry;
	}
}

/* Make `ret_fresh` of this form with the entries of `h`: -ENOMEM if it cannot be. */
static int L(build)(const struct HANDLE *h, uint32_t form, struct HANDLE *ret_fresh)
{
	struct HANDLE fresh = {0, 0, form};
	uint32_t cursor = 0;
	ENTRY entry;

	if (small_kind(form) != SMALL_INLINE) {
		uint64_t bytes = small_class_bytes(small_size(form));
		void *block = bytes <= PTRDIFF_MAX ? pawl_mem_alloc((size_t)bytes, 0) : NULL;

		if (!block)
			return -ENOMEM;
		fresh.pawl_wide = (uintptr_t)block;
		if (small_kind(form) == SMALL_HASH)
			memset(block, 0, (size_t)bytes);
	}
	if (small_kind(form) == SMALL_HASH) {
		L(fill_hash)(&fresh, h);
	} else if (small_kind(form) == SMALL_ARRAY && small_kind(h->pawl_form) == SMALL_ARRAY) {
		fresh.pawl_narrow = h->pawl_narrow;
		memcpy(L(block)(&fresh), L(block)(h), h->pawl_narrow * ENTRY_BYTES);
	} else {
		while (L(walk)(h, &cursor, &entry)) {
			/* Only the inline form can lack room for what it was chosen for. */
			if (!L(insert)(&fresh, L(find)(&fresh, entry.key).at, entry))
				return -ENOMEM;
		}
	}
	*ret_fresh = fresh;
	return 0;
}

/* Give `h` another form. */
static PAWL_NOINLINE int L(rebuild)(struct HANDLE *h, uint32_t form)
{
	struct HANDLE fresh;
	int rc = L(build)(h, form, &fresh);

	if (rc)
		return rc;
	L(release)(h);
	*h = fresh;
	return 0;
}

/* The class of the smallest table that holds `need` entries. */
static unsigned L(hash_class)(uint32_t need)
{
	/* 16/13 of it, rounded up; rounding in small_hash_room() may ask for one slot more. */
	uint64_t slots = ((uint64_t)need * 16 + 12) / 13;
	unsigned class;

	class = small_class_for(slots * ENTRY_BYTES);
	return small_hash_room(L(slots)(class)) < need ? class + 1 : class;
}

/* The smallest form with a block for `need` entries. */
static uint32_t L(tight)(uint32_t need, uint64_t salt)
{
	if (need * (uint64_t)ENTRY_BYTES <= SMALL_ARRAY_BYTES)
		return small_form(SMALL_ARRAY, small_class_for(need * (uint64_t)ENTRY_BYTES),
				  0);
	return small_form(SMALL_HASH, L(hash_class)(need), small_new_seed(salt, need));
}

/*
 * Make room for `need` entries, outside of the handle, with what growing further needs. `salt` tells
 * this table from others: the key that asks for it.
 */
static PAWL_NOINLINE int L(grow)(struct HANDLE *h, uint32_t need, uint64_t salt)
{
	uint32_t form = L(tight)(need, salt);
	unsigned class = small_size(form);

	if (need > PAWL_SSET_MAX)
		return -ENOMEM;
	if (small_kind(h->pawl_form) == SMALL_HASH) {
		unsigned next = small_size(h->pawl_form) + 2;

		form = small_form(SMALL_HASH, class > next ? class : next,
				  small_new_seed(salt, need));
	} else if (small_kind(form) == SMALL_HASH) {
		form = small_form(SMALL_HASH, class + 1, small_seed(form));
	}
	return L(rebuild)(h, form);
}

/* Put a new entry where find() said, in a larger form if need be. */
static int L(put)(struct HANDLE *h, uint32_t at, ENTRY entry)
{
	int rc;

	if (PAWL_LIKELY(L(insert)(h, at, entry)))
		return 0;
	rc = L(grow)(h, L(length)(h) + 1, entry.key);
	if (rc)
		return rc;
	(void)L(insert)(h, L(find)(h, entry.key).at, entry);
	return 0;
}

/* Enough was removed? Then to a smaller form; without memory later. */
static void L(shrink)(struct HANDLE *h)
{
	uint32_t count = h->pawl_narrow, capacity, form;

	if (small_kind(h->pawl_form) == SMALL_INLINE)
		return;
	if (count <= INLINE_BACK) {
		(void)L(rebuild)(h, small_form(SMALL_INLINE, 0, 0));
		return;
	}
	capacity = L(capacity)(h);
	if (small_kind(h->pawl_form) == SMALL_ARRAY) {
		if (count >= capacity / 2)
			return;
		form = L(tight)(count + count / 4, 0);
		if (small_size(form) >= small_size(h->pawl_form))
			return;
	} else if (count * (uint64_t)ENTRY_BYTES <= SMALL_ARRAY_BYTES / 2) {
		form = L(tight)(count + count / 4, 0);
	} else {
		if (count >= capacity / 4)
			return;
		form = L(tight)(count + count / 2, small_seed(h->pawl_form));
	}
	(void)L(rebuild)(h, form);
}

/* Make room for `more` entries beside those that there are. */
static int L(reserve_more)(struct HANDLE *h, size_t more)
{
	uint32_t count = L(length)(h);

	if (more > PAWL_SSET_MAX - count)
		return -ENOMEM;
	if (count + more <= L(room)(h))
		return 0;
	return L(grow)(h, count + (uint32_t)more, count + more);
}

/*
 * A bulk call made room that its keys did not need: back to the form that `h` had before, which
 * may be what the caller reserved. Without memory the larger one stays.
 */
static void L(give_back)(struct HANDLE *h, uint32_t form)
{
	struct HANDLE before = {0, 0, form};
	uint32_t count = L(length)(h);

	if (small_kind(h->pawl_form) == SMALL_INLINE ||
	    (small_kind(h->pawl_form) == small_kind(form) &&
	     small_size(h->pawl_form) == small_size(form)))
		return;
	if (small_kind(form) == SMALL_INLINE) {
		/* Counts may be too large for it. */
		if (count > INLINE_MAX || L(rebuild)(h, small_form(SMALL_INLINE, 0, 0)))
			L(shrink)(h);
	} else if (count <= L(room)(&before)) {
		(void)L(rebuild)(h, form & ~SMALL_ZERO_KEY);
	} else {
		L(shrink)(h);
	}
}

/* ---- calls that all have ------------------------------------------------------------------- */

void PUBLIC(init)(struct HANDLE *h)
{
	*h = (struct HANDLE){0, 0, 0};
}

void PUBLIC(fini)(struct HANDLE *h)
{
	L(release)(h);
	*h = (struct HANDLE){0, 0, 0};
}

uint32_t PUBLIC(count)(const struct HANDLE *h)
{
	return L(length)(h);
}

size_t PUBLIC(bytes)(const struct HANDLE *h)
{
	if (small_kind(h->pawl_form) == SMALL_INLINE)
		return 0;
	return (size_t)small_class_bytes(small_size(h->pawl_form));
}

int PUBLIC(reserve)(struct HANDLE *h, uint32_t count)
{
	return count <= L(room)(h) ? 0 : L(grow)(h, count, count);
}

int PUBLIC(copy)(const struct HANDLE *h, struct HANDLE *ret_copy)
{
	uint32_t count = L(length)(h);

	if (count <= INLINE_MAX && !L(build)(h, small_form(SMALL_INLINE, 0, 0), ret_copy))
		return 0;
	return L(build)(h, L(tight)(count, small_seed(h->pawl_form)), ret_copy);
}

void PUBLIC(trim)(struct HANDLE *h)
{
	uint32_t count = L(length)(h), form;

	if (small_kind(h->pawl_form) == SMALL_INLINE)
		return;
	if (count <= INLINE_MAX && !L(rebuild)(h, small_form(SMALL_INLINE, 0, 0)))
		return;
	form = L(tight)(count, small_seed(h->pawl_form));
	if (small_size(form) < small_size(h->pawl_form))
		(void)L(rebuild)(h, form);
}

bool AUDIT(const struct HANDLE *h)
{
	enum small_kind kind = small_kind(h->pawl_form);
	uint32_t cursor = 0, seen = 0, count = L(length)(h);
	ENTRY entry, before = {.key = 0};
	struct HANDLE again = *h;

	if (kind > SMALL_HASH || (kind == SMALL_INLINE && count > INLINE_MAX) ||
	    (kind != SMALL_INLINE && count > L(room)(h)))
		return false; /* I1, I2, I3 */
	if (kind != SMALL_INLINE &&
	    (kind == SMALL_HASH) != (PUBLIC(bytes)(h) > SMALL_ARRAY_BYTES))
		return false; /* I2, I3 */
	if (kind == SMALL_INLINE) {
		ENTRY all[INLINE_MAX + 1];

		if (!L(inline_store)(&again, all, L(inline_load)(h, all)) ||
		    memcmp(&again, h, sizeof(again)) != 0)
			return false; /* I1 */
	}
	for (; L(walk)(h, &cursor, &entry); before = entry, seen++) {
		if (!L(find)(h, entry.key).found)
			return false; /* I3 */
		if (kind != SMALL_HASH && seen && before.key >= entry.key)
			return false; /* I1, I2 */
		if (COUNTED && L(vacant)(entry))
			return false; /* I4 */
	}
	return seen == count;
}
