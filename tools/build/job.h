/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.h - one run of an edge's body: what its files share. edge.c is the body and its inputs, attempt.c the command and what it
 * made, reads.c what it has read.
 */
#ifndef BUILD_JOB_H
#define BUILD_JOB_H

#include "build.h"

/* One run of a body. */
struct job {
	struct build *b;
	struct pawl_context *context;
	uint32_t edge;
	const struct mf_edge *me;
	struct edge *e;
	struct string scratch;
	struct string command, description, outputs;
	uint32_t *found; /* read, beside what the manifest lists */
	size_t found_n, found_room;
	uint32_t *outs;
	size_t outs_n, outs_room;
	struct why why;
	uint64_t begun_ns; /* of the command's last run */
	int64_t begun_wall_ns;
	uint64_t duration_ns;
};

/* ---- edge.c ---- */

/* The value of a variable of the edge. */
void job_eval(struct build *b, uint32_t edge, enum mf_variable which, struct string *out);
void job_result(struct job *job, enum edge_result result);
/* As the body ends then. */
int job_failed(struct job *job, enum edge_result result, const char *words);
/* Have a file be there, with its value. */
int job_input(struct job *job, uint32_t file);

/* ---- attempt.c ---- */

/* Run the command until it has read what is there. As the body. */
int job_run(struct job *job);

/* ---- reads.c ---- */

/* Is it an input that the manifest lists, or an output? */
bool job_lists(const struct job *job, uint32_t file);
/* Take in what the command says it has read. Returns: 0; -EINVAL and words: what it wrote is no depfile. */
int job_depfile(struct job *job, struct string *words);
/* Look again at all that it has read. Returns: 1: some of it changed since: run again; 0; -1: what it read failed. */
int job_reads_look(struct job *job);
/* A generator that changes what it reads: do times say that it has seen that? */
bool job_rests(const struct job *job);

#endif
