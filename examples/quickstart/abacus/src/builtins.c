/* SPDX-License-Identifier: BSD-2-Clause */
#include "builtins.h"

#include "number.h"
#include "text.h"

static enum message smallest(const number *arguments, unsigned count, number *ret)
{
	*ret = arguments[0];
	for (unsigned i = 1; i < count; i++)
		if (arguments[i] < *ret)
			*ret = arguments[i];
	return MESSAGE_NONE;
}

static enum message largest(const number *arguments, unsigned count, number *ret)
{
	*ret = arguments[0];
	for (unsigned i = 1; i < count; i++)
		if (arguments[i] > *ret)
			*ret = arguments[i];
	return MESSAGE_NONE;
}

static enum message absolute(const number *arguments, unsigned count, number *ret)
{
	(void)count;
	if (arguments[0] >= 0) {
		*ret = arguments[0];
		return MESSAGE_NONE;
	}
	return number_subtract(0, arguments[0], ret);
}

static enum message divisor(const number *arguments, unsigned count, number *ret)
{
	number a = arguments[0], b = arguments[1];

	(void)count;
	while (b) {
		number rest;

		number_remainder(a, b, &rest);
		a = b;
		b = rest;
	}
	return absolute(&a, 1, ret);
}

static enum message root(const number *arguments, unsigned count, number *ret)
{
	number low = 0, high = 3037000500;

	(void)count;
	if (arguments[0] < 0)
		return MESSAGE_NEGATIVE_ROOT;
	while (high - low > 1) {
		number middle = low + (high - low) / 2;

		if (middle * middle <= arguments[0])
			low = middle;
		else
			high = middle;
	}
	*ret = low;
	return MESSAGE_NONE;
}

static enum message fibonacci(const number *arguments, unsigned count, number *ret)
{
	number a = 0, b = 1;

	(void)count;
	for (number i = 0; i < arguments[0]; i++) {
		number sum;

		if (number_add(a, b, &sum) != MESSAGE_NONE)
			return MESSAGE_TOO_LARGE;
		a = b;
		b = sum;
	}
	*ret = a;
	return MESSAGE_NONE;
}

static const struct builtin builtins[] = {
	{"abs", 1, 1, absolute},
	{"fib", 1, 1, fibonacci},
	{"gcd", 2, 2, divisor},
	{"max", 1, ARGUMENTS_MOST, largest},
	{"min", 1, ARGUMENTS_MOST, smallest},
	{"sqrt", 1, 1, root},
};

const struct builtin *builtin_find(struct text name)
{
	for (size_t i = 0; i < COUNT(builtins); i++)
		if (text_is(name, builtins[i].name))
			return &builtins[i];
	return NULL;
}
