/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - what an engine is opened with: defaults, what the environment says instead of a default, what the
 * program says.
 *
 * A variable whose value is no number in its range is as if it were not there: a program does not fail because of
 * the shell that it was started from.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/engine.h>

#include "engine.h"

#define WORKERS_MOST	  4096
#define MILLISECONDS_MOST 86400000u
#define VERIFY_IDLE_NS	  UINT64_C(5000000000)

/* Returns: false: there is none, or it is not a number up to `most`. */
static bool number_of(const char *name, uint32_t most, uint32_t *ret_number)
{
	const char *text = getenv(name);
	unsigned long number;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || number > most)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

/* A number of milliseconds, for one that is 0. */
static void milliseconds_of(const char *name, uint64_t *ns)
{
	uint32_t ms = 0;

	if (!*ns && number_of(name, MILLISECONDS_MOST, &ms))
		*ns = ms * UINT64_C(1000000);
}

/* Which of these words; `or`: none of them. */
static unsigned word_of(const char *name, const char *const *words, unsigned n, unsigned or)
{
	const char *text = getenv(name);

	for (unsigned i = 0; text && i < n; i++) {
		if (words[i] && !strcmp(text, words[i]))
			return i;
	}
	return or ;
}

/* 0 is not to wait. */
static void sync_of(struct pawl_engine_options *options)
{
	uint32_t ms;

	if (!options->sync_wait_ns && number_of("PAWL_SYNC_WAIT_MS", MILLISECONDS_MOST, &ms))
		options->sync_wait_ns = ms ? ms * UINT64_C(1000000) : PAWL_SYNC_NO_WAIT;
}

/* A number with k, m or g behind it, perhaps. */
static void memory_of(struct pawl_engine_options *options)
{
	static const char suffixes[] = "kmg";
	const char *text = getenv("PAWL_MEMORY_BYTES"), *suffix;
	unsigned long long number;
	unsigned shift = 0;
	char *end;

	if (options->memory_bytes || !text || *text < '0' || *text > '9')
		return;
	errno = 0;
	number = strtoull(text, &end, 10);
	suffix = *end ? strchr(suffixes, *end) : NULL;
	if (suffix) {
		shift = 10 * (unsigned)(suffix - suffixes + 1);
		end++;
	}
	if (errno || *end || number > UINT64_MAX >> shift ||
	    number << shift < PAWL_MEMORY_BYTES_MIN)
		return;
	options->memory_bytes = (uint64_t)number << shift;
}

static void check_of(const char *name, uint32_t check, struct pawl_engine_options *options)
{
	uint32_t on = 0;

	(void)number_of(name, 1, &on);
	if (on)
		options->checks |= check;
}

static void environment_of_checks(struct pawl_engine_options *options)
{
	const char *functions = getenv("PAWL_CHECK_DETERMINISM");

	if (options->storm_runs == PAWL_STORM_RUNS)
		(void)number_of("PAWL_STORM_RUNS", UINT32_MAX - 1, &options->storm_runs);
	milliseconds_of("PAWL_HANG_MS", &options->hang_ns);
	if (functions && *functions && !(options->checks & PAWL_CHECK_DETERMINISM)) {
		options->checks |= PAWL_CHECK_DETERMINISM;
		options->check_functions = functions;
	}
	check_of("PAWL_CHECK_IMMUTABLE", PAWL_CHECK_IMMUTABLE, options);
	check_of("PAWL_CHECK_STALE", PAWL_CHECK_STALE, options);
	check_of("PAWL_CHECK_DIRTY", PAWL_CHECK_DIRTY, options);
}

static void environment_of_reports(struct pawl_engine_options *options)
{
	static const char *const severities[] = {"info", "warning", "error"};
	static const char *const verify[] = {NULL, "never", "close", "idle"};

	if (!options->histories)
		(void)number_of("PAWL_HISTORIES", 1, &options->histories);
	milliseconds_of("PAWL_SLOW_MS", &options->slow_ns);
	milliseconds_of("PAWL_VERIFY_IDLE_MS", &options->verify_idle_ns);
	if (options->log_least == PAWL_SEVERITY_INFO)
		options->log_least = (enum pawl_severity)word_of("PAWL_LOG", severities, 3, 0);
	if (options->verify == PAWL_VERIFY_DEFAULT)
		options->verify = (enum pawl_verify)word_of("PAWL_VERIFY", verify, 4, 0);
}

/* What a default stands for. */
static void defaults_fill(struct pawl_engine_options *options)
{
	if (options->verify == PAWL_VERIFY_DEFAULT)
		options->verify = ENG_IS_DEBUG ? PAWL_VERIFY_IDLE : PAWL_VERIFY_NEVER;
	if (!options->verify_idle_ns)
		options->verify_idle_ns = VERIFY_IDLE_NS;
}

/* In place of a default alone. */
static void environment(struct pawl_engine_options *options)
{
	uint32_t after_ms;

	if (!options->workers)
		(void)number_of("PAWL_WORKERS", WORKERS_MOST, &options->workers);
	if (options->track_dependencies)
		(void)number_of("PAWL_TRACK_DEPENDENCIES", 1, &options->track_dependencies);
	if (options->track_active)
		(void)number_of("PAWL_TRACK_ACTIVE", 1, &options->track_active);
	if (!options->function_stats)
		(void)number_of("PAWL_FUNCTION_STATS", 1, &options->function_stats);
	milliseconds_of("PAWL_SNAPSHOT_FIRST_MS", &options->snapshot_first_ns);
	milliseconds_of("PAWL_SNAPSHOT_INTERVAL_MS", &options->snapshot_interval_ns);
	milliseconds_of("PAWL_SNAPSHOT_IDLE_MS", &options->snapshot_idle_ns);
	if (options->snapshot_at_stop)
		(void)number_of("PAWL_SNAPSHOT_AT_STOP", 1, &options->snapshot_at_stop);
	memory_of(options);
	if (options->collect)
		(void)number_of("PAWL_COLLECT", 1, &options->collect);
	if (options->collect_after_ns == PAWL_COLLECT_AFTER_DEFAULT &&
	    number_of("PAWL_COLLECT_AFTER_MS", UINT32_MAX, &after_ms))
		options->collect_after_ns = after_ms * UINT64_C(1000000);
	if (!options->abandon)
		(void)number_of("PAWL_ABANDON", 1, &options->abandon);
	sync_of(options);
	environment_of_reports(options);
	environment_of_checks(options);
}

static bool is_valid(const struct pawl_engine_options *given)
{
	return given->track_dependencies <= 1 && given->track_active <= 1 &&
	       given->function_stats <= 1 && given->histories <= 1 &&
	       given->snapshot_at_stop <= 1 && given->abandon <= 1 && given->collect <= 1 &&
	       !given->reserved2 && (unsigned)given->log_least <= PAWL_SEVERITY_ERROR &&
	       (unsigned)given->verify < PAWL_VERIFY_COUNT &&
	       !(given->checks & ~(PAWL_CHECK_DETERMINISM | PAWL_CHECK_IMMUTABLE |
				   PAWL_CHECK_STALE | PAWL_CHECK_DIRTY));
}

int eng_options_read(const struct pawl_engine_options *given, struct pawl_engine_options *into)
{
	static const struct pawl_engine_options defaults = PAWL_ENGINE_OPTIONS_INIT;

	*into = defaults;
	if (given) {
		if (given->size > sizeof(*into))
			return -E2BIG;
		if (given->size < sizeof(*into) || !is_valid(given))
			return -EINVAL;
		if (given->memory_bytes && given->memory_bytes < PAWL_MEMORY_BYTES_MIN)
			return -EINVAL;
		if (given->storage > PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN ||
		    !given->store != !given->storage)
			return -EINVAL;
		*into = *given;
	}
	environment(into);
	defaults_fill(into);
	return 0;
}
