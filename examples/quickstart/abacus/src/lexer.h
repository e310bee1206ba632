/* SPDX-License-Identifier: BSD-2-Clause */
/* lexer.h - a line, cut into tokens. */
#ifndef ABACUS_LEXER_H
#define ABACUS_LEXER_H

#include "common.h"
#include "error.h"
#include "gen/tokens.h"

struct token {
	enum token_kind kind;
	struct text text;
	size_t column;
	number value; /* of TOKEN_NUMBER */
};

struct lexer {
	const char *line, *at;
	struct error *error;
};

void lexer_start(struct lexer *lexer, const char *line, struct error *error);
/* TOKEN_END at the end and after an error. */
struct token lexer_next(struct lexer *lexer);

#endif
