/* SPDX-License-Identifier: BSD-2-Clause */
#include "parser.h"

#include "lexer.h"

#define DEPTH_MOST 200

struct parser {
	struct lexer lexer;
	struct token token; /* not yet taken */
	struct pool *pool;
	struct error *error;
	int depth;
};

static const struct {
	int precedence; /* 0: no operator */
	bool to_the_right;
} operators[] = {TOKEN_OPERATORS};

static struct node *expression(struct parser *parser, int least);

static void advance(struct parser *parser)
{
	parser->token = lexer_next(&parser->lexer);
}

static struct node *fail(struct parser *parser, enum message message)
{
	error_set(parser->error, message, parser->token.column);
	return NULL;
}

static struct node *make(struct parser *parser, enum node_kind kind)
{
	struct node *node = node_new(parser->pool, kind, parser->token.column);

	return node ? node : fail(parser, MESSAGE_NO_MEMORY);
}

static bool expect(struct parser *parser, enum token_kind kind, enum message message)
{
	if (parser->token.kind != kind)
		return fail(parser, message);
	advance(parser);
	return true;
}

static bool arguments(struct parser *parser, struct node *call)
{
	struct node **end = &call->left;

	if (parser->token.kind == TOKEN_CLOSE)
		return expect(parser, TOKEN_CLOSE, MESSAGE_NO_CLOSE);
	for (;;) {
		*end = expression(parser, 1);
		if (!*end)
			return false;
		end = &(*end)->next;
		if (parser->token.kind != TOKEN_COMMA)
			return expect(parser, TOKEN_CLOSE, MESSAGE_NO_CLOSE);
		advance(parser);
	}
}

static struct node *name(struct parser *parser)
{
	struct node *node = make(parser, NODE_NAME);

	if (!node)
		return NULL;
	node->name = parser->token.text;
	advance(parser);
	if (parser->token.kind == TOKEN_OPEN) {
		node->kind = NODE_CALL;
		advance(parser);
		return arguments(parser, node) ? node : NULL;
	}
	if (parser->token.kind == TOKEN_ASSIGN) {
		node->kind = NODE_ASSIGN;
		advance(parser);
		node->left = expression(parser, 1);
		return node->left ? node : NULL;
	}
	return node;
}

static struct node *primary(struct parser *parser)
{
	struct node *node;

	switch (parser->token.kind) {
	case TOKEN_NUMBER:
		node = make(parser, NODE_NUMBER);
		if (node)
			node->value = parser->token.value;
		advance(parser);
		return node;
	case TOKEN_NAME:
		return name(parser);
	case TOKEN_MINUS:
		node = make(parser, NODE_NEGATE);
		advance(parser);
		if (node)
			node->left = expression(parser, operators[TOKEN_POWER].precedence);
		return node && node->left ? node : NULL;
	case TOKEN_OPEN:
		advance(parser);
		node = expression(parser, 1);
		return node && expect(parser, TOKEN_CLOSE, MESSAGE_NO_CLOSE) ? node : NULL;
	default:
		return fail(parser, MESSAGE_NO_OPERAND);
	}
}

static struct node *expression(struct parser *parser, int least)
{
	struct node *left;

	if (++parser->depth > DEPTH_MOST)
		return fail(parser, MESSAGE_TOO_DEEP);
	left = primary(parser);
	while (left && operators[parser->token.kind].precedence >= least) {
		enum token_kind sign = parser->token.kind;
		struct node *node = make(parser, NODE_BINARY);

		if (!node)
			return NULL;
		node->sign = sign;
		node->left = left;
		advance(parser);
		node->right = expression(parser, operators[sign].precedence +
							 !operators[sign].to_the_right);
		left = node->right ? node : NULL;
	}
	parser->depth--;
	return left;
}

struct node *parse(const char *line, struct pool *pool, struct error *error)
{
	struct parser parser = {.pool = pool, .error = error};
	struct node *node;

	lexer_start(&parser.lexer, line, error);
	advance(&parser);
	if (parser.token.kind == TOKEN_END)
		return NULL;
	node = expression(&parser, 1);
	if (node && parser.token.kind != TOKEN_END)
		return fail(&parser, MESSAGE_LEFT_OVER);
	return error->message == MESSAGE_NONE ? node : NULL;
}
