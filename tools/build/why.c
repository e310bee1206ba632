/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * why.c - what edges ran for: kept by builds, told by `pawl why`.
 *
 * The file `why` begins with "# pawl why 2 N", its checksum behind, and has N lines, one for each edge that ever ran here: a checksum of the rest of
 * the line, output, kind of reason, the file that it was about, its digest before and after, with tabs between. It is
 * for people: what is damaged is left out and said, and nothing else hangs on it.
 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/hash.h>

#include "state.h"

struct line {
	char *output, *file;
	unsigned kind, before, after;
};

struct lines {
	struct line *at;
	size_t n, room;
	size_t lost; /* damaged ones, the head being one */
};

static void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		free(lines->at[i].output);
		free(lines->at[i].file);
	}
	free(lines->at);
}

/* ---- the file -------------------------------------------------------------------------------- */

#define SEED 0x796877 /* "why" */

static unsigned check(const char *text)
{
	return (unsigned)pawl_hash_bytes(text, strlen(text), SEED);
}

static bool line_read(char *text, struct lines *lines)
{
	char *fields[6], *at = text;
	unsigned n = 0;

	text[strcspn(text, "\n")] = 0;
	at = strchr(text, '\t');
	if (!at || strtoul(text, NULL, 16) != check(at + 1))
		return false;
	for (at = text; n < 6 && at; n++) {
		fields[n] = at;
		at = strchr(at, '\t');
		if (at)
			*at++ = 0;
	}
	if (n < 6 || at)
		return false;
	BUILD_GROW(lines->at, lines->n, lines->room);
	lines->at[lines->n++] = (struct line){build_dup(fields[1], strlen(fields[1])),
					      build_dup(fields[3], strlen(fields[3])),
					      (unsigned)strtoul(fields[2], NULL, 10),
					      (unsigned)strtoul(fields[4], NULL, 16),
					      (unsigned)strtoul(fields[5], NULL, 16)};
	return true;
}

#define HEAD "# pawl why %u %zu"

static bool head_read(const char *text, unsigned *ret_version, size_t *ret_n)
{
	char again[64];
	unsigned sum;

	if (sscanf(text, HEAD " %x\n", ret_version, ret_n, &sum) != 3)
		return false;
	(void)snprintf(again, sizeof(again), HEAD, *ret_version, *ret_n);
	return sum == check(again);
}

static void head_write(struct string *out, size_t n)
{
	char text[64];

	(void)snprintf(text, sizeof(text), HEAD, 2u, n);
	string_printf(out, "%s %08x\n", text, check(text));
}

/* What another version has left is no damage, and not read. */
static void lines_read(struct build *b, struct lines *lines)
{
	struct string path = {NULL, 0, 0};
	FILE *file = fopen(state_path(b, "why", &path), "re");
	unsigned version = 2;
	size_t room = 0, n = 0, seen = 0;
	char *text = NULL;

	if (file && (getline(&text, &room, file) <= 0 || !head_read(text, &version, &n))) {
		lines->lost = 1;
		version = 2;
		n = 0;
	}
	while (file && version == 2 && getline(&text, &room, file) > 0) {
		seen++;
		lines->lost += !line_read(text, lines);
	}
	lines->lost += version == 2 && n > seen ? n - seen : 0;
	if (lines->lost)
		status_say(b->status, "warning", "%s is damaged: %zu of its lines %s lost",
			   path.bytes, lines->lost, lines->lost == 1 ? "is" : "are");
	free(text);
	string_free(&path);
	if (file)
		fclose(file);
}

static void line_write(struct string *out, const struct line *line, size_t *n)
{
	struct string text = {NULL, 0, 0};

	string_printf(&text, "%s\t%u\t%s\t%08x\t%08x", line->output, line->kind, line->file,
		      line->before, line->after);
	/* A path with a tab in it could not be read back. */
	if (!strchr(line->output, '\t') && !strchr(line->file, '\t')) {
		string_printf(out, "%08x\t%s\n", check(text.bytes), text.bytes);
		(*n)++;
	}
	string_free(&text);
}

static bool ran(const struct build *b, const char *output)
{
	uint32_t node = mf_find(b->m, output, strlen(output));
	uint32_t edge = node == MF_NONE ? MF_NONE : b->m->nodes[node].edge;

	return edge == MF_NONE || b->plan.edges[edge].result == EDGE_RAN;
}

void report_why_save(struct build *b)
{
	struct string path = {NULL, 0, 0}, rest = {NULL, 0, 0}, all = {NULL, 0, 0};
	struct lines lines = {NULL, 0, 0, 0};
	size_t n = 0;

	lines_read(b, &lines);
	for (size_t i = 0; i < lines.n; i++) {
		if (!ran(b, lines.at[i].output))
			line_write(&rest, &lines.at[i], &n);
	}
	for (uint32_t i = 0; i < b->m->n_edges; i++) {
		const struct edge *e = &b->plan.edges[i];
		const char *of =
			e->why.file == MF_NONE ? "" : file_at(b->files, e->why.file)->path;
		struct line line = {(char *)(uintptr_t)mf_path(b->m, mf_outs(b->m, i).at[0]),
				    (char *)(uintptr_t)of, (unsigned)e->why.kind, e->why.before,
				    e->why.after};

		if (e->result == EDGE_RAN)
			line_write(&rest, &line, &n);
	}
	head_write(&all, n);
	string_add(&all, rest.bytes, rest.n);
	/* It is for people: a build does not fail for want of it. */
	(void)build_replace(state_path(b, "why", &path), all.bytes, all.n);
	lines_free(&lines);
	string_free(&path);
	string_free(&rest);
	string_free(&all);
}

/* ---- telling --------------------------------------------------------------------------------- */

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
	struct lines lines = {NULL, 0, 0, 0};
	unsigned depth = 0;

	lines_read(b, &lines);
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
