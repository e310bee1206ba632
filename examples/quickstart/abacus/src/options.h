/* SPDX-License-Identifier: BSD-2-Clause */
/* options.h - the command line. */
#ifndef ABACUS_OPTIONS_H
#define ABACUS_OPTIONS_H

#include "common.h"

struct options {
	int base; /* of the output */
	bool help, version;
};

/* False: not understood; *ret_bad is the argument. */
bool options_read(int count, char **arguments, struct options *ret, const char **ret_bad);

#endif
