/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-record.c - records: every field of the table comes back, what is of this process does not, damaged ones are refused.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "persist/record.h"

#include <pawl/thread.h>

#define TRANSIENT UINT32_C(0x80000000)
#define TASK	  77u

static const enum pawl_store_space spaces[] = {PAWL_STORE_META, PAWL_STORE_DATA};

/* Memory of one image; lists are in `pool`. */
static union {
	struct eng_meta_image meta;
	struct eng_data_image data;
} image;
static unsigned char pool[1 << 16] PAWL_ALIGNED(8);
static size_t pool_n;

static void *take(size_t bytes)
{
	void *at = pool + pool_n;

	pool_n += (bytes + 7) & ~(size_t)7;
	t_check(pool_n <= sizeof(pool));
	return at;
}

static uint32_t some_id(bool transient)
{
	return ((uint32_t)t_random_below(t_random_below(2) ? 300 : TRANSIENT)) |
	       (transient && !t_random_below(3) ? TRANSIENT : 0);
}

static uint64_t some_key(const struct eng_record_field *field)
{
	/* Anything goes where ids are not looked for. */
	return some_id(field->filtered) |
	       (t_random_below(2) ? t_random_below(5) << 32 : t_random() << 32);
}

static int32_t some_count(void)
{
	static const int32_t ends[] = {INT32_MIN, INT32_MAX, -1, 1};

	return t_random_below(4) ? (int32_t)t_random_below(100) + 1 : ends[t_random_below(4)];
}

static void fill_list(const struct eng_record_field *field, void *member, uint32_t n)
{
	struct eng_image_set set = {take(4 * n), n};
	struct eng_image_set64 set64 = {take(8 * n), n};
	struct eng_image_map map = {take(8 * n), n};
	struct eng_image_pairs pairs = {take(16 * n), n};
	struct eng_image_bag bag = {take(16 * n), n};
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint64_t key = some_key(field);

		set.at[i] = (uint32_t)key;
		set64.at[i] = key;
		map.at[i] = (struct eng_image_count){(uint32_t)key, some_count()};
		pairs.at[i] = (struct eng_pair){key, t_random()};
		bag.at[i] = (struct eng_collectible){key, (uint32_t)t_random_below(9),
						     some_count()};
	}
	switch (field->kind) {
	case ENG_KIND_SET:
		*(struct eng_image_set *)member = set;
		break;
	case ENG_KIND_SET64:
		*(struct eng_image_set64 *)member = set64;
		break;
	case ENG_KIND_MAP:
		*(struct eng_image_map *)member = map;
		break;
	case ENG_KIND_PAIRS:
		*(struct eng_image_pairs *)member = pairs;
		break;
	default:
		*(struct eng_image_bag *)member = bag;
	}
}

static void fill_field(const struct eng_record_field *field)
{
	void *member = (char *)&image + field->offset;
	uint32_t n =
		t_random_below(3) ? (uint32_t)t_random_below(5) : (uint32_t)t_random_below(60);

	if (field->kind == ENG_KIND_WORDS) {
		uint64_t key = some_key(field);

		*(struct eng_image_words *)member =
			(struct eng_image_words){(uint32_t)key, (uint32_t)(key >> 32)};
	} else if (field->kind == ENG_KIND_POINTER) {
		char *bytes = take(n + 1);

		memset(bytes, (int)n, n);
		*(struct pawl_slice *)member = (struct pawl_slice){bytes, n};
	} else {
		fill_list(field, member, n);
	}
}

static void fill(enum pawl_store_space space, bool all)
{
	size_t n, i;
	const struct eng_record_field *fields = eng_record_fields(space, &n);

	memset(&image, 0, sizeof(image));
	pool_n = 0;
	for (i = 0; i < n; i++)
		if (all || t_random_below(3))
			fill_field(&fields[i]);
}

static void case_table(void **state)
{
	uint64_t seen = 0;
	size_t n, i, s;

	(void)state;
	for (s = 0; s < 2; s++) {
		const struct eng_record_field *fields = eng_record_fields(spaces[s], &n);

		for (i = 0; i < n; i++) {
			assert_true(fields[i].tag > 0 && fields[i].tag < ENG_TAG_LIMIT);
			assert_false(seen >> fields[i].tag & 1);
			seen |= UINT64_C(1) << fields[i].tag;
		}
	}
}

static void case_empty(void **state)
{
	unsigned char bytes[64];
	void *again;
	size_t s, n;

	(void)state;
	memset(&image, 0, sizeof(image));
	for (s = 0; s < 2; s++) {
		n = eng_record_encode(spaces[s], TASK, &image, bytes, sizeof(bytes));
		assert_int_equal(n, ENG_FRAME_BYTES);
		assert_int_equal(eng_record_decode(spaces[s], TASK,
						   (struct pawl_slice){bytes, n}, &again),
				 0);
		eng_record_free(again);
	}
	eng_record_free(NULL);
}

static void case_random(void **state)
{
	static unsigned char bytes[1 << 16];
	unsigned i, rounds = t_scaled(3000);
	void *again;
	size_t n;

	(void)state;
	for (i = 0; i < rounds; i++) {
		enum pawl_store_space space = spaces[i % 2];

		fill(space, i % 7 == 0);
		assert_int_equal(eng_record_verify(space, TASK, &image), 0);
		n = eng_record_encode(space, TASK, &image, bytes, sizeof(bytes));
		assert_true(n <= sizeof(bytes));
		/* Too little room: the same answer. */
		assert_int_equal(eng_record_encode(space, TASK, &image, bytes, n - 1), n);
		n = eng_record_encode(space, TASK, &image, bytes, n);
		assert_int_equal(eng_record_decode(space, TASK, (struct pawl_slice){bytes, n},
						   &again),
				 0);
		eng_record_free(again);
		/* Another task's, the other space's. */
		t_assert_errno(eng_record_decode(space, TASK + 1, (struct pawl_slice){bytes, n},
						 &again),
			       EUCLEAN);
		t_assert_errno(eng_record_decode(spaces[!(i % 2)], TASK,
						 (struct pawl_slice){bytes, n}, &again),
			       EUCLEAN);
		bytes[t_random_below(n)] ^= (unsigned char)(1 + t_random_below(255));
		t_assert_errno(eng_record_decode(space, TASK, (struct pawl_slice){bytes, n},
						 &again),
			       EUCLEAN);
		t_step();
	}
}

/* What is written of one field by hand, in a frame that is right. */
static int decode_fields(enum pawl_store_space space, uint8_t version, const void *fields,
			 size_t n, void **ret_image)
{
	unsigned char bytes[200];
	struct eng_writer writer = eng_frame_begin(bytes, sizeof(bytes), version);

	eng_write_bytes(&writer, fields, n);
	eng_frame_end(&writer, eng_frame_seed(space, pawl_store_id(TASK)));
	return eng_record_decode(space, TASK, (struct pawl_slice){bytes, writer.n}, ret_image);
}

#define REFUSE(space, text)                                                             \
	t_assert_errno(decode_fields(space, ENG_RECORD_VERSION, text, sizeof(text) - 1, \
				     &again),                                           \
		       EUCLEAN)

static void case_by_hand(void **state)
{
	/* CHILDREN (6): 5 and 4; an unknown field (61) of 3 bytes; base (1): 9, 0. */
	static const char good[] = "\x06\x03\x02\x0a\x01\x3d\x03???\x01\x02\x09\x00";
	struct eng_meta_image *meta;
	void *again;

	(void)state;
	assert_int_equal(decode_fields(PAWL_STORE_META, ENG_RECORD_VERSION, good,
				       sizeof(good) - 1, &again),
			 0);
	meta = again;
	assert_int_equal(meta->CHILDREN.n, 2);
	assert_int_equal(meta->CHILDREN.at[0], 5);
	assert_int_equal(meta->CHILDREN.at[1], 4);
	assert_int_equal(meta->base.a, 9);
	assert_int_equal(meta->uppers.n, 0);
	eng_record_free(again);
	t_assert_errno(decode_fields(PAWL_STORE_META, ENG_RECORD_VERSION + 1, good,
				     sizeof(good) - 1, &again),
		       ESTALE);

	/* Twice; longer and shorter than its length; a count of more, of none. */
	REFUSE(PAWL_STORE_META, "\x01\x02\x09\x00\x01\x02\x09\x00");
	REFUSE(PAWL_STORE_META, "\x06\x04\x02\x0a\x01\x00");
	REFUSE(PAWL_STORE_META, "\x06\x02\x02\x0a");
	REFUSE(PAWL_STORE_META, "\x06\x03\x7f\x0a\x01");
	REFUSE(PAWL_STORE_META, "\x06\x01\x00");
	REFUSE(PAWL_STORE_META, "\x06\x7f\x02\x0a\x01");
	REFUSE(PAWL_STORE_META, "\x06");
	REFUSE(PAWL_STORE_META, "\x3d\x05??");
	/* An id of 33 bits, a negative one, a transient one. */
	REFUSE(PAWL_STORE_META, "\x06\x06\x01\x80\x80\x80\x80\x20");
	REFUSE(PAWL_STORE_META, "\x06\x02\x01\x01");
	REFUSE(PAWL_STORE_META, "\x06\x06\x01\x80\x80\x80\x80\x10");
	/* A count of 0 for an upper. */
	REFUSE(PAWL_STORE_META, "\x05\x03\x01\x0a\x00");
	/* An output of a transient task. */
	REFUSE(PAWL_STORE_META, "\x03\x06\x80\x80\x80\x80\x08\x01");
}

static void case_transient(void **state)
{
	uint32_t children[] = {1, TRANSIENT | 1, 3};
	uint32_t lone[] = {TRANSIENT | 5};
	struct eng_meta_image meta = {0};
	struct eng_meta_image *again;
	unsigned char bytes[100];
	void *decoded;
	size_t n;

	(void)state;
	meta.CHILDREN = (struct eng_image_set){children, 3};
	meta.output = (struct eng_image_words){TRANSIENT | 9, 4};
	/* base is a number: its highest bit says nothing. */
	meta.base.a = UINT32_MAX;
	meta.COLLECTIBLES_DEPENDENTS = (struct eng_image_set64){NULL, 0};
	n = eng_record_encode(PAWL_STORE_META, TASK, &meta, bytes, sizeof(bytes));
	assert_int_equal(eng_record_decode(PAWL_STORE_META, TASK, (struct pawl_slice){bytes, n},
					   &decoded),
			 0);
	again = decoded;
	assert_int_equal(again->CHILDREN.n, 2);
	assert_int_equal(again->CHILDREN.at[1], 3);
	assert_int_equal(again->output.a, 0);
	assert_int_equal(again->base.a, UINT32_MAX);
	eng_record_free(decoded);
	/* Nothing is left of it: the field is not there. */
	meta.CHILDREN = (struct eng_image_set){lone, 1};
	n = eng_record_encode(PAWL_STORE_META, TASK, &meta, bytes, sizeof(bytes));
	assert_int_equal(eng_record_decode(PAWL_STORE_META, TASK, (struct pawl_slice){bytes, n},
					   &decoded),
			 0);
	assert_int_equal(((struct eng_meta_image *)decoded)->CHILDREN.n, 0);
	eng_record_free(decoded);
}

/* A record that is to be the transient task's: nobody may ask for that. */
static void encode_transient(void *arg)
{
	(void)eng_record_encode(PAWL_STORE_META, TRANSIENT | 1, arg, NULL, 0);
}

static void case_transient_task(void **state)
{
	(void)state;
	memset(&image, 0, sizeof(image));
	assert_true(t_aborts(encode_transient, &image, "eng_is_transient"));
}

static int oom_record(void)
{
	uint32_t children[] = {1, 2, 3};
	struct eng_meta_image meta = {.CHILDREN = {children, 3}};

	return eng_record_verify(PAWL_STORE_META, TASK, &meta);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_table),
		cmocka_unit_test(case_empty),
		cmocka_unit_test(case_random),
		cmocka_unit_test(case_by_hand),
		cmocka_unit_test(case_transient),
		cmocka_unit_test(case_transient_task),
		T_OOM(oom_record),
	};

	return t_run("record", cases);
}
