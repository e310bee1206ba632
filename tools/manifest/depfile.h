/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * depfile.h - what a compiler writes about the files that it has read, as a Makefile fragment.
 *
 * Understood as ninja understands them: "\ " is a space, "\#" a '#', "$$" a '$', "\:" a ':' within a
 * word, a backslash at the end of a line continues it, any other is itself. Several targets, and
 * several rules with the same inputs (gcc -MP), are fine; an input that has inputs itself is
 * not.
 */
#ifndef TOOLS_MANIFEST_DEPFILE_H
#define TOOLS_MANIFEST_DEPFILE_H

#include <stddef.h>
#include <stdint.h>

#include <pawl/base.h>

struct depfile {
	struct pawl_slice *outs, *ins; /* into the bytes; not canonical, each once */
	uint32_t n_outs, n_ins, room_outs, room_ins;
	uint32_t *index; /* private */
	uint32_t n_index;
};
#define DEPFILE_INIT                            \
	{                                       \
		NULL, NULL, 0, 0, 0, 0, NULL, 0 \
	}

/*
 * depfile_parse() - Read one. The bytes are changed in place (names lose their backslashes); the
 * struct may be used again for the next, which keeps its memory.
 *
 * Errors: -EINVAL, `*ret_what` (may be NULL) is "expected ':' in depfile" or "inputs may not also
 *         have inputs", a constant; -ENOMEM. An empty file has no outputs and no inputs.
 */
PAWL_MUST_CHECK int depfile_parse(struct depfile *depfile, char *bytes, size_t len,
				  const char **ret_what);
void depfile_fini(struct depfile *depfile);

#endif
