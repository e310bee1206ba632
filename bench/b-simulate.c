/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-simulate.c - the simulation (verify/sim): what a step costs, 10^9 over which is the steps of a second.
 *
 * The same seeds each time, so the same steps; the program is started, and its processes for each life are in it. It is that of
 * `make simulate`, out/verify/sim; without it there are no rows.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS 4u
#define STEPS 1000000u /* in place of the true number, which is not known before */

enum mode { RANDOM, PCT };

static const char *path(void)
{
	static char text[1024];
	const char *build = getenv("PAWL_BUILDDIR");

	(void)snprintf(text, sizeof(text), "%s/out/verify/sim", build ? build : ".");
	return text;
}

static int setup(struct b_run *run)
{
	run->state = NULL;
	return access(path(), X_OK) ? -errno : 0;
}

/* Of the table at its end. */
static uint64_t steps_of(FILE *from)
{
	unsigned long runs, lives, steps, found = 0;
	char line[1024];

	while (fgets(line, sizeof(line), from)) {
		if (sscanf(line, "# %lu runs, %lu lives, %lu steps", &runs, &lives, &steps) ==
		    3)
			found = steps;
	}
	return found;
}

static void work(struct b_worker *w, uint64_t n)
{
	char command[1200];
	uint64_t began_ns = b_now_ns(), steps;
	FILE *out;

	(void)snprintf(command, sizeof(command), "'%s' --table --mode %s --seed 1 --seeds %u",
		       path(), w->run->cas->arg == PCT ? "pct" : "random", SEEDS);
	out = popen(command, "r");
	if (!out)
		b_die("%s: %s", command, strerror(errno));
	steps = steps_of(out);
	if (pclose(out) || !steps)
		b_die("%s: failed", command);
	/* The time of so many of its steps. */
	w->spent_ns = (uint64_t)((double)(b_now_ns() - began_ns) * (double)n / (double)steps);
}

static const struct b_case cases[] = {
	{.bench = "simulate",
	 .contender = "pawl",
	 .params = "\"mode\":\"random\"",
	 .arg = RANDOM,
	 .count = STEPS,
	 .whole = true,
	 .anywhere = true,
	 .threads = 1,
	 .setup = setup,
	 .work = work},
	{.bench = "simulate",
	 .contender = "pawl",
	 .params = "\"mode\":\"pct\"",
	 .arg = PCT,
	 .count = STEPS,
	 .whole = true,
	 .anywhere = true,
	 .threads = 1,
	 .setup = setup,
	 .work = work},
};
B_CASES(cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "simulate",
		 .text = "a step of the simulation: an access, a lock, a switch",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .reps_max = 7},
	};

	return b_main(argc, argv, benches, 1);
}
