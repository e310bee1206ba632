/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - from a path to a manifest: files, and what is made when all are read.
 *
 * Lists of uses are made at the end, in two passes over the edges: the counts are known by
 * then, so every list gets its place in one array.
 */
#include "config.h"

#include "manifest/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pawl/mem.h>

/* Includes that include others twice, and so on: an end to that. */
#define FILES_MAX (UINT32_C(1) << 20)

void reader_publish(struct mf_reader *reader)
{
	struct mf_manifest *m = &reader->manifest;

	m->text = reader->text.at;
	m->text_bytes = reader->text.n;
	m->nodes = reader->nodes.at;
	m->n_nodes = reader->nodes.n;
	m->edges = reader->edges.at;
	m->n_edges = reader->edges.n;
	m->paths = reader->paths.at;
	m->n_paths = reader->paths.n;
	m->uses = reader->uses.at;
	m->n_uses = reader->uses.n;
	m->defaults = reader->defaults.at;
	m->n_defaults = reader->defaults.n;
	m->pools = reader->pools.at;
	m->n_pools = reader->pools.n;
	m->rules = reader->rules.at;
	m->n_rules = reader->rules.n;
	m->files = reader->files.at;
	m->n_files = reader->files.n;
	m->scopes = reader->scopes.at;
	m->n_scopes = reader->scopes.n;
	m->lets = reader->lets.at;
	m->n_lets = reader->lets.n;
	m->pieces = reader->pieces.at;
	m->n_pieces = reader->pieces.n;
	m->symbols = reader->symbols.at;
	m->n_symbols = reader->symbols.n;
	m->variables = reader->variables.slots;
	m->n_variables = reader->variables.n_slots;
	m->node_index = reader->node_index.slots;
	m->n_node_index = reader->node_index.n_slots;
	m->symbol_index = reader->symbol_index.slots;
	m->n_symbol_index = reader->symbol_index.n_slots;
	m->warnings = reader->warnings.at;
	m->n_warnings = reader->warnings.n;
	m->bound = reader->bound;
}

void reader_warn(struct mf_reader *reader, const char *format, ...)
{
	char text[1024], *kept;
	va_list list;
	int error = 0;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	/* For the image; one for which there is no memory is given only now. */
	kept = vec_add(&reader->warnings, (uint32_t)strlen(text) + 1, &error);
	if (kept)
		memcpy(kept, text, strlen(text) + 1);
	if (reader->options.warn)
		reader->options.warn(reader->options.arg, text);
}

int reader_fail(struct mf_reader *reader, const struct lexer *lexer, int error,
		const char *what)
{
	const struct mf_file *file =
		(struct mf_file *)reader->files.at + reader_frame(reader)->file;

	return error_at(reader->error, (char *)reader->text.at + file->path.at, lexer, error,
			"%s", what);
}

/* ---- files ------------------------------------------------------------------------------------- */

void stamp_of(const struct stat *status, struct mf_file *file)
{
	file->mtime_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
	file->ctime_ns = (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec;
	file->inode = status->st_ino;
	file->device = status->st_dev;
	file->size = (uint64_t)status->st_size;
}

/* A stamp as young as its clock is coarse would not tell of another write: it becomes one that no file has. */
static void distrust(struct mf_file *file)
{
	int64_t coarse_ns = file->ctime_ns % 1000000000 ? 20000000 : 2000000000;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec - file->ctime_ns < coarse_ns)
		file->mtime_ns = INT64_MIN;
}

static int read_fd(int fd, size_t expected, char **ret_bytes, size_t *ret_size,
		   size_t *ret_room)
{
	size_t room = expected + 2, size = 0, more;
	char *bytes = pawl_mem_alloc(room, 0), *bigger;
	ssize_t n = -1;
	int error = bytes ? 0 : -ENOMEM;

	while (!error && n != 0) {
		if (room - size < 2) {
			more = room * 2;
			bigger = pawl_mem_alloc(more, 0);
			if (!bigger) {
				error = -ENOMEM;
				break;
			}
			memcpy(bigger, bytes, size);
			pawl_mem_free(bytes, room, 0);
			bytes = bigger;
			room = more;
		}
		n = read(fd, bytes + size, room - size - 1);
		if (n < 0 && errno != EINTR)
			error = -errno;
		else if (n > 0)
			size += (size_t)n;
		if (size >= MF_NONE)
			error = -EFBIG;
	}
	if (error) {
		pawl_mem_free(bytes, room, 0);
		return error;
	}
	bytes[size] = '\0';
	*ret_bytes = bytes;
	*ret_size = size;
	*ret_room = room;
	return 0;
}

static int read_given(const struct mf_options *options, const char *path, char **ret_bytes,
		      size_t *ret_size, size_t *ret_room, struct mf_file *ret_stamp)
{
	struct pawl_slice given;
	char *bytes;
	int error = options->read(options->arg, path, &given);

	if (error)
		return error;
	if (given.len >= MF_NONE - 1)
		return -EFBIG;
	bytes = pawl_mem_alloc(given.len + 1, 0);
	if (!bytes)
		return -ENOMEM;
	if (given.len)
		memcpy(bytes, given.ptr, given.len);
	bytes[given.len] = '\0';
	*ret_bytes = bytes;
	*ret_size = given.len;
	*ret_room = given.len + 1;
	ret_stamp->size = given.len;
	return 0;
}

int read_whole(const struct mf_options *options, const char *path, char **ret_bytes,
	       size_t *ret_size, size_t *ret_room, struct mf_file *ret_stamp)
{
	struct stat status;
	int fd, error = 0;

	if (options->read)
		return read_given(options, path, ret_bytes, ret_size, ret_room, ret_stamp);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) != 0)
		error = -errno;
	else if (S_ISDIR(status.st_mode))
		error = -EISDIR;
	else if (status.st_size >= (off_t)MF_NONE - 2)
		error = -EFBIG;
	if (!error) {
		/* Taken before the bytes: what is written meanwhile has a later one. */
		stamp_of(&status, ret_stamp);
		distrust(ret_stamp);
		error = read_fd(fd, (size_t)status.st_size, ret_bytes, ret_size, ret_room);
	}
	close(fd);
	return error;
}

static bool is_open(const struct mf_reader *reader, const struct mf_file *file)
{
	const struct mf_file *files = reader->files.at;
	const struct frame *frames = reader->frames.at;
	const char *text = reader->text.at;
	uint32_t i;

	for (i = 0; i < reader->frames.n; i++) {
		const struct mf_file *other = &files[frames[i].file];

		if (file->inode && other->inode == file->inode && other->device == file->device)
			return true;
		if (!strcmp(text + other->path.at, text + file->path.at))
			return true;
	}
	return false;
}

static int push(struct mf_reader *reader, const struct mf_file *stamp, uint32_t scope,
		char *bytes, size_t size, size_t room)
{
	struct mf_file *file;
	struct frame *frame = NULL;
	int error = 0;

	file = vec_add(&reader->files, 1, &error);
	if (file) {
		*file = *stamp;
		file->size = size;
		file->digest = pawl_digest_bytes(bytes, size);
		frame = vec_add(&reader->frames, 1, &error);
	}
	if (!frame) {
		pawl_mem_free(bytes, room, 0);
		return error;
	}
	*frame = (struct frame){.bytes = bytes,
				.room = room,
				.scope = scope,
				.file = reader->files.n - 1,
				.lexer = {bytes, bytes, bytes + size, NULL, 1, 1}};
	return 0;
}

/* At the statement that names it, if one does. */
static int fail_to_enter(struct mf_reader *reader, const struct lexer *parent, int error,
			 const char *format, struct mf_text path)
{
	char what[600];

	snprintf(what, sizeof(what), format, (char *)reader->text.at + path.at,
		 strerror(-error));
	return parent ? reader_fail(reader, parent, error, what)
		      : error_of(reader->error, "", error, "%s", what);
}

int reader_enter(struct mf_reader *reader, struct mf_text path, uint32_t scope,
		 const struct lexer *parent)
{
	struct mf_file stamp = {.path = path, .parent = MF_NONE};
	char *bytes, *zero;
	struct lexer *lexer;
	size_t size, room;
	int error;

	if (parent) {
		stamp.parent = reader_frame(reader)->file;
		stamp.line = parent->line - 1;
		if (reader->frames.n >= MF_INCLUDE_DEPTH || reader->files.n >= FILES_MAX)
			return reader_fail(reader, parent, -ELOOP,
					   "includes are nested too deep");
	}
	error = read_whole(&reader->options, (char *)reader->text.at + path.at, &bytes, &size,
			   &room, &stamp);
	if (error)
		return fail_to_enter(reader, parent, error, "loading '%.300s': %s", path);
	if (is_open(reader, &stamp)) {
		pawl_mem_free(bytes, room, 0);
		return fail_to_enter(reader, parent, -ELOOP, "'%.300s' includes itself", path);
	}
	error = push(reader, &stamp, scope, bytes, size, room);
	if (error)
		return error;
	lexer = &reader_frame(reader)->lexer;
	zero = memchr(bytes, '\0', size);
	if (zero) {
		lexer->token = zero;
		return reader_fail(reader, lexer, -EINVAL, "NUL byte in a manifest");
	}
	return 0;
}

void reader_leave(struct mf_reader *reader)
{
	struct frame *frame = reader_frame(reader);

	pawl_mem_free(frame->bytes, frame->room, 0);
	reader->frames.n--;
}

/* ---- the beginning ----------------------------------------------------------------------------- */

static int add_known_symbols(struct mf_reader *reader)
{
	static const char *const names[SYMBOLS_KNOWN] = {
		[MF_COMMAND] = "command",
		[MF_DEPFILE] = "depfile",
		[MF_DEPS] = "deps",
		[MF_DESCRIPTION] = "description",
		[MF_DYNDEP] = "dyndep",
		[MF_GENERATOR] = "generator",
		[MF_POOL] = "pool",
		[MF_RESTAT] = "restat",
		[MF_RSPFILE] = "rspfile",
		[MF_RSPFILE_CONTENT] = "rspfile_content",
		[MF_MSVC_DEPS_PREFIX] = "msvc_deps_prefix",
		[SYMBOL_IN] = "in",
		[SYMBOL_IN_NEWLINE] = "in_newline",
		[SYMBOL_OUT] = "out",
		[SYMBOL_DEPTH] = "depth",
		[SYMBOL_VERSION] = "ninja_required_version",
	};
	uint32_t i, symbol;
	int error = 0;

	for (i = 0; i < SYMBOLS_KNOWN && !error; i++)
		error = reader_symbol(reader, names[i], strlen(names[i]), &symbol);
	return error;
}

/* None of the arrays is NULL, be it empty: ranges of nothing may be taken of all. */
static int reserve_all(struct mf_reader *reader)
{
	struct vec *const all[] = {&reader->nodes,    &reader->edges, &reader->paths,
				   &reader->uses,     &reader->lets,  &reader->pieces,
				   &reader->defaults, &reader->parts, &reader->raws};
	int error = 0;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]) && !error; i++)
		error = vec_reserve(all[i], 1);
	return error;
}

static int add_known_things(struct mf_reader *reader)
{
	struct mf_scope *scope;
	struct mf_pool *pools;
	struct mf_rule *rule;
	struct mf_text *symbols;
	uint32_t phony, console, none;
	int error = reserve_all(reader);

	if (!error)
		error = add_known_symbols(reader);
	if (!error)
		error = reader_symbol(reader, "phony", 5, &phony);
	if (!error)
		error = reader_symbol(reader, "console", 7, &console);
	if (!error)
		error = reader_symbol(reader, "", 0, &none);
	if (error)
		return error;
	symbols = reader->symbols.at;
	scope = vec_add(&reader->scopes, 1, &error);
	if (scope)
		*scope = (struct mf_scope){.parent = MF_NONE};
	pools = error ? NULL : vec_add(&reader->pools, 2, &error);
	if (pools) {
		pools[MF_POOL_DEFAULT] = (struct mf_pool){symbols[none], 0};
		pools[MF_POOL_CONSOLE] = (struct mf_pool){symbols[console], 1};
	}
	rule = error ? NULL : vec_add(&reader->rules, 1, &error);
	if (rule)
		*rule = (struct mf_rule){.name = symbols[phony]};
	if (!error)
		error = table_add(&reader->rule_names, 0, phony, MF_RULE_PHONY);
	if (!error)
		error = table_add(&reader->rule_names, MF_NONE, none, MF_POOL_DEFAULT);
	if (!error)
		error = table_add(&reader->rule_names, MF_NONE, console, MF_POOL_CONSOLE);
	return error;
}

int reader_init(struct mf_reader *reader, const struct mf_options *options,
		struct mf_error *error)
{
	const struct mf_options standard = MF_OPTIONS_INIT;

	*reader = (struct mf_reader){
		.text = VEC_OF(char),
		.nodes = VEC_OF(struct mf_node),
		.edges = VEC_OF(struct mf_edge),
		.paths = VEC_OF(uint32_t),
		.uses = VEC_OF(uint32_t),
		.defaults = VEC_OF(uint32_t),
		.pools = VEC_OF(struct mf_pool),
		.rules = VEC_OF(struct mf_rule),
		.files = VEC_OF(struct mf_file),
		.scopes = VEC_OF(struct mf_scope),
		.lets = VEC_OF(struct mf_let),
		.pieces = VEC_OF(struct mf_piece),
		.symbols = VEC_OF(struct mf_text),
		.warnings = VEC_OF(char),
		.parts = VEC_OF(struct part),
		.raws = VEC_OF(struct raw),
		.frames = VEC_OF(struct frame),
		.last_values = VEC_OF(uint32_t),
		.options = options ? *options : standard,
		.error = error ? error : &reader->nobody,
	};
	*reader->error = (struct mf_error){.caret = MF_NONE};
	return add_known_things(reader);
}

static void drop_table(struct table *table)
{
	pawl_mem_free(table->slots, (size_t)table->n_slots * sizeof(*table->slots), 0);
	*table = (struct table){NULL, 0, 0};
}

static void drop_hashed(struct hashed *hashed)
{
	pawl_mem_free(hashed->slots, (size_t)hashed->n_slots * sizeof(*hashed->slots), 0);
	*hashed = (struct hashed){NULL, 0, 0};
}

/* What only reading needs. */
static void drop_scaffold(struct mf_reader *reader)
{
	while (reader->frames.n)
		reader_leave(reader);
	vec_fini(&reader->frames);
	vec_fini(&reader->parts);
	vec_fini(&reader->raws);
	vec_fini(&reader->last_values);
	drop_table(&reader->rule_names);
	text_fini(&reader->scratch);
}

void reader_fini(struct mf_reader *reader)
{
	drop_scaffold(reader);
	vec_fini(&reader->text);
	vec_fini(&reader->nodes);
	vec_fini(&reader->edges);
	vec_fini(&reader->paths);
	vec_fini(&reader->uses);
	vec_fini(&reader->defaults);
	vec_fini(&reader->pools);
	vec_fini(&reader->rules);
	vec_fini(&reader->files);
	vec_fini(&reader->scopes);
	vec_fini(&reader->lets);
	vec_fini(&reader->pieces);
	vec_fini(&reader->symbols);
	vec_fini(&reader->warnings);
	drop_table(&reader->variables);
	drop_hashed(&reader->node_index);
	drop_hashed(&reader->symbol_index);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static int list_uses(struct mf_reader *reader)
{
	struct mf_node *nodes = reader->nodes.at;
	const struct mf_edge *edges = reader->edges.at;
	uint32_t i, k, *uses;
	uint64_t sum = 0;
	int error;

	for (i = 0; i < reader->nodes.n; i++) {
		nodes[i].first_use = (uint32_t)sum;
		sum += (uint64_t)nodes[i].n_uses + nodes[i].n_validates;
	}
	if (sum >= MF_NONE)
		return -EFBIG;
	uses = vec_add(&reader->uses, (uint32_t)sum, &error);
	if (sum && !uses)
		return error;
	/* first_use runs through each list, and goes back at the end. */
	reader_publish(reader);
	for (i = 0; i < reader->edges.n; i++) {
		struct mf_list ins = mf_ins(&reader->manifest, i);

		for (k = 0; k < ins.n; k++)
			uses[nodes[ins.at[k]].first_use++] = i;
	}
	for (i = 0; i < reader->edges.n; i++) {
		struct mf_list list = mf_validations(&reader->manifest, i);

		for (k = 0; edges[i].n_validations && k < list.n; k++)
			uses[nodes[list.at[k]].first_use++] = i;
	}
	for (i = 0; i < reader->nodes.n; i++)
		nodes[i].first_use -= nodes[i].n_uses + nodes[i].n_validates;
	return 0;
}

static const struct {
	enum mf_variable variable;
	uint32_t flag;
} flags_of[] = {
	{MF_GENERATOR, MF_EDGE_GENERATOR}, {MF_RESTAT, MF_EDGE_RESTAT},
	{MF_DEPS, MF_EDGE_DEPS},	   {MF_DEPFILE, MF_EDGE_DEPFILE},
	{MF_RSPFILE, MF_EDGE_RSPFILE},
};

/* A rule's variable that has some text whatever its variables are. */
static bool is_some(const struct mf_reader *reader, const struct mf_rule *rule, uint32_t which)
{
	const struct mf_let *lets = (struct mf_let *)reader->lets.at + rule->first_let;
	const struct mf_piece *pieces = reader->pieces.at;
	bool some = false;
	uint32_t i, k;

	for (i = 0; i < rule->n_lets; i++) {
		if (lets[i].name != which)
			continue;
		some = false;
		for (k = 0; k < lets[i].n_pieces; k++)
			some |= pieces[lets[i].first_piece + k].at != MF_NONE;
	}
	return some;
}

static int find_flags(struct mf_reader *reader)
{
	struct mf_edge *edges = reader->edges.at;
	const struct mf_rule *rules = reader->rules.at;
	uint32_t i, k, own, last = MF_NONE, some = 0;
	int error = 0;

	for (i = 0; i < reader->edges.n && !error; i++) {
		const struct mf_rule *rule = &rules[edges[i].rule];

		own = edges[i].flags >> 16 | reader->bound;
		edges[i].flags &= 0xffffu;
		if (edges[i].rule != last) {
			last = edges[i].rule;
			some = 0;
			for (k = 0; k < sizeof(flags_of) / sizeof(flags_of[0]); k++)
				if (is_some(reader, rule, flags_of[k].variable))
					some |= 1u << flags_of[k].variable;
		}
		for (k = 0; k < sizeof(flags_of) / sizeof(flags_of[0]) && !error; k++) {
			uint32_t bit = 1u << flags_of[k].variable;

			text_cut(&reader->scratch, 0);
			if (own & bit || (rule->bound & ~some & bit))
				error = mf_eval(&reader->manifest, i, flags_of[k].variable,
						&reader->scratch);
			if (reader->scratch.len || (~own & some & bit))
				edges[i].flags |= flags_of[k].flag;
		}
	}
	return error == -ELOOP ? 0 : error;
}

/* ---- rings of rule variables ------------------------------------------------------------------- */

/* Bits of the variables that a rule's variable mentions. */
static uint32_t mentions(const struct mf_reader *reader, const struct mf_rule *rule,
			 uint32_t which)
{
	const struct mf_let *lets = (struct mf_let *)reader->lets.at + rule->first_let;
	const struct mf_piece *pieces = reader->pieces.at;
	uint32_t bits = 0, i, k;

	for (i = 0; i < rule->n_lets; i++) {
		if (lets[i].name != which)
			continue;
		for (bits = 0, k = 0; k < lets[i].n_pieces; k++) {
			const struct mf_piece *piece = &pieces[lets[i].first_piece + k];

			if (piece->at == MF_NONE && piece->len < MF_VARIABLES)
				bits |= 1u << piece->len;
		}
	}
	return bits;
}

/* A ring among a rule's variables, written as ninja does; false if it has none. */
static bool ring_of(const struct mf_reader *reader, const struct mf_rule *rule, char *out,
		    size_t size)
{
	uint32_t to[MF_VARIABLES], reach[MF_VARIABLES], v, w, k;
	const struct mf_text *symbols = reader->symbols.at;
	const char *text = reader->text.at;
	int n;

	for (v = 0; v < MF_VARIABLES; v++)
		reach[v] = to[v] = mentions(reader, rule, v);
	for (k = 0; k < MF_VARIABLES; k++)
		for (v = 0; v < MF_VARIABLES; v++)
			if (reach[v] >> k & 1)
				reach[v] |= reach[k];
	for (v = 0; v < MF_VARIABLES && !(reach[v] >> v & 1);)
		v++;
	if (v == MF_VARIABLES)
		return false;
	n = snprintf(out, size, "cycle in rule variables: %s", text + symbols[v].at);
	/* Any next one that leads back; each step ends in at most as many as there are. */
	for (w = v, k = 0; k < MF_VARIABLES && (k == 0 || w != v) && (size_t)n < size; k++) {
		uint32_t next = 0;

		if (to[w] >> v & 1)
			next = v;
		else
			while (!(to[w] >> next & 1) || !(reach[next] >> v & 1))
				next++;
		w = next;
		n += snprintf(out + n, size - (size_t)n, " -> %s", text + symbols[w].at);
	}
	return true;
}

static int check_rings(struct mf_reader *reader)
{
	const struct mf_edge *edges = reader->edges.at;
	const struct mf_rule *rules = reader->rules.at;
	char ring[256];
	uint32_t r, i, v;

	for (r = 0; r < reader->rules.n; r++) {
		if (!ring_of(reader, &rules[r], ring, sizeof(ring)))
			continue;
		for (i = 0; i < reader->edges.n; i++) {
			if (edges[i].rule != r)
				continue;
			for (v = 0; v < MF_VARIABLES; v++) {
				int error;

				text_cut(&reader->scratch, 0);
				error = mf_eval(&reader->manifest, i, v, &reader->scratch);
				if (error == -ELOOP)
					return error_of(reader->error, "", error, "%s", ring);
				if (error)
					return error;
			}
		}
	}
	return 0;
}

static int finish(struct mf_reader *reader)
{
	int error = list_uses(reader);

	reader_publish(reader);
	if (!error)
		error = find_flags(reader);
	if (!error)
		error = check_rings(reader);
	drop_scaffold(reader);
	reader_publish(reader);
	return error;
}

int mf_load(const char *path, const struct mf_options *options,
	    struct mf_manifest **ret_manifest, struct mf_error *ret_error)
{
	struct mf_reader *reader;
	struct mf_text kept;
	int error;

	if (options && options->size != sizeof(*options))
		return error_of(ret_error ? ret_error : &(struct mf_error){0}, "", -EINVAL,
				"struct mf_options of another size");
	reader = pawl_mem_alloc(sizeof(*reader), 0);
	if (!reader)
		return error_of(ret_error ? ret_error : &(struct mf_error){0}, "", -ENOMEM,
				"out of memory");
	error = reader_init(reader, options, ret_error);
	if (!error)
		error = reader_keep(reader, path, strlen(path), &kept);
	if (!error)
		error = reader_enter(reader, kept, 0, NULL);
	if (!error)
		error = reader_parse(reader);
	if (!error)
		error = finish(reader);
	if (!error) {
		const char *version =
			reader->options.version ? reader->options.version : MF_NINJA_VERSION;

		reader->manifest.version = pawl_digest_bytes(version, strlen(version));
		reader->manifest.duplicates_warn = reader->options.duplicates_warn;
		reader->manifest.phony_cycle_error = reader->options.phony_cycle_error;
		reader->manifest.reader = reader;
		*ret_manifest = &reader->manifest;
		return 0;
	}
	if (!reader->error->error)
		error_of(reader->error, path, error, "%s",
			 error == -ENOMEM ? "out of memory" : strerror(-error));
	reader_fini(reader);
	pawl_mem_free(reader, sizeof(*reader), 0);
	return error;
}
