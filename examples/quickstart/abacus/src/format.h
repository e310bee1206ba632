/* SPDX-License-Identifier: BSD-2-Clause */
/* format.h - numbers as text. */
#ifndef ABACUS_FORMAT_H
#define ABACUS_FORMAT_H

#include "common.h"

/* Into the buffer, terminated; base 2, 10 or 16. */
void format_number(number value, int base, char buffer[80]);

#endif
