/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.c - a store for reading, or why not, and what to do about it.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../commands.h"
#include "store.h"

/* What whoever reads it can do; NULL: nothing but what the error says. */
static const char *advice(int error)
{
	switch (error) {
	case -ENOENT:
		return "name the folder that the program was given for its store";
	case -EMEDIUMTYPE:
		return "name the store's own folder: the one that holds data.mdb";
	case -EBUSY:
		return "it is being compacted: try again in a moment";
	case -ESTALE:
		return "use the pawl of the version that wrote it, or remove the folder: all is computed again then";
	case -EUCLEAN:
		return "remove the folder: all is computed again then";
	case -EREMOTE:
		return "copy the folder to a disk of this machine, and look at the copy";
	case -EACCES:
		return "its owner can: reading asks for permission to write its lock";
	case -ENOSYS:
		return "install LMDB and build Pawl anew";
	default:
		return NULL;
	}
}

int tool_store_failed(const char *path, int error)
{
	const char *help = advice(error);

	fprintf(stderr, "pawl store: %s: %s\n", path, strerror(-error));
	if (help)
		fprintf(stderr, "pawl store: %s\n", help);
	return TOOL_FAILED;
}

int tool_store_walk(const char *path, struct pawl_store *store,
		    const struct pawl_inspector *inspector, void *arg,
		    struct pawl_inspection *ret_found)
{
	struct pawl_store_view *view;
	int error = pawl_store_view_begin(store, &view);

	if (error)
		return tool_store_failed(path, error);
	error = pawl_inspect(view, inspector, arg, ret_found);
	pawl_store_view_end(view);
	return error ? tool_store_failed(path, error) : TOOL_DONE;
}

int tool_store_open(const char *path, struct pawl_store **ret_store)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store_why why = {0, ""};
	const char *help;
	int error;

	options.read_only = 1;
	error = pawl_store_open_lmdb(path, &options, &why, ret_store);
	if (!error)
		return TOOL_DONE;
	fprintf(stderr, "pawl store: %s\n", *why.text ? why.text : strerror(-error));
	help = advice(error);
	if (help)
		fprintf(stderr, "pawl store: %s\n", help);
	return TOOL_FAILED;
}
