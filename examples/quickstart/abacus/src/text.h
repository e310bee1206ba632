/* SPDX-License-Identifier: BSD-2-Clause */
/* text.h - pieces of the input, compared and copied. */
#ifndef ABACUS_TEXT_H
#define ABACUS_TEXT_H

#include "common.h"

struct text text_of(const char *string);
bool text_is(struct text text, const char *string);
bool text_same(struct text a, struct text b);
uint32_t text_hash(struct text text);

#endif
