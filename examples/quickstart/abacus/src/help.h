/* SPDX-License-Identifier: BSD-2-Clause */
/* help.h - what abacus says about itself. */
#ifndef ABACUS_HELP_H
#define ABACUS_HELP_H

extern const char help_text[];
extern const char version_text[];

#endif
