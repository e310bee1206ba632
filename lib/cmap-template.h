/* SPDX-License-Identifier: BSD-2-Clause */
/* cmap-template.h - the calls of counter maps; see small-template.h. PAIR is the public entry. */

static int32_t L(count_at)(const struct HANDLE *map, uint32_t at)
{
	if (small_kind(map->pawl_form) == SMALL_INLINE)
		return L(inline_entry)(map, at).count;
	return L(block)(map)[at].count;
}

/* Change the count of an entry; false, and nothing changed, if it does not fit the handle. */
static bool L(set_count)(struct HANDLE *map, uint32_t at, int32_t count)
{
	ENTRY all[INLINE_MAX + 1];
	uint32_t length;

	if (small_kind(map->pawl_form) != SMALL_INLINE) {
		L(block)(map)[at].count = count;
		return true;
	}
	length = L(inline_load)(map, all);
	all[at].count = count;
	return L(inline_store)(map, all, length);
}

/* Add to a count. An entry that vanishes leaves the form as it is: the caller shrinks. */
static int L(apply)(struct HANDLE *map, KEY key, int64_t delta,
		    struct pawl_crossing *ret_crossing)
{
	struct small_place place = L(find)(map, key);
	int32_t before = place.found ? L(count_at)(map, place.at) : 0;
	int64_t after = before + delta;
	int rc = 0;

	if (after != (int32_t)after)
		return -EOVERFLOW;
	*ret_crossing = (struct pawl_crossing){before, (int32_t)after};
	if (after == before)
		return 0;
	if (!place.found)
		return L(put)(map, place.at, (ENTRY){key, (int32_t)after});
	if (after == 0) {
		L(erase)(map, place.at);
	} else if (!L(set_count)(map, place.at, (int32_t)after)) {
		rc = L(grow)(map, L(length)(map), key);
		if (!rc)
			(void)L(set_count)(map, L(find)(map, key).at, (int32_t)after);
	}
	return rc;
}

int32_t PUBLIC(get)(const struct HANDLE *map, KEY key)
{
	struct small_place place = L(find)(map, key);

	return place.found ? L(count_at)(map, place.at) : 0;
}

int PUBLIC(add)(struct HANDLE *map, KEY key, int32_t delta, struct pawl_crossing *ret_crossing)
{
	struct pawl_crossing crossing;
	int rc = L(apply)(map, key, delta, &crossing);

	if (rc)
		return rc;
	if (crossing.after == 0 && crossing.before != 0)
		L(shrink)(map);
	if (ret_crossing)
		*ret_crossing = crossing;
	return 0;
}

int PUBLIC(add_n)(struct HANDLE *map, const PAIR *entries, size_t n,
		  struct pawl_crossing *ret_crossings)
{
	uint32_t form = map->pawl_form, before = L(length)(map);
	struct pawl_crossing crossing;
	size_t missing = 0, done;
	bool fewer = false;
	int rc;

	for (size_t i = 0; i < n; i++)
		missing += entries[i].count && !L(find)(map, entries[i].key).found;
	/* What fits the handle is not reserved: it may well stay there. */
	rc = before + missing <= INLINE_MAX ? 0 : L(reserve_more)(map, missing);
	for (done = 0; !rc && done < n; done++) {
		rc = L(apply)(map, entries[done].key, entries[done].count, &crossing);
		if (rc)
			break;
		fewer |= crossing.before && !crossing.after;
		if (ret_crossings)
			ret_crossings[done] = crossing;
	}
	/*
	 * Backwards through the same states. No form became smaller since, so each finds its
	 * room and nothing can fail.
	 */
	while (rc && done--)
		(void)!L(apply)(map, entries[done].key, -(int64_t)entries[done].count,
				&crossing);
	if (!rc && fewer)
		L(shrink)(map);
	else if (rc || L(length)(map) < before + missing)
		L(give_back)(map, form);
	return rc;
}

/* May these counts stay in the handle together with what is there? */
static bool L(merge_fits)(const struct HANDLE *map, const struct HANDLE *from, int sign)
{
	uint32_t cursor = 0;
	ENTRY entry;

	while (L(walk)(map, &cursor, &entry)) {
		if (entry.count != (int16_t)entry.count)
			return false;
	}
	for (cursor = 0; L(walk)(from, &cursor, &entry);) {
		int64_t after = PUBLIC(get)(map, entry.key) + sign * (int64_t)entry.count;

		if (after != (int16_t)after)
			return false;
	}
	return true;
}

int PUBLIC(merge)(struct HANDLE *map, const struct HANDLE *from, int sign,
		  struct pawl_crossing *ret_crossings)
{
	struct pawl_crossing crossing;
	uint32_t cursor = 0, total = L(length)(map);
	size_t at = 0, missing = 0;
	bool fewer = false;
	ENTRY entry;
	int rc = 0;

	PAWL_REQUIRE(map != from);
	PAWL_REQUIRE(sign == 1 || sign == -1);
	while (L(walk)(from, &cursor, &entry)) {
		int32_t before = PUBLIC(get)(map, entry.key);
		int64_t after = before + sign * (int64_t)entry.count;

		if (after != (int32_t)after)
			return -EOVERFLOW;
		missing += !before;
	}
	if (total + missing > INLINE_MAX || !L(merge_fits)(map, from, sign))
		rc = L(reserve_more)(map, missing);
	if (rc)
		return rc;
	/* Every sum was looked at and all have room: nothing fails from here on. */
	for (cursor = 0; L(walk)(from, &cursor, &entry); at++) {
		(void)!L(apply)(map, entry.key, sign * (int64_t)entry.count, &crossing);
		fewer |= !crossing.after;
		if (ret_crossings)
			ret_crossings[at] = crossing;
	}
	if (fewer)
		L(shrink)(map);
	return 0;
}

bool PUBLIC(next)(const struct HANDLE *map, uint32_t *cursor, PAIR *ret_entry)
{
	ENTRY entry;

	if (!L(walk)(map, cursor, &entry))
		return false;
	ret_entry->key = entry.key;
	ret_entry->count = entry.count;
	return true;
}
