/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h - writing into and reading from memory of a known size: numbers, byte ranges, frames with a checksum.
 *
 * A writer that has no room goes on counting, so what did not fit says how much it needs. A reader that meets what
 * cannot be stays at the end and answers 0 from then on. So both are asked once, at the end, whether all went well;
 * and no input makes a reader look outside of it. A number has one form: what is longer than it needs to be is not
 * read, so that what was read, written again, is the same bytes.
 */
#ifndef ENG_BYTES_H
#define ENG_BYTES_H

#include <pawl/store.h>

/* ---- writing ------------------------------------------------------------------------------------ */

struct eng_writer {
	unsigned char *start;
	size_t room;
	size_t n; /* written, or needed: more than room, it did not fit */
};

/* `to` may be NULL with room 0: it only counts. */
static inline struct eng_writer eng_writer_on(void *to, size_t room)
{
	struct eng_writer writer = {(unsigned char *)to, room, 0};

	return writer;
}

static inline bool eng_writer_fits(const struct eng_writer *writer)
{
	return writer->n <= writer->room;
}

void eng_write_u8(struct eng_writer *writer, uint8_t value);
/* 4 and 8 bytes, little-endian. */
void eng_write_fixed32(struct eng_writer *writer, uint32_t value);
void eng_write_fixed64(struct eng_writer *writer, uint64_t value);
/* LEB128: seven bits a byte, low ones first; 1 to 10 bytes. */
void eng_write_number(struct eng_writer *writer, uint64_t value);
/* The same for numbers with a sign, small ones in few bytes: 0, -1, 1, -2, ... (zigzag) */
void eng_write_signed(struct eng_writer *writer, int64_t value);
/* As they are; NULL with n 0. */
void eng_write_bytes(struct eng_writer *writer, const void *bytes, size_t n);
/* Their number before them. */
void eng_write_range(struct eng_writer *writer, struct pawl_slice range);

/*
 * What is written between the two gets its length before it. They nest.
 *
 *	size_t at = eng_write_begin(writer);
 *	...
 *	eng_write_end(writer, at);
 */
size_t eng_write_begin(struct eng_writer *writer);
void eng_write_end(struct eng_writer *writer, size_t at);

/* ---- reading ------------------------------------------------------------------------------------ */

struct eng_reader {
	const unsigned char *at, *end;
	bool bad;
};

/* Requires: ptr is not NULL unless len is 0. */
static inline struct eng_reader eng_reader_on(struct pawl_slice bytes)
{
	struct eng_reader reader = {(const unsigned char *)(bytes.ptr ? bytes.ptr : ""), NULL,
				    false};

	reader.end = reader.at + bytes.len;
	return reader;
}

static inline size_t eng_reader_left(const struct eng_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* Was all of it read, and was it right? */
static inline bool eng_reader_done(const struct eng_reader *reader)
{
	return !reader->bad && reader->at == reader->end;
}

/* From now on it reads nothing. */
void eng_reader_spoil(struct eng_reader *reader);

uint8_t eng_read_u8(struct eng_reader *reader);
uint32_t eng_read_fixed32(struct eng_reader *reader);
uint64_t eng_read_fixed64(struct eng_reader *reader);
uint64_t eng_read_number(struct eng_reader *reader);
/* A larger one is bad. */
uint32_t eng_read_number32(struct eng_reader *reader);
int64_t eng_read_signed(struct eng_reader *reader);
/* Borrowed from what is read; ptr is not NULL if it was there, of no length too. */
struct pawl_slice eng_read_bytes(struct eng_reader *reader, size_t n);
struct pawl_slice eng_read_range(struct eng_reader *reader);
/* How many things follow that take `least` bytes each (1 or more): never more than there is room for. */
size_t eng_read_count(struct eng_reader *reader, size_t least);
/* A reader of what eng_write_begin() and eng_write_end() enclose; bad if `reader` is. */
struct eng_reader eng_read_nested(struct eng_reader *reader);

/* ---- frames ------------------------------------------------------------------------------------- */

/*
 * A value with a checksum (XXH3-64) before it, over the version byte that follows, the bytes, and the key it is
 * stored under: a value that turns up under another key is damaged, too.
 */
#define ENG_FRAME_BYTES 9u

/* The seed of a frame's checksum. */
uint64_t eng_frame_seed(enum pawl_store_space space, struct pawl_store_key key);

/* A writer behind the frame's head. eng_frame_end() fills that in: then it may be stored, if it fits. */
struct eng_writer eng_frame_begin(void *to, size_t room, uint8_t version);
void eng_frame_end(struct eng_writer *writer, uint64_t seed);

/*
 * eng_frame_open() - Look at a frame, and read on behind its head.
 *
 * Errors: -EUCLEAN: too short, or the checksum is another one.
 */
PAWL_MUST_CHECK int eng_frame_open(struct pawl_slice frame, uint64_t seed, uint8_t *ret_version,
				   struct eng_reader *ret_reader);

#endif
