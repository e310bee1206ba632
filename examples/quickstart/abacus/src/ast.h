/* SPDX-License-Identifier: BSD-2-Clause */
/* ast.h - an expression as a tree. */
#ifndef ABACUS_AST_H
#define ABACUS_AST_H

#include "common.h"
#include "gen/tokens.h"
#include "pool.h"

enum node_kind { NODE_NUMBER, NODE_NAME, NODE_NEGATE, NODE_BINARY, NODE_CALL, NODE_ASSIGN };

struct node {
	enum node_kind kind;
	enum token_kind sign; /* of NODE_BINARY */
	struct text name;     /* of a name, a call, an assignment */
	number value;	      /* of NODE_NUMBER */
	size_t column;
	struct node *left, *right; /* a call: left is its first argument */
	struct node *next;	   /* the argument after this one */
};

/* NULL when there is no memory. */
struct node *node_new(struct pool *pool, enum node_kind kind, size_t column);

#endif
