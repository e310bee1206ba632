/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-store.c - stores: values of 200 bytes by id and by digest, put in bulk, read warm and cold, changed in small
 * batches; beside LMDB as one would call it first, and a file that the same bytes are written to.
 *
 * On the disk that TMPDIR is on, or /tmp. What a commit costs there is mostly what its sync costs: compare columns, not
 * machines.
 */
#include "store-folder.h"

#include <errno.h>

#include <lmdb.h>

#include <pawl/store.h>
#include <pawl/thread.h>

#define VALUE 200u
#define MANY  200000u /* in the stores that are read and changed; in bulk */
#define SOME  10000u  /* changed at a time */

enum contender { PAWL, MEM, PLAIN, FILES };

struct place {
	enum contender contender;
	bool digests;
	struct folder folder;
	struct pawl_store_disk *disk;
	struct pawl_store *store;
	struct pawl_store_view *view;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	int fd;
	uint32_t round;
};

/* ---- keys and values ----------------------------------------------------------------------------- */

static uint64_t seed_of(const struct place *p, uint32_t i)
{
	return (uint64_t)p->round << 32 | i;
}

static struct pawl_store_key key_of(const struct place *p, uint32_t i)
{
	if (!p->digests)
		return pawl_store_id(i + 1);
	return (struct pawl_store_key){pawl_hash_u64(i, 1), pawl_hash_u64(i, 2)};
}

static enum pawl_store_space space_of(const struct place *p)
{
	return p->digests ? PAWL_STORE_TYPES : PAWL_STORE_DATA;
}

static MDB_val plain_key(const struct place *p, uint32_t i, unsigned char *bytes)
{
	struct pawl_store_key key = key_of(p, i);
	unsigned n = p->digests ? 16 : 4, at;

	for (at = 0; at < n; at++)
		bytes[n - 1 - at] =
			(unsigned char)(at < 8 ? key.low >> 8 * at : key.high >> 8 * (at - 8));
	return (MDB_val){n, bytes};
}

/* ---- a store of each kind ------------------------------------------------------------------------ */

static void open_plain(struct place *p)
{
	MDB_txn *txn;

	must(mdb_env_create(&p->env), "mdb_env_create");
	must(mdb_env_set_mapsize(p->env, (size_t)64 << 30), "mdb_env_set_mapsize");
	must(mdb_env_open(p->env, p->folder.path, MDB_NOTLS, 0666), "mdb_env_open");
	must(mdb_txn_begin(p->env, NULL, 0, &txn), "mdb_txn_begin");
	must(mdb_dbi_open(txn, NULL, 0, &p->dbi), "mdb_dbi_open");
	must(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void open_place(struct place *p)
{
	switch (p->contender) {
	case PAWL:
		must(pawl_store_open_lmdb(p->folder.path, NULL, NULL, &p->store), "open");
		break;
	case MEM:
		if (!p->disk)
			must(pawl_store_disk_create(&p->disk), "disk");
		must(pawl_store_open_mem(p->disk, NULL, NULL, &p->store), "open");
		break;
	case PLAIN:
		open_plain(p);
		break;
	default:
		p->fd = folder_open_file(&p->folder);
	}
}

static void close_place(struct place *p)
{
	if (p->view)
		pawl_store_view_end(p->view);
	p->view = NULL;
	if (p->txn)
		mdb_txn_abort(p->txn);
	p->txn = NULL;
	pawl_store_close(p->store);
	p->store = NULL;
	if (p->env)
		mdb_env_close(p->env);
	p->env = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static struct place *make(const struct b_case *cas)
{
	struct place *p = b_alloc(sizeof(*p));

	p->contender = (enum contender)(cas->arg % 8);
	p->digests = cas->arg >= 8;
	p->fd = -1;
	folder_make(&p->folder);
	open_place(p);
	return p;
}

static void drop(struct place *p)
{
	close_place(p);
	pawl_store_disk_destroy(p->disk);
	folder_drop(&p->folder);
	free(p);
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* n values from `from` on, `step` apart, in one durable batch. */
static void put_store(struct place *p, uint32_t from, uint32_t step, uint32_t n)
{
	unsigned char value[VALUE];
	struct pawl_store_batch *batch;
	uint32_t i;

	must(pawl_store_begin_write(p->store, &batch), "begin");
	for (i = 0; i < n; i++) {
		uint32_t at = (uint32_t)(((uint64_t)i * step + from) % MANY);

		fill(value, VALUE, seed_of(p, at));
		must(pawl_store_put(batch, space_of(p), key_of(p, at),
				    (struct pawl_slice){value, VALUE}),
		     "put");
	}
	must(pawl_store_commit(batch, NULL, NULL), "commit");
}

static void put_plain(struct place *p, uint32_t from, uint32_t step, uint32_t n)
{
	unsigned char value[VALUE], bytes[16];
	MDB_txn *txn;
	uint32_t i;

	must(mdb_txn_begin(p->env, NULL, 0, &txn), "mdb_txn_begin");
	for (i = 0; i < n; i++) {
		uint32_t at = (uint32_t)(((uint64_t)i * step + from) % MANY);
		MDB_val key = plain_key(p, at, bytes), val = {VALUE, value};

		fill(value, VALUE, seed_of(p, at));
		must(mdb_put(txn, p->dbi, &key, &val, 0), "mdb_put");
	}
	must(mdb_txn_commit(txn), "mdb_txn_commit");
}

/* Where each value has its place, in the order in which they come; a megabyte at a time where they lie together. */
static void put_file(struct place *p, uint32_t from, uint32_t step, uint32_t n)
{
	static unsigned char buffer[5000 * VALUE];
	uint32_t i, held = 0, first = from;

	for (i = 0; i < n; i++) {
		uint32_t at = (uint32_t)(((uint64_t)i * step + from) % MANY);

		if (held == 5000 || (held && at != first + held)) {
			must(pwrite(p->fd, buffer, held * VALUE, (off_t)first * VALUE) < 0,
			     "pwrite");
			held = 0;
		}
		if (!held)
			first = at;
		fill(buffer + (size_t)held++ * VALUE, VALUE, seed_of(p, at));
	}
	must(pwrite(p->fd, buffer, held * VALUE, (off_t)first * VALUE) < 0, "pwrite");
	must(fdatasync(p->fd), "fdatasync");
}

static void put(struct place *p, uint32_t from, uint32_t step, uint32_t n)
{
	p->round++;
	if (p->store)
		put_store(p, from, step, n);
	else if (p->env)
		put_plain(p, from, step, n);
	else
		put_file(p, from, step, n);
}

static int setup_empty(struct b_run *run)
{
	run->state = make(run->cas);
	return 0;
}

static int setup_full(struct b_run *run)
{
	struct place *p = make(run->cas);

	must(pawl_thread_attach("setup"), "attach");
	put(p, 0, 1, MANY);
	pawl_thread_detach();
	run->state = p;
	return 0;
}

static void teardown(struct b_run *run)
{
	struct place *p = run->state;

	if (p->contender != MEM)
		b_extra(run, "file_bytes", (double)folder_size(&p->folder));
	drop(p);
}

static void work_bulk(struct b_worker *w, uint64_t n)
{
	put(w->run->state, 0, 1, (uint32_t)n);
}

/* A prime step goes through all of them, far apart. */
static void work_change(struct b_worker *w, uint64_t n)
{
	put(w->run->state, (uint32_t)b_random(w) % MANY, 7919, (uint32_t)n);
}

static void work_commit(struct b_worker *w, uint64_t n)
{
	while (n--) {
		uint64_t began = b_now_ns();

		put(w->run->state, (uint32_t)b_random(w) % MANY, 1, 1);
		b_latency_add(w, b_now_ns() - began);
	}
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void begin_reading(struct place *p)
{
	if (p->store)
		must(pawl_store_view_begin(p->store, &p->view), "view");
	else if (p->env)
		must(mdb_txn_begin(p->env, NULL, MDB_RDONLY, &p->txn), "mdb_txn_begin");
}

static int setup_warm(struct b_run *run)
{
	(void)setup_full(run);
	begin_reading(run->state);
	return 0;
}

static int setup_cold(struct b_run *run)
{
	struct place *p;

	(void)setup_full(run);
	p = run->state;
	close_place(p);
	folder_forget(&p->folder);
	open_place(p);
	begin_reading(p);
	return 0;
}

static void work_get(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;
	unsigned char bytes[VALUE];

	while (n--) {
		uint32_t at = (uint32_t)(b_random(w) >> 20) % MANY;
		const unsigned char *value = bytes;

		if (p->view) {
			struct pawl_slice found;

			must(pawl_store_get(p->view, space_of(p), key_of(p, at), &found),
			     "get");
			must(!found.ptr, "absent");
			value = found.ptr;
		} else if (p->txn) {
			unsigned char name[16];
			MDB_val key = plain_key(p, at, name), val;

			must(mdb_get(p->txn, p->dbi, &key, &val), "mdb_get");
			value = val.mv_data;
		} else {
			must(pread(p->fd, bytes, VALUE, (off_t)at * VALUE) != VALUE, "pread");
		}
		b_use((unsigned)value[0] + value[VALUE - 1]);
	}
}

/* A view begun, one value read, and the view ended: what a look-up costs that holds nothing. */
static void work_view(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;

	while (n--) {
		struct pawl_store_view *view;
		struct pawl_slice found;

		must(pawl_store_view_begin(p->store, &view), "view");
		must(pawl_store_get(view, space_of(p),
				    key_of(p, (uint32_t)(b_random(w) >> 20) % MANY), &found),
		     "get");
		pawl_store_view_end(view);
	}
}

/* ---- the list ------------------------------------------------------------------------------------ */

#define CASE(b, who, which, s, w_)                                                      \
	{                                                                               \
		.bench = b, .contender = who, .arg = which, .bytes = VALUE, .setup = s, \
		.enter = enter, .work = w_, .leave = leave, .teardown = teardown,       \
	}
#define DIGESTS 8

static const struct b_case cases[] = {
	CASE("store-bulk-ids", "pawl", PAWL, setup_empty, work_bulk),
	CASE("store-bulk-ids", "pawl-mem", MEM, setup_empty, work_bulk),
	CASE("store-bulk-ids", "lmdb", PLAIN, setup_empty, work_bulk),
	CASE("store-bulk-ids", "file", FILES, setup_empty, work_bulk),
	CASE("store-bulk-digests", "pawl", PAWL + DIGESTS, setup_empty, work_bulk),
	CASE("store-bulk-digests", "pawl-mem", MEM + DIGESTS, setup_empty, work_bulk),
	CASE("store-bulk-digests", "lmdb", PLAIN + DIGESTS, setup_empty, work_bulk),
	CASE("store-bulk-digests", "file", FILES, setup_empty, work_bulk),
	CASE("store-change", "pawl", PAWL, setup_full, work_change),
	CASE("store-change", "lmdb", PLAIN, setup_full, work_change),
	CASE("store-change", "file", FILES, setup_full, work_change),
	CASE("store-commit", "pawl", PAWL, setup_full, work_commit),
	CASE("store-commit", "lmdb", PLAIN, setup_full, work_commit),
	CASE("store-commit", "file", FILES, setup_full, work_commit),
	CASE("store-get-warm", "pawl", PAWL, setup_warm, work_get),
	CASE("store-get-warm", "pawl-mem", MEM, setup_warm, work_get),
	CASE("store-get-warm", "lmdb", PLAIN, setup_warm, work_get),
	CASE("store-get-warm", "file", FILES, setup_warm, work_get),
	CASE("store-get-cold", "pawl", PAWL, setup_cold, work_get),
	CASE("store-get-cold", "lmdb", PLAIN, setup_cold, work_get),
	CASE("store-get-cold", "file", FILES, setup_cold, work_get),
	CASE("store-view", "pawl", PAWL, setup_full, work_view),
	CASE("store-view", "pawl-mem", MEM, setup_full, work_view),
};
B_CASES(cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "store-bulk-ids",
		 .text = "a value of 200,000 put by ascending id into an empty store, one durable batch",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = MANY,
		 .reps_max = 5},
		{.name = "store-bulk-digests",
		 .text = "the same by digest, in no order",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = MANY,
		 .reps_max = 5},
		{.name = "store-change",
		 .text = "a value of 10,000 changed in 200,000, one durable batch",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = SOME,
		 .reps_max = 5},
		{.name = "store-commit",
		 .text = "a durable batch of one value",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = 200,
		 .reps_max = 5},
		{.name = "store-get-warm",
		 .text = "a value of 200,000 read by random id",
		 .mode = B_TIMED},
		{.name = "store-get-cold",
		 .text = "the same, nothing in memory at first; 2,000 of them",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = 2000,
		 .reps_max = 5},
		{.name = "store-view",
		 .text = "a view begun, a value read, the view ended",
		 .mode = B_TIMED},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
