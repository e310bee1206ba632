/* SPDX-License-Identifier: BSD-2-Clause */
#include "history.h"

#include <string.h>

#include "text.h"

void history_add(struct history *history, number value)
{
	memmove(history->values + 1, history->values, sizeof(history->values) - sizeof(number));
	history->values[0] = value;
	if (history->count < COUNT(history->values))
		history->count++;
}

bool history_get(const struct history *history, struct text name, number *ret)
{
	unsigned back = 0;

	if (name.length == 5 && name.at[4] >= '1' && name.at[4] <= '9')
		back = (unsigned)(name.at[4] - '0');
	else if (name.length != 4)
		return false;
	if (!text_same((struct text){name.at, 4}, text_of("last")) || back >= history->count)
		return false;
	*ret = history->values[back];
	return true;
}
