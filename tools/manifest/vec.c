/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vec.c - arrays of the reader: they double, and their count is 32 bits.
 */
#include "config.h"

#include "manifest/reader.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

void vec_fini(struct vec *vec)
{
	pawl_mem_free(vec->at, (size_t)vec->room * vec->item, 0);
	vec->at = NULL;
	vec->n = vec->room = 0;
}

int vec_reserve(struct vec *vec, uint32_t more)
{
	uint64_t need = (uint64_t)vec->n + more, room = vec->room ? vec->room : 64;
	void *at;

	if (need <= vec->room)
		return 0;
	if (need >= MF_NONE)
		return -EFBIG;
	while (room < need)
		room *= 2;
	if (room >= MF_NONE)
		room = MF_NONE - 1;
	at = pawl_mem_alloc(room * vec->item, 0);
	if (!at)
		return -ENOMEM;
	if (vec->n)
		memcpy(at, vec->at, (size_t)vec->n * vec->item);
	pawl_mem_free(vec->at, (size_t)vec->room * vec->item, 0);
	vec->at = at;
	vec->room = (uint32_t)room;
	return 0;
}
