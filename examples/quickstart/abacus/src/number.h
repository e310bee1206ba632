/* SPDX-License-Identifier: BSD-2-Clause */
/* number.h - arithmetic that notices when it leaves 64 bits. */
#ifndef ABACUS_NUMBER_H
#define ABACUS_NUMBER_H

#include "common.h"
#include "gen/messages.h"

/* Decimal, 0x and 0b; underscores between digits are skipped. */
bool number_read(struct text text, number *ret);

/* MESSAGE_NONE, or why there is no result. */
enum message number_add(number a, number b, number *ret);
enum message number_subtract(number a, number b, number *ret);
enum message number_multiply(number a, number b, number *ret);
enum message number_divide(number a, number b, number *ret);
enum message number_remainder(number a, number b, number *ret);
enum message number_power(number a, number b, number *ret);

#endif
