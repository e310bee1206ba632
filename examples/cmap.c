/* SPDX-License-Identifier: BSD-2-Clause */
/* cmap.c - who is dirty: each part reports changes, and only the first and the last are told on. */
#include <stdio.h>

#include <pawl/cmap.h>

static struct pawl_cmap reasons =
	PAWL_CMAP_INIT; /* part -> how many reasons it has to be dirty */
static unsigned told;

/* One reason more (1) or less (-1). */
static int change(uint32_t part, int32_t by)
{
	struct pawl_crossing crossing;
	int rc = pawl_cmap_add(&reasons, part, by, &crossing);

	if (!rc && pawl_crossing_positive(crossing)) {
		printf("part %u is %s\n", part, crossing.after > 0 ? "dirty" : "clean");
		told++;
	}
	return rc;
}

int main(void)
{
	static const struct pawl_cmap_entry batch[] = {{7, -2}, {8, 1}, {9, 1}};
	struct pawl_crossing crossings[3];
	struct pawl_cmap_entry entry;
	uint32_t cursor = 0;
	long sum = 0;

	if (change(7, 1) || change(7, 1) || change(8, -1) || change(7, 1))
		return 1;
	/* Messages may overtake each other: part 8 is at -1, not an error. All or nothing: */
	if (pawl_cmap_add_n(&reasons, batch, 3, crossings))
		return 1;
	for (unsigned i = 0; i < 3; i++) {
		if (pawl_crossing_zero(crossings[i]))
			printf("part %u %s\n", batch[i].key,
			       crossings[i].after ? "appeared" : "is gone");
	}
	while (pawl_cmap_next(&reasons, &cursor, &entry))
		sum += entry.count;
	printf("%u parts, %ld reasons, %zu bytes beside the handle\n",
	       pawl_cmap_count(&reasons), sum, pawl_cmap_bytes(&reasons));
	if (pawl_cmap_count(&reasons) != 2 || sum != 2 || told != 1)
		return 1;
	pawl_cmap_fini(&reasons);
	return 0;
}
