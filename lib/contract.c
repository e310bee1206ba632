/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contract.c - the end of a program that broke a contract.
 *
 * Going on after a broken "Requires:" would corrupt memory that others trust, so
 * the process ends, and says why: this is the only place where the library
 * prints. It allocates nothing and uses write(2) alone, for it may run in a process
 * whose heap is already broken.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pawl/base.h>

void pawl__contract_broken(const char *what, const char *file, int line, const char *function)
{
	char text[512];
	int len;

	len = snprintf(text, sizeof(text),
		       "pawl: contract broken: %s\n"
		       "pawl: required by %s() at %s:%d; see the \"Requires:\" line of the call\n",
		       what, function, file, line);
	if (len > (int)sizeof(text) - 1)
		len = (int)sizeof(text) - 1;
	if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0) {
		/* Nobody to tell; abort() says the rest. */
	}
	abort();
}
