/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build.c - one build, from its options to its exit code.
 *
 * 1. If the stamps of the last build say that nothing was left to do, and none has moved, that is all.
 * 2. The manifest: its image, if none of its files has changed, else it is read.
 * 3. If an edge makes the manifest itself, that goes first, and if its command ran all begins anew.
 * 4. The plan for the targets, the engine for what is not up to date, and the state for the next build.
 * 5. If a command has written what an edge has read that was clean, and had to wait for that command by order alone, the
 *    manifest did not say so, and all begins anew from 2: that edge runs now, not in the next build.
 */
#include "build.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl/mem.h>
#include <pawl/thread.h>

#include "import.h"
#include "inside.h"
#include "report.h"
#include "state.h"

/* ---- what it is for --------------------------------------------------------------------------- */

/* Stamps are settled for these targets of this manifest. */
static uint64_t build_key(const struct build_options *o)
{
	uint64_t key = pawl_hash_bytes(o->manifest, strlen(o->manifest), 2);

	for (size_t i = 0; i < o->targets_n; i++)
		key = pawl_hash_combine(key, pawl_hash_bytes(o->targets[i],
							     strlen(o->targets[i]), 0));
	return key;
}

static bool settled(struct build *b)
{
	struct string path = {NULL, 0, 0};
	uint64_t files, begun_ns = build_now_ns();
	bool done = state_folder_guess(b->options->manifest, &b->folder) && state_rests(b) &&
		    stamps_settled(state_path(b, "stamps", &path), build_key(b->options),
				   build_boot(), &files);

	string_free(&path);
	build_spent(b, PHASE_SETTLED, begun_ns);
	return done;
}

/* ---- the manifest ------------------------------------------------------------------------------ */

static void manifest_warn(void *arg, const char *text)
{
	struct build *b = arg;

	status_say(b->status, "warning", "%s", text);
}

static struct digest manifest_digest(const struct mf_manifest *m)
{
	struct digest_mix mix = {{0, 0}, 0};

	for (uint32_t i = 0; i < m->n_files; i++)
		digest_mix_add(&mix, &m->files[i].digest, sizeof(m->files[i].digest));
	return digest_mix_end(&mix, DIGEST_DERIVED);
}

static int manifest_load(struct build *b)
{
	const struct build_options *o = b->options;
	struct mf_options options = MF_OPTIONS_INIT;
	struct string image = {NULL, 0, 0}, folder = {NULL, 0, 0};
	enum mf_image_state state = MF_IMAGE_FRESH;
	struct mf_error why;
	char words[2048];
	int error;

	options.duplicates_warn = o->duplicates_warn;
	options.phony_cycle_error = o->phony_cycle_error;
	options.warn = manifest_warn;
	options.arg = b;
	(void)state_folder_guess(o->manifest, &b->folder);
	error = mf_image_open(state_path(b, "manifest", &image), o->manifest, &options, &state,
			      &b->m);
	if (error || state == MF_IMAGE_TOUCHED) {
		if (error)
			error = mf_load(o->manifest, &options, &b->m, &why);
		if (error) {
			(void)mf_error_print(&why, words, sizeof(words));
			status_say(b->status, "error", "%s", words);
			string_free(&image);
			return error;
		}
		if (!b->m->commands && mf_digest_commands(b->m))
			build_out_of_memory();
		state_folder(b->m, &folder);
		string_free(&b->folder);
		b->folder = folder;
		/* Written when the folder is there and ours: see build_open(). */
		state = MF_IMAGE_TOUCHED;
	}
	if (state == MF_IMAGE_TOUCHED && b->lock_fd >= 0)
		(void)!mf_image_save(b->m, state_path(b, "manifest", &image));
	string_free(&image);
	b->manifest = manifest_digest(b->m);
	return 0;
}

/* ---- targets ------------------------------------------------------------------------------------ */

struct nodes {
	uint32_t *at;
	size_t n, room;
};

static int target_unknown(struct build *b, const char *target)
{
	uint32_t near = mf_nearest(b->m, target, strlen(target));

	if (near == MF_NONE)
		status_say(b->status, "error", "unknown target '%s'", target);
	else
		status_say(b->status, "error", "unknown target '%s', did you mean '%s'?",
			   target, mf_path(b->m, near));
	return -ENOENT;
}

static int target_add(struct build *b, const char *target, struct nodes *nodes)
{
	size_t n = strlen(target);
	bool use = n > 1 && target[n - 1] == '^';
	char *path = build_dup(target, n - use);
	uint32_t node;

	n = mf_canonical(path, n - use);
	node = mf_find(b->m, path, n);
	free(path);
	if (node == MF_NONE)
		return target_unknown(b, target);
	if (use) {
		if (!mf_uses(b->m, node).n)
			return target_unknown(b, target);
		node = mf_outs(b->m, mf_uses(b->m, node).at[0]).at[0];
	}
	BUILD_GROW(nodes->at, nodes->n, nodes->room);
	nodes->at[nodes->n++] = node;
	return 0;
}

static int targets_find(struct build *b, struct nodes *nodes)
{
	const struct build_options *o = b->options;
	struct mf_error why;
	uint32_t *roots, n;
	int error = 0;

	for (size_t i = 0; i < o->targets_n && !error; i++)
		error = target_add(b, o->targets[i], nodes);
	if (o->targets_n || error)
		return error;
	for (uint32_t i = 0; i < b->m->n_defaults; i++) {
		BUILD_GROW(nodes->at, nodes->n, nodes->room);
		nodes->at[nodes->n++] = b->m->defaults[i];
	}
	if (nodes->n)
		return 0;
	error = mf_roots(b->m, &roots, &n, &why);
	if (error) {
		status_say(b->status, "error", "%s", why.message);
		return error;
	}
	for (uint32_t i = 0; i < n; i++) {
		BUILD_GROW(nodes->at, nodes->n, nodes->room);
		nodes->at[nodes->n++] = roots[i];
	}
	if (roots)
		pawl_mem_free(roots, n * sizeof(*roots), sizeof(uint32_t));
	return 0;
}

/* ---- open and close ------------------------------------------------------------------------------- */

int build_open(struct build *b)
{
	struct string path = {NULL, 0, 0};
	bool damaged = false, read_only = b->options->dry_run;
	uint64_t lost = 0, begun_ns = build_now_ns();
	int error = manifest_load(b);

	build_spent(b, PHASE_MANIFEST, begun_ns);
	if (!error && b->lock_fd < 0 && !read_only) {
		error = state_lock(b);
		if (!error)
			(void)!mf_image_save(b->m, state_path(b, "manifest", &path));
	}
	if (error) {
		string_free(&path);
		return error;
	}
	begun_ns = build_now_ns();
	b->files = files_create(b->m);
	(void)files_load(b->files, state_path(b, "stamps", &path), b->manifest, build_boot(),
			 &damaged);
	if (damaged)
		status_say(b->status, "warning", "%s is damaged; all files are read again",
			   path.bytes);
	error = plan_open(&b->plan, b->m, b->files, state_path(b, "log", &path), read_only,
			  &lost);
	if (error)
		status_say(b->status, "error", "%s: %s", path.bytes, strerror(-error));
	else if (lost)
		status_say(b->status, "warning",
			   "%s was damaged or of another version: %llu bytes of it are lost",
			   path.bytes, (unsigned long long)lost);
	if (!error && !read_only)
		build_import(b);
	string_free(&path);
	build_spent(b, PHASE_STATE, begun_ns);
	return error;
}

/*
 * The command that makes the manifest was begun, and did not end well; and what is there does not say any more how it is
 * made, so it is not made again. Said once.
 */
static int manifest_half(struct build *b)
{
	const char *path = b->options->manifest;
	uint32_t node = mf_find(b->m, path, strlen(path)), file;

	if (b->options->dry_run ||
	    (node != MF_NONE && plan_producer(&b->plan, node) != MF_NONE))
		return 0;
	file = files_add(b->files, path, strlen(path));
	if (!plan_begun(&b->plan, file))
		return 0;
	status_say(b->status, "error",
		   "the command that makes %s was interrupted, and may have left half of it: "
		   "make it again (the next build takes it as it is)",
		   path);
	(void)journal_forget(b->plan.journal,
			     pawl_load_relaxed(&file_at(b->files, file)->number) - 1);
	return -EUCLEAN;
}

/* Everything but the locks. */
void build_close(struct build *b)
{
	if (b->plan.m)
		plan_close(&b->plan);
	files_destroy(b->files);
	b->files = NULL;
	mf_free(b->m);
	b->m = NULL;
	build_dyns_free(b);
}

/* The manifest's own files count as well. False: one is not what was read. */
static bool manifest_files_see(struct build *b)
{
	bool same = true;

	for (uint32_t i = 0; i < b->m->n_files; i++) {
		const struct mf_file *read = &b->m->files[i];
		const char *path = mf_text(b->m, read->path).ptr;
		uint32_t file = files_add(b->files, path, read->path.len);
		struct file *f = file_at(b->files, file);

		(void)file_look(b->files, file);
		f->flags |= FILE_SEEN;
		same &= f->stamp.mtime_ns == read->mtime_ns &&
			f->stamp.ctime_ns == read->ctime_ns && f->stamp.size == read->size;
	}
	return same;
}

static void build_save(struct build *b, bool done)
{
	struct string path = {NULL, 0, 0};
	uint64_t begun_ns = build_now_ns();
	bool settles = manifest_files_see(b) && done && !b->always && !b->ended_badly;
	int error;

	if (b->options->dry_run)
		return;
	error = files_save(b->files, state_path(b, "stamps", &path), b->manifest, build_boot(),
			   settles, build_key(b->options));
	if (error)
		status_say(b->status, "warning", "%s: %s", path.bytes, strerror(-error));
	if (journal_wasteful(b->plan.journal))
		(void)journal_rewrite(b->plan.journal);
	if (b->ran)
		report_why_save(b);
	string_free(&path);
	build_spent(b, PHASE_SAVE, begun_ns);
}

/* ---- doing it ----------------------------------------------------------------------------------------- */

static int plan_for(struct build *b, const struct nodes *nodes)
{
	uint64_t begun_ns = build_now_ns();
	int error = plan_make(&b->plan, nodes->at, nodes->n);

	build_spent(b, PHASE_PLAN, begun_ns);
	if (error)
		status_say(b->status, "error", "%s", b->plan.error.bytes);
	else if (!b->options->dry_run)
		build_adopt(b);
	return error;
}

/* What would be run. */
static void dry_run(struct build *b)
{
	struct string description = {NULL, 0, 0}, command = {NULL, 0, 0},
		      outputs = {NULL, 0, 0};

	status_total(b->status, b->plan.dirty + b->plan.maybe);
	for (size_t i = 0; i < b->plan.order_n; i++) {
		uint32_t edge = b->plan.order[i];
		const struct edge *e = &b->plan.edges[edge];
		struct status_command c = {.console = false};

		if (e->phony || (e->state != EDGE_DIRTY && e->state != EDGE_MAYBE))
			continue;
		build_explain(b, edge, &e->why);
		build_edge_texts(b, edge, &description, &command, &outputs);
		c.description = description.bytes;
		c.command = command.bytes;
		c.outputs = outputs.bytes;
		c.begun_ns = c.ended_ns = build_now_ns();
		status_begun(b->status, &c);
		status_ended(b->status, &c);
	}
	string_free(&description);
	string_free(&command);
	string_free(&outputs);
}

static int work(struct build *b)
{
	uint64_t begun_ns;
	int error;

	if (!b->plan.dirty && !b->plan.maybe)
		return 0;
	if (b->options->dry_run) {
		dry_run(b);
		return 0;
	}
	begun_ns = build_now_ns();
	error = build_plan_run(b);
	build_spent(b, PHASE_COMMANDS, begun_ns);
	return error;
}

#define MANIFESTS_MOST 100

/* Returns: 1: the manifest was made anew: begin anew; 0: it is as it should be; a negative errno. */
static int manifest_build(struct build *b)
{
	uint32_t node = mf_find(b->m, b->options->manifest, strlen(b->options->manifest));
	struct nodes nodes = {&node, 1, 1};
	int error;

	if (node == MF_NONE || plan_producer(&b->plan, node) == MF_NONE || b->options->dry_run)
		return 0;
	error = plan_for(b, &nodes);
	b->ran = 0;
	if (!error)
		error = work(b);
	if (error)
		return error;
	return b->ran > 0;
}

static void stopped_say(struct build *b, int error)
{
	unsigned allowed = b->options->failures;

	if (error == -EINTR)
		status_say(b->status, "", "build stopped: interrupted by user.");
	else if (error != -EIO)
		status_say(b->status, "error", "the engine does not start: %s",
			   strerror(-error));
	else if (b->failures_left == 0)
		status_say(b->status, "", "build stopped: subcommand%s failed.",
			   allowed > 1 ? "s" : "");
	else
		status_say(b->status, "",
			   "build stopped: cannot make progress due to previous errors.");
}

static int exit_code(int error)
{
	return !error ? BUILD_DONE : error == -EINTR ? BUILD_INTERRUPTED : BUILD_FAILED;
}

#define ROUNDS_MOST 3

static bool another_round(struct build *b)
{
	if (b->options->dry_run || !b->ran || b->rounds.n + 1 >= ROUNDS_MOST ||
	    !plan_overtaken(&b->plan))
		return false;
	b->rounds.n++;
	b->rounds.ran = b->ran;
	b->rounds.cut = b->cut;
	return true;
}

/* Returns the exit code, or -EAGAIN: what was run has written what others read, and all begins anew. */
static int build_targets(struct build *b)
{
	struct nodes nodes = {NULL, 0, 0};
	int error = targets_find(b, &nodes);
	size_t commands;

	if (!error)
		error = plan_for(b, &nodes);
	free(nodes.at);
	if (error)
		return BUILD_FAILED;
	commands = b->plan.dirty + b->plan.maybe;
	if (!commands && !b->rounds.n) {
		report_nothing(b);
		build_save(b, true);
		return BUILD_DONE;
	}
	error = work(b);
	if (error)
		stopped_say(b, error);
	if (!error && another_round(b)) {
		build_save(b, false);
		return -EAGAIN;
	}
	build_save(b, !error);
	if (!b->options->dry_run)
		report_summary(b);
	return exit_code(error);
}

static int build_do(struct build *b)
{
	for (unsigned i = 0; i < MANIFESTS_MOST; i++) {
		int error = build_open(b);

		if (error)
			return BUILD_FAILED;
		error = manifest_half(b);
		if (error)
			return BUILD_FAILED;
		error = manifest_build(b);
		if (error < 0) {
			if (error == -EIO || error == -EINTR)
				stopped_say(b, error);
			build_save(b, false);
			return error == -EINTR ? BUILD_INTERRUPTED : BUILD_FAILED;
		}
		if (!error) {
			b->ran = b->rounds.ran;
			b->cut = b->rounds.cut;
			b->failed = b->broken = 0;
			error = build_targets(b);
			if (error != -EAGAIN)
				return error;
		} else {
			build_save(b, false);
		}
		build_close(b);
	}
	status_say(b->status, "error",
		   "manifest '%s' still dirty after %d tries, perhaps system time "
		   "is not set",
		   b->options->manifest, MANIFESTS_MOST);
	return BUILD_FAILED;
}

void build_init(struct build *b, const struct build_options *o)
{
	struct status_options options = {.name = o->name,
					 .verbose = o->verbose,
					 .quiet = o->quiet,
					 .json = o->json,
					 .color = o->color};

	*b = (struct build){.options = o, .lock_fd = -1, .children_fd = -1, .null_fd = -1};
	b->status = status_create(&options);
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->dyn_lock, NULL);
	b->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void build_fini(struct build *b)
{
	build_close(b);
	state_unlock(b);
	command_stop_fini(&b->stop);
	if (b->null_fd >= 0)
		close(b->null_fd);
	string_free(&b->folder);
	string_free(&b->trace);
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->dyn_lock);
	status_destroy(b->status);
}

int build_run(const struct build_options *o)
{
	struct build b;
	int code;

	build_init(&b, o);
	if (!o->explain && !o->dry_run && !o->trace && !o->dot && settled(&b)) {
		report_nothing(&b);
		code = BUILD_DONE;
	} else if (command_stop_init(&b.stop) || pawl_thread_attach("main")) {
		status_say(b.status, "error", "no memory or descriptors to begin with");
		code = BUILD_FAILED;
	} else {
		code = build_do(&b);
		if (o->trace)
			report_trace(&b);
		if (o->dot && b.m)
			report_dot(&b);
		if (o->stats)
			report_stats(&b);
		build_close(&b);
		pawl_thread_detach();
	}
	if (o->stats && !b.spent[PHASE_MANIFEST].n)
		report_stats(&b);
	build_fini(&b);
	return code;
}

/* ---- why ------------------------------------------------------------------------------------------------ */

int build_why(const struct build_options *o)
{
	struct nodes nodes = {NULL, 0, 0};
	struct build_options options = *o;
	struct build b;
	int code = BUILD_FAILED;

	options.dry_run = true;
	build_init(&b, &options);
	if (!build_open(&b) && !targets_find(&b, &nodes) && !plan_for(&b, &nodes)) {
		for (size_t i = 0; i < nodes.n; i++)
			report_why(&b, nodes.at[i]);
		code = BUILD_DONE;
	}
	free(nodes.at);
	build_fini(&b);
	return code;
}

/* ---- clean ----------------------------------------------------------------------------------------------- */

int build_clean(const struct build_options *o, bool generator)
{
	struct build b;
	size_t removed = 0;

	build_init(&b, o);
	if (build_open(&b)) {
		build_fini(&b);
		return BUILD_FAILED;
	}
	for (uint32_t edge = 0; edge < b.m->n_edges; edge++) {
		struct mf_list outs = mf_outs(b.m, edge);
		const struct edge *e = &b.plan.edges[edge];

		if (e->phony || (!generator && b.m->edges[edge].flags & MF_EDGE_GENERATOR))
			continue;
		for (uint32_t i = 0; i < outs.n; i++)
			removed += !unlink(mf_path(b.m, outs.at[i]));
		for (uint32_t i = outs.n; e->has_trace && i < e->trace.n_outs; i++)
			removed += !unlink(
				file_at(b.files, b.plan.numbers[e->trace.outs[i]])->path);
	}
	status_print(b.status, "%zu files removed", removed);
	build_fini(&b);
	return BUILD_DONE;
}
