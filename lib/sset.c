/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sset.c - sets of ids that are mostly small. The forms and their essay are in small-template.h,
 * the calls in sset-template.h; here both are made for 32-bit and for 64-bit keys.
 *
 * No shared words and no orders: a set belongs to whoever holds its owner's lock. So there is no
 * scenario in verify/; the fuzz target fuzz/f-sset.c takes its place.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/sset.h>

#include "small.h"

#define COUNTED	     0

#define HANDLE	     pawl_sset
#define KEY	     uint32_t
#define KEY_BITS     32
#define L(name)	     name##_32
#define PUBLIC(name) pawl_sset_##name
#define AUDIT	     pawl__sset_audit
#include "small-template.h"
#include "sset-template.h"
#undef HANDLE
#undef KEY
#undef KEY_BITS
#undef L
#undef PUBLIC
#undef AUDIT
#undef ENTRY
#undef ENTRY_BYTES
#undef INLINE_MAX
#undef INLINE_SURE
#undef INLINE_BACK

#define HANDLE	     pawl_sset64
#define KEY	     uint64_t
#define KEY_BITS     64
#define L(name)	     name##_64
#define PUBLIC(name) pawl_sset64_##name
#define AUDIT	     pawl__sset64_audit
#include "small-template.h"
#include "sset-template.h"
