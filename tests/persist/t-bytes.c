/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-bytes.c - the byte codec: what is written is read again, what cannot be is refused, nothing is touched outside.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "persist/bytes.h"

static void put_number(uint64_t value, size_t bytes)
{
	unsigned char buffer[16];
	struct eng_writer writer = eng_writer_on(buffer, sizeof(buffer));
	struct eng_reader reader;

	eng_write_number(&writer, value);
	assert_int_equal(writer.n, bytes);
	reader = eng_reader_on((struct pawl_slice){buffer, writer.n});
	assert_true(eng_read_number(&reader) == value);
	assert_true(eng_reader_done(&reader));
	/* Cut short it is none. */
	reader = eng_reader_on((struct pawl_slice){buffer, writer.n - 1});
	assert_int_equal(eng_read_number(&reader), 0);
	assert_true(reader.bad);
}

static void case_numbers(void **state)
{
	unsigned i;

	(void)state;
	put_number(0, 1);
	put_number(127, 1);
	put_number(128, 2);
	put_number(UINT32_MAX, 5);
	put_number(UINT64_MAX, 10);
	for (i = 1; i < 64; i++) {
		put_number(UINT64_C(1) << i, i / 7 + 1);
		put_number((UINT64_C(1) << i) - 1, (i - 1) / 7 + 1);
	}
}

static void case_signed(void **state)
{
	static const int64_t values[] = {0,  -1,	1,	   -64,	      63,	-65,
					 64, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
	unsigned char buffer[16];
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct eng_writer writer = eng_writer_on(buffer, sizeof(buffer));
		struct eng_reader reader;

		eng_write_signed(&writer, values[i]);
		assert_true(values[i] < -64 || values[i] > 63 || writer.n == 1);
		reader = eng_reader_on((struct pawl_slice){buffer, writer.n});
		assert_true(eng_read_signed(&reader) == values[i]);
		assert_true(eng_reader_done(&reader));
	}
}

static void refuse_number(const void *bytes, size_t n)
{
	struct eng_reader reader = eng_reader_on((struct pawl_slice){bytes, n});

	assert_int_equal(eng_read_number(&reader), 0);
	assert_true(reader.bad);
	/* From then on it answers nothing. */
	assert_int_equal(eng_read_u8(&reader), 0);
	assert_int_equal(eng_read_fixed64(&reader), 0);
	assert_null(eng_read_range(&reader).ptr);
	assert_false(eng_reader_done(&reader));
}

static void case_one_form(void **state)
{
	struct eng_reader reader;

	(void)state;
	/* Longer than it needs to be; more than 64 bits; without an end. */
	refuse_number("\x80\x00", 2);
	refuse_number("\xff\x80\x00", 3);
	refuse_number("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
	refuse_number("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
	refuse_number("\x80\x80\x80", 3);
	refuse_number("", 0);
	refuse_number(NULL, 0);
	reader = eng_reader_on((struct pawl_slice){"\x80\x80\x80\x80\x10", 5});
	assert_int_equal(eng_read_number32(&reader), 0);
	assert_true(reader.bad);
	reader = eng_reader_on((struct pawl_slice){"\xff\xff\xff\xff\x0f", 5});
	assert_int_equal(eng_read_number32(&reader), UINT32_MAX);
	assert_true(eng_reader_done(&reader));
}

static void case_lengths_are_not_trusted(void **state)
{
	/* A length of 2^64 - 1, of 5 with 4 there, a count of as many. */
	static const unsigned char huge[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff, 1,    7};
	static const unsigned char five[] = {5, 1, 2, 3, 4};
	struct eng_reader reader = eng_reader_on((struct pawl_slice){huge, sizeof(huge)});

	(void)state;
	assert_null(eng_read_range(&reader).ptr);
	assert_true(reader.bad);
	reader = eng_reader_on((struct pawl_slice){huge, sizeof(huge)});
	assert_int_equal(eng_read_count(&reader, 1), 0);
	assert_true(reader.bad);
	reader = eng_reader_on((struct pawl_slice){five, sizeof(five)});
	assert_null(eng_read_range(&reader).ptr);
	assert_true(reader.bad);
	reader = eng_reader_on((struct pawl_slice){five, sizeof(five)});
	assert_int_equal(eng_read_count(&reader, 1), 0);
	reader = eng_reader_on((struct pawl_slice){"\x04....", 5});
	assert_int_equal(eng_read_count(&reader, 1), 4);
	reader = eng_reader_on((struct pawl_slice){"\x04....", 5});
	assert_int_equal(eng_read_count(&reader, 2), 0);
	/* No bytes at all are a range. */
	reader = eng_reader_on((struct pawl_slice){"\0", 1});
	assert_non_null(eng_read_range(&reader).ptr);
	assert_true(eng_reader_done(&reader));
}

/* With any room, and one byte behind it that must stay. */
static void write_some(struct eng_writer *writer, unsigned n)
{
	static const char text[400] = "text";
	size_t outer, inner;

	eng_write_fixed32(writer, UINT32_C(0x12345678));
	outer = eng_write_begin(writer);
	eng_write_number(writer, n);
	inner = eng_write_begin(writer);
	eng_write_bytes(writer, text, n);
	eng_write_end(writer, inner);
	eng_write_range(writer, (struct pawl_slice){text, n / 2});
	eng_write_end(writer, outer);
	eng_write_u8(writer, 0xaa);
}

static void read_some(struct eng_reader *reader, unsigned n)
{
	struct eng_reader outer, inner;

	assert_int_equal(eng_read_fixed32(reader), UINT32_C(0x12345678));
	outer = eng_read_nested(reader);
	assert_int_equal(eng_read_number(&outer), n);
	inner = eng_read_nested(&outer);
	assert_int_equal(eng_read_bytes(&inner, n).len, n);
	assert_true(eng_reader_done(&inner));
	assert_int_equal(eng_read_range(&outer).len, n / 2);
	assert_true(eng_reader_done(&outer));
	assert_int_equal(eng_read_u8(reader), 0xaa);
	assert_true(eng_reader_done(reader));
}

static void case_room(void **state)
{
	static const unsigned sizes[] = {0, 3, 100, 126, 127, 128, 200, 399};
	unsigned char buffer[1024];
	unsigned i;
	size_t room;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct eng_writer counted = eng_writer_on(NULL, 0);

		write_some(&counted, sizes[i]);
		assert_false(eng_writer_fits(&counted));
		for (room = 0; room <= counted.n; room++) {
			struct eng_writer writer = eng_writer_on(buffer, room);
			struct eng_reader reader;

			memset(buffer, 0x55, sizeof(buffer));
			write_some(&writer, sizes[i]);
			assert_int_equal(writer.n, counted.n);
			assert_int_equal(buffer[room], 0x55);
			assert_int_equal(eng_writer_fits(&writer), room == counted.n);
			if (!eng_writer_fits(&writer))
				continue;
			reader = eng_reader_on((struct pawl_slice){buffer, writer.n});
			read_some(&reader, sizes[i]);
		}
	}
}

static void case_frame(void **state)
{
	uint64_t seed = eng_frame_seed(PAWL_STORE_META, pawl_store_id(7));
	unsigned char buffer[64];
	struct eng_writer writer = eng_frame_begin(buffer, sizeof(buffer), 3);
	struct eng_reader reader;
	uint8_t version;
	size_t i, n;

	(void)state;
	eng_write_number(&writer, 12345);
	eng_frame_end(&writer, seed);
	n = writer.n;
	assert_int_equal(
		eng_frame_open((struct pawl_slice){buffer, n}, seed, &version, &reader), 0);
	assert_int_equal(version, 3);
	assert_int_equal(eng_read_number(&reader), 12345);
	assert_true(eng_reader_done(&reader));
	/* Cut short, any bit, another key or space: damaged. */
	for (i = 0; i < n; i++)
		t_assert_errno(eng_frame_open((struct pawl_slice){buffer, i}, seed, &version,
					      &reader),
			       EUCLEAN);
	for (i = 0; i < 8 * n; i++) {
		buffer[i / 8] ^= (unsigned char)(1 << i % 8);
		t_assert_errno(eng_frame_open((struct pawl_slice){buffer, n}, seed, &version,
					      &reader),
			       EUCLEAN);
		buffer[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	t_assert_errno(eng_frame_open((struct pawl_slice){buffer, n},
				      eng_frame_seed(PAWL_STORE_DATA, pawl_store_id(7)),
				      &version, &reader),
		       EUCLEAN);
	t_assert_errno(eng_frame_open((struct pawl_slice){buffer, n},
				      eng_frame_seed(PAWL_STORE_META, pawl_store_id(8)),
				      &version, &reader),
		       EUCLEAN);
	/* Without room only its length comes of it. */
	writer = eng_frame_begin(buffer, 4, 3);
	eng_write_number(&writer, 12345);
	eng_frame_end(&writer, seed);
	assert_int_equal(writer.n, n);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_numbers),	 cmocka_unit_test(case_signed),
		cmocka_unit_test(case_one_form), cmocka_unit_test(case_lengths_are_not_trusted),
		cmocka_unit_test(case_room),	 cmocka_unit_test(case_frame),
	};

	return t_run("bytes", cases);
}
