/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile.c - a row of counters for each thread slot, made when the thread first counts.
 *
 * A row has one writer, the thread that has the slot, so a count is a load and a store. All relaxed: these are
 * statistics; the row itself is published with release, for who adds up.
 */
#include "config.h"

#include "profile.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/thread.h>

struct eng_profile {
	size_t functions;
	/* Of struct pawl_atomic_u64 [functions][ENG_COUNT_COUNT]; NULL: not yet. Each by its thread. */
	struct pawl_atomic_ptr rows[PAWL_THREADS_MAX];
};

static size_t row_bytes(const struct eng_profile *profile)
{
	return profile->functions * ENG_COUNT_COUNT * sizeof(struct pawl_atomic_u64);
}

int eng_profile_create(size_t functions, struct eng_profile **ret_profile)
{
	struct eng_profile *profile = pawl_mem_zalloc(sizeof(*profile), 0);

	if (!profile)
		return -ENOMEM;
	profile->functions = functions;
	*ret_profile = profile;
	return 0;
}

void eng_profile_destroy(struct eng_profile *profile)
{
	if (!profile)
		return;
	for (unsigned i = 0; i < PAWL_THREADS_MAX; i++)
		pawl_mem_free(pawl_load_relaxed(&profile->rows[i]), row_bytes(profile),
			      PAWL_LINE_BYTES);
	pawl_mem_free(profile, sizeof(*profile), 0);
}

void eng_profile_add(struct eng_profile *profile, uint32_t function, enum eng_count which,
		     uint64_t by)
{
	struct pawl_atomic_ptr *place = &profile->rows[pawl_thread_slot()];
	struct pawl_atomic_u64 *row = pawl_load_relaxed(place), *count;

	if (!function)
		return;
	if (!row) {
		row = pawl_mem_zalloc(row_bytes(profile), PAWL_LINE_BYTES);
		if (!row)
			return;
		pawl_store_release(place, row);
	}
	count = &row[(function - 1) * ENG_COUNT_COUNT + which];
	pawl_store_relaxed(count, pawl_load_relaxed(count) + by);
}

void eng_profile_read(const struct eng_profile *profile, uint32_t function,
		      uint64_t ret_counts[ENG_COUNT_COUNT])
{
	for (unsigned which = 0; which < ENG_COUNT_COUNT; which++)
		ret_counts[which] = 0;
	for (unsigned i = 0; i < PAWL_THREADS_MAX; i++) {
		const struct pawl_atomic_u64 *row = pawl_load_acquire(&profile->rows[i]);

		for (unsigned which = 0; row && which < ENG_COUNT_COUNT; which++)
			ret_counts[which] += pawl_load_relaxed(
				&row[(function - 1) * ENG_COUNT_COUNT + which]);
	}
}
