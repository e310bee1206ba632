/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - the last lines of a build, traces, and the graph.
 */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_nothing(struct build *b)
{
	if (!b->options->quiet)
		status_print(b->status, "%s: no work to do.", b->options->name);
}

static void seconds(char *out, size_t n, uint64_t ns)
{
	double s = (double)ns / 1e9;

	if (s < 60)
		(void)snprintf(out, n, "%.1f s", s);
	else
		(void)snprintf(out, n, "%d min %02d s", (int)s / 60, (int)s % 60);
}

void report_summary(struct build *b)
{
	size_t clean = b->plan.commands - b->plan.dirty - b->plan.maybe;
	size_t before = b->rounds.ran + b->rounds.cut;
	char saved[48];
	uint64_t saved_ns = b->saved_ns;

	if (b->options->quiet || strcmp(b->options->name, "ninja") == 0)
		return;
	for (size_t i = 0; i < b->plan.order_n; i++) {
		const struct edge *e = &b->plan.edges[b->plan.order[i]];

		if (e->state == EDGE_CLEAN && !e->phony)
			saved_ns += e->duration_ns;
	}
	seconds(saved, sizeof(saved), saved_ns);
	clean -= before < clean ? before : clean;
	status_print(b->status,
		     "%s: %zu run, %zu cut off early, %zu up to date, %zu failed; %s saved",
		     b->options->name, b->ran, b->cut, clean, b->failed, saved);
}

/* ---- traces --------------------------------------------------------------------------------------- */

static void json_put(FILE *file, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else if (c < 0x20)
			fprintf(file, "\\u%04x", c);
		else
			putc(c, file);
	}
}

#define TRACKS 4096

void report_trace(struct build *b)
{
	FILE *file = fopen(b->options->trace, "we");
	uint64_t *ends = build_alloc(TRACKS * sizeof(*ends)), first = UINT64_MAX;
	const char *at;

	if (!file) {
		status_say(b->status, "warning", "%s: %s", b->options->trace, strerror(errno));
		free(ends);
		return;
	}
	/* Lines come in the order of their ends: the first begin is found before. */
	for (at = b->trace.bytes; at && *at; at = strchr(at, '\n') + 1) {
		unsigned long long begun;

		if (sscanf(at, "%*u %llu", &begun) == 1 && begun < first)
			first = begun;
	}
	fputs("[", file);
	for (at = b->trace.bytes; at && *at; at = strchr(at, '\n') + 1) {
		unsigned long long begun, ended;
		unsigned edge, track = 0;
		int name = 0;

		if (sscanf(at, "%u %llu %llu %n", &edge, &begun, &ended, &name) != 3)
			continue;
		while (track + 1 < TRACKS && ends[track] > begun)
			track++;
		ends[track] = ended;
		fprintf(file, "%s\n{\"name\":\"", at == b->trace.bytes ? "" : ",");
		json_put(file, at + name, strcspn(at + name, "\n"));
		fprintf(file,
			"\",\"cat\":\"edge\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,"
			"\"pid\":1,\"tid\":%u}",
			(double)(begun - first) / 1e3, (double)(ended - begun) / 1e3,
			track + 1);
	}
	fputs("\n]\n", file);
	if (fclose(file))
		status_say(b->status, "warning", "%s: %s", b->options->trace, strerror(errno));
	free(ends);
}

/* ---- the graph -------------------------------------------------------------------------------------- */

/* What stands in a quoted string of dot(1). */
static void dot_put(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', file);
		putc(*text, file);
	}
}

static const char *dot_color(const struct edge *e)
{
	switch (e->result) {
	case EDGE_RAN:
		return "gold";
	case EDGE_CUT:
		return "palegreen";
	case EDGE_FAILED:
		return "tomato";
	case EDGE_BLOCKED:
	case EDGE_STOPPED:
		return "lightpink";
	default:
		/* Of a dry run, too. */
		return e->state == EDGE_CLEAN || e->phony ? "white"
		       : e->state == EDGE_DIRTY		  ? "gold"
							  : "lightyellow";
	}
}

static void dot_edge(struct build *b, FILE *file, uint32_t edge)
{
	const struct edge *e = &b->plan.edges[edge];
	size_t listed = mf_ins(b->m, edge).n, deps = mf_deps(b->m, edge).n;
	uint32_t from;

	fprintf(file, "e%u [label=\"", edge);
	dot_put(file, mf_path(b->m, mf_outs(b->m, edge).at[0]));
	fprintf(file, "\" fillcolor=%s%s]\n", dot_color(e), e->phony ? " shape=ellipse" : "");
	for (size_t i = 0; (from = plan_read(&b->plan, edge, i)) != MF_NONE; i++) {
		uint32_t below = plan_producer(&b->plan, from);

		if (below == MF_NONE) {
			fprintf(file, "f%u [label=\"", from);
			dot_put(file, file_at(b->files, from)->path);
			fprintf(file, "\" style=\"\" shape=plain]\nf%u", from);
		} else {
			fprintf(file, "e%u", below);
		}
		fprintf(file, " -> e%u%s\n", edge,
			i >= listed ? " [style=dashed]"
			: i >= deps ? " [style=dotted]"
				    : "");
	}
}

void report_dot(struct build *b)
{
	FILE *file = fopen(b->options->dot, "we");

	if (!file) {
		status_say(b->status, "warning", "%s: %s", b->options->dot, strerror(errno));
		return;
	}
	fputs("digraph build {\nrankdir=LR\nnode [shape=box style=filled fontsize=10]\n", file);
	for (size_t i = 0; i < b->plan.order_n; i++)
		dot_edge(b, file, b->plan.order[i]);
	fputs("}\n", file);
	if (fclose(file))
		status_say(b->status, "warning", "%s: %s", b->options->dot, strerror(errno));
}

/* ---- what took time ----------------------------------------------------------------------------------- */

void report_stats(struct build *b)
{
	static const char *const names[PHASE_COUNT] = {
		[PHASE_SETTLED] = "anything to do?", [PHASE_MANIFEST] = "manifest",
		[PHASE_STATE] = "stamps, journal",   [PHASE_PLAN] = "plan",
		[PHASE_COMMANDS] = "commands",	     [PHASE_SAVE] = "stamps written",
	};
	const struct files *files = b->files;

	status_print(b->status, "%-16s\tcount\tavg (us)\ttotal (ms)", "metric");
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		const struct build_spent *spent = &b->spent[i];

		if (spent->n)
			status_print(b->status, "%-16s\t%u\t%.1f\t\t%.1f", names[i], spent->n,
				     (double)spent->ns / 1e3 / spent->n,
				     (double)spent->ns / 1e6);
	}
	if (!files)
		return;
	status_print(b->status, "files: %u known, %llu looked at, %llu digested (%llu bytes)",
		     pawl_load_relaxed(&files->n),
		     (unsigned long long)pawl_load_relaxed(&files->looked),
		     (unsigned long long)pawl_load_relaxed(&files->digested),
		     (unsigned long long)pawl_load_relaxed(&files->bytes));
	status_print(b->status, "commands: %zu wanted, %zu run, %zu cut off early, %zu failed",
		     b->plan.commands, b->ran, b->cut, b->failed);
}
