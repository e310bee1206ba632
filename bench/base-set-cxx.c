/* SPDX-License-Identifier: BSD-2-Clause */
/* base-set-cxx.c - sets of the C++ library (set-cxx.cc), where a C++ compiler was found. */
#include "bench.h"
#include "set-cxx.h"
#include "set.h"

B_SET_CASES(b_cxx_hash, "std-unordered_set")
B_SET_CASES(b_cxx_vector, "std-vector-sorted")
