/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-bytes.c - the byte codec and the records of stores: what is written is read again, and any bytes are read without
 * harm: they are refused, or they are what their values are written as.
 */
#include "config.h"

#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "persist/record.h"

#define ROOM 4096u

static unsigned char room[ROOM + 64];
static const unsigned char text[200] = "text";

/* ---- a list of things, written, read, and read again with damage ------------------------------- */

enum { U8, FIXED32, FIXED64, NUMBER, SIGNED, RANGE, BEGIN, END, THINGS };

static uint64_t draw(struct fuzz_bytes *bytes)
{
	uint64_t value = fuzz_u8(bytes);

	/* Of any size. */
	return value & 1 ? value >> 1 : (uint64_t)fuzz_u32(bytes) << (value >> 1 & 31) | value;
}

static void write_thing(struct eng_writer *writer, unsigned thing, uint64_t value, size_t *at)
{
	switch (thing) {
	case U8:
		eng_write_u8(writer, (uint8_t)value);
		break;
	case FIXED32:
		eng_write_fixed32(writer, (uint32_t)value);
		break;
	case FIXED64:
		eng_write_fixed64(writer, value);
		break;
	case NUMBER:
		eng_write_number(writer, value);
		break;
	case SIGNED:
		eng_write_signed(writer, (int64_t)value);
		break;
	case RANGE:
		eng_write_range(writer, (struct pawl_slice){text, value % 200});
		break;
	case BEGIN:
		*at = eng_write_begin(writer);
		break;
	default:
		eng_write_end(writer, *at);
	}
}

static bool read_thing(struct eng_reader *reader, struct eng_reader *outer, unsigned thing,
		       uint64_t value)
{
	struct pawl_slice range;

	switch (thing) {
	case U8:
		return eng_read_u8(reader) == (uint8_t)value;
	case FIXED32:
		return eng_read_fixed32(reader) == (uint32_t)value;
	case FIXED64:
		return eng_read_fixed64(reader) == value;
	case NUMBER:
		return eng_read_number(reader) == value;
	case SIGNED:
		return eng_read_signed(reader) == (int64_t)value;
	case RANGE:
		range = eng_read_range(reader);
		return range.ptr && range.len == value % 200;
	case BEGIN:
		*outer = *reader;
		*reader = eng_read_nested(outer);
		return !reader->bad;
	default:
		if (!eng_reader_done(reader))
			return false;
		*reader = *outer;
		return true;
	}
}

#define MANY 64u

struct script {
	unsigned n;
	uint8_t things[MANY];
	uint64_t values[MANY];
};

static void make_script(struct script *script, struct fuzz_bytes *bytes)
{
	bool inside = false;

	script->n = 0;
	while (fuzz_more(bytes) && script->n < MANY - 1) {
		unsigned thing = fuzz_below(bytes, THINGS);

		if (thing == BEGIN || thing == END) {
			thing = inside ? END : BEGIN;
			inside = !inside;
		}
		script->things[script->n] = (uint8_t)thing;
		script->values[script->n++] = draw(bytes);
	}
	if (inside)
		script->things[script->n++] = END;
}

static size_t write_script(const struct script *script, size_t limit)
{
	struct eng_writer writer = eng_writer_on(room, limit);
	size_t at = 0;
	unsigned i;

	for (i = 0; i < script->n; i++)
		write_thing(&writer, script->things[i], script->values[i], &at);
	return writer.n;
}

/* Returns: all of it was as it was written. */
static bool read_script(const struct script *script, size_t n)
{
	struct eng_reader reader = eng_reader_on((struct pawl_slice){room, n}), outer = reader;
	bool same = true;
	unsigned i;

	for (i = 0; i < script->n; i++)
		same &= read_thing(&reader, &outer, script->things[i], script->values[i]);
	FUZZ_CHECK(reader.at <= reader.end);
	return same && eng_reader_done(&reader);
}

static void run_script(struct fuzz_bytes *bytes)
{
	unsigned where = fuzz_u16(bytes), flip = fuzz_u8(bytes);
	struct script script;
	size_t n, limit;

	make_script(&script, bytes);
	n = write_script(&script, ROOM);
	if (n > ROOM)
		return;
	FUZZ_CHECK(read_script(&script, n));
	/* Any room. */
	limit = n ? where % n : 0;
	memset(room, 0xee, sizeof(room));
	FUZZ_CHECK(write_script(&script, limit) == n);
	FUZZ_CHECK(room[limit] == 0xee);
	FUZZ_CHECK(write_script(&script, n) == n);
	FUZZ_CHECK(read_script(&script, n));
	/* Short, and damaged: no harm. */
	if (!n)
		return;
	FUZZ_CHECK(!read_script(&script, n - 1));
	room[where % n] ^= (unsigned char)flip;
	(void)read_script(&script, n);
}

/* ---- any bytes as a record ---------------------------------------------------------------------- */

/* Its checksum is wrong; unless the fuzzer, which sees what is compared, has found the right one. */
static void as_it_stands(enum pawl_store_space space, struct pawl_slice bytes)
{
	struct eng_reader reader;
	uint8_t version;
	void *image;
	int error = eng_record_decode(space, 1, bytes, &image);

	if (eng_frame_open(bytes, eng_frame_seed(space, pawl_store_id(1)), &version, &reader))
		FUZZ_CHECK(error == -EUCLEAN);
	else
		FUZZ_CHECK(!error || error == -EUCLEAN || error == -ESTALE);
	if (!error)
		eng_record_free(image);
}

static void run_record(struct fuzz_bytes *bytes, enum pawl_store_space space)
{
	unsigned fail = fuzz_u8(bytes) % 4;
	size_t n = bytes->left < ROOM - ENG_FRAME_BYTES ? bytes->left : ROOM - ENG_FRAME_BYTES,
	       written;
	struct eng_writer writer = eng_frame_begin(room, ROOM, ENG_RECORD_VERSION);
	static unsigned char again[2 * ROOM];
	void *image;
	int error;

	as_it_stands(space, (struct pawl_slice){bytes->at, n});
	eng_write_bytes(&writer, bytes->at, n);
	bytes->left = 0;
	eng_frame_end(&writer, eng_frame_seed(space, pawl_store_id(1)));
	fuzz_alloc_fail(fail);
	error = eng_record_decode(space, 1, (struct pawl_slice){room, writer.n}, &image);
	if (error) {
		FUZZ_CHECK(error == (fuzz_alloc_failed() ? -ENOMEM : -EUCLEAN));
		return;
	}
	fuzz_alloc_fail(0);
	/* It is an image: that has one form, which is read as the same image. */
	FUZZ_CHECK(eng_record_verify(space, 1, image) == 0);
	written = eng_record_encode(space, 1, image, again, sizeof(again));
	FUZZ_CHECK(written <= sizeof(again) && written <= writer.n);
	eng_record_free(image);
	FUZZ_CHECK(eng_record_decode(space, 1, (struct pawl_slice){again, written}, &image) ==
		   0);
	FUZZ_CHECK(eng_record_encode(space, 1, image, room, ROOM) == written);
	FUZZ_CHECK(!memcmp(room, again, written));
	eng_record_free(image);
}

static void run(struct fuzz_bytes *bytes)
{
	switch (fuzz_below(bytes, 3)) {
	case 0:
		run_script(bytes);
		break;
	case 1:
		run_record(bytes, PAWL_STORE_META);
		break;
	default:
		run_record(bytes, PAWL_STORE_DATA);
	}
}

const struct fuzz_target fuzz_target = {.name = "bytes", .run = run};
