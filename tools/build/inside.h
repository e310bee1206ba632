/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inside.h - opening and closing a build, for the commands that look at one.
 */
#ifndef BUILD_INSIDE_H
#define BUILD_INSIDE_H

#include "build.h"

void build_init(struct build *build, const struct build_options *options);
/* Manifest, files, plan; the lock and the image, but with dry_run. Says what is wrong. */
int build_open(struct build *build);
void build_close(struct build *build);
void build_fini(struct build *build);

#endif
