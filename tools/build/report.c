/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - the last lines of a build, `pawl why`, and traces.
 *
 * The file `why` has a line for each edge that ever ran here: output, kind of reason, the file it was about, its digest
 * before and after, with tabs between. It is for people: a line that cannot be read is left out.
 */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

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
	status_print(b->status,
		     "%s: %zu run, %zu cut off early, %zu up to date, %zu failed; %s saved",
		     b->options->name, b->ran, b->cut, clean, b->failed, saved);
}

/* ---- why --------------------------------------------------------------------------------------- */

struct line {
	char *output, *file;
	unsigned kind, before, after;
};

struct lines {
	struct line *at;
	size_t n, room;
};

static void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		free(lines->at[i].output);
		free(lines->at[i].file);
	}
	free(lines->at);
}

static void lines_read(const char *path, struct lines *lines)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	while (file && getline(&text, &room, file) > 0) {
		char *fields[5], *at = text;
		unsigned n = 0;

		text[strcspn(text, "\n")] = 0;
		while (n < 5 && at) {
			fields[n++] = at;
			at = strchr(at, '\t');
			if (at)
				*at++ = 0;
		}
		if (n < 5)
			continue;
		BUILD_GROW(lines->at, lines->n, lines->room);
		lines->at[lines->n++] = (struct line){build_dup(fields[0], strlen(fields[0])),
						      build_dup(fields[2], strlen(fields[2])),
						      (unsigned)strtoul(fields[1], NULL, 10),
						      (unsigned)strtoul(fields[3], NULL, 16),
						      (unsigned)strtoul(fields[4], NULL, 16)};
	}
	free(text);
	if (file)
		fclose(file);
}

static bool ran(const struct build *b, const char *output)
{
	uint32_t node = mf_find(b->m, output, strlen(output));
	uint32_t edge = node == MF_NONE ? MF_NONE : b->m->nodes[node].edge;

	return edge == MF_NONE || b->plan.edges[edge].result == EDGE_RAN;
}

void report_why_save(struct build *b)
{
	struct string path = {NULL, 0, 0}, temporary = {NULL, 0, 0};
	struct lines lines = {NULL, 0, 0};
	FILE *file;

	lines_read(state_path(b, "why", &path), &lines);
	(void)state_path(b, "why.new", &temporary);
	file = fopen(temporary.bytes, "we");
	for (size_t i = 0; file && i < lines.n; i++) {
		const struct line *line = &lines.at[i];

		if (!ran(b, line->output))
			fprintf(file, "%s\t%u\t%s\t%08x\t%08x\n", line->output, line->kind,
				line->file, line->before, line->after);
	}
	for (uint32_t i = 0; file && i < b->m->n_edges; i++) {
		const struct edge *e = &b->plan.edges[i];

		if (e->result != EDGE_RAN)
			continue;
		fprintf(file, "%s\t%u\t%s\t%08x\t%08x\n", mf_path(b->m, mf_outs(b->m, i).at[0]),
			(unsigned)e->why.kind,
			e->why.file == MF_NONE ? "" : file_at(b->files, e->why.file)->path,
			e->why.before, e->why.after);
	}
	if (file && !fclose(file))
		(void)rename(temporary.bytes, path.bytes);
	lines_free(&lines);
	string_free(&path);
	string_free(&temporary);
}

static const struct line *line_find(const struct lines *lines, const char *output)
{
	for (size_t i = 0; i < lines->n; i++) {
		if (!strcmp(lines->at[i].output, output))
			return &lines->at[i];
	}
	return NULL;
}

/* The first of its edge's outputs is what an edge is known by. */
static const char *edge_name(const struct build *b, uint32_t file)
{
	uint32_t edge = plan_producer(&b->plan, file);

	return edge == MF_NONE ? NULL : mf_path(b->m, mf_outs(b->m, edge).at[0]);
}

static void say(const char *output, bool will, const struct plan *plan, const struct why *why,
		unsigned depth)
{
	struct string words = {NULL, 0, 0};

	why_words(plan, why, &words);
	printf("%*s%s %s: %s\n", (int)(2 * depth), "", output, will ? "will run" : "ran",
	       words.bytes);
	string_free(&words);
}

/* What the last runs were for. */
static void why_past(struct build *b, const char *output)
{
	struct string path = {NULL, 0, 0};
	struct lines lines = {NULL, 0, 0};
	unsigned depth = 0;

	lines_read(state_path(b, "why", &path), &lines);
	string_free(&path);
	if (!line_find(&lines, output))
		printf("%s is up to date; why it ran is not known\n", output);
	while (output && depth < 100) {
		const struct line *line = line_find(&lines, output);
		struct why why = {WHY_NONE, MF_NONE, 0, 0};

		if (!line)
			break;
		why.kind = line->kind < WHY_KIND_COUNT ? (enum why_kind)line->kind : WHY_NONE;
		why.before = line->before;
		why.after = line->after;
		if (*line->file)
			why.file = files_add(b->files, line->file, strlen(line->file));
		say(output, false, &b->plan, &why, depth++);
		output = why.kind == WHY_INPUT ? edge_name(b, why.file) : NULL;
	}
	lines_free(&lines);
}

/* What it will run for: the first one below that is certain. */
static void why_coming(struct build *b, uint32_t edge, unsigned depth)
{
	while (depth < 1000) {
		const struct edge *e = &b->plan.edges[edge];
		const char *output = mf_path(b->m, mf_outs(b->m, edge).at[0]);
		uint32_t file, next = MF_NONE;

		if (e->state == EDGE_DIRTY) {
			say(output, true, &b->plan, &e->why, depth);
			return;
		}
		for (size_t i = 0;
		     next == MF_NONE && (file = plan_read(&b->plan, edge, i)) != MF_NONE; i++) {
			uint32_t below = plan_producer(&b->plan, file);

			if (below != MF_NONE && below != edge &&
			    (b->plan.edges[below].state == EDGE_DIRTY ||
			     b->plan.edges[below].state == EDGE_MAYBE))
				next = below;
		}
		if (next == MF_NONE)
			return;
		printf("%*s%s may run, since it needs %s\n", (int)(2 * depth++), "", output,
		       mf_path(b->m, mf_outs(b->m, next).at[0]));
		edge = next;
	}
}

void report_why(struct build *b, uint32_t node)
{
	uint32_t edge = plan_producer(&b->plan, node);

	if (edge == MF_NONE) {
		printf("%s is a source: nothing makes it\n", mf_path(b->m, node));
		return;
	}
	if (b->plan.edges[edge].state == EDGE_CLEAN)
		why_past(b, mf_path(b->m, mf_outs(b->m, edge).at[0]));
	else
		why_coming(b, edge, 0);
	(void)fflush(stdout);
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
