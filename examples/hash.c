/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.c - hash a key of two parts, cut the hash up for a table, digest content. */
#include <stdio.h>
#include <string.h>

#include <pawl/hash.h>

/* Order matters to combine(): ("a", "b") and ("b", "a") are different keys. */
static uint64_t file_key(uint64_t device, const char *path, uint64_t seed)
{
	uint64_t hash = pawl_hash_combine(seed, pawl_hash_u64(device, seed));

	return pawl_hash_combine(hash, pawl_hash_bytes(path, strlen(path), seed));
}

int main(void)
{
	const char *old_text = "int main(void);\n";
	const char *new_text = "int main(void) ;\n";
	/* For a table in memory. What is stored takes a fixed seed, for example 0. */
	uint64_t seed = pawl_hash_process_seed();
	uint64_t a = file_key(1, "lib/event.c", seed);
	uint64_t b = file_key(2, "lib/event.c", seed);
	struct pawl_digest before, after, again;

	printf("key %016llx: shard %u of 64, control byte %02x, slot %llu of 1024\n",
	       (unsigned long long)a, pawl_hash_shard(a, 6), pawl_hash_control(a),
	       (unsigned long long)pawl_hash_slot(a, 10));
	if (a == b || a != file_key(1, "lib/event.c", seed))
		return 1;

	before = pawl_digest_bytes(old_text, strlen(old_text));
	after = pawl_digest_bytes(new_text, strlen(new_text));
	again = pawl_digest_bytes(old_text, strlen(old_text));
	printf("text %s\n", pawl_digest_equal(before, after) ? "unchanged" : "changed");
	return !pawl_digest_equal(before, after) && pawl_digest_equal(before, again) ? 0 : 1;
}
