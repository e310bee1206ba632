/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c - a store on disk: three processes in one, each of which counts itself and remembers its number. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/store.h>
#include <pawl/thread.h>

/* What one process does: reads who was here before, adds itself, and ends. */
static int visit(const char *folder, struct pawl_store_why *why)
{
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;
	struct pawl_store *store;
	struct pawl_slice before;
	uint32_t count = 0;
	int error = pawl_store_open_lmdb(folder, NULL, why, &store);

	if (error)
		return error;
	error = pawl_store_view_begin(store, &view);
	if (!error) {
		error = pawl_store_get(view, PAWL_STORE_INFRA, pawl_store_id(0), &before);
		if (!error && before.len == sizeof(count))
			memcpy(&count, before.ptr, sizeof(count));
		pawl_store_view_end(view);
	}
	if (!error)
		error = pawl_store_begin_write(store, &batch);
	if (!error) {
		printf("generation %u\n", (unsigned)++count);
		error = pawl_store_put(batch, PAWL_STORE_INFRA, pawl_store_id(0),
				       (struct pawl_slice){&count, sizeof(count)});
		if (error)
			pawl_store_abort(batch);
		else
			error = pawl_store_commit(batch, why, NULL);
	}
	pawl_store_close(store);
	return error;
}

int main(void)
{
	char folder[] = "/tmp/pawl-example-XXXXXX", command[64];
	struct pawl_store_why why = {0, ""};
	int error = 0, i;

	if (!mkdtemp(folder) || pawl_thread_attach("main"))
		return 1;
	for (i = 0; !error && i < 3; i++)
		error = visit(folder, &why);
	if (error)
		fprintf(stderr, "%s: %s\n", strerror(-error), why.text);
	pawl_thread_detach();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) || (error && error != -ENOSYS);
}
