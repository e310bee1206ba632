/* SPDX-License-Identifier: BSD-2-Clause */
#include "number.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

bool number_read(struct text text, number *ret)
{
	int base = 10;
	size_t i = 0;

	*ret = 0;
	if (text.length > 2 && text.at[0] == '0' && (text.at[1] == 'x' || text.at[1] == 'b')) {
		base = text.at[1] == 'x' ? 16 : 2;
		i = 2;
	}
	for (; i < text.length; i++) {
		if (text.at[i] == '_')
			continue;
		if (digit(text.at[i]) >= base || __builtin_mul_overflow(*ret, base, ret) ||
		    __builtin_add_overflow(*ret, digit(text.at[i]), ret))
			return false;
	}
	return true;
}

enum message number_add(number a, number b, number *ret)
{
	return __builtin_add_overflow(a, b, ret) ? MESSAGE_TOO_LARGE : MESSAGE_NONE;
}

enum message number_subtract(number a, number b, number *ret)
{
	return __builtin_sub_overflow(a, b, ret) ? MESSAGE_TOO_LARGE : MESSAGE_NONE;
}

enum message number_multiply(number a, number b, number *ret)
{
	return __builtin_mul_overflow(a, b, ret) ? MESSAGE_TOO_LARGE : MESSAGE_NONE;
}

enum message number_divide(number a, number b, number *ret)
{
	if (!b)
		return MESSAGE_BY_ZERO;
	if (a == INT64_MIN && b == -1)
		return MESSAGE_TOO_LARGE;
	*ret = a / b;
	return MESSAGE_NONE;
}

enum message number_remainder(number a, number b, number *ret)
{
	if (!b)
		return MESSAGE_BY_ZERO;
	*ret = b == -1 ? 0 : a % b;
	return MESSAGE_NONE;
}

enum message number_power(number a, number b, number *ret)
{
	if (b < 0)
		return MESSAGE_NEGATIVE_POWER;
	*ret = 1;
	while (b) {
		if ((b & 1) && __builtin_mul_overflow(*ret, a, ret))
			return MESSAGE_TOO_LARGE;
		b >>= 1;
		if (b && __builtin_mul_overflow(a, a, &a))
			return MESSAGE_TOO_LARGE;
	}
	return MESSAGE_NONE;
}
