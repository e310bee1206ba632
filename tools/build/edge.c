/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edge.c - an edge of the manifest as a task of the engine.
 *
 * The body reads the tasks of the edges that make its inputs, which runs them if nobody has yet; looks whether with what they
 * gave it is as its trace says; and if not runs the command. Its value is the values of its outputs: if they are what
 * they were, whoever reads them finds nothing changed, and that is early cut-off.
 *
 * Files that nobody makes are in the table of files, not tasks: there are more of them than edges, and all that can
 * happen to them has happened when the build begins. What does change meanwhile is found here, since everything that a
 * command read is looked at again when it has ended, and makes it run once more.
 *
 * I1. journal_begin() comes before the command, journal_end() after its outputs were digested. What happens between
 *     leaves an edge that counts as not run.
 * I2. A body holds a slot (-j, pools) only around its command: it waits for no other task with one.
 * I3. The value of an output is set before its task is done, so who has read the task sees it.
 */
#include "build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/depfile.h"
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

/* ---- texts ---------------------------------------------------------------------------------- */

static void eval(struct build *b, uint32_t edge, enum mf_variable which, struct string *out)
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

	eval(b, edge, MF_DESCRIPTION, description);
	eval(b, edge, MF_COMMAND, command);
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

static void result_set(struct job *job, enum edge_result result)
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

static int job_failed(struct job *job, enum edge_result result, const char *words)
{
	result_set(job, result);
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
static int input_read(struct job *job, uint32_t file)
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
		error = input_read(job, ins.at[i]);
	/* What was read the last time may not be wanted any more: if it cannot be made, the command decides. */
	for (size_t i = ins.n;
	     !error && (file = plan_read(&job->b->plan, job->edge, i)) != MF_NONE; i++)
		error = input_read(job, file);
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
		error = input_read(job, dyn->ins[i]);
	}
	for (uint32_t i = 0; i < dyn->n_outs; i++) {
		BUILD_GROW(job->outs, job->outs_n, job->outs_room);
		job->outs[job->outs_n++] = dyn->outs[i];
	}
	if (error)
		return job_failed(job, EDGE_BLOCKED, "an input failed");
	return 0;
}

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
	FILE *file = fopen(path, "we");
	int error = file ? 0 : -errno;

	if (!file)
		return error;
	if (content->n && fwrite(content->bytes, 1, content->n, file) != content->n)
		error = -EIO;
	if (fclose(file))
		error = -errno;
	return error;
}

static int rsp_write(struct job *job, struct string *ret_path)
{
	struct string content = {NULL, 0, 0};
	int error;

	if (!(job->me->flags & MF_EDGE_RSPFILE))
		return 0;
	eval(job->b, job->edge, MF_RSPFILE, ret_path);
	eval(job->b, job->edge, MF_RSPFILE_CONTENT, &content);
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

/* ---- what was read ------------------------------------------------------------------------------------ */

static bool listed(const struct job *job, uint32_t file)
{
	struct mf_list deps = mf_deps(job->b->m, job->edge);

	for (uint32_t i = 0; i < deps.n; i++) {
		if (deps.at[i] == file)
			return true;
	}
	for (size_t i = 0; i < job->outs_n; i++) {
		if (job->outs[i] == file)
			return true;
	}
	return false;
}

/*
 * A file that the command has read, and that another edge makes. If that edge had not ended when the command began, the
 * manifest does not say that one needs the other. Returns: 1: it changed, run again; 0; -1: it failed.
 */
static int found_made(struct job *job, uint32_t file, uint32_t producer)
{
	struct build *b = job->b;
	struct edge *p = &b->plan.edges[producer];
	bool late;
	int error;

	if (p->state == EDGE_CLEAN)
		return 0;
	pthread_mutex_lock(&b->lock);
	late = p->result == EDGE_OPEN || p->finished_ns > job->begun_ns;
	pthread_mutex_unlock(&b->lock);
	error = input_read(job, file);
	if (error)
		return -1;
	if (!late || p->phony)
		return 0;
	status_say(b->status, "warning",
		   "%s reads %s, which another command makes, and the manifest does not say so",
		   mf_path(b->m, mf_outs(b->m, job->edge).at[0]),
		   file_at(b->files, file)->path);
	if (p->result != EDGE_RAN)
		return 0;
	job->why = (struct why){WHY_LATE, file, 0, 0};
	return 1;
}

static void found_add(struct job *job, const char *path, size_t bytes)
{
	uint32_t file;

	if (!bytes)
		return;
	file = files_add(job->b->files, path, bytes);
	if (listed(job, file))
		return;
	for (size_t i = 0; i < job->found_n; i++) {
		if (job->found[i] == file)
			return;
	}
	BUILD_GROW(job->found, job->found_n, job->found_room);
	job->found[job->found_n++] = file;
}

static int whole_read(const char *path, struct string *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf;
	ssize_t n;

	if (fd < 0)
		return -errno;
	buf = build_realloc(NULL, 65536);
	while ((n = read(fd, buf, 65536)) > 0 || (n < 0 && errno == EINTR))
		string_add(out, buf, n > 0 ? (size_t)n : 0);
	close(fd);
	free(buf);
	return n < 0 ? -EIO : 0;
}

/* Returns: 0; -EINVAL and words: what the command wrote is no depfile. */
static int depfile_read(struct job *job, struct string *words)
{
	struct string path = {NULL, 0, 0}, bytes = {NULL, 0, 0};
	struct depfile depfile = DEPFILE_INIT;
	const char *what = "";
	int error;

	if (!(job->me->flags & MF_EDGE_DEPFILE))
		return 0;
	eval(job->b, job->edge, MF_DEPFILE, &path);
	error = whole_read(path.bytes, &bytes);
	if (!error && bytes.n)
		error = depfile_parse(&depfile, bytes.bytes, bytes.n, &what);
	if (error == -ENOENT)
		error = 0;
	for (uint32_t i = 0; !error && i < depfile.n_ins; i++)
		found_add(job, depfile.ins[i].ptr, depfile.ins[i].len);
	if (error)
		string_printf(words, "%s: %s\n", path.bytes, *what ? what : strerror(-error));
	else if (job->me->flags & MF_EDGE_DEPS && !job->b->options->keep_depfile)
		(void)unlink(path.bytes);
	depfile_fini(&depfile);
	string_free(&path);
	string_free(&bytes);
	return error;
}

/*
 * A generator may write to what it reads: Meson does. Then it counts as ninja has it: what is made is newer. But only for files
 * of the build's own folder, since a source that is edited meanwhile has to be read again.
 */
static bool own_input(const struct job *job, const struct file *file)
{
	if (!(job->me->flags & MF_EDGE_GENERATOR) || *file->path == '/' ||
	    !strncmp(file->path, "../", 3))
		return false;
	for (size_t i = 0; i < job->outs_n; i++) {
		struct stamp stamp;

		if (stamp_take(file_at(job->b->files, job->outs[i])->path, &stamp, NULL) !=
			    STAMP_FILE ||
		    stamp.mtime_ns < file->stamp.mtime_ns)
			return false;
	}
	return true;
}

/* Look at a source again. True: it is not what it was when the command began. */
static bool source_late(struct job *job, uint32_t file, bool known)
{
	struct build *b = job->b;
	struct file *f = file_at(b->files, file);
	bool before, changed;

	file_lock(b->files, file);
	before = known || (f->flags & FILE_FRESH);
	file_unlock(b->files, file);
	changed = file_look(b->files, file);
	file_lock(b->files, file);
	if (!before)
		changed = f->stamp.ctime_ns > job->begun_wall_ns;
	/* Since it was looked at, but before the command began. */
	else if (changed && f->digest.kind != DIGEST_MISSING)
		changed = stamp_racy(&f->stamp, job->begun_wall_ns) && !own_input(job, f);
	f->value = f->digest;
	f->flags |= FILE_SEEN;
	file_unlock(b->files, file);
	if (changed)
		job->why = (struct why){WHY_LATE, file, 0, 0};
	return changed;
}

/* Everything that the command has read. Returns as found_made(). */
static int reads_look(struct job *job)
{
	struct mf_list deps = mf_deps(job->b->m, job->edge);
	bool late = false;

	for (uint32_t i = 0; i < deps.n; i++) {
		uint32_t producer = plan_producer(&job->b->plan, deps.at[i]);

		if (producer == MF_NONE) {
			late |= source_late(job, deps.at[i], true);
		} else if (job->b->plan.edges[producer].phony &&
			   !mf_ins(job->b->m, producer).n) {
			/* A source that may be missing. */
			late |= source_late(job, deps.at[i], true);
			file_set_value(job->b->files, deps.at[i],
				       plan_phony(&job->b->plan, producer, deps.at[i], true,
						  &job->scratch));
		}
	}
	for (size_t i = 0; i < job->found_n; i++) {
		uint32_t producer = plan_producer(&job->b->plan, job->found[i]);
		int made;

		if (producer == job->edge)
			continue;
		if (producer == MF_NONE) {
			late |= source_late(job, job->found[i], false);
			continue;
		}
		made = found_made(job, job->found[i], producer);
		if (made < 0)
			return made;
		late |= made != 0;
	}
	return late;
}

/*
 * Generators may write what they read: Meson's keeps its options in one of its inputs, CMake's its cache. If all that
 * it reads is older than all that it has made, it has seen that: what times say of generators counts (plan.c).
 */
static bool generator_rests(const struct job *job)
{
	struct mf_list deps = mf_deps(job->b->m, job->edge);
	int64_t oldest = INT64_MAX;
	struct stamp stamp;

	if (!(job->me->flags & MF_EDGE_GENERATOR))
		return false;
	for (size_t i = 0; i < job->outs_n; i++) {
		if (stamp_take(file_at(job->b->files, job->outs[i])->path, &stamp, NULL) !=
		    STAMP_FILE)
			return false;
		oldest = stamp.mtime_ns < oldest ? stamp.mtime_ns : oldest;
	}
	for (size_t i = 0; i < deps.n + job->found_n; i++) {
		uint32_t file = i < deps.n ? deps.at[i] : job->found[i - deps.n];

		if (stamp_take(file_at(job->b->files, file)->path, &stamp, NULL) ==
			    STAMP_FILE &&
		    stamp.mtime_ns > oldest)
			return false;
	}
	return true;
}

/* ---- what was made ----------------------------------------------------------------------------------- */

static void trace_write(struct job *job, struct digest read)
{
	struct build *b = job->b;
	struct mf_list deps = mf_deps(b->m, job->edge);
	bool apart = job->me->dyndep != MF_NONE && !listed(job, job->me->dyndep);
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
	if (!failed && depfile_read(job, &result.output))
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
static int job_run(struct job *job)
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
		late = reads_look(job);
		if (late < 0)
			return job_failed(job, EDGE_BLOCKED, "what it read failed");
		if (late && generator_rests(job))
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
	result_set(job, EDGE_RAN);
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
	result_set(job, EDGE_CUT);
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
