/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.c - the file: a head, then records, each with its length and a check over its bytes.
 *
 *	record	u32 bytes of the payload, u32 check, payload, zeros to a multiple of 8
 *	payload	u32 kind, u32 edge or path, then what the kind has
 *
 * I1. A record counts if its check is right and all before it count. What a killed process had written in part is
 *     cut off by the next one.
 * I2. Each record is written by one write(), under the lock: none is torn by another.
 * I3. Numbers of paths are never reused: a journal that is written anew keeps only paths that it needs, and gives new
 *     numbers, so it is read again from its beginning.
 *
 * Synchronising with the disk for each command would cost more than most commands (2 ms, and a small one takes 1), and buys
 * little: the outputs of commands are not synchronised either, and a file that is not what its digest says is made again.
 * What a lost mark could hide is a command that was begun, and whose outputs do not show it: it writes to empty files, or to
 * files that nobody has declared. So the marks of all that may be run are written at once before the first command, and
 * synchronised; who reads them in another life of the machine takes them for begun (KIND_PLANNED, KIND_DONE). And for such a
 * command to have ended shortly before the machine stopped means as little: what it wrote beside may not be there.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pawl/hash.h>

#include "common.h"

enum kind { KIND_PATH = 1, KIND_BEGUN, KIND_ENDED, KIND_FORGOTTEN, KIND_PLANNED, KIND_DONE };

#define MAGIC		UINT64_C(0x676f6c2d6c776170) /* "pawl-log" */
#define JOURNAL_VERSION 2u

struct head {
	uint64_t magic;
	uint32_t version, digest_bytes;
};

struct record {
	uint32_t bytes, check;
};

/* Before the arrays of an ended run, behind kind and edge. */
struct ended {
	struct digest command, read;
	uint64_t duration_ns;
	int64_t ended_ns;
	uint32_t n_listed, n_found, n_outs, reserved;
};

/* Behind kind and the number of edges; their paths follow. */
struct planned {
	uint64_t boot;
};

struct name {
	const char *path;
	size_t bytes;
	/* The last record about the edge whose first output this is: its place, 0: none. */
	size_t last;
	uint32_t planned; /* by the builds after so many that were done; 0: not */
	bool begun;
};

struct journal {
	pthread_mutex_t lock; /* over all below, and the file */
	char *path;
	int fd;
	bool read_only;
	char *bytes; /* what was read at the opening */
	size_t n;
	struct name *names;
	size_t names_n, names_room;
	uint32_t *index; /* number + 1, by hash; a power of two */
	size_t index_n;
	uint64_t useful_bytes, file_bytes;
	uint32_t builds;       /* done, plus 1 */
	uint64_t boot;	       /* of what was planned since; 0: nothing was */
	uint64_t last_boot;    /* of what was planned last, done or not; 0: nothing ever was */
	int64_t newest_ns;     /* what ended last */
	struct string pending; /* paths that go in front of the next record */
	char **own;	       /* paths that were added */
	size_t own_n, own_room;
};

/* ---- numbers of paths ---------------------------------------------------------------------- */

static void index_add(struct journal *j, uint32_t number)
{
	const struct name *name = &j->names[number];
	size_t at = (size_t)pawl_hash_bytes(name->path, name->bytes, 0) & (j->index_n - 1);

	while (j->index[at])
		at = (at + 1) & (j->index_n - 1);
	j->index[at] = number + 1;
}

static void name_add(struct journal *j, const char *path, size_t bytes)
{
	BUILD_GROW(j->names, j->names_n, j->names_room);
	j->names[j->names_n++] = (struct name){path, bytes, 0, 0, false};
	if (j->names_n * 2 <= j->index_n) {
		index_add(j, (uint32_t)j->names_n - 1);
		return;
	}
	j->index_n = j->index_n ? j->index_n * 2 : 1024;
	free(j->index);
	j->index = build_alloc(j->index_n * sizeof(*j->index));
	for (uint32_t i = 0; i < j->names_n; i++)
		index_add(j, i);
}

static uint32_t name_find(const struct journal *j, const char *path, size_t bytes)
{
	size_t at;

	if (!j->index_n)
		return UINT32_MAX;
	at = (size_t)pawl_hash_bytes(path, bytes, 0) & (j->index_n - 1);
	for (; j->index[at]; at = (at + 1) & (j->index_n - 1)) {
		const struct name *name = &j->names[j->index[at] - 1];

		if (name->bytes == bytes && !memcmp(name->path, path, bytes))
			return j->index[at] - 1;
	}
	return UINT32_MAX;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The arrays behind an `ended`: false: they are not all there, or name paths that are not. */
static bool trace_of(const struct journal *j, const char *payload, size_t bytes,
		     struct trace *ret_trace)
{
	struct ended e;
	size_t reads, need;
	const char *at;

	if (bytes < 8 + sizeof(e))
		return false;
	memcpy(&e, payload + 8, sizeof(e));
	reads = (size_t)e.n_listed + e.n_found;
	need = 8 + sizeof(e) + (size_t)e.n_outs * sizeof(struct digest) + reads * 8 +
	       (size_t)e.n_outs * 4;
	if (bytes != need)
		return false;
	at = payload + 8 + sizeof(e);
	*ret_trace = (struct trace){.command = e.command,
				    .read = e.read,
				    .duration_ns = e.duration_ns,
				    .ended_ns = e.ended_ns,
				    .n_listed = e.n_listed,
				    .n_found = e.n_found,
				    .n_outs = e.n_outs};
	/* Records begin at multiples of 8, and so do these arrays. */
	ret_trace->out_digests = (const void *)at;
	at += (size_t)e.n_outs * sizeof(struct digest);
	ret_trace->reads = (const void *)at;
	ret_trace->read_digests = ret_trace->reads + reads;
	ret_trace->outs = ret_trace->read_digests + reads;
	for (size_t i = 0; i < reads; i++) {
		if (ret_trace->reads[i] >= j->names_n)
			return false;
	}
	for (size_t i = 0; i < e.n_outs; i++) {
		if (ret_trace->outs[i] >= j->names_n)
			return false;
	}
	return true;
}

static size_t padded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

/* Its outputs are empty: they would look the same, had it been run again since. */
static bool proves_nothing(const struct trace *trace)
{
	struct digest empty = digest_bytes(NULL, 0);

	for (uint32_t i = 0; i < trace->n_outs; i++) {
		if (!digest_equal(trace->out_digests[i], empty))
			return false;
	}
	return true;
}

static uint32_t check_of(const char *payload, size_t bytes)
{
	return (uint32_t)pawl_hash_bytes(payload, bytes, MAGIC);
}

static bool planned_read(struct journal *j, const char *payload, size_t bytes, uint32_t n)
{
	struct planned planned;
	const uint32_t *edges = (const void *)(payload + 8 + sizeof(planned));

	if (bytes != 8 + sizeof(planned) + (size_t)n * 4)
		return false;
	memcpy(&planned, payload + 8, sizeof(planned));
	for (uint32_t i = 0; i < n; i++) {
		if (edges[i] >= j->names_n)
			return false;
	}
	for (uint32_t i = 0; i < n; i++)
		j->names[edges[i]].planned = j->builds;
	j->boot = j->last_boot = planned.boot;
	return true;
}

static void done_read(struct journal *j)
{
	j->builds++;
	j->boot = 0;
}

/* About the edge of a path. */
static bool mark_read(struct journal *j, size_t at, uint32_t kind, uint32_t what,
		      const char *payload, size_t bytes)
{
	struct name *name;
	struct trace trace;

	if (what >= j->names_n)
		return false;
	name = &j->names[what];
	if (kind == KIND_ENDED && !trace_of(j, payload, bytes, &trace))
		return false;
	name->begun = kind == KIND_BEGUN;
	if (kind != KIND_BEGUN)
		name->last = kind == KIND_ENDED ? at : 0;
	if (kind == KIND_ENDED && trace.ended_ns > j->newest_ns)
		j->newest_ns = trace.ended_ns;
	/* The disk may have this record, and not what the command has written. */
	if (kind == KIND_FORGOTTEN || (kind == KIND_ENDED && !proves_nothing(&trace)))
		name->planned = 0;
	return true;
}

/* One record that begins at `at`; its length, 0: it does not count. */
static size_t record_read(struct journal *j, size_t at)
{
	struct record record;
	const char *payload;
	uint32_t kind, what;

	if (j->n - at < sizeof(record) + 8)
		return 0;
	memcpy(&record, j->bytes + at, sizeof(record));
	if (record.bytes < 8 || record.bytes > j->n - at - sizeof(record) ||
	    padded(record.bytes) > j->n - at - sizeof(record))
		return 0;
	payload = j->bytes + at + sizeof(record);
	if (check_of(payload, record.bytes) != record.check)
		return 0;
	memcpy(&kind, payload, 4);
	memcpy(&what, payload + 4, 4);
	if (kind == KIND_PATH) {
		/* With its zero. */
		if (what != j->names_n || record.bytes < 9 || payload[record.bytes - 1])
			return 0;
		name_add(j, payload + 8, record.bytes - 9);
		return sizeof(record) + padded(record.bytes);
	}
	if (kind > KIND_DONE)
		return 0;
	if (kind == KIND_PLANNED ? !planned_read(j, payload, record.bytes, what)
	    : kind == KIND_DONE	 ? (done_read(j), false)
				 : !mark_read(j, at, kind, what, payload, record.bytes))
		return 0;
	return sizeof(record) + padded(record.bytes);
}

static size_t record_bytes(const struct journal *j, size_t at)
{
	struct record record;

	memcpy(&record, j->bytes + at, sizeof(record));
	return sizeof(record) + padded(record.bytes);
}

/* What counts, told path by path. */
static void journal_tell(struct journal *j, const struct journal_reader *reader)
{
	for (size_t i = 0; i < j->names_n; i++)
		reader->path(reader->arg, j->names[i].path, j->names[i].bytes);
	for (size_t i = 0; i < j->names_n; i++) {
		const struct name *name = &j->names[i];
		struct trace trace;
		struct record record;

		if (name->last) {
			memcpy(&record, j->bytes + name->last, sizeof(record));
			if (trace_of(j, j->bytes + name->last + sizeof(record), record.bytes,
				     &trace))
				reader->ended(reader->arg, (uint32_t)i, &trace);
			j->useful_bytes += record_bytes(j, name->last);
		}
		if (name->begun)
			reader->begun(reader->arg, (uint32_t)i);
	}
}

static int bytes_read(struct journal *j)
{
	struct stat st;

	if (fstat(j->fd, &st))
		return -errno;
	j->bytes = build_realloc(NULL, (size_t)st.st_size + 8);
	while (j->n < (size_t)st.st_size) {
		ssize_t got =
			pread(j->fd, j->bytes + j->n, (size_t)st.st_size - j->n, (off_t)j->n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		j->n += (size_t)got;
	}
	return 0;
}

static int journal_read(struct journal *j, uint64_t *ret_lost_bytes)
{
	struct head head = {MAGIC, JOURNAL_VERSION, sizeof(struct digest)}, there;
	size_t at = sizeof(head), step;
	int error = bytes_read(j);

	if (error)
		return error;
	if (j->n >= sizeof(there))
		memcpy(&there, j->bytes, sizeof(there));
	if (j->n < sizeof(there) || memcmp(&there, &head, sizeof(head))) {
		*ret_lost_bytes = j->n;
		j->n = 0;
		if (j->read_only)
			return 0;
		if (ftruncate(j->fd, 0))
			return -errno;
		j->file_bytes = sizeof(head);
		return build_write(j->fd, &head, sizeof(head));
	}
	while (at < j->n && (step = record_read(j, at)))
		at += step;
	*ret_lost_bytes = j->n - at;
	if (at < j->n && !j->read_only && ftruncate(j->fd, (off_t)at))
		return -errno;
	j->n = at;
	j->file_bytes = at;
	return 0;
}

static void record_add(struct string *out, uint32_t kind, uint32_t what, const void *rest,
		       size_t rest_bytes);
static int journal_write(struct journal *j, const struct string *bytes);

/* It has left nothing but empty files: those say neither that it was not begun since, nor that all it wrote is there. */
static bool ended_proves_nothing(const struct journal *j, const struct name *name,
				 int64_t *ret_ended_ns)
{
	struct record record;
	struct trace trace;

	if (!name->last)
		return false;
	memcpy(&record, j->bytes + name->last, sizeof(record));
	if (!trace_of(j, j->bytes + name->last + sizeof(record), record.bytes, &trace))
		return false;
	*ret_ended_ns = trace.ended_ns;
	return proves_nothing(&trace);
}

/*
 * What may have been begun, and nothing shows that it was not; or has ended, but the machine has stopped so soon after that
 * that what it wrote may be lost, and nothing shows that it is not.
 */
static int journal_suspect(struct journal *j, uint64_t boot, bool lost)
{
	bool rebooted = j->boot && j->boot != boot;
	bool elsewhere = j->last_boot && j->last_boot != boot;
	struct string out = {NULL, 0, 0};
	int error = 0;

	for (uint32_t i = 0; i < j->names_n && (elsewhere || lost); i++) {
		struct name *name = &j->names[i];
		bool suspect = rebooted && name->planned == j->builds;
		int64_t ended_ns;

		if (ended_proves_nothing(j, name, &ended_ns))
			suspect |= lost || ended_ns > j->newest_ns - STAMP_WRITTEN_NS;
		if (!suspect || name->begun)
			continue;
		name->begun = true;
		record_add(&out, KIND_BEGUN, i, NULL, 0);
	}
	if (rebooted) {
		done_read(j);
		record_add(&out, KIND_DONE, 0, NULL, 0);
	}
	if (out.n && !j->read_only)
		error = journal_write(j, &out);
	string_free(&out);
	return error;
}

int journal_open(const char *path, const struct journal_reader *reader, bool read_only,
		 uint64_t boot, struct journal **ret_journal, uint64_t *ret_lost_bytes)
{
	struct journal *j = build_alloc(sizeof(*j));
	int error;

	pthread_mutex_init(&j->lock, NULL);
	j->path = build_dup(path, strlen(path));
	j->read_only = read_only;
	j->builds = 1;
	*ret_lost_bytes = 0;
	j->fd = read_only ? open(path, O_RDONLY | O_CLOEXEC)
			  : open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	error = j->fd < 0 ? -errno : journal_read(j, ret_lost_bytes);
	if (!error)
		error = journal_suspect(j, boot, *ret_lost_bytes != 0);
	if (error) {
		journal_close(j);
		return error;
	}
	j->boot = boot;
	journal_tell(j, reader);
	*ret_journal = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	for (size_t i = 0; i < j->own_n; i++)
		free(j->own[i]);
	free(j->own);
	string_free(&j->pending);
	free(j->names);
	free(j->index);
	free(j->bytes);
	free(j->path);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The record is built in `out`, whole. */
static void record_add(struct string *out, uint32_t kind, uint32_t what, const void *rest,
		       size_t rest_bytes)
{
	static const char zeros[8] = "";
	struct record record = {(uint32_t)rest_bytes + 8, 0};
	size_t at = out->n;

	string_add(out, &record, sizeof(record));
	string_add(out, &kind, 4);
	string_add(out, &what, 4);
	string_add(out, rest, rest_bytes);
	record.check = check_of(out->bytes + at + sizeof(record), record.bytes);
	memcpy(out->bytes + at, &record, sizeof(record));
	string_add(out, zeros, padded(record.bytes) - record.bytes);
}

static void ended_add(struct string *out, uint32_t edge, const struct trace *t,
		      const uint32_t *reads, const uint32_t *outs)
{
	size_t n = (size_t)t->n_listed + t->n_found;
	struct ended e = {t->command,  t->read,	   t->duration_ns, t->ended_ns,
			  t->n_listed, t->n_found, t->n_outs,	   0};
	struct string rest = {NULL, 0, 0};

	string_add(&rest, &e, sizeof(e));
	string_add(&rest, t->out_digests, t->n_outs * sizeof(*t->out_digests));
	string_add(&rest, reads, n * 4);
	string_add(&rest, t->read_digests, n * 4);
	string_add(&rest, outs, (size_t)t->n_outs * 4);
	record_add(out, KIND_ENDED, edge, rest.bytes, rest.n);
	string_free(&rest);
}

static int journal_write(struct journal *j, const struct string *bytes)
{
	size_t paths = j->pending.n;
	int error;

	if (paths)
		string_add(&j->pending, bytes->bytes, bytes->n);
	bytes = paths ? &j->pending : bytes;
	error = build_write(j->fd, bytes->bytes, bytes->n);
	if (!error) {
		j->file_bytes += bytes->n;
		string_clear(&j->pending);
		return 0;
	}
	/* Half a record would hide all that follow. */
	(void)!ftruncate(j->fd, (off_t)j->file_bytes);
	j->pending.n = paths;
	return error;
}

uint32_t journal_path(struct journal *j, const char *path, size_t bytes)
{
	uint32_t number;

	pthread_mutex_lock(&j->lock);
	number = name_find(j, path, bytes);
	if (number == UINT32_MAX && !j->read_only) {
		char *own = build_dup(path, bytes);

		number = (uint32_t)j->names_n;
		BUILD_GROW(j->own, j->own_n, j->own_room);
		j->own[j->own_n++] = own;
		record_add(&j->pending, KIND_PATH, number, own, bytes + 1);
		name_add(j, own, bytes);
	}
	pthread_mutex_unlock(&j->lock);
	return number;
}

static int record_write(struct journal *j, uint32_t kind, uint32_t edge,
			const struct trace *trace)
{
	struct string out = {NULL, 0, 0};
	int error = 0;

	if (edge == UINT32_MAX)
		return -EIO;
	for (size_t i = 0; trace && i < (size_t)trace->n_listed + trace->n_found; i++)
		error = trace->reads[i] == UINT32_MAX ? -EIO : error;
	for (size_t i = 0; trace && i < trace->n_outs; i++)
		error = trace->outs[i] == UINT32_MAX ? -EIO : error;
	if (error)
		return error;
	if (trace)
		ended_add(&out, edge, trace, trace->reads, trace->outs);
	else
		record_add(&out, kind, edge, NULL, 0);
	pthread_mutex_lock(&j->lock);
	error = journal_write(j, &out);
	pthread_mutex_unlock(&j->lock);
	string_free(&out);
	return error;
}

int journal_plan(struct journal *j, const uint32_t *edge_paths, size_t n)
{
	struct planned planned = {j->boot};
	struct string rest = {NULL, 0, 0}, out = {NULL, 0, 0};
	int error;

	string_add(&rest, &planned, sizeof(planned));
	string_add(&rest, edge_paths, n * 4);
	record_add(&out, KIND_PLANNED, (uint32_t)n, rest.bytes, rest.n);
	pthread_mutex_lock(&j->lock);
	error = journal_write(j, &out);
	pthread_mutex_unlock(&j->lock);
	if (!error && fdatasync(j->fd))
		error = -errno;
	string_free(&rest);
	string_free(&out);
	return error;
}

int journal_done(struct journal *j)
{
	return record_write(j, KIND_DONE, 0, NULL);
}

int journal_begin(struct journal *j, uint32_t edge_path)
{
	return record_write(j, KIND_BEGUN, edge_path, NULL);
}

int journal_end(struct journal *j, uint32_t edge_path, const struct trace *trace)
{
	return record_write(j, KIND_ENDED, edge_path, trace);
}

int journal_forget(struct journal *j, uint32_t edge_path)
{
	return record_write(j, KIND_FORGOTTEN, edge_path, NULL);
}

/* ---- written anew ---------------------------------------------------------------------------- */

bool journal_wasteful(const struct journal *j)
{
	/* Paths are counted as useless as well: a journal of paths alone has nothing to keep. */
	return j->file_bytes > 1u << 16 && j->file_bytes > 3 * j->useful_bytes + (1u << 16) &&
	       j->n > 0;
}

struct rewrite {
	struct journal *to; /* for its numbers */
	const struct journal *from;
	struct string out;
	uint32_t *numbers; /* of from's paths; UINT32_MAX: none yet */
};

static uint32_t rewrite_path(struct rewrite *r, uint32_t old)
{
	const struct name *name = &r->from->names[old];

	if (r->numbers[old] == UINT32_MAX) {
		r->numbers[old] = (uint32_t)r->to->names_n;
		name_add(r->to, name->path, name->bytes);
		record_add(&r->out, KIND_PATH, r->numbers[old], name->path, name->bytes + 1);
	}
	return r->numbers[old];
}

static void rewrite_edge(struct rewrite *r, uint32_t old)
{
	const struct name *name = &r->from->names[old];
	struct trace t;
	struct record record;
	uint32_t edge = rewrite_path(r, old), *paths;
	size_t n;

	if (name->last) {
		memcpy(&record, r->from->bytes + name->last, sizeof(record));
		if (!trace_of(r->from, r->from->bytes + name->last + sizeof(record),
			      record.bytes, &t))
			return;
		n = (size_t)t.n_listed + t.n_found;
		paths = build_alloc((n + t.n_outs) * 4);
		for (size_t i = 0; i < n; i++)
			paths[i] = rewrite_path(r, t.reads[i]);
		for (size_t i = 0; i < t.n_outs; i++)
			paths[n + i] = rewrite_path(r, t.outs[i]);
		ended_add(&r->out, edge, &t, paths, paths + n);
		free(paths);
	}
	if (name->begun)
		record_add(&r->out, KIND_BEGUN, edge, NULL, 0);
}

/* The file is read again, since this process has written to it: from is of what it holds now. */
static int rewrite_to(struct journal *from, const char *temporary)
{
	struct head head = {MAGIC, JOURNAL_VERSION, sizeof(struct digest)};
	struct planned planned = {from->boot};
	struct journal *numbers = build_alloc(sizeof(*numbers));
	struct rewrite r = {.to = numbers, .from = from};
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int error = fd < 0 ? -errno : 0;

	r.numbers = build_realloc(NULL, from->names_n * sizeof(*r.numbers));
	memset(r.numbers, 0xff, from->names_n * sizeof(*r.numbers));
	string_add(&r.out, &head, sizeof(head));
	for (uint32_t i = 0; i < from->names_n && !error; i++) {
		if (from->names[i].last || from->names[i].begun)
			rewrite_edge(&r, i);
		if (r.out.n > 1u << 20) {
			error = build_write(fd, r.out.bytes, r.out.n);
			string_clear(&r.out);
		}
	}
	/* Of which life it is. */
	record_add(&r.out, KIND_PLANNED, 0, &planned, sizeof(planned));
	record_add(&r.out, KIND_DONE, 0, NULL, 0);
	if (!error)
		error = build_write(fd, r.out.bytes, r.out.n);
	if (!error && fdatasync(fd))
		error = -errno;
	if (fd >= 0 && close(fd) && !error)
		error = -errno;
	if (!error && rename(temporary, from->path))
		error = -errno;
	if (error)
		unlink(temporary);
	string_free(&r.out);
	free(r.numbers);
	free(numbers->names);
	free(numbers->index);
	free(numbers);
	return error;
}

static void ignore_path(void *arg, const char *path, size_t bytes)
{
	(void)arg;
	(void)path;
	(void)bytes;
}

static void ignore_ended(void *arg, uint32_t edge_path, const struct trace *trace)
{
	(void)arg;
	(void)edge_path;
	(void)trace;
}

static void ignore_begun(void *arg, uint32_t edge_path)
{
	(void)arg;
	(void)edge_path;
}

int journal_rewrite(struct journal *j)
{
	static const struct journal_reader nobody = {ignore_path, ignore_ended, ignore_begun,
						     NULL};
	struct string temporary = {NULL, 0, 0};
	struct journal *whole;
	uint64_t lost;
	int error = journal_open(j->path, &nobody, true, j->boot, &whole, &lost);

	if (error)
		return error;
	string_printf(&temporary, "%s.new", j->path);
	error = rewrite_to(whole, temporary.bytes);
	string_free(&temporary);
	journal_close(whole);
	return error;
}
