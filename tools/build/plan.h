/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.h - what has to be done: the edges that targets need, in an order, and which of them are as they were.
 *
 * A plan is made by one thread, from the manifest, the table of files and the journal. What it finds to be up to
 * date is settled by that, and the engine never hears of it. The rest are tasks (edge.c): those whose own
 * command or inputs have changed, and those that depend on them and may turn out not to have to run.
 */
#ifndef BUILD_PLAN_H
#define BUILD_PLAN_H

#include <pthread.h>

#include <pawl/engine.h>

#include "manifest/manifest.h"

#include "files.h"
#include "journal.h"

/* Why an edge runs. The numbers are kept on disk. */
enum why_kind {
	WHY_NONE,
	WHY_NEW,     /* it never has */
	WHY_BEGUN,   /* it was begun, and did not end well */
	WHY_COMMAND, /* its command is another one */
	WHY_LIST,    /* it reads other files than it did */
	WHY_INPUT,   /* `file` has another content */
	WHY_MISSING, /* its output `file` is not there */
	WHY_FOREIGN, /* its output `file` was changed by somebody else */
	WHY_ALWAYS,  /* `file` is never the same: it has no content to go by */
	WHY_LATE,    /* `file` changed while it ran, or was made after it was read */
	WHY_KIND_COUNT
};

struct why {
	enum why_kind kind;
	uint32_t file;		/* MF_NONE: none */
	uint32_t before, after; /* digests, in short */
};

enum edge_state {
	EDGE_UNWANTED,
	EDGE_CLEAN, /* as it was: nothing to do */
	EDGE_DIRTY, /* has to run */
	EDGE_MAYBE, /* something below it is dirty */
	EDGE_STATE_COUNT
};

enum edge_result {
	EDGE_OPEN, /* not yet */
	EDGE_RAN,  /* its command ran, and was good */
	EDGE_CUT,  /* it did not have to run, after all */
	EDGE_FAILED,
	EDGE_BLOCKED, /* what it needs has failed */
	EDGE_STOPPED
};

/* What a dyndep file says of an edge, with files for paths. */
struct edge_dyn {
	uint32_t *outs, *ins;
	uint32_t n_outs, n_ins;
};

struct edge {
	uint8_t state;	/* enum edge_state; of the plan */
	uint8_t mark;	/* private to plan.c */
	bool begun;	/* the journal says so, and not that it ended */
	bool has_trace; /* it has ended once */
	bool phony;
	bool imported; /* the trace has no digests yet */
	bool by_times; /* a generator without a trace that counts: its times are right */
	bool adopted;  /* and that is written down: adopt.c */
	bool after;    /* clean, but what it comes after by order alone is not */
	/* Below: under the build's lock once bodies run. */
	uint8_t result;	  /* enum edge_result */
	bool started;	  /* by the driver */
	uint32_t pending; /* edges that it waits for to be ready */
	uint64_t cost_ns; /* longest way from here to a target */
	uint64_t duration_ns;
	uint64_t finished_ns; /* when it got its result; of a plan: 0 */
	struct why why;
	struct trace trace;
	struct edge_dyn *dyn;
};

struct plan {
	const struct mf_manifest *m;
	struct files *files;
	struct journal *journal;
	struct edge *edges; /* m->n_edges */
	uint32_t *order;    /* wanted edges, those first that others need */
	size_t order_n, order_room;
	uint32_t *numbers; /* files, by their number in the journal */
	size_t numbers_n, numbers_room;
	void **kept; /* memory of traces that no journal has */
	size_t kept_n, kept_room;
	uint32_t *begun; /* files: first outputs of what was begun, and is no edge any more */
	size_t begun_n, begun_room;
	uint32_t *outputs; /* files that were ever made, by edges of this manifest or not */
	size_t outputs_n, outputs_room;
	size_t dirty, maybe; /* edges but phony ones */
	size_t commands;     /* edges that are wanted, but phony ones */
	struct string scratch;
	struct string error;
};

/* Of a wrong journal what counts is read; `why` is for people. Returns 0 or a negative errno. */
int plan_open(struct plan *plan, const struct mf_manifest *m, struct files *files,
	      const char *journal_path, bool read_only, uint64_t *ret_lost_bytes);
void plan_close(struct plan *plan);
/* Was something begun that makes this file as its first output, and not ended? Whether or not an edge does today. */
bool plan_begun(const struct plan *plan, uint32_t file);

/*
 * plan_make() - For these nodes: may be called again with others, then all of it counts anew.
 *
 * Errors: -ENOENT: an input is missing and nothing makes it; -ELOOP: a dependency cycle. `error` says it.
 */
int plan_make(struct plan *plan, const uint32_t *nodes, size_t n);

/*
 * plan_overtaken() - When all has been run: did a command write what a clean edge has read, and no edge makes? A stamp file
 * may stand for headers that the manifest does not name: then who reads them waits for it by order alone. Looks again at
 * what such edges read. Returns: a plan that is made now has more to do.
 */
bool plan_overtaken(struct plan *plan);

/* The edge that makes a file, MF_NONE: none. */
uint32_t plan_producer(const struct plan *plan, uint32_t file);

/* An output of its last run, that the manifest or a dyndep file names. */
static inline uint32_t plan_out(const struct plan *plan, const struct edge *edge, uint32_t i)
{
	return plan->numbers[edge->trace.outs[i]];
}

/* ---- check.c ---- */

/* The dyndep file counts, whatever kind of input it is: what it says decides what is read. True: it is no input that counts. */
bool plan_dyndep_apart(const struct plan *plan, uint32_t edge);

/*
 * What an edge reads, for whoever goes through it: all listed inputs, then what was found out the last time.
 * MF_NONE behind the last.
 */
uint32_t plan_read(const struct plan *plan, uint32_t edge, size_t i);

/*
 * plan_check() - Is an edge as its trace says? All that it reads must have its value. With `locked` files may change
 * meanwhile. Returns: true: it need not run. ret_read: the digest over what it reads, with what was found.
 */
bool plan_check(const struct plan *plan, uint32_t edge, bool locked, struct string *scratch,
		struct why *ret_why);

/* The part of it that is about the outputs. */
bool plan_outs_check(const struct plan *plan, uint32_t edge, struct why *ret_why);

/* The digest over what an edge reads; `found`: files beside those that the manifest lists. */
struct digest plan_read_digest(const struct plan *plan, uint32_t edge, const uint32_t *found,
			       size_t n, bool locked, struct string *scratch);
/* Of an output whose content says nothing. */
struct digest plan_derived(struct digest command, struct digest read, size_t out);
/* The value of an output of a phony edge. */
struct digest plan_phony(const struct plan *plan, uint32_t edge, uint32_t out, bool locked,
			 struct string *scratch);

static inline uint32_t digest_short(struct digest digest)
{
	return (uint32_t)digest.low ^ digest.kind;
}

/* In words, without the name of the edge. */
void why_words(const struct plan *plan, const struct why *why, struct string *out);
const char *why_kind_name(enum why_kind kind);

#endif
