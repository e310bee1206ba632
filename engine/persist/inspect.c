/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inspect.c - what stands in a store, told to programs that look into one.
 *
 * It knows the form of tables and records as tables.c, image.c and record.c write them, and no engine: what takes a record
 * apart for a graph (image-read.c) needs the program's functions and types.
 *
 * Three walks: over DATA, where for each task META has to be there as well; over META, for tasks that have no DATA; over
 * TYPES, whose digests have to lead to tasks with that function and these arguments.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/inspect.h>

#include "persist.h"

struct walk {
	struct pawl_store_view *view;
	const struct pawl_inspector *inspector;
	void *arg;
	struct pawl_inspection *found;
};

static void damage(struct walk *walk, enum pawl_store_space space, struct pawl_store_key key,
		   const char *what)
{
	walk->found->damage++;
	if (walk->inspector->damage)
		walk->inspector->damage(walk->arg, space, key, what);
}

/* ---- what there is one of ------------------------------------------------------------------ */

/* Returns: it is there, and is whole. */
static bool infra(struct walk *walk, uint32_t number, struct eng_reader *ret_reader,
		  int *ret_error)
{
	struct pawl_store_key key = pawl_store_id(number);
	struct pawl_slice bytes;
	uint8_t version;

	*ret_error = pawl_store_get(walk->view, PAWL_STORE_INFRA, key, &bytes);
	if (*ret_error)
		return false;
	if (!bytes.ptr) {
		damage(walk, PAWL_STORE_INFRA, key, "it is missing");
		return false;
	}
	if (eng_frame_open(bytes, eng_frame_seed(PAWL_STORE_INFRA, key), &version,
			   ret_reader)) {
		damage(walk, PAWL_STORE_INFRA, key, "its checksum is wrong");
		return false;
	}
	return true;
}

static int head(struct walk *walk)
{
	struct eng_reader reader;
	int error;

	if (!infra(walk, ENG_INFRA_HEAD, &reader, &error))
		return error;
	walk->found->next = eng_read_number(&reader);
	if (!eng_reader_done(&reader)) {
		walk->found->next = 0;
		damage(walk, PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_HEAD),
		       "it is no number");
	}
	return 0;
}

static int rows(struct walk *walk, struct eng_reader *reader, enum pawl_saved_kind kind)
{
	uint64_t n = eng_read_number(reader);
	int error = 0;

	for (uint64_t i = 0; i < n && !error; i++) {
		struct pawl_saved_row row = {.kind = kind};

		row.number = eng_read_number32(reader);
		row.name = eng_read_range(reader);
		row.version = eng_read_number(reader);
		(void)eng_read_number(reader);
		if (reader->bad)
			break;
		walk->found->rows[kind]++;
		if (walk->inspector->row)
			error = walk->inspector->row(walk->arg, &row);
	}
	return error;
}

static int tables(struct walk *walk)
{
	struct eng_reader reader;
	int error;

	if (!infra(walk, ENG_INFRA_TABLES, &reader, &error))
		return error;
	for (unsigned kind = 0; kind < PAWL_SAVED_KIND_COUNT && !error; kind++)
		error = rows(walk, &reader, (enum pawl_saved_kind)kind);
	if (!error && !eng_reader_done(&reader))
		damage(walk, PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_TABLES),
		       "the tables of functions, types and traits cannot be read");
	return error;
}

/* As sweep.c writes it: it need not be there. */
static int stale(struct walk *walk)
{
	struct pawl_store_key key = pawl_store_id(ENG_INFRA_STALE);
	struct eng_reader reader;
	struct pawl_slice bytes;
	uint64_t n;
	int error = pawl_store_get(walk->view, PAWL_STORE_INFRA, key, &bytes);

	if (error || !bytes.ptr || !infra(walk, ENG_INFRA_STALE, &reader, &error))
		return error;
	(void)eng_read_number32(&reader);
	(void)eng_read_number32(&reader);
	for (n = 2 * eng_read_count(&reader, 2); n; n--)
		(void)eng_read_number(&reader);
	if (!eng_reader_done(&reader))
		damage(walk, PAWL_STORE_INFRA, key, "who was not asked for cannot be read");
	return 0;
}

/* As snapshot.c writes it: it need not be there. */
static int loss(struct walk *walk)
{
	struct pawl_store_key key = pawl_store_id(ENG_INFRA_LOSS);
	struct eng_reader reader;
	struct pawl_slice bytes;
	int error = pawl_store_get(walk->view, PAWL_STORE_INFRA, key, &bytes);

	if (error || !bytes.ptr)
		return error;
	/* Damaged or not: that it is there is what counts (restart.c). */
	walk->found->loss = 1;
	if (!infra(walk, ENG_INFRA_LOSS, &reader, &error))
		return error;
	(void)eng_read_number(&reader);
	if (!eng_reader_done(&reader))
		damage(walk, PAWL_STORE_INFRA, key,
		       "how often something was lost cannot be read");
	return 0;
}

/* ---- tasks ------------------------------------------------------------------------------------ */

static void look_at_key(struct pawl_saved_task *task, struct pawl_slice key, bool *good)
{
	struct eng_reader reader = eng_reader_on(key);

	task->function = eng_read_number32(&reader);
	task->arguments = eng_read_range(&reader);
	if (!task->function)
		task->flags |= PAWL_SAVED_LOST;
	*good &= eng_reader_done(&reader);
}

/* As take_cells() and put_value() of image.c write them. */
static void look_at_cells(struct pawl_saved_task *task, struct pawl_slice cells, bool *good)
{
	struct eng_reader reader = eng_reader_on(cells);
	uint64_t n = cells.len ? eng_read_count(&reader, 2) : 0;

	while (n-- && !reader.bad) {
		(void)eng_read_number(&reader);
		(void)eng_read_number(&reader);
	}
	n = cells.len ? eng_read_count(&reader, 1 + sizeof(struct pawl_digest)) : 0;
	while (n-- && !reader.bad) {
		(void)eng_read_number(&reader);
		(void)eng_read_bytes(&reader, sizeof(struct pawl_digest));
	}
	while (cells.len && eng_read_number(&reader) && !reader.bad) {
		task->output_bytes += eng_read_range(&reader).len;
		task->cells++;
	}
	*good &= eng_reader_done(&reader);
}

static void look_at_data(struct pawl_saved_task *task, const struct eng_data_image *data,
			 bool *good)
{
	look_at_key(task, data->key, good);
	look_at_cells(task, data->CELLS, good);
	task->reads = data->OUTPUT_DEPENDENCIES.n + data->CELL_DEPENDENCIES.n +
		      data->COLLECTIBLES_DEPENDENCIES.n + data->KEYED_DEPENDENCIES.n;
	task->readers =
		data->output_dependents.n + data->cell_dependents.n + data->KEYED_DEPENDENTS.n;
}

static void look_at_error(struct pawl_saved_task *task, struct pawl_slice bytes, bool *good)
{
	struct eng_reader reader = eng_reader_on(bytes);

	if (!eng_read_number(&reader))
		*good = false;
	(void)eng_read_number(&reader);
	(void)eng_read_number(&reader);
	(void)eng_read_range(&reader);
	task->error = eng_read_range(&reader);
	task->flags |= PAWL_SAVED_FAILED;
	*good &= !reader.bad;
}

static void look_at_meta(struct pawl_saved_task *task, const struct eng_meta_image *meta,
			 bool *good)
{
	if (meta->meta_bits.a & ENG_DIRTY)
		task->flags |=
			meta->meta_bits.a & ENG_SESSION ? PAWL_SAVED_SESSION : PAWL_SAVED_DIRTY;
	if (meta->error.ptr)
		look_at_error(task, meta->error, good);
	task->children = meta->CHILDREN.n + meta->STILL_CHILDREN.n;
	task->sums = meta->uppers.n + meta->FOLLOWERS.n;
	task->readers += meta->COLLECTIBLES_DEPENDENTS.n;
}

/* Both are there. Images are freed by the caller, since what the task borrows is theirs. */
static int look_at_task(struct walk *walk, uint32_t id, struct pawl_slice both[2],
			void *images[2])
{
	static const enum pawl_store_space spaces[2] = {PAWL_STORE_DATA, PAWL_STORE_META};
	struct pawl_saved_task task = {.id = id};
	bool good = true;

	for (unsigned i = 0; i < 2; i++) {
		int error = eng_record_decode(spaces[i], id, both[i], &images[i]);

		if (error == -ENOMEM)
			return error;
		if (error) {
			damage(walk, spaces[i], pawl_store_id(id),
			       error == -ESTALE ? "it is of another version of Pawl"
						: "its checksum is wrong, or its form");
			return 0;
		}
	}
	look_at_data(&task, images[0], &good);
	look_at_meta(&task, images[1], &good);
	if (!good) {
		damage(walk, PAWL_STORE_DATA, pawl_store_id(id), "a field of it has no form");
		return 0;
	}
	task.data_bytes = both[0].len;
	task.meta_bytes = both[1].len;
	walk->found->tasks++;
	return walk->inspector->task ? walk->inspector->task(walk->arg, &task) : 0;
}

static int data_one(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct walk *walk = arg;
	struct pawl_slice both[2] = {value, {NULL, 0}};
	void *images[2] = {NULL, NULL};
	int error = pawl_store_get(walk->view, PAWL_STORE_META, key, &both[1]);

	if (error)
		return error;
	if (!both[1].ptr) {
		damage(walk, PAWL_STORE_META, key, "it is missing");
		return 0;
	}
	error = look_at_task(walk, (uint32_t)key.low, both, images);
	for (unsigned i = 0; i < 2; i++)
		if (images[i])
			eng_record_free(images[i]);
	return error;
}

static int meta_one(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct walk *walk = arg;
	struct pawl_slice data;
	int error = pawl_store_get(walk->view, PAWL_STORE_DATA, key, &data);

	(void)value;
	if (!error && !data.ptr)
		damage(walk, PAWL_STORE_DATA, key, "it is missing");
	return error;
}

/* Its task's function and arguments have this digest. */
static int type_one(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct walk *walk = arg;
	struct pawl_saved_task task = {0};
	struct pawl_digest digest;
	struct pawl_slice data;
	bool good = true;
	void *image;
	uint32_t id;
	int error;

	if (value.len != sizeof(id)) {
		damage(walk, PAWL_STORE_TYPES, key, "it is no number of a task");
		return 0;
	}
	memcpy(&id, value.ptr, sizeof(id));
	error = pawl_store_get(walk->view, PAWL_STORE_DATA, pawl_store_id(id), &data);
	if (error)
		return error;
	if (!data.ptr) {
		damage(walk, PAWL_STORE_TYPES, key, "it leads to a task that is not there");
		return 0;
	}
	error = eng_record_decode(PAWL_STORE_DATA, id, data, &image);
	/* That was told of before. */
	if (error)
		return error == -ENOMEM ? error : 0;
	look_at_key(&task, ((struct eng_data_image *)image)->key, &good);
	digest = eng_key_digest(task.function, task.arguments.ptr, task.arguments.len);
	if (good && task.function && (digest.high != key.high || digest.low != key.low))
		damage(walk, PAWL_STORE_TYPES, key, "it leads to another task");
	eng_record_free(image);
	return 0;
}

int pawl_inspect(struct pawl_store_view *view, const struct pawl_inspector *inspector,
		 void *arg, struct pawl_inspection *ret_found)
{
	struct pawl_inspection found = {0};
	struct walk walk = {view, inspector, arg, &found};
	struct pawl_store_key first = {0, 0};
	int error = 0;

	if (!view || !inspector || inspector->size < sizeof(*inspector))
		return -EINVAL;
	if (inspector->size > sizeof(*inspector))
		return -E2BIG;
	found.generation = pawl_store_view_generation(view);
	/* Nothing was ever saved: nothing is missing. */
	if (found.generation)
		error = tables(&walk);
	if (!error && found.generation)
		error = head(&walk);
	if (!error)
		error = stale(&walk);
	if (!error)
		error = loss(&walk);
	if (!error)
		error = pawl_store_scan(view, PAWL_STORE_DATA, first, data_one, &walk);
	if (!error)
		error = pawl_store_scan(view, PAWL_STORE_META, first, meta_one, &walk);
	if (!error)
		error = pawl_store_scan(view, PAWL_STORE_TYPES, first, type_one, &walk);
	if (!error)
		*ret_found = found;
	return error;
}
