/* SPDX-License-Identifier: BSD-2-Clause */
#include "ast.h"

struct node *node_new(struct pool *pool, enum node_kind kind, size_t column)
{
	struct node *node = pool_take(pool, sizeof(*node));

	if (node)
		*node = (struct node){.kind = kind, .column = column};
	return node;
}
