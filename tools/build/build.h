/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build.h - a build in progress: what its parts share.
 *
 * build.c opens the folder of the state, the manifest and the plan, and decides whether there is anything to do. run.c
 * is the driver: which edge comes next. edge.c is the function of the engine that an edge is. command.c runs commands.
 */
#ifndef BUILD_BUILD_H
#define BUILD_BUILD_H

#include <pthread.h>

#include <pawl/engine.h>
#include <pawl/event.h>

#include "command.h"
#include "common.h"
#include "plan.h"
#include "ui/status.h"

struct build_options {
	const char *name;     /* of the program, in messages */
	const char *manifest; /* "build.ninja" */
	const char *const *targets;
	size_t targets_n;
	unsigned jobs;	   /* 0: as many as there are processors, and two more */
	unsigned failures; /* that end the build; 0: none does */
	double load;	   /* 0: no limit */
	bool verbose, quiet, dry_run, json;
	bool explain, keep_depfile, keep_rsp, stats;
	bool duplicates_warn, phony_cycle_error;
	enum status_color color;
	const char *trace; /* file to write; NULL: none */
	const char *dot;   /* as well */
};

/* Exit codes, as ninja's. */
#define BUILD_DONE	  0
#define BUILD_FAILED	  1
#define BUILD_MISUSED	  2
#define BUILD_INTERRUPTED 130

/* Build. The exit code. Nothing else of the process is touched but handlers of signals while it lasts. */
int build_run(const struct build_options *options);
int build_why(const struct build_options *options);
int build_clean(const struct build_options *options, bool generator);
/* tool.c: ninja -t TOOL. */
int build_tool(const struct build_options *options, const char *tool, char **arguments, int n);

/* ---- inside ---- */

/* What takes time, for -d stats. */
enum build_phase {
	PHASE_SETTLED, /* is there anything to do at all? */
	PHASE_MANIFEST,
	PHASE_STATE, /* stamps and journal */
	PHASE_PLAN,
	PHASE_COMMANDS,
	PHASE_SAVE,
	PHASE_COUNT
};

struct build {
	const struct build_options *options;
	struct build_spent {
		unsigned n;
		uint64_t ns;
	} spent[PHASE_COUNT];
	struct mf_manifest *m;
	struct digest manifest; /* of all of its files */
	struct files *files;
	struct plan plan;
	struct status *status;
	struct string folder; /* .pawl, in builddir */
	int lock_fd, children_fd, null_fd;
	bool yields; /* if another build is at work, nothing is said */
	struct command_stop stop;
	uint64_t stopped_ns; /* when it was asked for */

	/* Of run.c and of bodies, while those run. */
	struct pawl_engine *engine;
	struct pawl_runtime *runtime;
	pthread_mutex_t lock; /* over all below, and edges' results */
	struct run *run;
	unsigned slots, running; /* commands */
	unsigned *pools;	 /* commands that run, by pool */
	struct pawl_event slot;	 /* one has become free */
	pthread_mutex_t dyn_lock;
	struct build_dyn *dyns;
	size_t dyns_n, dyns_room;
	size_t ran, cut, failed, broken;
	struct {
		unsigned n; /* plans that were run before this one: see build_do() */
		size_t ran, cut;
	} rounds;
	uint64_t saved_ns; /* durations of commands that did not run */
	unsigned failures_left;
	bool always; /* something is never up to date: the next build will not be done at once */
	bool ended_badly; /* the state could not be written */
	struct string trace;
};

/* A phase that began at `begun_ns` ends now. */
static inline void build_spent(struct build *build, enum build_phase phase, uint64_t begun_ns)
{
	build->spent[phase].n++;
	build->spent[phase].ns += build_now_ns() - begun_ns;
}

/* run.c: do what the plan says. Returns: 0; -EINTR: it was asked to end; -EIO: commands failed; others: it could not run. */
int build_plan_run(struct build *build);

/* edge.c */
extern const struct pawl_function build_edge_function;
extern const struct pawl_value_type build_outs_type;
struct build_edge_args {
	uint64_t edge;
};
/* The build that bodies belong to: there is one at a time in a process. */
void build_edges_of(struct build *build);
/* attempt.c: the number of a file in the journal; UINT32_MAX: it cannot be written. */
uint32_t build_number(struct build *build, uint32_t file);
void build_dyns_free(struct build *build);
void build_edge_texts(struct build *build, uint32_t edge, struct string *description,
		      struct string *command, struct string *outputs);
/* The journal cannot be written: said once, and the next build looks at everything. */
void build_state_broken(struct build *build, int error);
void build_explain(struct build *build, uint32_t edge, const struct why *why);

/* adopt.c: of what times alone said that it is up to date. */
void build_adopt(struct build *build);

#endif
