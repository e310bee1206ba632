/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value.c - values: a header of 16 bytes and the payload.
 *
 * Ordering: counts are taken relaxed and given back with release; who gives back the last one acquires.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/value.h>

struct pawl_value {
	const struct pawl_value_type *type;
	/* Owners. All threads. */
	struct pawl_atomic_u32 owners;
	uint32_t bytes;
	PAWL_ALIGNED(16) char payload[];
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_value) == 16, "a value's header is small");

static int make(const struct pawl_value_type *type, size_t bytes, struct pawl_value **ret_value)
{
	struct pawl_value *value;

	if (bytes > PAWL_VALUE_BYTES_MAX)
		return -EINVAL;
	value = pawl_mem_alloc(sizeof(*value) + bytes, 16);
	if (!value)
		return -ENOMEM;
	value->type = type;
	value->bytes = (uint32_t)bytes;
	pawl_init_word(&value->owners, 1u);
	*ret_value = value;
	return 0;
}

int pawl_value_create(const struct pawl_value_type *type, size_t bytes,
		      struct pawl_value **ret_value)
{
	int error = make(type, bytes, ret_value);

	if (!error && bytes)
		memset((*ret_value)->payload, 0, bytes);
	return error;
}

int pawl_value_of(const struct pawl_value_type *type, const void *payload, size_t bytes,
		  struct pawl_value **ret_value)
{
	int error = make(type, bytes, ret_value);

	if (!error && bytes)
		memcpy((*ret_value)->payload, payload, bytes);
	return error;
}

struct pawl_value *pawl_value_pin(struct pawl_value *value)
{
	pawl_add_relaxed(&value->owners, 1u);
	return value;
}

void pawl_value_unpin(struct pawl_value *value)
{
	if (!value || pawl_sub_acq_rel(&value->owners, 1u) != 1)
		return;
	if (value->type->drop)
		value->type->drop(value->payload, value->bytes);
	pawl_mem_free(value, sizeof(*value) + value->bytes, 16);
}

const struct pawl_value_type *pawl_value_type_of(const struct pawl_value *value)
{
	return value->type;
}

size_t pawl_value_bytes(const struct pawl_value *value)
{
	return value->bytes;
}

void *pawl_value_payload(const struct pawl_value *value)
{
	return (void *)(uintptr_t)value->payload;
}

bool pawl_value_equal(const struct pawl_value *a, const struct pawl_value *b)
{
	if (a == b)
		return true;
	if (a->type != b->type)
		return false;
	if (a->type->equal)
		return a->type->equal(a->payload, a->bytes, b->payload, b->bytes);
	return a->bytes == b->bytes && !memcmp(a->payload, b->payload, a->bytes);
}
