/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval.h"

#include "builtins.h"
#include "number.h"

static bool settle(enum message message, const struct node *node, struct error *error)
{
	return message == MESSAGE_NONE || error_set(error, message, node->column);
}

static bool binary(const struct node *node, struct world *world, number *ret,
		   struct error *error)
{
	number a, b;

	if (!eval(node->left, world, &a, error) || !eval(node->right, world, &b, error))
		return false;
	switch (node->sign) {
	case TOKEN_PLUS:
		return settle(number_add(a, b, ret), node, error);
	case TOKEN_MINUS:
		return settle(number_subtract(a, b, ret), node, error);
	case TOKEN_TIMES:
		return settle(number_multiply(a, b, ret), node, error);
	case TOKEN_DIVIDE:
		return settle(number_divide(a, b, ret), node, error);
	case TOKEN_REMAINDER:
		return settle(number_remainder(a, b, ret), node, error);
	case TOKEN_POWER:
		return settle(number_power(a, b, ret), node, error);
	case TOKEN_LESS:
		*ret = a < b;
		return true;
	case TOKEN_EQUAL:
		*ret = a == b;
		return true;
	default:
		return error_set(error, MESSAGE_NO_OPERAND, node->column);
	}
}

static bool call(const struct node *node, struct world *world, number *ret, struct error *error)
{
	const struct builtin *builtin = builtin_find(node->name);
	number arguments[ARGUMENTS_MOST];
	unsigned count = 0;

	if (!builtin)
		return error_set(error, MESSAGE_NO_FUNCTION, node->column);
	for (const struct node *at = node->left; at; at = at->next) {
		if (count == builtin->most)
			return error_set(error, MESSAGE_ARGUMENTS, at->column);
		if (!eval(at, world, &arguments[count++], error))
			return false;
	}
	if (count < builtin->least)
		return error_set(error, MESSAGE_ARGUMENTS, node->column);
	return settle(builtin->run(arguments, count, ret), node, error);
}

bool eval(const struct node *node, struct world *world, number *ret, struct error *error)
{
	switch (node->kind) {
	case NODE_NUMBER:
		*ret = node->value;
		return true;
	case NODE_NAME:
		return history_get(&world->history, node->name, ret) ||
		       env_get(&world->env, node->name, ret) ||
		       error_set(error, MESSAGE_NO_VARIABLE, node->column);
	case NODE_NEGATE:
		return eval(node->left, world, ret, error) &&
		       settle(number_subtract(0, *ret, ret), node, error);
	case NODE_BINARY:
		return binary(node, world, ret, error);
	case NODE_CALL:
		return call(node, world, ret, error);
	case NODE_ASSIGN:
		if (!eval(node->left, world, ret, error))
			return false;
		return env_set(&world->env, node->name, *ret) ||
		       error_set(error, MESSAGE_NO_MEMORY, node->column);
	}
	return false;
}
