/* SPDX-License-Identifier: BSD-2-Clause */
/* rmap.c - files by name: find or put in, look up without a lock, remove and retire. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/rmap.h>
#include <pawl/thread.h>

struct file {
	struct pawl_retire_node node;
	uint64_t hash;
	char name[16];
};

static bool same(const void *entry, const void *name)
{
	return !strcmp(((const struct file *)entry)->name, name);
}

static uint64_t hash_of(const void *entry)
{
	return ((const struct file *)entry)->hash;
}

static void file_free(struct pawl_retire_node *node)
{
	free(PAWL_CONTAINER_OF(node, struct file, node));
}

int main(void)
{
	struct pawl_rmap_options options = PAWL_RMAP_OPTIONS(same, hash_of);
	uint64_t hash = pawl_hash_bytes("a.c", 3, 0);
	struct file *file = calloc(1, sizeof(*file));
	struct pawl_rmap *files;
	void *entry_rcu;
	int ret;

	if (!file || pawl_thread_attach("main") || pawl_rmap_create(&options, &files))
		return 1;
	file->hash = hash;
	strcpy(file->name, "a.c");
	pawl_rcu_begin();
	ret = pawl_rmap_entry(files, hash, "a.c", file, &entry_rcu);
	printf("%s is %s\n", "a.c", ret == 1 ? "new" : "known");
	printf("b.c is %s\n", pawl_rmap_get(files, hash, "b.c") ? "known" : "unknown");
	pawl_rcu_end();

	/* The caller owns what a removal returns; readers may still look at it. */
	file = pawl_rmap_remove(files, hash, "a.c");
	if (!file || pawl_retire(&file->node, sizeof(*file), file_free))
		return 1;
	pawl_rmap_destroy(files);
	pawl_thread_detach();
	return ret == 1 ? 0 : 1;
}
