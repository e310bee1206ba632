/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manifest.h - a build manifest in the ninja language, read.
 *
 * mf_load() reads build.ninja and what it includes; the result is a handful of arrays. A file of
 * the build is a *node*, a build statement an *edge*; both are named by dense 32-bit indices that
 * count from 0 in the order of first mention, so what somebody else knows of them goes into an
 * array of its own. Nothing here is allocated per edge, and nothing points: text, lists and scopes
 * are ranges of the arrays, so the whole can be written to a file and mapped again (mf_image_...).
 *
 * A loaded manifest is never changed again: any number of threads read it without a lock.
 * What becomes known later (depfiles, dyndep files) is its finder's to keep; struct mf_names gives
 * numbers to paths that no node has.
 *
 * No call here needs an attached thread; memory comes from pawl_mem_alloc(). Errors are a negative
 * errno and a struct mf_error that says the rest.
 */
#ifndef TOOLS_MANIFEST_H
#define TOOLS_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pawl/base.h>
#include <pawl/hash.h>

#include "manifest/names.h"
#include "manifest/text.h"

/* "There is none", for every kind of index. */
#define MF_NONE UINT32_MAX

/* A range of the manifest's text. Read it by mf_text(). Not terminated. */
struct mf_text {
	uint32_t at, len;
};

/* ---- the arrays ------------------------------------------------------------------------------ */

/* A file: its canonical path, the edge that makes it, those that use it. */
struct mf_node {
	struct mf_text path; /* a '\0' stands behind it: mf_path() */
	uint32_t edge;	     /* that makes it, or MF_NONE */
	/* uses[first_use ..]: edges that have it as an input (of any kind but validation), by index;
	 * as often as they name it. Then n_validates edges that name it as a validation. */
	uint32_t first_use, n_uses, n_validates;
	uint32_t flags;
};
#define MF_NODE_DEFAULT 1u /* stands in a default statement */
#define MF_NODE_DYNDEP	2u /* is some edge's dyndep file */

/*
 * A build statement. Its paths stand together from paths[first] on: explicit outputs, implicit
 * ones, explicit inputs, implicit, order-only, validations. mf_outs() and its like give the parts.
 */
struct mf_edge {
	uint32_t first;
	uint32_t n_out, n_implicit_out, n_in, n_implicit, n_order_only, n_validations;
	uint32_t rule;	 /* rules[] */
	uint32_t scope;	 /* scopes[]: its own, or that of its file */
	uint32_t pool;	 /* pools[]; MF_POOL_DEFAULT, MF_POOL_CONSOLE */
	uint32_t dyndep; /* node, or MF_NONE; is one of the inputs */
	uint32_t flags;
	uint32_t file, line; /* where the statement begins: files[], from 1 */
};
/* What every run asks of every edge, evaluated once. Values are "true" if they are not empty. */
#define MF_EDGE_PHONY	  1u
#define MF_EDGE_GENERATOR 2u
#define MF_EDGE_RESTAT	  4u
#define MF_EDGE_DEPS	  8u  /* deps = gcc (or msvc) */
#define MF_EDGE_DEPFILE	  16u /* depfile is not empty */
#define MF_EDGE_RSPFILE	  32u /* rspfile is not empty */
#define MF_EDGE_CONSOLE	  64u /* pool = console */

/* depth 0: no limit. */
struct mf_pool {
	struct mf_text name;
	uint32_t depth;
};
#define MF_POOL_DEFAULT 0u /* "", no limit */
#define MF_POOL_CONSOLE 1u /* "console", 1 */

#define MF_RULE_PHONY	0u
struct mf_rule {
	struct mf_text name;
	uint32_t scope; /* in which it stands */
	uint32_t first_let, n_lets;
	uint32_t bound; /* bit v: it binds the variable v of enum mf_variable */
};

/* A file that was read: build.ninja first, then in the order of their statements; one included twice is here twice. */
struct mf_file {
	struct mf_text path; /* as it was opened; terminated */
	uint32_t parent;     /* whose statement names it, MF_NONE for the first */
	uint32_t line;	     /* of that statement */
	uint64_t size;
	struct pawl_digest digest; /* of its bytes */
	/* Stamp at the time it was read: as long as it stays, the bytes did. */
	int64_t mtime_ns, ctime_ns;
	uint64_t inode, device;
};

/* Internal, for evaluation: see scope.c. */
struct mf_scope {
	uint32_t parent; /* MF_NONE: the root */
	uint32_t first_let,
		n_lets; /* of an edge's own scope; those of files are found by hash */
	uint32_t is_edge;
};
struct mf_let {
	uint32_t name; /* symbols[] */
	uint32_t first_piece, n_pieces;
};
/* `at` == MF_NONE: the variable symbols[len]. */
struct mf_piece {
	uint32_t at, len;
};
/* An entry of a table of names: of variables of files, and of rules. `value` MF_NONE: free. */
struct mf_slot {
	uint32_t scope, name, value;
};

struct mf_manifest {
	const char *text;
	const struct mf_node *nodes;
	const struct mf_edge *edges;
	const uint32_t *paths;	  /* nodes, of edges */
	const uint32_t *uses;	  /* edges, of nodes */
	const uint32_t *defaults; /* nodes, in the order of their statements */
	const struct mf_pool *pools;
	const struct mf_rule *rules;
	const struct mf_file *files;
	/* One for each edge, see mf_digest_commands(); NULL before. */
	const struct pawl_digest *commands;
	uint32_t n_nodes, n_edges, n_paths, n_uses, n_defaults, n_pools, n_rules, n_files;

	/* private to tools/manifest */
	const struct mf_scope *scopes;
	const struct mf_let *lets;
	const struct mf_piece *pieces;
	const struct mf_text *symbols;	 /* names of variables, rules and pools */
	const struct mf_slot *variables; /* of files: a let; open addressing */
	const uint64_t *node_index;	 /* by hash of path: its upper half, number + 1 */
	const uint64_t *symbol_index;	 /* the same */
	uint32_t text_bytes, n_scopes, n_lets, n_pieces, n_symbols;
	uint32_t n_variables, n_node_index, n_symbol_index; /* powers of two */
	const char *warnings;				    /* each terminated */
	uint32_t n_warnings;				    /* bytes */
	struct pawl_digest version; /* the options that it was loaded with */
	bool duplicates_warn, phony_cycle_error;
	uint32_t bound; /* bit v: some file binds the variable v of enum mf_variable */
	struct mf_reader *reader; /* owns the arrays that were parsed */
	struct pawl_digest *own_commands;
	void *map; /* holds those of an image */
	size_t map_bytes;
};

/* ---- errors ---------------------------------------------------------------------------------- */

/*
 * What went wrong and where. Of a fixed size, made by the call that fails; strings are cut to fit
 * and always terminated. `line` 0: the place is no line of a file; `file` "": nor a file.
 */
struct mf_error {
	int error; /* the negative errno that the call returned */
	char file[256];
	uint32_t line, column; /* from 1; column counts bytes */
	char message[512];
	char excerpt[80]; /* the line, cut at 72 bytes with "..." */
	uint32_t caret;	  /* spaces before the caret; MF_NONE: no caret */
};

/*
 * mf_error_print() - "FILE:LINE:COLUMN: MESSAGE", and if there is an excerpt a line with it and a
 * line with the caret ("^ near here"). No newline at the end.
 *
 * Returns: bytes needed without the terminating '\0', as snprintf(); `size` may be 0.
 */
size_t mf_error_print(const struct mf_error *error, char *out, size_t size);

/* ---- reading --------------------------------------------------------------------------------- */

struct mf_options {
	size_t size; /* sizeof(struct mf_options) */
	/* A node that two edges make is an error (ninja's default); else the first edge keeps it. */
	bool duplicates_warn;
	/* A phony edge that names itself as an input is an error later, as a cycle; else (ninja's
	 * default) the input is dropped with a warning. */
	bool phony_cycle_error;
	/* A warning, one line without "warning: ". May be NULL. */
	void (*warn)(void *arg, const char *text);
	/*
	 * In place of the file system, for tests: the bytes of `path` (terminated), which stay until
	 * mf_load() returns. Returns 0 or -errno. NULL: files are read, regular ones and pipes.
	 */
	int (*read)(void *arg, const char *path, struct pawl_slice *ret_bytes);
	void *arg;
	/* For ninja_required_version; NULL: MF_NINJA_VERSION. */
	const char *version;
};
#define MF_OPTIONS_INIT                           \
	{                                         \
		.size = sizeof(struct mf_options) \
	}

/* The version of ninja whose language this is, without anything of ours behind it. */
#define MF_NINJA_VERSION "1.12.1"

/*
 * mf_load() - Read a manifest and all that it includes.
 *
 * Returns: 0; the manifest, whose owner calls mf_free().
 * Errors:  -EINVAL: the manifest is wrong, `ret_error` says where; -ENOENT and other errnos of
 *          reading; -EFBIG for more than 2^32 bytes of text, nodes or edges; -ELOOP for includes
 *          that include themselves or are nested deeper than MF_INCLUDE_DEPTH; -ENOMEM.
 *          `ret_error` is filled in for all of them; it may be NULL.
 * Context: paths are relative to the current directory. One thread.
 */
#define MF_INCLUDE_DEPTH 200
PAWL_MUST_CHECK int mf_load(const char *path, const struct mf_options *options,
			    struct mf_manifest **ret_manifest, struct mf_error *ret_error);

/* mf_free() - Give back what mf_load() or mf_image_open() made. NULL is fine. */
void mf_free(struct mf_manifest *manifest);

/* ---- the image ------------------------------------------------------------------------------- */

/*
 * mf_image_save() - Write the manifest to `path`, by way of a temporary file beside it that is renamed.
 *
 * The image is read by the same version of this code on the same kind of machine; any other
 * refuses it. It is a cache: it is not synced, a torn one is found out by its digest.
 *
 * Errors: those of writing; -ENOMEM. Nothing of the temporary file stays.
 */
PAWL_MUST_CHECK int mf_image_save(struct mf_manifest *manifest, const char *path);

enum mf_image_state {
	MF_IMAGE_FRESH,	  /* every file has the stamp it had: nothing was read */
	MF_IMAGE_TOUCHED, /* some were read again, all have the bytes they had: save it again */
	MF_IMAGE_STATES
};

/*
 * mf_image_open() - Map an image and look whether it still is what its files say.
 *
 * What is re-done: one stat() a file. A file whose stamp moved is read and its digest compared. If any
 * file's bytes changed, the image is refused as a whole and everything is parsed
 * again: what stands in one file may change the meaning of every later statement of every other
 * file (a variable, a rule), and parsing is cheap (bench/b-manifest.c).
 *
 * Returns: 0, the manifest (mf_free()).
 * Errors:  -ESTALE: a file changed or is gone, or the manifest's path or `options` are others;
 *          -EUCLEAN: this is no image, of another version, or damaged; errnos of opening; -ENOMEM.
 *          None of them is a reason to stop: call mf_load().
 */
PAWL_MUST_CHECK int mf_image_open(const char *image, const char *path,
				  const struct mf_options *options,
				  enum mf_image_state *ret_state,
				  struct mf_manifest **ret_manifest);

/* ---- looking --------------------------------------------------------------------------------- */

static inline struct pawl_slice mf_text(const struct mf_manifest *m, struct mf_text text)
{
	return (struct pawl_slice){m->text + text.at, text.len};
}

/* A node's path, terminated. */
static inline const char *mf_path(const struct mf_manifest *m, uint32_t node)
{
	return m->text + m->nodes[node].path.at;
}

/* A list of nodes. */
struct mf_list {
	const uint32_t *at;
	uint32_t n;
};

/* All outputs, explicit ones first. */
static inline struct mf_list mf_outs(const struct mf_manifest *m, uint32_t edge)
{
	const struct mf_edge *e = &m->edges[edge];

	return (struct mf_list){m->paths + e->first, e->n_out + e->n_implicit_out};
}

/* All inputs: explicit, implicit, order-only. */
static inline struct mf_list mf_ins(const struct mf_manifest *m, uint32_t edge)
{
	const struct mf_edge *e = &m->edges[edge];

	return (struct mf_list){m->paths + e->first + e->n_out + e->n_implicit_out,
				e->n_in + e->n_implicit + e->n_order_only};
}

/* Inputs whose change makes the outputs old: explicit and implicit. */
static inline struct mf_list mf_deps(const struct mf_manifest *m, uint32_t edge)
{
	const struct mf_edge *e = &m->edges[edge];
	struct mf_list list = mf_ins(m, edge);

	list.n = e->n_in + e->n_implicit;
	return list;
}

static inline struct mf_list mf_order_only(const struct mf_manifest *m, uint32_t edge)
{
	const struct mf_edge *e = &m->edges[edge];
	struct mf_list list = mf_ins(m, edge);

	return (struct mf_list){list.at + e->n_in + e->n_implicit, e->n_order_only};
}

static inline struct mf_list mf_validations(const struct mf_manifest *m, uint32_t edge)
{
	struct mf_list list = mf_ins(m, edge);

	return (struct mf_list){list.at + list.n, m->edges[edge].n_validations};
}

/* Edges that have the node as an input. */
static inline struct mf_list mf_uses(const struct mf_manifest *m, uint32_t node)
{
	return (struct mf_list){m->uses + m->nodes[node].first_use, m->nodes[node].n_uses};
}

/* Edges that have the node as a validation. */
static inline struct mf_list mf_validates(const struct mf_manifest *m, uint32_t node)
{
	const struct mf_node *n = &m->nodes[node];

	return (struct mf_list){m->uses + n->first_use + n->n_uses, n->n_validates};
}

/* mf_find() - The node of a canonical path, or MF_NONE. */
uint32_t mf_find(const struct mf_manifest *m, const char *path, size_t len);

/*
 * mf_canonical() - Make a path canonical in place, as ninja does: no "." and empty components,
 * "x/.." gone, no slash at the end.
 *
 * Returns: the new length, at most `len`; 1 or more unless `len` is 0. No '\0' is written.
 */
size_t mf_canonical(char *path, size_t len);

/*
 * mf_nearest() - The node whose path is most like `path` (at most 3 edits away), for "did you mean", or MF_NONE.
 */
uint32_t mf_nearest(const struct mf_manifest *m, const char *path, size_t len);

/* mf_distance() - Edits (a byte added, dropped, replaced) from one to the other; 4 for more than 3. */
unsigned mf_distance(const char *a, size_t n, const char *b, size_t k);

/*
 * mf_roots() - Outputs that no edge uses, in ninja's order: what is built without a default statement.
 *
 * Returns: 0 and a block of n indices (pawl_mem_free() with n * 4 bytes; NULL if n is 0).
 * Errors:  -ENOMEM; -EINVAL if there are edges and no root (message in `ret_error`).
 */
PAWL_MUST_CHECK int mf_roots(const struct mf_manifest *m, uint32_t **ret_nodes, uint32_t *ret_n,
			     struct mf_error *ret_error);

/*
 * mf_check_cycles() - Does any of these nodes depend on itself? Inputs of all kinds are followed and
 * validations are begun with, as a build of them would. n == 0: all edges.
 *
 * Returns: 0.
 * Errors:  -ELOOP, the message is "dependency cycle: a -> b -> a"; -ENOMEM.
 */
PAWL_MUST_CHECK int mf_check_cycles(const struct mf_manifest *m, const uint32_t *nodes,
				    uint32_t n, struct mf_error *ret_error);

/* ---- evaluation ------------------------------------------------------------------------------ */

/* The variables that mean something to a build. */
enum mf_variable {
	MF_COMMAND,
	MF_DEPFILE,
	MF_DEPS,
	MF_DESCRIPTION,
	MF_DYNDEP,
	MF_GENERATOR,
	MF_POOL,
	MF_RESTAT,
	MF_RSPFILE,
	MF_RSPFILE_CONTENT,
	MF_MSVC_DEPS_PREFIX, /* known, not used */
	MF_VARIABLES
};

/*
 * mf_eval() - The value of an edge's variable, put at the end of `out`.
 *
 * Looked for in the edge's own bindings, its rule, the scopes around. $in, $in_newline and $out are
 * quoted for the shell in MF_COMMAND, MF_DESCRIPTION, MF_RSPFILE_CONTENT and the flags; not in
 * MF_DEPFILE, MF_DYNDEP, MF_RSPFILE.
 *
 * Errors:  -ENOMEM, -EFBIG (the value has more than MF_VALUE_BYTES), -ELOOP: rule variables refer to
 *          each other in a ring; mf_load() has looked for that in every edge, so a loaded manifest
 *          gives it for no edge. On errors `out` is as it was.
 * Context: any thread, several at a time with an `out` of their own.
 */
#define MF_VALUE_BYTES (64u << 20)
PAWL_MUST_CHECK int mf_eval(const struct mf_manifest *m, uint32_t edge, enum mf_variable which,
			    struct text *out);

/* mf_eval_name() - The same for any name, quoted; for -t tools and tests. */
PAWL_MUST_CHECK int mf_eval_name(const struct mf_manifest *m, uint32_t edge,
				 struct pawl_slice name, struct text *out);

/*
 * mf_eval_global() - The value of a variable in the scope of build.ninja ("builddir"), empty if it has none.
 */
struct pawl_slice mf_eval_global(const struct mf_manifest *m, const char *name);

/*
 * mf_command_digest() - The digest of what an edge runs: its command, and if it has a rspfile its content.
 * `scratch` is used on the way and may have anything in it afterwards.
 */
PAWL_MUST_CHECK int mf_command_digest(const struct mf_manifest *m, uint32_t edge,
				      struct text *scratch, struct pawl_digest *ret_digest);

/*
 * mf_digest_commands() - Fill in `commands`. An image has them: mf_image_save() calls this.
 *
 * Context: before the manifest is shared; costs about as much as parsing.
 */
PAWL_MUST_CHECK int mf_digest_commands(struct mf_manifest *m);

/* mf_quote() - A word quoted for the shell as ninja does it (as it is if it needs no quotes), put at the end of `out`. */
PAWL_MUST_CHECK int mf_quote(struct pawl_slice word, struct text *out);

#endif
