/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.c - the folder of the state, and its locks.
 *
 * Locks are flock()s: the system takes them back when the last process that has them open has ended. `lock` is closed on
 * exec, so it ends with the build. `children` is not: each command inherits it, so that after a build was killed its
 * commands still hold it, and the next build does not write to files that they are writing to. A build that ends in good
 * order removes that file, and the daemons that its commands may have left hold one that nobody will ask for.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *state_path(const struct build *b, const char *name, struct string *out)
{
	string_clear(out);
	string_printf(out, "%s/%s", b->folder.bytes, name);
	return out->bytes;
}

static void folder_add(struct string *out, const char *builddir, size_t n)
{
	string_clear(out);
	if (n) {
		string_add(out, builddir, n);
		string_puts(out, "/");
	}
	string_puts(out, ".pawl");
}

void state_folder(const struct mf_manifest *m, struct string *out)
{
	struct pawl_slice builddir = mf_eval_global(m, "builddir");

	folder_add(out, builddir.ptr, builddir.len);
}

#define GUESS_BYTES ((size_t)1 << 16)

bool state_folder_guess(const char *manifest, struct string *out)
{
	int fd = open(manifest, O_RDONLY | O_CLOEXEC);
	char *text = build_alloc(GUESS_BYTES + 1), *line, *value;
	ssize_t n = fd < 0 ? -1 : read(fd, text, GUESS_BYTES);
	bool seen = n >= 0;

	if (fd >= 0)
		close(fd);
	folder_add(out, "", 0);
	for (line = text; seen && line; line = strchr(line, '\n')) {
		size_t len;

		line += *line == '\n';
		if (strncmp(line, "builddir", 8) != 0)
			continue;
		value = line + 8 + strspn(line + 8, " ");
		if (*value != '=')
			continue;
		value++;
		value += strspn(value, " ");
		len = strcspn(value, "\n");
		seen = !memchr(value, '$', len);
		folder_add(out, value, len);
		break;
	}
	free(text);
	return seen;
}

/* ---- locks ------------------------------------------------------------------------------------ */

static void parents_make(const char *path)
{
	char *copy = build_dup(path, strlen(path));

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)mkdir(copy, 0777);
		*slash = '/';
	}
	(void)mkdir(copy, 0777);
	free(copy);
}

static void busy_say(struct build *b, int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n > 0)
		text[strcspn(text, "\n")] = 0;
	status_say(b->status, "error", "another build is at work in %s (process %s)",
		   b->folder.bytes, n > 0 ? text : "unknown");
}

#define GONE_LOOKS 300
#define GONE_NS	   10000000

static bool owner_is_gone(int fd)
{
	char text[32] = "";
	long pid = pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;

	return pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH;
}

/* One that was killed in the midst of starting a command: the child has the lock until it is that command. */
static bool lock_left(int fd)
{
	const struct timespec pause = {0, GONE_NS};

	for (unsigned i = 0; i < GONE_LOOKS && owner_is_gone(fd); i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static int lock_take(struct build *b)
{
	struct string path = {NULL, 0, 0};
	char text[32];
	int error = 0, n;

	b->lock_fd = open(state_path(b, "lock", &path), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (b->lock_fd < 0) {
		error = -errno;
		status_say(b->status, "error", "%s: %s", path.bytes, strerror(errno));
	} else if (flock(b->lock_fd, LOCK_EX | LOCK_NB) && !lock_left(b->lock_fd)) {
		error = -EBUSY;
		if (!b->yields)
			busy_say(b, b->lock_fd);
		close(b->lock_fd);
		b->lock_fd = -1;
	} else {
		n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
		if (!ftruncate(b->lock_fd, 0))
			(void)!pwrite(b->lock_fd, text, (size_t)n, 0);
	}
	string_free(&path);
	return error;
}

#define CHILDREN_LOOKS 300
#define CHILDREN_NS    100000000

/* Commands of a build that was killed may still write to what we are about to look at. */
static void children_take(struct build *b)
{
	struct string path = {NULL, 0, 0};

	b->children_fd = open(state_path(b, "children", &path), O_RDWR | O_CREAT, 0666);
	for (unsigned i = 0; b->children_fd >= 0; i++) {
		struct timespec pause = {0, CHILDREN_NS};

		if (!flock(b->children_fd, LOCK_EX | LOCK_NB))
			break;
		if (!i)
			status_say(b->status, "",
				   "waiting for commands that an earlier build left");
		if (i == CHILDREN_LOOKS) {
			status_say(
				b->status, "warning",
				"commands of an earlier build do not end; going on beside them");
			/* A new file, for us and ours. */
			(void)unlink(path.bytes);
			close(b->children_fd);
			b->children_fd = open(path.bytes, O_RDWR | O_CREAT, 0666);
			continue;
		}
		(void)nanosleep(&pause, NULL);
	}
	string_free(&path);
}

bool state_rests(const struct build *b)
{
	struct string path = {NULL, 0, 0};
	bool rests = access(state_path(b, "children", &path), F_OK) != 0;

	string_free(&path);
	return rests;
}

int state_lock(struct build *b)
{
	int error;

	parents_make(b->folder.bytes);
	error = lock_take(b);
	if (!error)
		children_take(b);
	return error;
}

void state_unlock(struct build *b)
{
	struct string path = {NULL, 0, 0};

	if (b->children_fd >= 0) {
		(void)unlink(state_path(b, "children", &path));
		close(b->children_fd);
	}
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	b->children_fd = b->lock_fd = -1;
	string_free(&path);
}
