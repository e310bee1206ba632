/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-manifest.c - reading a build manifest: ours as a call, ours as an image that is mapped, ours, ninja and samurai as programs.
 *
 * A program is asked for a target that there is not: it reads the manifest, says so, ends. What it costs to start
 * one is in its figure; on manifests of 1 k edges it is most of it. "pawl (program)" pays it, too: compare
 * programs with programs.
 *
 * The manifests look like what CMake writes: 50 objects a library, each with five bindings
 * (tests/program/manifests.py big). They are made once, in a folder of their own.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "manifest/manifest.h"

extern char **environ;

struct prepared {
	char folder[64];
	char manifest[96], image[96];
};

static int run(char *const argv[])
{
	posix_spawn_file_actions_t quiet;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&quiet);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the manifests ----------------------------------------------------------------------------- */

static struct mf_manifest *load(const struct prepared *prepared)
{
	struct mf_manifest *m;
	struct mf_error error;

	if (mf_load(prepared->manifest, NULL, &m, &error) != 0)
		b_die("%s", error.message);
	return m;
}

static int prepare(const struct b_case *cas, void **ret_prepared)
{
	struct prepared *prepared = b_alloc(sizeof(*prepared));
	const char *source = getenv("PAWL_SRCDIR");
	char script[4096], count[32];
	char *argv[] = {(char[]){"python3"}, script, (char[]){"big"}, count,
			prepared->manifest,  NULL};
	struct mf_manifest *m;

	snprintf(script, sizeof(script), "%s/tests/program/manifests.py",
		 source ? source : ".");
	snprintf(count, sizeof(count), "%llu", (unsigned long long)cas->arg);
	strcpy(prepared->folder, "/tmp/b-manifest-XXXXXX");
	if (!mkdtemp(prepared->folder))
		return -errno;
	snprintf(prepared->manifest, sizeof(prepared->manifest), "%s/build.ninja",
		 prepared->folder);
	snprintf(prepared->image, sizeof(prepared->image), "%s/image", prepared->folder);
	*ret_prepared = prepared;
	if (run(argv) != 0)
		b_die("tests/program/manifests.py failed: run me from the top of the tree, or set PAWL_SRCDIR");
	m = load(prepared);
	if (mf_image_save(m, prepared->image) != 0)
		b_die("the image could not be written");
	mf_free(m);
	return 0;
}

static void discard(void *arg)
{
	struct prepared *prepared = arg;

	unlink(prepared->manifest);
	unlink(prepared->image);
	rmdir(prepared->folder);
	free(prepared);
}

/* ---- the contenders ---------------------------------------------------------------------------- */

static void work_load(struct b_worker *w, uint64_t n)
{
	while (n--)
		mf_free(load(w->run->prepared));
}

static void work_image(struct b_worker *w, uint64_t n)
{
	const struct prepared *prepared = w->run->prepared;
	enum mf_image_state state;
	struct mf_manifest *m;

	while (n--) {
		if (mf_image_open(prepared->image, prepared->manifest, NULL, &state, &m) != 0)
			b_die("the image is refused");
		mf_free(m);
	}
}

static void work_program(struct b_worker *w, const char *program, uint64_t n)
{
	struct prepared *prepared = w->run->prepared;
	char name[4096];
	char *argv[] = {name, (char[]){"-f"}, prepared->manifest, (char[]){"no-such-target"},
			NULL};

	snprintf(name, sizeof(name), "%s", program);
	while (n--)
		if (run(argv) != 1)
			b_die("%s: this is not how it should end", program);
}

static const char *ours(void)
{
	static char path[4096];
	const char *build = getenv("PAWL_BUILDDIR");

	snprintf(path, sizeof(path), "%s/tests/program/read-ninja", build ? build : ".");
	return path;
}

static void work_ours(struct b_worker *w, uint64_t n)
{
	work_program(w, ours(), n);
}

static void work_ninja(struct b_worker *w, uint64_t n)
{
	work_program(w, "ninja", n);
}

static void work_samurai(struct b_worker *w, uint64_t n)
{
	work_program(w, "samu", n);
}

/* A program that is not there is left out. */
static int is_there(const char *program)
{
	char name[4096];
	char *argv[] = {name, (char[]){"--version"}, NULL};

	snprintf(name, sizeof(name), "%s", program);
	return run(argv) == 0 ? 0 : -ENOENT;
}

static int setup_ours(struct b_run *r)
{
	(void)r;
	return is_there(ours());
}

static int setup_ninja(struct b_run *r)
{
	(void)r;
	return is_there("ninja");
}

static int setup_samurai(struct b_run *r)
{
	(void)r;
	return is_there("samu");
}

/* clang-format off */
#define CASES(edges, name) \
	{.bench = name, .contender = "pawl", .params = "\"edges\":" #edges, .arg = edges, \
	 .prepare = prepare, .discard = discard, .work = work_load}, \
	{.bench = name, .contender = "pawl-image", .params = "\"edges\":" #edges, .arg = edges, \
	 .prepare = prepare, .discard = discard, .work = work_image}, \
	{.bench = name, .contender = "pawl-program", .params = "\"edges\":" #edges, .arg = edges, \
	 .prepare = prepare, .discard = discard, .setup = setup_ours, .work = work_ours}, \
	{.bench = name, .contender = "ninja", .params = "\"edges\":" #edges, .arg = edges, \
	 .prepare = prepare, .discard = discard, .setup = setup_ninja, .work = work_ninja}, \
	{.bench = name, .contender = "samurai", .params = "\"edges\":" #edges, .arg = edges, \
	 .prepare = prepare, .discard = discard, .setup = setup_samurai, .work = work_samurai}
/* clang-format on */

static const struct b_case cases[] = {
	CASES(1000, "manifest-1k"),
	CASES(10000, "manifest-10k"),
	CASES(100000, "manifest-100k"),
};
B_CASES(cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "manifest-1k",
		 .text = "read a manifest of 1 k edges",
		 .threads_max = 1},
		{.name = "manifest-10k",
		 .text = "read a manifest of 10 k edges",
		 .threads_max = 1},
		{.name = "manifest-100k",
		 .text = "read a manifest of 100 k edges",
		 .threads_max = 1,
		 .reps_max = 5},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
