/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edge.c - an edge of the manifest as a task of the engine.
 *
 * The body reads the tasks of the edges that make its inputs, which runs them if nobody has yet; looks whether with what they
 * gave it is as its trace says; and if not runs the command. Its value is the values of its outputs: if they are what
 * they were, whoever reads them finds nothing changed, and that is early cut-off.
 *
 * Files that nobody makes are in the table of files, not tasks: there are more of them than edges, and all that can
 * happen to them has happened when the build begins. What does change meanwhile is found in reads.c.
 *
 * I1. journal_begin() comes before the command, journal_end() after its outputs were digested. What happens between
 *     leaves an edge that counts as not run.
 * I2. A body holds a slot (-j, pools) only around its command: it waits for no other task with one.
 * I3. The value of an output is set before its task is done, so who has read the task sees it.
 */
#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/dyndep.h"

static struct build *the_build;

void build_edges_of(struct build *build)
{
	the_build = build;
}

const struct pawl_value_type build_outs_type = {.size = sizeof(build_outs_type),
						.name = "outputs",
						.version = 1,
						.flags = PAWL_VALUE_PLAIN};

/* ---- texts ---------------------------------------------------------------------------------- */

void job_eval(struct build *b, uint32_t edge, enum mf_variable which, struct string *out)
{
	struct text value = TEXT_INIT;

	string_clear(out);
	if (mf_eval(b->m, edge, which, &value) == -ENOMEM)
		build_out_of_memory();
	string_add(out, value.ptr ? value.ptr : "", value.len);
	text_fini(&value);
}

void build_edge_texts(struct build *b, uint32_t edge, struct string *description,
		      struct string *command, struct string *outputs)
{
	struct mf_list outs = mf_outs(b->m, edge);

	job_eval(b, edge, MF_DESCRIPTION, description);
	job_eval(b, edge, MF_COMMAND, command);
	string_clear(outputs);
	for (uint32_t i = 0; i < outs.n; i++) {
		string_puts(outputs, i ? " " : "");
		string_puts(outputs, mf_path(b->m, outs.at[i]));
	}
	if (!description->n)
		string_add(description, command->bytes, command->n);
}

void build_explain(struct build *b, uint32_t edge, const struct why *why)
{
	struct string words = {NULL, 0, 0};

	if (!b->options->explain)
		return;
	why_words(&b->plan, why, &words);
	status_say(b->status, "explain", "%s: %s", mf_path(b->m, mf_outs(b->m, edge).at[0]),
		   words.bytes);
	string_free(&words);
}

static void job_fini(struct job *job)
{
	string_free(&job->scratch);
	string_free(&job->command);
	string_free(&job->description);
	string_free(&job->outputs);
	free(job->found);
	free(job->outs);
}

/* ---- results ---------------------------------------------------------------------------------- */

void job_result(struct job *job, enum edge_result result)
{
	struct build *b = job->b;

	pthread_mutex_lock(&b->lock);
	job->e->result = (uint8_t)result;
	job->e->finished_ns = build_now_ns();
	job->e->why = job->why;
	b->ran += result == EDGE_RAN;
	b->cut += result == EDGE_CUT;
	b->failed += result == EDGE_FAILED;
	if (result == EDGE_CUT)
		b->saved_ns += job->e->duration_ns;
	pthread_mutex_unlock(&b->lock);
}

int job_failed(struct job *job, enum edge_result result, const char *words)
{
	job_result(job, result);
	return pawl_context_fail(job->context, "%s: %s",
				 mf_path(job->b->m, mf_outs(job->b->m, job->edge).at[0]),
				 words);
}

/* It fails without a command having said why. */
static int job_error(struct job *job, const char *words)
{
	struct status_command c = {.outputs = job->outputs.bytes ? job->outputs.bytes : "",
				   .description =
					   job->description.bytes ? job->description.bytes : "",
				   .command = job->command.bytes ? job->command.bytes : "",
				   .failed = true,
				   .exit_code = 1,
				   .output = words,
				   .output_bytes = strlen(words)};

	c.begun_ns = c.ended_ns = build_now_ns();
	status_ended(job->b->status, &c);
	return job_failed(job, EDGE_FAILED, words);
}

/* ---- inputs ------------------------------------------------------------------------------------- */

/* Have a file be there, with its value. */
int job_input(struct job *job, uint32_t file)
{
	struct build *b = job->b;
	struct build_edge_args args;
	uint32_t producer = plan_producer(&b->plan, file);
	struct pawl_value *value;
	pawl_ref_t ref;
	bool fresh;
	int error;

	if (producer == MF_NONE || producer == job->edge) {
		file_lock(b->files, file);
		fresh = (file_at(b->files, file)->flags & FILE_FRESH) != 0;
		file_unlock(b->files, file);
		if (!fresh) {
			(void)file_look(b->files, file);
			file_lock(b->files, file);
			file_at(b->files, file)->flags |= FILE_SEEN;
			file_at(b->files, file)->value = file_at(b->files, file)->digest;
			file_unlock(b->files, file);
		}
		return 0;
	}
	if (b->plan.edges[producer].state == EDGE_CLEAN)
		return 0;
	args.edge = producer;
	error = pawl_call(job->context, &build_edge_function, &args, &ref);
	if (!error)
		error = pawl_read(job->context, ref, 0, &value, NULL);
	if (!error)
		pawl_value_unpin(value);
	return error;
}

static int inputs_read(struct job *job)
{
	struct mf_list ins = mf_ins(job->b->m, job->edge);
	uint32_t file;
	int error = 0;

	for (uint32_t i = 0; i < ins.n && !error; i++)
		error = job_input(job, ins.at[i]);
	/* What was read the last time may not be wanted any more: if it cannot be made, the command decides. */
	for (size_t i = ins.n;
	     !error && (file = plan_read(&job->b->plan, job->edge, i)) != MF_NONE; i++)
		error = job_input(job, file);
	return error;
}

/* Nobody makes it, and it is not there. */
static uint32_t input_missing(struct job *job)
{
	struct mf_list ins = mf_ins(job->b->m, job->edge);

	for (uint32_t i = 0; i < ins.n; i++) {
		if (plan_producer(&job->b->plan, ins.at[i]) == MF_NONE &&
		    file_value(job->b->files, ins.at[i]).kind == DIGEST_MISSING)
			return ins.at[i];
	}
	return MF_NONE;
}

/* ---- dyndep ---------------------------------------------------------------------------------------- */

struct build_dyn {
	uint32_t node;
	bool bad;
	char words[512];
};

static uint32_t *dyn_files(struct build *b, const struct pawl_slice *paths, uint32_t n)
{
	uint32_t *files = build_realloc(NULL, n * sizeof(*files));

	for (uint32_t i = 0; i < n; i++)
		files[i] = files_add(b->files, paths[i].ptr, paths[i].len);
	return files;
}

static void dyn_take(struct build *b, const struct dyndep *dyndep)
{
	for (uint32_t i = 0; i < dyndep->n_edges; i++) {
		const struct dyndep_edge *from = &dyndep->edges[i];
		const struct pawl_slice *paths = dyndep->paths + from->first;
		struct edge_dyn *dyn = build_alloc(sizeof(*dyn));

		dyn->n_outs = from->n_out;
		dyn->n_ins = from->n_in;
		dyn->outs = dyn_files(b, paths, from->n_out);
		dyn->ins = dyn_files(b, paths + from->n_out, from->n_in);
		for (uint32_t out = 0; out < dyn->n_outs; out++)
			pawl_store_relaxed(&file_at(b->files, dyn->outs[out])->producer,
					   from->edge + 1);
		b->plan.edges[from->edge].dyn = dyn;
	}
}

/* Read a dyndep file, once for all its edges. Under dyn_lock. */
static struct build_dyn *dyn_load_locked(struct build *b, uint32_t node)
{
	struct mf_options options = MF_OPTIONS_INIT;
	struct mf_error why;
	struct dyndep dyndep;
	struct build_dyn *dyn;

	for (size_t i = 0; i < b->dyns_n; i++) {
		if (b->dyns[i].node == node)
			return &b->dyns[i];
	}
	BUILD_GROW(b->dyns, b->dyns_n, b->dyns_room);
	dyn = &b->dyns[b->dyns_n++];
	*dyn = (struct build_dyn){.node = node};
	if (dyndep_load(b->m, node, &options, &dyndep, &why)) {
		dyn->bad = true;
		(void)mf_error_print(&why, dyn->words, sizeof(dyn->words));
		return dyn;
	}
	dyn_take(b, &dyndep);
	dyndep_fini(&dyndep);
	return dyn;
}

void build_dyns_free(struct build *b)
{
	free(b->dyns);
	b->dyns = NULL;
	b->dyns_n = b->dyns_room = 0;
}

/* What the dyndep file says of this edge: its inputs are made, too. Returns 0, or as the body. */
static int dyn_read(struct job *job)
{
	struct build *b = job->b;
	struct edge_dyn *dyn;
	char words[512] = "";
	int error = 0;

	if (job->me->dyndep == MF_NONE)
		return 0;
	pthread_mutex_lock(&b->dyn_lock);
	{
		struct build_dyn *loaded = dyn_load_locked(b, job->me->dyndep);

		if (loaded->bad)
			memcpy(words, loaded->words, sizeof(words));
	}
	dyn = job->e->dyn;
	pthread_mutex_unlock(&b->dyn_lock);
	if (*words || !dyn)
		return job_error(job, *words ? words : "not mentioned in its dyndep file");
	for (uint32_t i = 0; i < dyn->n_ins && !error; i++) {
		BUILD_GROW(job->found, job->found_n, job->found_room);
		job->found[job->found_n++] = dyn->ins[i];
		error = job_input(job, dyn->ins[i]);
	}
	for (uint32_t i = 0; i < dyn->n_outs; i++) {
		BUILD_GROW(job->outs, job->outs_n, job->outs_room);
		job->outs[job->outs_n++] = dyn->outs[i];
	}
	if (error)
		return job_failed(job, EDGE_BLOCKED, "an input failed");
	return 0;
}

/* ---- the body ------------------------------------------------------------------------------------------- */

static int outs_cell(struct job *job, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	struct digest *digests;
	int error = pawl_value_create(&build_outs_type, job->outs_n * sizeof(*digests), &value);

	if (error)
		return error;
	digests = pawl_value_payload(value);
	for (size_t i = 0; i < job->outs_n; i++)
		digests[i] = file_value(job->b->files, job->outs[i]);
	return pawl_cell(job->context, value, ret_output);
}

static void job_outs(struct job *job)
{
	struct mf_list outs = mf_outs(job->b->m, job->edge);

	for (uint32_t i = 0; i < outs.n; i++) {
		BUILD_GROW(job->outs, job->outs_n, job->outs_room);
		job->outs[job->outs_n++] = outs.at[i];
	}
	/* Not planned: nobody has looked at them. */
	for (uint32_t i = 0; job->e->state == EDGE_UNWANTED && i < outs.n; i++)
		(void)file_look(job->b->files, outs.at[i]);
}

static int job_phony(struct job *job)
{
	for (size_t i = 0; i < job->outs_n; i++) {
		uint32_t out = job->outs[i];

		file_set_value(job->b->files, out,
			       plan_phony(&job->b->plan, job->edge, out, true, &job->scratch));
	}
	return 0;
}

/* As its trace says: its outputs have the values they had. */
static void job_cut(struct job *job)
{
	const struct edge *e = job->e;

	for (uint32_t i = 0; i < e->trace.n_outs; i++) {
		uint32_t out = job->b->plan.numbers[e->trace.outs[i]];
		struct file *file = file_at(job->b->files, out);

		file_lock(job->b->files, out);
		file->value = file->digest;
		if (!file->stamp.size && file->digest.kind == DIGEST_XXH3)
			file->value = plan_derived(e->trace.command, e->trace.read, i);
		file_unlock(job->b->files, out);
	}
	status_more(job->b->status, -1);
	job_result(job, EDGE_CUT);
}

static int job_do(struct job *job)
{
	struct build *b = job->b;
	uint32_t missing;
	int error = inputs_read(job);

	if (error)
		return job_failed(job, EDGE_BLOCKED, "an input failed");
	if (job->e->phony)
		return job_phony(job);
	missing = input_missing(job);
	if (missing != MF_NONE) {
		string_printf(&job->scratch, "'%s' missing and no known rule to make it\n",
			      file_at(b->files, missing)->path);
		return job_error(job, job->scratch.bytes);
	}
	if (plan_check(&b->plan, job->edge, true, &job->scratch, &job->why)) {
		job_cut(job);
		return 0;
	}
	error = dyn_read(job);
	if (error)
		return error;
	build_explain(b, job->edge, &job->why);
	build_edge_texts(b, job->edge, &job->description, &job->command, &job->outputs);
	return job_run(job);
}

static int edge_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct build_edge_args *a = args;
	struct job job = {.b = the_build, .context = context, .edge = (uint32_t)a->edge};
	int error;

	job.me = &job.b->m->edges[job.edge];
	job.e = &job.b->plan.edges[job.edge];
	job.why.file = MF_NONE;
	job_outs(&job);
	error = job_do(&job);
	if (!error)
		error = outs_cell(&job, ret_output);
	job_fini(&job);
	return error;
}

const struct pawl_function build_edge_function = {
	sizeof(build_edge_function),	"edge", 1, 0, edge_body,
	sizeof(struct build_edge_args), NULL,	0};
