/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.c - writing into and reading from memory of a known size.
 *
 * I1: writer: n <= room, or nothing was written from `room` on. What is written is a prefix of what would be written
 *     with more room, but for lengths of nested parts and the checksum, which are written last.
 * I2: reader: at <= end. bad: at == end.
 */
#include "config.h"

#include "bytes.h"

#include <errno.h>
#include <string.h>

/* A length of a nested part has one byte kept for it; most need no more. */
#define LENGTH_KEPT 1u
#define NUMBER_MAX  10u

/* ---- writing ------------------------------------------------------------------------------------ */

void eng_write_bytes(struct eng_writer *writer, const void *bytes, size_t n)
{
	if (n && writer->n <= writer->room && n <= writer->room - writer->n)
		memcpy(writer->start + writer->n, bytes, n);
	/* Sizes of what lies in memory: their sum does not wrap before it is refused by its caller. */
	writer->n += n;
}

void eng_write_u8(struct eng_writer *writer, uint8_t value)
{
	if (writer->n < writer->room)
		writer->start[writer->n] = value;
	writer->n++;
}

static void fixed(unsigned char *to, uint64_t value, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

void eng_write_fixed32(struct eng_writer *writer, uint32_t value)
{
	unsigned char bytes[4];

	fixed(bytes, value, 4);
	eng_write_bytes(writer, bytes, 4);
}

void eng_write_fixed64(struct eng_writer *writer, uint64_t value)
{
	unsigned char bytes[8];

	fixed(bytes, value, 8);
	eng_write_bytes(writer, bytes, 8);
}

static unsigned number(unsigned char *to, uint64_t value)
{
	unsigned n = 0;

	while (value >= 0x80) {
		to[n++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	to[n++] = (unsigned char)value;
	return n;
}

void eng_write_number(struct eng_writer *writer, uint64_t value)
{
	unsigned char bytes[NUMBER_MAX];

	if (value < 0x80)
		eng_write_u8(writer, (uint8_t)value);
	else
		eng_write_bytes(writer, bytes, number(bytes, value));
}

void eng_write_signed(struct eng_writer *writer, int64_t value)
{
	uint64_t bits = (uint64_t)value;

	eng_write_number(writer, bits << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void eng_write_range(struct eng_writer *writer, struct pawl_slice range)
{
	eng_write_number(writer, range.len);
	eng_write_bytes(writer, range.ptr, range.len);
}

size_t eng_write_begin(struct eng_writer *writer)
{
	size_t at = writer->n;

	writer->n += LENGTH_KEPT;
	return at;
}

void eng_write_end(struct eng_writer *writer, size_t at)
{
	unsigned char bytes[NUMBER_MAX];
	size_t length = writer->n - at - LENGTH_KEPT;
	unsigned n = number(bytes, length);

	writer->n += n - LENGTH_KEPT;
	if (!eng_writer_fits(writer))
		return;
	if (n > LENGTH_KEPT)
		memmove(writer->start + at + n, writer->start + at + LENGTH_KEPT, length);
	memcpy(writer->start + at, bytes, n);
}

/* ---- reading ------------------------------------------------------------------------------------ */

void eng_reader_spoil(struct eng_reader *reader)
{
	reader->bad = true;
	reader->at = reader->end;
}

struct pawl_slice eng_read_bytes(struct eng_reader *reader, size_t n)
{
	struct pawl_slice bytes = {reader->at, n};

	if (reader->bad || n > eng_reader_left(reader)) {
		eng_reader_spoil(reader);
		return (struct pawl_slice){NULL, 0};
	}
	reader->at += n;
	return bytes;
}

uint8_t eng_read_u8(struct eng_reader *reader)
{
	if (reader->at == reader->end) {
		eng_reader_spoil(reader);
		return 0;
	}
	return *reader->at++;
}

static uint64_t fixed_of(struct eng_reader *reader, unsigned n)
{
	const unsigned char *bytes = eng_read_bytes(reader, n).ptr;
	uint64_t value = 0;

	while (bytes && n--)
		value = value << 8 | bytes[n];
	return value;
}

uint32_t eng_read_fixed32(struct eng_reader *reader)
{
	return (uint32_t)fixed_of(reader, 4);
}

uint64_t eng_read_fixed64(struct eng_reader *reader)
{
	return fixed_of(reader, 8);
}

uint64_t eng_read_number(struct eng_reader *reader)
{
	uint64_t value = 0;
	unsigned shift;
	uint8_t byte;

	for (shift = 0; shift < 64; shift += 7) {
		byte = eng_read_u8(reader);
		value |= (uint64_t)(byte & 0x7f) << shift;
		/* The last of ten has one bit; a byte of 0 after another one says nothing. */
		if (shift == 63 && byte > 1)
			break;
		if (byte & 0x80)
			continue;
		if (!byte && shift)
			break;
		return value;
	}
	eng_reader_spoil(reader);
	return 0;
}

uint32_t eng_read_number32(struct eng_reader *reader)
{
	uint64_t value = eng_read_number(reader);

	if (value <= UINT32_MAX)
		return (uint32_t)value;
	eng_reader_spoil(reader);
	return 0;
}

int64_t eng_read_signed(struct eng_reader *reader)
{
	uint64_t bits = eng_read_number(reader);

	bits = bits >> 1 ^ (bits & 1 ? UINT64_MAX : 0);
	/* Without a conversion that the language leaves open. */
	return bits > INT64_MAX ? -(int64_t)(UINT64_MAX - bits) - 1 : (int64_t)bits;
}

struct pawl_slice eng_read_range(struct eng_reader *reader)
{
	uint64_t n = eng_read_number(reader);

	if (reader->bad || n > eng_reader_left(reader)) {
		eng_reader_spoil(reader);
		return (struct pawl_slice){NULL, 0};
	}
	return eng_read_bytes(reader, (size_t)n);
}

size_t eng_read_count(struct eng_reader *reader, size_t least)
{
	uint64_t n = eng_read_number(reader);

	if (n <= eng_reader_left(reader) / least)
		return (size_t)n;
	eng_reader_spoil(reader);
	return 0;
}

struct eng_reader eng_read_nested(struct eng_reader *reader)
{
	struct pawl_slice bytes = eng_read_range(reader);
	struct eng_reader nested = eng_reader_on(bytes);

	nested.bad = reader->bad;
	return nested;
}

/* ---- frames ------------------------------------------------------------------------------------- */

uint64_t eng_frame_seed(enum pawl_store_space space, struct pawl_store_key key)
{
	return pawl_hash_u64(key.high, pawl_hash_u64(key.low, (uint64_t)space + 1));
}

struct eng_writer eng_frame_begin(void *to, size_t room, uint8_t version)
{
	struct eng_writer writer = eng_writer_on(to, room);

	eng_write_fixed64(&writer, 0);
	eng_write_u8(&writer, version);
	return writer;
}

void eng_frame_end(struct eng_writer *writer, uint64_t seed)
{
	if (eng_writer_fits(writer))
		fixed(writer->start, pawl_hash_bytes(writer->start + 8, writer->n - 8, seed),
		      8);
}

int eng_frame_open(struct pawl_slice frame, uint64_t seed, uint8_t *ret_version,
		   struct eng_reader *ret_reader)
{
	struct eng_reader reader = eng_reader_on(frame);
	uint64_t sum;

	if (frame.len < ENG_FRAME_BYTES)
		return -EUCLEAN;
	sum = eng_read_fixed64(&reader);
	if (sum != pawl_hash_bytes(reader.at, eng_reader_left(&reader), seed))
		return -EUCLEAN;
	*ret_version = eng_read_u8(&reader);
	*ret_reader = reader;
	return 0;
}
