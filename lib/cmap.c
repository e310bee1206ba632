/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmap.c - counts by id, mostly few. The forms and their essay are in small-template.h,
 * the calls in cmap-template.h; here both are made for 32-bit and for 64-bit keys.
 *
 * No shared words and no orders: a map belongs to whoever holds its owner's lock. So there is no
 * scenario in verify/; the fuzz target fuzz/f-cmap.c takes its place.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/cmap.h>

#include "small.h"

#define COUNTED	     1

#define HANDLE	     pawl_cmap
#define PAIR	     struct pawl_cmap_entry
#define KEY	     uint32_t
#define KEY_BITS     32
#define L(name)	     name##_32
#define PUBLIC(name) pawl_cmap_##name
#define AUDIT	     pawl__cmap_audit
#include "small-template.h"
#include "cmap-template.h"
#undef HANDLE
#undef PAIR
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

#define HANDLE	     pawl_cmap64
#define PAIR	     struct pawl_cmap64_entry
#define KEY	     uint64_t
#define KEY_BITS     64
#define L(name)	     name##_64
#define PUBLIC(name) pawl_cmap64_##name
#define AUDIT	     pawl__cmap64_audit
#include "small-template.h"
#include "cmap-template.h"
