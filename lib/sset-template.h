/* SPDX-License-Identifier: BSD-2-Clause */
/* sset-template.h - the calls of sets; see small-template.h. */

bool PUBLIC(has)(const struct HANDLE *set, KEY key)
{
	return L(find)(set, key).found;
}

int PUBLIC(add)(struct HANDLE *set, KEY key, bool *ret_added)
{
	struct small_place place = L(find)(set, key);

	if (!place.found) {
		int rc = L(put)(set, place.at, (ENTRY){key});

		if (rc)
			return rc;
	}
	if (ret_added)
		*ret_added = !place.found;
	return 0;
}

bool PUBLIC(remove)(struct HANDLE *set, KEY key)
{
	struct small_place place = L(find)(set, key);

	if (!place.found)
		return false;
	L(erase)(set, place.at);
	L(shrink)(set);
	return true;
}

/* Put in a key for which there is room. */
static size_t L(add_reserved)(struct HANDLE *set, KEY key)
{
	struct small_place place = L(find)(set, key);

	return !place.found && L(insert)(set, place.at, (ENTRY){key});
}

int PUBLIC(add_n)(struct HANDLE *set, const KEY *keys, size_t count, size_t *ret_added)
{
	uint32_t form = set->pawl_form;
	size_t missing = 0, added = 0;
	int rc;

	/* Keys that repeat are counted each time: the room may be more than is needed. */
	for (size_t i = 0; i < count; i++)
		missing += !L(find)(set, keys[i]).found;
	rc = L(reserve_more)(set, missing);
	if (rc)
		return rc;
	for (size_t i = 0; added < missing && i < count; i++)
		added += L(add_reserved)(set, keys[i]);
	if (added < missing)
		L(give_back)(set, form);
	if (ret_added)
		*ret_added = added;
	return 0;
}

size_t PUBLIC(remove_n)(struct HANDLE *set, const KEY *keys, size_t count)
{
	size_t removed = 0;

	for (size_t i = 0; i < count; i++) {
		struct small_place place = L(find)(set, keys[i]);

		if (place.found) {
			L(erase)(set, place.at);
			removed++;
		}
	}
	if (removed)
		L(shrink)(set);
	return removed;
}

int PUBLIC(merge)(struct HANDLE *set, const struct HANDLE *from, size_t *ret_added)
{
	size_t missing = 0;
	uint32_t cursor = 0;
	ENTRY entry;
	int rc;

	while (L(walk)(from, &cursor, &entry))
		missing += !L(find)(set, entry.key).found;
	if (missing) {
		rc = L(reserve_more)(set, missing);
		if (rc)
			return rc;
		/* Something is missing, so the two are not one set, and `from` stays as it is. */
		for (cursor = 0; L(walk)(from, &cursor, &entry);)
			(void)L(add_reserved)(set, entry.key);
	}
	if (ret_added)
		*ret_added = missing;
	return 0;
}

bool PUBLIC(next)(const struct HANDLE *set, uint32_t *cursor, KEY *ret_key)
{
	ENTRY entry;

	if (!L(walk)(set, cursor, &entry))
		return false;
	*ret_key = entry.key;
	return true;
}
