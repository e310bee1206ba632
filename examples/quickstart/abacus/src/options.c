/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include "text.h"

bool options_read(int count, char **arguments, struct options *ret, const char **ret_bad)
{
	*ret = (struct options){.base = 10};
	for (int i = 1; i < count; i++) {
		struct text argument = text_of(arguments[i]);

		if (text_is(argument, "--help"))
			ret->help = true;
		else if (text_is(argument, "--version"))
			ret->version = true;
		else if (text_is(argument, "--hex"))
			ret->base = 16;
		else if (text_is(argument, "--binary"))
			ret->base = 2;
		else {
			*ret_bad = arguments[i];
			return false;
		}
	}
	return true;
}
