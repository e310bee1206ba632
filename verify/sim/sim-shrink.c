/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-shrink.c - making a failing program small, and files of programs.
 *
 * First operations are left out, in ever smaller groups, then the ends of those that are left; each candidate
 * is run under the rule that found the failure, and under some others of the same kind (other seeds for the
 * scheduler), since a schedule means something else for another program. Then the schedule itself: it is written
 * down, and switches are left out as operations were. A candidate counts if it fails with the same words.
 *
 * A file is text: "mode", "seed", "depth", "no-collect", "op NUMBERS", and for a replay "switch STEP:THREAD ...";
 * "#" begins a comment.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double deadline;
static char wanted[512];

static bool fails(struct sim_run *run)
{
	return !sim_run_once(run) && !strcmp(run->what, wanted);
}

/* By this seed, or by one near to it. */
static bool fails_somehow(struct sim_run *run)
{
	uint64_t seed = run->seed;

	for (unsigned i = 0; i < 8 && sim_seconds() < deadline; i++) {
		run->seed = seed + i * 1000000;
		if (fails(run))
			return true;
	}
	run->seed = seed;
	return false;
}

static void drop_ops(struct sim_run *run)
{
	static struct sim_op kept[SIM_OPS];

	for (unsigned group = run->ops_n / 2; group; group /= 2)
		for (unsigned at = 0; at < run->ops_n && sim_seconds() < deadline;) {
			unsigned n = run->ops_n, less = at + group < n ? group : n - at;

			memcpy(kept, run->ops, sizeof(kept));
			memmove(&run->ops[at], &run->ops[at + less],
				(n - at - less) * sizeof(kept[0]));
			run->ops_n = n - less;
			if (fails_somehow(run))
				continue;
			memcpy(run->ops, kept, sizeof(kept));
			run->ops_n = n;
			at += group;
		}
}

static void shorten_ops(struct sim_run *run)
{
	for (unsigned i = 0; i < run->ops_n; i++)
		for (unsigned less = run->ops[i].n / 2; less && sim_seconds() < deadline;
		     less /= 2) {
			if (run->ops[i].n <= less)
				continue;
			run->ops[i].n = (uint8_t)(run->ops[i].n - less);
			if (fails_somehow(run))
				less *= 2;
			else
				run->ops[i].n = (uint8_t)(run->ops[i].n + less);
		}
}

bool sim_as_written(struct sim_run *run)
{
	if (!run->recorded_all)
		return false;
	memcpy(run->replay, run->record, run->recorded * sizeof(run->replay[0]));
	run->replay_n = run->recorded;
	run->mode = SIM_REPLAY;
	return true;
}

static void drop_switches(struct sim_run *run)
{
	static struct sim_switch kept[SIM_SWITCHES];

	for (unsigned group = (run->replay_n + 1) / 2; group; group /= 2)
		for (unsigned at = 0; at < run->replay_n && sim_seconds() < deadline;) {
			unsigned n = run->replay_n, less = at + group < n ? group : n - at;

			memcpy(kept, run->replay, n * sizeof(kept[0]));
			memmove(&run->replay[at], &run->replay[at + less],
				(n - at - less) * sizeof(kept[0]));
			run->replay_n = n - less;
			if (fails(run))
				continue;
			memcpy(run->replay, kept, n * sizeof(kept[0]));
			run->replay_n = n;
			at += group;
		}
}

void sim_shrink(struct sim_run *run, const char *path, double seconds)
{
	unsigned ops = run->ops_n, recorded;
	enum sim_mode mode = run->mode;

	snprintf(wanted, sizeof(wanted), "%s", run->what);
	deadline = sim_seconds() + seconds * 2 / 3;
	drop_ops(run);
	shorten_ops(run);
	drop_ops(run);
	deadline = sim_seconds() + seconds / 3;
	if (!fails(run)) {
		printf("it does not fail again\n");
		return;
	}
	recorded = run->recorded;
	if (sim_as_written(run) && fails(run)) {
		drop_switches(run);
	} else {
		run->mode = mode;
		run->replay_n = 0;
	}
	printf("%u operations of %u, %u switches of %u: %s\n", run->ops_n, ops, run->replay_n,
	       recorded, path);
	if (!sim_write(run, path))
		perror(path);
}

/* ---- files ---- */

bool sim_write(const struct sim_run *run, const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return false;
	fprintf(file, "# SPDX-License-Identifier: BSD-2-Clause\n# It failed with: %s\n",
		wanted);
	fprintf(file, "mode %s\nseed %lu\ndepth %u\n",
		run->mode == SIM_PCT	  ? "pct"
		: run->mode == SIM_RANDOM ? "random"
					  : "replay",
		(unsigned long)run->seed, run->depth);
	if (run->no_collect)
		fprintf(file, "no-collect\n");
	for (unsigned i = 0; i < run->ops_n; i++) {
		char text[600];

		sim_program_tell(&run->ops[i], text, sizeof(text));
		fprintf(file, "# %s\nop", strtok(text, " "));
		for (unsigned j = 0; j < run->ops[i].n; j++)
			fprintf(file, " %u", run->ops[i].bytes[j]);
		fprintf(file, "\n");
	}
	for (unsigned i = 0; i < run->replay_n; i++)
		fprintf(file, "%s%lu:%u%s", i % 8 ? " " : "switch ",
			(unsigned long)run->replay[i].step, run->replay[i].thread,
			i % 8 == 7 || i + 1 == run->replay_n ? "\n" : "");
	return fclose(file) == 0;
}

static void read_op(struct sim_run *run, char *at)
{
	struct sim_op *op;
	char *end;

	if (run->ops_n == SIM_OPS)
		return;
	op = &run->ops[run->ops_n++];
	for (op->n = 0; op->n < SIM_OP_BYTES; at = end) {
		unsigned long value = strtoul(at, &end, 10);

		if (end == at)
			break;
		op->bytes[op->n++] = (uint8_t)value;
	}
}

static void read_switches(struct sim_run *run, char *at)
{
	char *end;

	while (run->replay_n < SIM_SWITCHES) {
		unsigned long step = strtoul(at, &end, 10);

		if (end == at || *end != ':')
			break;
		run->replay[run->replay_n].step = step;
		run->replay[run->replay_n++].thread = (uint32_t)strtoul(end + 1, &at, 10);
	}
}

bool sim_read(struct sim_run *run, const char *path)
{
	FILE *file = fopen(path, "r");
	static char line[4096];

	if (!file) {
		perror(path);
		return false;
	}
	run->ops_n = run->replay_n = 0;
	run->no_collect = false;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "mode ", 5))
			/* What bytes were has become a schedule. */
			run->mode = !strncmp(line + 5, "pct", 3)      ? SIM_PCT
				    : !strncmp(line + 5, "random", 6) ? SIM_RANDOM
								      : SIM_REPLAY;
		else if (!strncmp(line, "seed ", 5))
			run->seed = strtoull(line + 5, NULL, 10);
		else if (!strncmp(line, "depth ", 6))
			run->depth = (unsigned)strtoul(line + 6, NULL, 10);
		else if (!strncmp(line, "no-collect", 10))
			run->no_collect = true;
		else if (!strncmp(line, "op", 2))
			read_op(run, line + 2);
		else if (!strncmp(line, "switch ", 7))
			read_switches(run, line + 7);
	}
	fclose(file);
	return true;
}
