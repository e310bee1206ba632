/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reads.c - what a command has read: what it says of that, and whether that is still so.
 *
 * Everything that a command read is looked at again when it has ended. What has changed since it began, or was made by a command
 * that ended later, makes it run once more: then what it has made is of what is there.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/depfile.h"

bool job_lists(const struct job *job, uint32_t file)
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
	error = job_input(job, file);
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
	if (job_lists(job, file))
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

int job_depfile(struct job *job, struct string *words)
{
	struct string path = {NULL, 0, 0}, bytes = {NULL, 0, 0};
	struct depfile depfile = DEPFILE_INIT;
	const char *what = "";
	int error;

	if (!(job->me->flags & MF_EDGE_DEPFILE))
		return 0;
	job_eval(job->b, job->edge, MF_DEPFILE, &path);
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

int job_reads_look(struct job *job)
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
 * A generator that has written to a source each time it ran, as far as can be seen. If all that it reads is older than all that
 * it has made, what times say of generators counts (plan.c).
 */
bool job_rests(const struct job *job)
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
