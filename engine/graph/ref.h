/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ref.h - ids of tasks, and what a reference's bits mean.
 *
 *	bits 0-31   the task; bit 31 of them: it is transient
 *	bits 32-63  the cell: 22 bits of index, 10 bits of type above them; 0: the output
 */
#ifndef ENG_REF_H
#define ENG_REF_H

#include <pawl/base.h>
#include <pawl/value.h>

/* A task of the graph; 0: none. */
typedef uint32_t eng_id;

#define ENG_TRANSIENT	    UINT32_C(0x80000000)
#define ENG_CELL_INDEX_BITS 22
#define ENG_CELL_INDEX_LAST ((UINT32_C(1) << ENG_CELL_INDEX_BITS) - 1)
#define ENG_TYPE_LAST	    1023u /* types are numbered from 1 */

static inline bool eng_is_transient(eng_id id)
{
	return id & ENG_TRANSIENT;
}

static inline pawl_ref_t eng_ref(eng_id task, uint32_t cell)
{
	return (pawl_ref_t){(uint64_t)cell << 32 | task};
}

static inline eng_id eng_ref_task(pawl_ref_t ref)
{
	return (eng_id)ref.pawl_bits;
}

static inline uint32_t eng_ref_cell(pawl_ref_t ref)
{
	return (uint32_t)(ref.pawl_bits >> 32);
}

static inline uint32_t eng_cell(uint32_t type, uint32_t index)
{
	return type << ENG_CELL_INDEX_BITS | index;
}

static inline uint32_t eng_cell_type(uint32_t cell)
{
	return cell >> ENG_CELL_INDEX_BITS;
}

static inline uint32_t eng_cell_index(uint32_t cell)
{
	return cell & ENG_CELL_INDEX_LAST;
}

/* What a function that gives nothing has as its output. */
#define ENG_NOTHING ((uint64_t)UINT32_MAX << 32)

#endif
