/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-array.c - two bugs of ck_array.
 *
 * put: within a transaction that was begun by a removal, a put which succeeds
 * returns false. foreach: CK_ARRAY_FOREACH takes a snapshot and then walks the
 * live vector, so a commit in the middle changes what it visits.
 */
#include <string.h>

#include <ck_array.h>

#include "upstream.h"

enum { VALUES = 4 };

static void *array_malloc(size_t size)
{
	return malloc(size);
}

static void *array_realloc(void *ptr, size_t old_size, size_t size, bool defer)
{
	void *fresh = malloc(size);

	if (fresh && ptr)
		memcpy(fresh, ptr, old_size < size ? old_size : size);
	if (!defer)
		free(ptr);
	return fresh;
}

/* What readers may still look at stays: this program ends soon. */
static void array_free(void *ptr, size_t size, bool defer)
{
	(void)size;
	if (!defer)
		free(ptr);
}

static struct ck_malloc allocator = {
	.malloc = array_malloc, .realloc = array_realloc, .free = array_free};

static void show_put(void)
{
	ck_array_t array;
	int a;
	int b;
	bool said;
	bool stored = false;
	unsigned int length;
	void **values;

	if (!ck_array_init(&array, CK_ARRAY_MODE_SPMC, &allocator, 4) ||
	    !ck_array_put(&array, &a) || !ck_array_commit(&array) ||
	    !ck_array_remove(&array, &a))
		upstream_cannot_tell("ck-array-put", "the array does not behave");
	said = ck_array_put(&array, &b);
	ck_array_commit(&array);
	values = ck_array_buffer(&array, &length);
	for (unsigned int i = 0; i < length; i++)
		stored = stored || values[i] == &b;
	upstream_say("ck-array-put", said != stored, "put returns %s, the value is %s",
		     said ? "true" : "false", stored ? "stored" : "not stored");
}

static void show_foreach(void)
{
	ck_array_iterator_t iterator;
	ck_array_t array;
	int values[VALUES];
	unsigned seen = 0;
	void *value;

	if (!ck_array_init(&array, CK_ARRAY_MODE_SPMC, &allocator, VALUES))
		upstream_cannot_tell("ck-array-foreach", "no array");
	for (unsigned i = 0; i < VALUES; i++)
		ck_array_put(&array, &values[i]);
	ck_array_commit(&array);
	CK_ARRAY_FOREACH(&array, &iterator, &value)
	{
		/* The writer empties the array after the first value was visited. */
		for (unsigned i = 0; seen == 0 && i < VALUES; i++)
			ck_array_remove(&array, &values[i]);
		if (seen++ == 0)
			ck_array_commit(&array);
	}
	upstream_say("ck-array-foreach", seen != VALUES,
		     "%u of the %d values of the snapshot are visited", seen, VALUES);
}

int main(void)
{
	show_put();
	show_foreach();
	return 0;
}
