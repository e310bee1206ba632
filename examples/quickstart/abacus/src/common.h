/* SPDX-License-Identifier: BSD-2-Clause */
/* common.h - what every file of abacus includes. */
#ifndef ABACUS_COMMON_H
#define ABACUS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the input; not terminated. */
struct text {
	const char *at;
	size_t length;
};

typedef int64_t number;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
