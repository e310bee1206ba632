/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attempt.c - the command of an edge: a slot for it, its run, and what it made.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- slots ------------------------------------------------------------------------------------------ */

static bool slot_take(struct build *b, uint32_t pool)
{
	const struct mf_pool *p = &b->m->pools[pool];
	bool free_one;

	pthread_mutex_lock(&b->lock);
	free_one = b->running < b->slots && (!p->depth || b->pools[pool] < p->depth);
	if (free_one) {
		b->running++;
		b->pools[pool]++;
	}
	pthread_mutex_unlock(&b->lock);
	return free_one;
}

static int slot_wait(struct job *job)
{
	struct build *b = job->b;

	while (!slot_take(b, job->me->pool)) {
		struct pawl_listener listener;
		int error;

		pawl_event_listen(&b->slot, &listener, "slot", job->edge);
		if (slot_take(b, job->me->pool)) {
			(void)pawl_event_unlisten(&listener);
			return 0;
		}
		error = pawl_wait(&listener, PAWL_FOREVER);
		if (error)
			return error;
	}
	return 0;
}

static void slot_give(struct job *job)
{
	struct build *b = job->b;

	pthread_mutex_lock(&b->lock);
	b->running--;
	b->pools[job->me->pool]--;
	pthread_mutex_unlock(&b->lock);
	/* Who waits for another pool finds none: so all are told. */
	pawl_event_notify_all(&b->slot);
}

/* ---- before and after a command --------------------------------------------------------------------- */

static int folders_make(const char *path)
{
	char *copy = build_dup(path, strlen(path));
	int error = 0;

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(copy, 0777) && errno != EEXIST)
			error = -errno;
		*slash = '/';
	}
	free(copy);
	return error;
}

static int file_write(const char *path, const struct string *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int error = fd < 0 ? -errno : build_write(fd, content->bytes, content->n);

	if (fd >= 0 && close(fd) && !error)
		error = -errno;
	return error;
}

static int rsp_write(struct job *job, struct string *ret_path)
{
	struct string content = {NULL, 0, 0};
	int error;

	if (!(job->me->flags & MF_EDGE_RSPFILE))
		return 0;
	job_eval(job->b, job->edge, MF_RSPFILE, ret_path);
	job_eval(job->b, job->edge, MF_RSPFILE_CONTENT, &content);
	(void)folders_make(ret_path->bytes);
	error = file_write(ret_path->bytes, &content);
	string_free(&content);
	return error;
}

uint32_t build_number(struct build *b, uint32_t file)
{
	struct file *f = file_at(b->files, file);
	/* Relaxed: whoever finds it not to be there asks the journal, which gives all the same. */
	uint32_t number = pawl_load_relaxed(&f->number);

	if (number)
		return number - 1;
	number = journal_path(b->plan.journal, f->path, strlen(f->path));
	if (number != UINT32_MAX)
		pawl_store_relaxed(&f->number, number + 1);
	return number;
}

void build_state_broken(struct build *b, int error)
{
	bool first;

	pthread_mutex_lock(&b->lock);
	first = !b->ended_badly;
	b->ended_badly = true;
	pthread_mutex_unlock(&b->lock);
	if (first)
		status_say(b->status, "warning", "%s/log cannot be written: %s",
			   b->folder.bytes, strerror(-error));
}

/* ---- what was made ----------------------------------------------------------------------------------- */

static void trace_write(struct job *job, struct digest read)
{
	struct build *b = job->b;
	struct mf_list deps = mf_deps(b->m, job->edge);
	bool apart = job->me->dyndep != MF_NONE && !job_lists(job, job->me->dyndep);
	size_t n_listed = deps.n + apart, n = n_listed + job->found_n;
	uint32_t *numbers = build_realloc(NULL, (2 * n + job->outs_n) * sizeof(*numbers));
	struct digest *digests = build_realloc(NULL, job->outs_n * sizeof(*digests));
	struct trace trace = {.command = {b->m->commands[job->edge].low,
					  b->m->commands[job->edge].high, DIGEST_DERIVED, 0},
			      .read = read,
			      .duration_ns = job->duration_ns,
			      .ended_ns = build_wall_ns(),
			      .n_listed = (uint32_t)n_listed,
			      .n_found = (uint32_t)job->found_n,
			      .n_outs = (uint32_t)job->outs_n,
			      .reads = numbers,
			      .read_digests = numbers + n,
			      .outs = numbers + 2 * n,
			      .out_digests = digests};
	int error;

	for (size_t i = 0; i < n; i++) {
		uint32_t file = i < deps.n     ? deps.at[i]
				: i < n_listed ? job->me->dyndep
					       : job->found[i - n_listed];

		numbers[i] = build_number(b, file);
		numbers[n + i] = digest_short(file_value(b->files, file));
	}
	for (size_t i = 0; i < job->outs_n; i++) {
		numbers[2 * n + i] = build_number(b, job->outs[i]);
		file_lock(b->files, job->outs[i]);
		digests[i] = file_at(b->files, job->outs[i])->digest;
		file_unlock(b->files, job->outs[i]);
	}
	error = journal_end(b->plan.journal, build_number(b, job->outs[0]), &trace);
	if (error)
		build_state_broken(b, error);
	free(numbers);
	free(digests);
}

/* The outputs as they are now, and their values. */
static void outs_look(struct job *job, struct digest command, struct digest read)
{
	struct build *b = job->b;

	for (size_t i = 0; i < job->outs_n; i++) {
		struct file *file = file_at(b->files, job->outs[i]);
		bool missing;

		(void)file_look(b->files, job->outs[i]);
		file_lock(b->files, job->outs[i]);
		file->flags |= FILE_SEEN;
		file->value = file->digest;
		missing = file->digest.kind == DIGEST_MISSING;
		if (missing)
			file->value.kind = DIGEST_UNKNOWN;
		else if (file->digest.kind == DIGEST_XXH3 && !file->stamp.size)
			file->value = plan_derived(command, read, i);
		missing |= file->digest.kind == DIGEST_UNKNOWN;
		file_unlock(b->files, job->outs[i]);
		if (missing || read.kind == DIGEST_UNKNOWN) {
			pthread_mutex_lock(&b->lock);
			b->always = true;
			pthread_mutex_unlock(&b->lock);
		}
	}
}

/* A command that was asked to end may have written half of it. */
static void outs_remove(struct job *job)
{
	struct build *b = job->b;

	if (job->me->flags & MF_EDGE_GENERATOR)
		return;
	for (size_t i = 0; i < job->outs_n; i++) {
		struct file *file = file_at(b->files, job->outs[i]);
		struct stamp stamp, before;

		file_lock(b->files, job->outs[i]);
		before = file->stamp;
		file_unlock(b->files, job->outs[i]);
		if (stamp_take(file->path, &stamp, NULL) == STAMP_FILE &&
		    stamp.mtime_ns != before.mtime_ns)
			(void)unlink(file->path);
	}
}

/* ---- the command --------------------------------------------------------------------------------------- */

static void trace_event(struct job *job, const struct command_result *result)
{
	struct build *b = job->b;

	if (!b->options->trace)
		return;
	pthread_mutex_lock(&b->lock);
	string_printf(&b->trace, "%u %llu %llu %s\n", job->edge,
		      (unsigned long long)result->begun_ns,
		      (unsigned long long)result->ended_ns, job->outputs.bytes);
	pthread_mutex_unlock(&b->lock);
}

static void told(struct job *job, const struct command_result *result, bool failed,
		 const struct string *words)
{
	struct status_command c = {.outputs = job->outputs.bytes,
				   .description = job->description.bytes,
				   .command = job->command.bytes,
				   .console = (job->me->flags & MF_EDGE_CONSOLE) != 0,
				   .begun_ns = result->begun_ns,
				   .ended_ns = result->ended_ns,
				   .failed = failed,
				   .quiet = result->stopped,
				   .exit_code = result->exit_code,
				   .signal = result->signal,
				   .output = words->bytes ? words->bytes : "",
				   .output_bytes = words->n};

	status_ended(job->b->status, &c);
}

/* Once. Returns: 0: it was good, and what it read is known; else as the body. */
static int command_once(struct job *job)
{
	struct build *b = job->b;
	struct command command = {.text = job->command.bytes,
				  .console = (job->me->flags & MF_EDGE_CONSOLE) != 0,
				  .null_fd = b->null_fd,
				  .grace_ns = 5000000000u};
	struct status_command begun = {.outputs = job->outputs.bytes,
				       .description = job->description.bytes,
				       .command = job->command.bytes,
				       .console = command.console};
	struct command_result result;
	struct string rsp = {NULL, 0, 0};
	bool failed;
	int error;

	error = journal_begin(b->plan.journal, build_number(b, job->outs[0]));
	/* Found out while others ran. */
	if (!error && job->e->state == EDGE_UNWANTED) {
		uint32_t number = build_number(b, job->outs[0]);

		error = journal_plan(b->plan.journal, &number, 1);
	}
	if (error)
		build_state_broken(b, error);
	error = rsp_write(job, &rsp);
	for (size_t i = 0; i < job->outs_n && !error; i++)
		error = folders_make(file_at(b->files, job->outs[i])->path);
	begun.begun_ns = job->begun_ns = build_now_ns();
	job->begun_wall_ns = build_wall_ns();
	status_begun(b->status, &begun);
	result = (struct command_result){.error = error, .exit_code = -1};
	if (!error)
		command_run(b->runtime, &command, &b->stop, &result);
	job->duration_ns = result.ended_ns - result.begun_ns;
	failed = result.error || result.exit_code;
	if (result.error)
		string_printf(&result.output, "%s\n", strerror(-result.error));
	if (!failed && job_depfile(job, &result.output))
		failed = true;
	if (rsp.n && !failed && !b->options->keep_rsp)
		(void)unlink(rsp.bytes);
	trace_event(job, &result);
	told(job, &result, failed, &result.output);
	if (result.stopped && failed)
		outs_remove(job);
	string_free(&result.output);
	string_free(&rsp);
	if (!failed)
		return 0;
	if (result.stopped)
		return job_failed(job, EDGE_STOPPED, "it was stopped");
	return job_failed(job, EDGE_FAILED, "its command failed");
}

#define RUNS_MOST 3

/* Run until it has read what is there. */
int job_run(struct job *job)
{
	struct build *b = job->b;
	size_t kept = job->found_n;
	struct digest read, command = {b->m->commands[job->edge].low,
				       b->m->commands[job->edge].high, DIGEST_DERIVED, 0};

	for (unsigned runs = 1;; runs++) {
		int error = slot_wait(job), late;

		if (error)
			return job_failed(job, EDGE_STOPPED, "it was cancelled");
		if (command_stopped(&b->stop)) {
			slot_give(job);
			return job_failed(job, EDGE_STOPPED, "it was stopped");
		}
		job->found_n = kept;
		error = command_once(job);
		slot_give(job);
		if (error)
			return error;
		late = job_reads_look(job);
		if (late < 0)
			return job_failed(job, EDGE_BLOCKED, "what it read failed");
		if (late && runs == RUNS_MOST && job_rests(job))
			late = 0;
		if (!late || runs == RUNS_MOST) {
			read = plan_read_digest(&b->plan, job->edge, job->found, job->found_n,
						true, &job->scratch);
			/* It never rests: what this one has read nobody knows. */
			if (late)
				read.kind = DIGEST_UNKNOWN;
			break;
		}
		build_explain(b, job->edge, &job->why);
		status_more(b->status, 1);
	}
	outs_look(job, command, read);
	trace_write(job, read);
	job_result(job, EDGE_RAN);
	return 0;
}
