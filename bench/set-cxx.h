/* SPDX-License-Identifier: BSD-2-Clause */
/* set-cxx.h - sets of the C++ library behind calls, as ours are behind calls. */
#ifndef B_SET_CXX_H
#define B_SET_CXX_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

#define B_SET_CXX(NAME)                                 \
	void *NAME##_create(void);                      \
	void NAME##_destroy(void *set);                 \
	bool NAME##_has(const void *set, uint32_t key); \
	void NAME##_add(void *set, uint32_t key);       \
	void NAME##_remove(void *set, uint32_t key);    \
	uint64_t NAME##_sum(const void *set);           \
	size_t NAME##_handle(const void *set);

B_SET_CXX(b_cxx_hash)
B_SET_CXX(b_cxx_vector)

PAWL_END_DECLS

#endif
