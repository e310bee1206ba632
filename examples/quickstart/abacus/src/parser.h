/* SPDX-License-Identifier: BSD-2-Clause */
/* parser.h - tokens to a tree, by climbing precedences. */
#ifndef ABACUS_PARSER_H
#define ABACUS_PARSER_H

#include "ast.h"
#include "error.h"

/* NULL with *error set, or without it for an empty line. */
struct node *parse(const char *line, struct pool *pool, struct error *error);

#endif
