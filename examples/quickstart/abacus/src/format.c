/* SPDX-License-Identifier: BSD-2-Clause */
#include "format.h"

#include <string.h>

void format_number(number value, int base, char buffer[80])
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[65], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = "0123456789abcdef"[rest % (unsigned)base];
		rest /= (unsigned)base;
	} while (rest);
	buffer[0] = '\0';
	if (value < 0)
		strcat(buffer, "-");
	if (base != 10)
		strcat(buffer, base == 16 ? "0x" : "0b");
	strcat(buffer, at);
}
