/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.h - the folder `.pawl`: what a build leaves for the next one. It may be removed at any time.
 *
 *	lock		held by the process that builds, with its number in it
 *	children	held by that process and by every command: whoever waits for it waits for them
 *	manifest	the image of the manifest
 *	stamps		stamps and digests of all files (files.c)
 *	log		what was run (journal.c)
 *	why		why each command ran the last time
 */
#ifndef BUILD_STATE_H
#define BUILD_STATE_H

#include "build.h"

/* "builddir/.pawl" or ".pawl", as the manifest says; a name in it behind that. */
void state_folder(const struct mf_manifest *m, struct string *out);
/* The same by a look at the text of the manifest alone: right, or it is found to be wrong later. False: not to be seen. */
bool state_folder_guess(const char *manifest, struct string *out);

/*
 * state_lock() - Make the folder, and be the one who builds. Waits for commands that a killed build has left.
 *
 * Errors: -EBUSY: another process builds here: it was said which.
 */
int state_lock(struct build *build);
/* The last build has ended in good order, and none is at work: no command of one may still run. */
bool state_rests(const struct build *build);
void state_unlock(struct build *build);

/* "FOLDER/name", in `out`; its bytes. */
const char *state_path(const struct build *build, const char *name, struct string *out);

#endif
