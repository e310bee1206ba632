/* SPDX-License-Identifier: BSD-2-Clause */
#include "error.h"

static const char *const words[] = {MESSAGE_WORDS};

bool error_set(struct error *error, enum message message, size_t column)
{
	if (error->message == MESSAGE_NONE) {
		error->message = message;
		error->column = column;
	}
	return false;
}

const char *error_words(const struct error *error)
{
	return words[error->message];
}
