/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/value.h - what tasks compute: immutable values, and references to where they stand.
 *
 * A value is memory of the engine with a type and a count of owners. It is written once, before
 * anybody else has it, and never changes. A type says how two values compare and what else there is
 * to know of them; it is a static table, listed when an engine is opened.
 *
 * A reference names the output of a task, or a cell: a place of a task where it keeps a value. It is a
 * number that may be stored and compared; two references that differ may lead to the same value. In an argument of kind
 * REF or REFS, and in a value whose type visits it, it is good for ever, in a store as well; elsewhere as long as its
 * engine is open: in a later one another task may have that number.
 *
 *	struct words { size_t count; };
 *	static const struct pawl_value_type words_type = PAWL_VALUE_TYPE("words");
 *
 *	error = pawl_value_create(&words_type, sizeof(struct words), &value);
 *	((struct words *)pawl_value_payload(value))->count = 42;
 *
 *  call                               progress
 *  pawl_value_create                  the allocator's
 *  pawl_value_pin                     wait-free
 *  pawl_value_unpin                   wait-free; the last one calls drop
 *
 * Threads need not be attached for the calls here.
 */
#ifndef PAWL_VALUE_H
#define PAWL_VALUE_H

#include <pawl/base.h>
#include <pawl/hash.h>

PAWL_BEGIN_DECLS

/* The output of a task, or a cell. Zero: none. */
typedef struct {
	uint64_t pawl_bits;
} pawl_ref_t;
#define PAWL_REF_NONE ((pawl_ref_t){0})

static inline bool pawl_ref_equal(pawl_ref_t a, pawl_ref_t b)
{
	return a.pawl_bits == b.pawl_bits;
}

/* What writing a cell again does. */
enum pawl_cell_mode {
	PAWL_CELL_COMPARE, /* readers hear of it if the value differs */
	PAWL_CELL_NEW,	   /* readers hear of every write, but of the same value itself */
	PAWL_CELL_KEYED, /* as COMPARE, and readers of a key hear of changes of that key only */
	PAWL_CELL_HASHED, /* as COMPARE, by digest: the old value need not be there any more */
	PAWL_CELL_MODE_COUNT
};

struct pawl_implementation; /* pawl/engine.h */
struct pawl_value;

/*
 * A type. Functions get the payload and its length in bytes, run outside of all locks, may run on any
 * thread, several at a time, and do not fail. NULL where it says so. One that takes long holds up the task that writes
 * the cell, or all edits where it compares values of states. If one of those that compare cells calls pawl_exit() that
 * task has failed; elsewhere it ends the process.
 */
struct pawl_value_type {
	size_t size;	  /* sizeof(struct pawl_value_type) */
	const char *name; /* different for each type of an engine */
	uint32_t version; /* of the meaning of the payload */
	enum pawl_cell_mode mode;
	uint32_t flags; /* PAWL_VALUE_... */
	/* NULL: the bytes are compared. */
	bool (*equal)(const void *a, size_t a_bytes, const void *b, size_t b_bytes);
	/* NULL: of the bytes. The same for equal values. */
	struct pawl_digest (*digest)(const void *payload, size_t bytes);
	/* What the payload owns. NULL: nothing. */
	void (*drop)(void *payload, size_t bytes);
	/* As snprintf(), for people. NULL: the name is all there is. */
	size_t (*to_string)(const void *payload, size_t bytes, char *buf, size_t len);
	/* Calls visit for each reference in the payload. NULL: there are none. */
	void (*visit_refs)(const void *payload, size_t bytes,
			   void (*visit)(void *arg, pawl_ref_t ref), void *arg);
	/*
	 * KEYED: calls changed with the hash of each key whose part differs between the two, those that
	 * only one of them has included.
	 */
	void (*changed_keys)(const void *before, size_t before_bytes, const void *after,
			     size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			     void *arg);
	/* Traits that values of it have. */
	const struct pawl_implementation *implementations;
	size_t implementations_n;
	/*
	 * How a value is saved, where an engine has a store. NULL, and not PAWL_VALUE_PLAIN: it is not, and who
	 * needs it in another process computes it again. encode writes to `into` up to `room` bytes, returns how many
	 * it takes, and is called again where that is more. Equal values give equal bytes. decode makes the value from
	 * them; it trusts nothing, and returns -EINVAL for bytes that encode did not write, -ENOMEM.
	 */
	size_t (*encode)(const void *payload, size_t bytes, void *into, size_t room);
	int (*decode)(const struct pawl_value_type *type, const void *from, size_t bytes,
		      struct pawl_value **ret_value);
};

/* The payload is saved as it is: no pointers, and no references that are not visited. */
#define PAWL_VALUE_PLAIN 1u
/* It has what would be missing in another one that is made or read again: under no budget does it leave memory. */
#define PAWL_VALUE_STAYS 2u
/* It takes long to be made: with a budget it leaves where it comes back from a store, and not to be computed again. */
#define PAWL_VALUE_EXPENSIVE 4u

#define PAWL_VALUE_TYPE(name)                                                                \
	{                                                                                    \
		sizeof(struct pawl_value_type), (name), 1, PAWL_CELL_COMPARE, 0, NULL, NULL, \
			NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL                          \
	}

/* A value is private but for the calls below. */

/*
 * pawl_value_create() - A value of this type with room for so many bytes, aligned to 16, cleared.
 *
 * Errors: -ENOMEM; -EINVAL: more than PAWL_VALUE_BYTES_MAX.
 * Owns:   the caller, alone: it fills the payload before it gives the value to anybody.
 */
PAWL_API PAWL_MUST_CHECK int pawl_value_create(const struct pawl_value_type *type, size_t bytes,
					       struct pawl_value **ret_value);
#define PAWL_VALUE_BYTES_MAX ((size_t)UINT32_MAX)

/* pawl_value_of() - The same with a copy of `bytes` bytes at `payload`. */
PAWL_API PAWL_MUST_CHECK int pawl_value_of(const struct pawl_value_type *type,
					   const void *payload, size_t bytes,
					   struct pawl_value **ret_value);

/* pawl_value_pin() - One owner more. Returns: the value. */
PAWL_API struct pawl_value *pawl_value_pin(struct pawl_value *value);

/* pawl_value_unpin() - One owner less; the last one drops it. NULL is nothing. */
PAWL_API void pawl_value_unpin(struct pawl_value *value);

PAWL_API const struct pawl_value_type *pawl_value_type_of(const struct pawl_value *value);
PAWL_API size_t pawl_value_bytes(const struct pawl_value *value);

/* pawl_value_payload() - Written by its maker, before anybody else has the value; read by all. */
PAWL_API void *pawl_value_payload(const struct pawl_value *value);

/* pawl_value_equal() - As their type compares; values of different types differ. */
PAWL_API bool pawl_value_equal(const struct pawl_value *a, const struct pawl_value *b);

PAWL_END_DECLS

#endif
