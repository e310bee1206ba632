/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-build.c - whole builds as programs: `pawl build`, ninja, samurai, side by side in copies of one tree.
 *
 *	nothing		all is up to date: 1 k, 10 k, 100 k edges
 *	leaf		one source of 10 k edges has another content
 *	touched		all sources of 20 k edges have other times: nothing is to be run (others run everything)
 *	header		a comment in the header that all of a small C program includes
 *	full		that program from nothing
 *	project		jansson from nothing, configured by CMake: sources of Debian's, as tests/program/real-projects has
 *			fetched them (PAWL_SOURCES, or out/sources in the build's folder); skipped where they are not
 *
 * Trees for the first three are made here: objects with a source, a few of many headers found by their depfiles (deps = gcc)
 * and bindings as CMake writes them, fifty an archive, one program of all archives. Their commands cost next to
 * nothing, so that bringing a tree up to date, which each program does once and for itself, ends. "touched" and "leaf"
 * have commands that copy.
 *
 * "(stat)" is the floor of a build with nothing to do, on all processors: asking for the stamp of each file and reading a stamp
 * for each to compare it with. "(stat, read, digest)" is the floor of finding out that contents did not change.
 * Both are programs as well, this one.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pawl/hash.h>

#define PATH_BYTES 4096

/* ---- programs ---------------------------------------------------------------------------------- */

enum who { PAWL, PAWL_PLAN, NINJA, SAMURAI, FLOOR_STAT, FLOOR_DIGEST };

static const char *path_of(enum who who)
{
	static char ours[PATH_BYTES], self[PATH_BYTES];
	const char *build = getenv("PAWL_BUILDDIR"), *other = getenv("PAWL_PROGRAM");

	switch (who) {
	case NINJA:
		return "ninja";
	case SAMURAI:
		return "samu";
	case FLOOR_STAT:
	case FLOOR_DIGEST:
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
			b_die("/proc/self/exe: %s", strerror(errno));
		return self;
	case PAWL:
	case PAWL_PLAN:
		break;
	}
	snprintf(ours, sizeof(ours), "%s/tools/pawl", build ? build : ".");
	return other ? other : ours;
}

/* Quietly. Returns its exit status; ret_rss: its largest size in KiB. */
static int run(const char *const argv[], long *ret_rss)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
			 environ) == 0) {
		while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
			;
		if (ret_rss)
			*ret_rss = usage.ru_maxrss;
	}
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum kind { NOTHING, LEAF, TOUCHED, HEADER, FULL, PROJECT };

#define KIND(arg)	      ((enum kind)((arg)&7))
#define WHO(arg)	      ((enum who)((arg) >> 3 & 7))
#define EDGES(arg)	      ((unsigned)((arg) >> 6))
#define ARG(kind, who, edges) ((uint64_t)(kind) | (uint64_t)(who) << 3 | (uint64_t)(edges) << 6)

struct tree {
	char folder[64];
	unsigned edges, users;
	uint64_t arg;
	unsigned edits;
	long rss;
};

/* What `who` does in a tree, once. */
static void build(enum who who, const struct tree *tree, bool keep_depfiles, long *ret_rss)
{
	char folder[PATH_BYTES];
	const char *argv[12] = {path_of(who)};
	size_t n = 1;
	int status;

	if (who == PAWL || who == PAWL_PLAN)
		argv[n++] = "build";
	/* Reasons are asked for: so it looks at each edge, though stamps said that nothing moved. */
	if (who == PAWL_PLAN) {
		argv[n++] = "-d";
		argv[n++] = "explain";
	}
	if (keep_depfiles) {
		argv[n++] = "-d";
		argv[n++] = "keepdepfile";
	}
	argv[n++] = who == FLOOR_STAT	  ? "--floor-stat"
		    : who == FLOOR_DIGEST ? "--floor-digest"
					  : "-C";
	argv[n++] = folder;
	snprintf(folder, sizeof(folder), "%s%s", tree->folder,
		 KIND(tree->arg) == PROJECT ? "/build" : "");
	status = run(argv, ret_rss);
	if (status)
		b_die("%s in %s: status %d", argv[0], folder, status);
}

/* A program that is not there is left out. */
static bool is_there(enum who who)
{
	const char *argv[] = {path_of(who), "--version", NULL};

	return who == FLOOR_STAT || who == FLOOR_DIGEST || run(argv, NULL) == 0;
}

static void must(const char *const argv[])
{
	if (run(argv, NULL))
		b_die("%s %s failed", argv[0], argv[1]);
}

/* ---- trees ------------------------------------------------------------------------------------- */

#define ARCHIVE	     50u /* objects in an archive */
#define INCLUDED     20u /* headers of a source */
#define SOURCES_MANY 10u /* as many sources as this for each header */

/* One tree of the kind "nothing" for all. */
static struct tree *shared;

static FILE *file_new(const char *folder, const char *path)
{
	char full[PATH_BYTES];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", folder, path);
	file = fopen(full, "we");
	if (!file)
		b_die("%s: %s", full, strerror(errno));
	return file;
}

static void folder_new(const char *folder, const char *path)
{
	char full[PATH_BYTES];

	snprintf(full, sizeof(full), "%s/%s", folder, path);
	if (mkdir(full, 0777) && errno != EEXIST)
		b_die("%s: %s", full, strerror(errno));
}

static void source_new(const struct tree *tree, unsigned i)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "src/l%u/s%u.c", i / ARCHIVE, i);
	file = file_new(tree->folder, path);
	/* A kilobyte, each with another. */
	for (unsigned line = 0; line < 32; line++)
		fprintf(file, "int f_%07u_%02u(int a, int b);\n", i, line);
	fclose(file);
}

/* What its command would have made, and what that would have read. */
static void object_new(const struct tree *tree, unsigned i)
{
	unsigned headers = tree->edges / SOURCES_MANY + 1;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "out/l%u/s%u.o", i / ARCHIVE, i);
	file = file_new(tree->folder, path);
	fprintf(file, "object %u\n", i);
	fclose(file);
	snprintf(path, sizeof(path), "out/l%u/s%u.o.d", i / ARCHIVE, i);
	file = file_new(tree->folder, path);
	fprintf(file, "out/l%u/s%u.o: src/l%u/s%u.c", i / ARCHIVE, i, i / ARCHIVE, i);
	for (unsigned h = 0; h < INCLUDED; h++)
		fprintf(file, " \\\n  include/h%u.h", (i * 7 + h * h * 13) % headers);
	fprintf(file, "\n");
	fclose(file);
}

static void edge_new(FILE *manifest, const struct tree *tree, unsigned i)
{
	unsigned l = i / ARCHIVE;

	fprintf(manifest,
		"build out/l%u/s%u.o: cc src/l%u/s%u.c || out/l%u/folder\n"
		"  DEFINES = -DNAME_%u -DSHARED\n"
		"  DEP_FILE = out/l%u/s%u.o.d\n"
		"  FLAGS = -O2 -g -Wall -Wextra -fPIC\n"
		"  INCLUDES = -Iinclude -Isrc/l%u\n"
		"  OBJECT_DIR = out/l%u\n",
		l, i, l, i, l, l, l, i, l, l);
	(void)tree;
}

static void archive_new(FILE *manifest, const struct tree *tree, unsigned l)
{
	char path[64];
	FILE *file;

	fprintf(manifest, "build out/l%u/folder: phony src/l%u\nbuild out/lib%u.a: ar", l, l,
		l);
	for (unsigned i = l * ARCHIVE; i < tree->edges && i < (l + 1) * ARCHIVE; i++)
		fprintf(manifest, " out/l%u/s%u.o", l, i);
	fprintf(manifest, "\n");
	snprintf(path, sizeof(path), "out/lib%u.a", l);
	file = file_new(tree->folder, path);
	fprintf(file, "archive %u\n", l);
	fclose(file);
}

/* All files that a build with nothing to do has to look at. */
static void files_write(const struct tree *tree)
{
	FILE *file = file_new(tree->folder, "files.floor");

	for (unsigned i = 0; i < tree->edges; i++)
		fprintf(file, "src/l%u/s%u.c%cout/l%u/s%u.o%c", i / ARCHIVE, i, 0, i / ARCHIVE,
			i, 0);
	for (unsigned i = 0; i < tree->edges / SOURCES_MANY + 1; i++)
		fprintf(file, "include/h%u.h%c", i, 0);
	fclose(file);
	file = file_new(tree->folder, "sources.floor");
	for (unsigned i = 0; i < tree->edges; i++)
		fprintf(file, "src/l%u/s%u.c%c", i / ARCHIVE, i, 0);
	fclose(file);
}

static void generated(const struct tree *tree)
{
	bool copies = KIND(tree->arg) != NOTHING;
	unsigned archives = (tree->edges + ARCHIVE - 1) / ARCHIVE;
	char path[64];
	FILE *manifest;

	folder_new(tree->folder, "src");
	folder_new(tree->folder, "out");
	folder_new(tree->folder, "include");
	for (unsigned i = 0; i < tree->edges / SOURCES_MANY + 1; i++) {
		snprintf(path, sizeof(path), "include/h%u.h", i);
		fclose(file_new(tree->folder, path));
	}
	for (unsigned l = 0; l < archives; l++) {
		snprintf(path, sizeof(path), "src/l%u", l);
		folder_new(tree->folder, path);
		snprintf(path, sizeof(path), "out/l%u", l);
		folder_new(tree->folder, path);
	}
	for (unsigned i = 0; i < tree->edges; i++)
		source_new(tree, i);
	/* Outputs are younger than what they are made of. */
	usleep(50000);
	manifest = file_new(tree->folder, "build.ninja");
	fprintf(manifest,
		"rule cc\n  command = %s\n  depfile = $DEP_FILE\n  deps = gcc\n"
		"rule ar\n  command = %s\n",
		copies ? "cp $in $out" : ": $DEFINES $FLAGS $INCLUDES -o $out -c $in",
		copies ? "cat $in > $out" : ": qc $out $in");
	for (unsigned i = 0; i < tree->edges; i++) {
		object_new(tree, i);
		edge_new(manifest, tree, i);
	}
	for (unsigned l = 0; l < archives; l++)
		archive_new(manifest, tree, l);
	fclose(manifest);
	files_write(tree);
}

/* The program of the quick start. */
static void copied(struct tree *tree)
{
	const char *source = getenv("PAWL_SRCDIR");
	char from[PATH_BYTES];
	const char *const argv[] = {"cp", "-R", from, tree->folder, NULL};

	snprintf(from, sizeof(from), "%s/examples/quickstart/abacus/.", source ? source : ".");
	must(argv);
}

#define PROJECT_NAME "jansson-2.14"

/* False: it is not there, or cannot be configured; said once. */
static bool project_path(char *path, size_t bytes)
{
	static bool said;
	const char *sources = getenv("PAWL_SOURCES"), *folder = getenv("PAWL_BUILDDIR");
	static const char *const cmake[] = {"cmake", "--version", NULL};
	const char *missing = NULL;

	if (sources)
		snprintf(path, bytes, "%s/" PROJECT_NAME, sources);
	else
		snprintf(path, bytes, "%s/out/sources/" PROJECT_NAME, folder ? folder : ".");
	if (access(path, R_OK | X_OK))
		missing = "are no sources in";
	else if (run(cmake, NULL))
		missing = "is no cmake to configure";
	if (missing && !said)
		fprintf(stderr,
			"build-project: there %s %s (tests/program/real-projects fetches them)\n",
			missing, path);
	said |= missing != NULL;
	return !missing;
}

/* Configured, and kept as it is then: each build begins with a copy of that. */
static int configured(struct tree *tree)
{
	char from[PATH_BYTES], source[PATH_BYTES], to[PATH_BYTES];
	const char *const copy[] = {"cp", "-R", from, source, NULL};
	const char *const cmake[] = {"cmake",
				     "-G",
				     "Ninja",
				     "-Wno-dev",
				     "-DCMAKE_BUILD_TYPE=Release",
				     "-DJANSSON_BUILD_DOCS=OFF",
				     "-S",
				     source,
				     "-B",
				     to,
				     NULL};
	const char *const keep[] = {"cp", "-a", to, source, NULL};

	if (!project_path(from, sizeof(from)) || !is_there(NINJA))
		return -ENOENT;
	snprintf(source, sizeof(source), "%s/source", tree->folder);
	snprintf(to, sizeof(to), "%s/build", tree->folder);
	must(copy);
	if (run(cmake, NULL))
		return -ENOENT;
	snprintf(source, sizeof(source), "%s/configured", tree->folder);
	must(keep);
	return 0;
}

static void project_begin(const struct tree *tree)
{
	char from[PATH_BYTES], to[PATH_BYTES];
	const char *const argv[] = {"cp", "-a", from, to, NULL};

	snprintf(from, sizeof(from), "%s/configured", tree->folder);
	snprintf(to, sizeof(to), "%s/build", tree->folder);
	must(argv);
}

static int tree_new(const struct b_case *cas, struct tree **ret_tree)
{
	int error = 0;
	const char *place = getenv("TMPDIR");
	struct tree *tree = b_alloc(sizeof(*tree));

	tree->arg = cas->arg;
	tree->edges = EDGES(cas->arg);
	snprintf(tree->folder, sizeof(tree->folder), "%.40s/b-build-XXXXXX",
		 place ? place : "/tmp");
	if (!mkdtemp(tree->folder))
		return -errno;
	if (tree->edges)
		generated(tree);
	else if (KIND(tree->arg) == PROJECT)
		error = configured(tree);
	else
		copied(tree);
	if (error) {
		const char *const argv[] = {"rm", "-rf", tree->folder, NULL};

		must(argv);
		free(tree);
		return error;
	}
	/* What ninja has built is taken over by ours: so that is done once. */
	if (KIND(tree->arg) == NOTHING && is_there(NINJA))
		build(NINJA, tree, true, NULL);
	*ret_tree = tree;
	return 0;
}

static int prepare(const struct b_case *cas, void **ret_prepared)
{
	enum who who = WHO(cas->arg);
	struct tree *tree = shared;
	int error = 0;

	if (!is_there(who) || (getenv("BENCH_QUICK") && EDGES(cas->arg) > 2000))
		return -ENOENT;
	if (KIND(cas->arg) != NOTHING || !tree || tree->edges != EDGES(cas->arg))
		error = tree_new(cas, &tree);
	if (error)
		return error;
	if (KIND(cas->arg) == NOTHING)
		shared = tree;
	tree->users++;
	*ret_prepared = tree;
	/* Up to date, twice: the second time some have stamps to settle. */
	for (unsigned i = 0; i < 2 && who != FLOOR_STAT && who != FLOOR_DIGEST; i++) {
		build(who, tree, tree->edges != 0, NULL);
		usleep(50000);
	}
	return 0;
}

static void discard(void *arg)
{
	struct tree *tree = arg;
	const char *const argv[] = {"rm", "-rf", tree->folder, NULL};

	if (--tree->users)
		return;
	if (shared == tree)
		shared = NULL;
	must(argv);
	free(tree);
}

/* ---- what happens before each build ------------------------------------------------------------- */

static void append(const struct tree *tree, const char *path, const char *format)
{
	char full[PATH_BYTES];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", tree->folder, path);
	file = fopen(full, "ae");
	if (!file)
		b_die("%s: %s", full, strerror(errno));
	fprintf(file, "/* %s %u */\n", format, tree->edits);
	fclose(file);
}

static void touch_sources(const struct tree *tree)
{
	char path[PATH_BYTES];

	for (unsigned i = 0; i < tree->edges; i++) {
		snprintf(path, sizeof(path), "%s/src/l%u/s%u.c", tree->folder, i / ARCHIVE, i);
		if (utimensat(AT_FDCWD, path, NULL, 0))
			b_die("%s: %s", path, strerror(errno));
	}
}

static int setup(struct b_run *r)
{
	struct tree *tree = r->prepared;
	char path[PATH_BYTES];
	const char *const argv[] = {"rm", "-rf", path, NULL};

	tree->edits++;
	switch (KIND(r->cas->arg)) {
	case LEAF:
		append(tree, "src/l0/s0.c", "edit");
		break;
	case TOUCHED:
		touch_sources(tree);
		break;
	case HEADER:
		append(tree, "src/common.h", "comment");
		break;
	case FULL:
	case PROJECT:
		snprintf(path, sizeof(path), "%s/build", tree->folder);
		must(argv);
		if (KIND(r->cas->arg) == PROJECT)
			project_begin(tree);
		break;
	case NOTHING:
		return 0;
	}
	/* Younger files than that are read twice. */
	usleep(50000);
	return 0;
}

static void work(struct b_worker *w, uint64_t n)
{
	struct tree *tree = w->run->prepared;
	long rss = 0;

	while (n--)
		build(WHO(w->run->cas->arg), tree, false, &rss);
	tree->rss = rss;
}

static void teardown(struct b_run *r)
{
	const struct tree *tree = r->prepared;

	b_extra(r, "rss_kb", (double)tree->rss);
}

/* ---- floors ------------------------------------------------------------------------------------- */

struct floor {
	char *list;
	char **paths;
	struct stat *stamps;
	size_t n, threads;
	bool digest;
};

struct floor_part {
	struct floor *floor;
	size_t first;
};

static void *floor_run(void *arg)
{
	const struct floor_part *part = arg;
	const struct floor *floor = part->floor;
	static __thread char bytes[65536];
	struct stat st;

	for (size_t i = part->first; i < floor->n; i += floor->threads) {
		if (stat(floor->paths[i], &st) || !memcmp(&st, &floor->stamps[i], sizeof(st)))
			_exit(3);
		if (floor->digest) {
			int fd = open(floor->paths[i], O_RDONLY | O_CLOEXEC);
			ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

			if (got < 0)
				_exit(4);
			b_use(pawl_digest_bytes(bytes, (size_t)got).low);
			close(fd);
		}
	}
	return NULL;
}

static char *list_read(const char *path, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *list;

	if (fd < 0 || fstat(fd, &st))
		b_die("%s: %s", path, strerror(errno));
	list = malloc((size_t)st.st_size);
	if (!list || read(fd, list, (size_t)st.st_size) != st.st_size)
		b_die("%s cannot be read", path);
	close(fd);
	*ret_bytes = (size_t)st.st_size;
	return list;
}

#define FLOOR_THREADS 64

static int floor_main(const char *folder, bool digest)
{
	struct floor_part parts[FLOOR_THREADS];
	pthread_t threads[FLOOR_THREADS];
	struct floor floor = {.digest = digest};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t bytes;

	if (chdir(folder))
		b_die("%s: %s", folder, strerror(errno));
	floor.list = list_read(digest ? "sources.floor" : "files.floor", &bytes);
	for (size_t i = 0; i < bytes; i++)
		floor.n += !floor.list[i];
	floor.paths = malloc(floor.n * sizeof(*floor.paths));
	floor.stamps = calloc(floor.n, sizeof(*floor.stamps));
	if (!floor.paths || !floor.stamps)
		b_die("no memory");
	for (size_t i = 0, at = 0; i < floor.n; i++, at += strlen(floor.list + at) + 1)
		floor.paths[i] = floor.list + at;
	floor.threads = cpus > FLOOR_THREADS ? FLOOR_THREADS : cpus > 0 ? (size_t)cpus : 1;
	for (size_t i = 0; i < floor.threads; i++) {
		parts[i] = (struct floor_part){&floor, i};
		if (i && pthread_create(&threads[i], NULL, floor_run, &parts[i]))
			b_die("no thread");
	}
	(void)floor_run(&parts[0]);
	for (size_t i = 1; i < floor.threads; i++)
		pthread_join(threads[i], NULL);
	free(floor.stamps);
	free(floor.paths);
	free(floor.list);
	return 0;
}

/* ---- the list ----------------------------------------------------------------------------------- */

/* clang-format off */
#define CASE(name, who, n, kind, edges) \
	{.bench = name, .contender = who, .params = "\"edges\":" #edges, .arg = ARG(kind, n, edges), \
	 .count = 1, .whole = true, .anywhere = true, .threads = 1, \
	 .prepare = prepare, .discard = discard, .setup = setup, .work = work, .teardown = teardown}
#define PROGRAMS(name, kind, edges) \
	CASE(name, "pawl", PAWL, kind, edges), \
	CASE(name, "ninja", NINJA, kind, edges), \
	CASE(name, "samurai", SAMURAI, kind, edges)
#define IDLE(name, edges) \
	PROGRAMS(name, NOTHING, edges), \
	CASE(name, "pawl-planned", PAWL_PLAN, NOTHING, edges), \
	CASE(name, "(stat)", FLOOR_STAT, NOTHING, edges)
/* clang-format on */

static const struct b_case cases[] = {
	IDLE("build-nothing-1k", 1000),
	IDLE("build-nothing-10k", 10000),
	IDLE("build-nothing-100k", 100000),
	PROGRAMS("build-leaf", LEAF, 10000),
	CASE("build-touched", "pawl", PAWL, TOUCHED, 20000),
	CASE("build-touched", "(stat, read, digest)", FLOOR_DIGEST, TOUCHED, 20000),
	PROGRAMS("build-header", HEADER, 0),
	PROGRAMS("build-full", FULL, 0),
	PROGRAMS("build-project", PROJECT, 0),
};
B_CASES(cases)

#define BENCH(name_, text_, reps_)                                                            \
	{                                                                                     \
		.name = name_, .text = text_, .mode = B_ROUNDS, .threads_max = 1, .count = 1, \
		.reps_max = reps_                                                             \
	}

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		BENCH("build-nothing-1k", "a build with nothing to do: 1 k edges", 0),
		BENCH("build-nothing-10k", "a build with nothing to do: 10 k edges", 0),
		BENCH("build-nothing-100k", "a build with nothing to do: 100 k edges", 0),
		BENCH("build-leaf", "a build after a change of one source: 10 k edges", 0),
		BENCH("build-touched", "a build after all sources were touched: 20 k edges", 0),
		BENCH("build-header", "a small C program after a comment in its main header",
		      7),
		BENCH("build-full", "a small C program from nothing", 7),
		BENCH("build-project", "jansson, configured by CMake, from nothing", 7),
	};

	if (argc == 3 && strcmp(argv[1], "--floor-stat") == 0)
		return floor_main(argv[2], false);
	if (argc == 3 && strcmp(argv[1], "--floor-digest") == 0)
		return floor_main(argv[2], true);
	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
