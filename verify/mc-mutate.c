/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-mutate.c - sites: coverage, orders seen, and mutants made at run time.
 *
 * A site is the call of a hook, known by its return address. Its name is
 * file:function:ordinal, where the ordinal counts the atomic and fence sites of the
 * function by source line; names are worked out by verify/mutants from the program's
 * disassembly and its debug information. Here a site is an address.
 *
 * --mutate=ADDRESS[,ADDRESS...]:ORDER   the atomic or fence at these places (a source line that
 *                            is inlined has several) uses the weaker ORDER (relaxed for a
 *                            fence: no fence)
 * --mutate=step:NAME         PAWL_MC_STEP(NAME) is left out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mc-internal.h"

extern char __executable_start[], etext[];

static MC_STATE uint8_t *seen; /* per text byte: 0, or 1 plain, or 16 | order and kind */
static MC_STATE uintptr_t text_lo, text_bytes;
#define PLACES_MAX 64
static MC_STATE uintptr_t mutant_pc[PLACES_MAX];
static MC_STATE unsigned nplaces;
static MC_STATE unsigned mutant_order;
static MC_STATE const char *mutant_step;
static MC_STATE bool mutant_hit;

#define STEPS_MAX 64
static MC_STATE const char *steps[STEPS_MAX];
static MC_STATE unsigned nsteps;

static const char *const order_names[] = {"relaxed", "consume", "acquire",
					  "release", "acq_rel", "seq_cst"};

void mc_mutate_init(void)
{
	text_lo = (uintptr_t)__executable_start;
	text_bytes = (uintptr_t)etext - text_lo;
	seen = mc_map(text_bytes + 1);
	if (!mc_opt.mutate)
		return;
	if (!strncmp(mc_opt.mutate, "step:", 5)) {
		mutant_step = mc_opt.mutate + 5;
		return;
	}
	const char *at = mc_opt.mutate;
	char *end;

	do {
		mutant_pc[nplaces++] = strtoul(at, &end, 16);
		at = end + 1;
	} while (*end == ',' && nplaces < PLACES_MAX);
	for (unsigned i = 0; *end == ':' && i < 6; i++)
		if (!strcmp(end + 1, order_names[i])) {
			mutant_order = i;
			return;
		}
	fprintf(stderr, "--mutate=ADDRESS[,ADDRESS...]:ORDER or --mutate=step:NAME\n");
	exit(2);
}

unsigned mc_site_order(const void *pc, unsigned order, char kind)
{
	uintptr_t at = (uintptr_t)pc - text_lo;
	unsigned k = kind == 'l' ? 0 : kind == 's' ? 1 : kind == 'm' ? 2 : kind == 'c' ? 3 : 4;

	order &= 7;
	if (at < text_bytes)
		seen[at] = (uint8_t)(0x80 | k << 3 | order);
	for (unsigned i = 0; i < nplaces; i++)
		if ((uintptr_t)pc == mutant_pc[i]) {
			mutant_hit = true;
			return mutant_order;
		}
	return order;
}

void mc_site_plain(const void *pc)
{
	uintptr_t at = (uintptr_t)pc - text_lo;

	if (at < text_bytes)
		seen[at] = 1;
}

bool mc_step(const char *name)
{
	unsigned i = 0;

	while (i < nsteps && strcmp(steps[i], name))
		i++;
	if (i == nsteps && nsteps < STEPS_MAX)
		steps[nsteps++] = name;
	if (mutant_step && !strcmp(mutant_step, name)) {
		mutant_hit = true;
		return false;
	}
	return true;
}

/* One line a site: address, kind, order; the reader adds names. */
void mc_sites_write(void *file)
{
	FILE *f = file;
	static const char *const kinds[] = {"load", "store", "rmw", "cas", "fence"};

	for (uintptr_t i = 0; i < text_bytes; i++) {
		if (seen[i] & 0x80)
			fprintf(f, "%#lx %s %s\n", (unsigned long)(text_lo + i),
				kinds[seen[i] >> 3 & 7], order_names[seen[i] & 7]);
		else if (seen[i])
			fprintf(f, "%#lx plain -\n", (unsigned long)(text_lo + i));
	}
	for (unsigned i = 0; i < nsteps; i++)
		fprintf(f, "step:%s step -\n", steps[i]);
	if (mc_opt.mutate)
		fprintf(f, "mutant %s -\n", mutant_hit ? "reached" : "not-reached");
}
