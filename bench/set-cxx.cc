/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * set-cxx.cc - std::unordered_set, and a std::vector kept sorted. One call for each operation, as
 * with ours; inside of it everything is inlined.
 */
#include "set-cxx.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

using hash_set = std::unordered_set<uint32_t>;
using vector_set = std::vector<uint32_t>;

void *b_cxx_hash_create(void)
{
	return new hash_set;
}

void b_cxx_hash_destroy(void *set)
{
	delete static_cast<hash_set *>(set);
}

bool b_cxx_hash_has(const void *set, uint32_t key)
{
	return static_cast<const hash_set *>(set)->count(key) != 0;
}

void b_cxx_hash_add(void *set, uint32_t key)
{
	static_cast<hash_set *>(set)->insert(key);
}

void b_cxx_hash_remove(void *set, uint32_t key)
{
	static_cast<hash_set *>(set)->erase(key);
}

uint64_t b_cxx_hash_sum(const void *set)
{
	uint64_t sum = 0;

	for (uint32_t key : *static_cast<const hash_set *>(set))
		sum += key;
	return sum;
}

size_t b_cxx_hash_handle(const void *)
{
	return sizeof(hash_set);
}

void *b_cxx_vector_create(void)
{
	return new vector_set;
}

void b_cxx_vector_destroy(void *set)
{
	delete static_cast<vector_set *>(set);
}

bool b_cxx_vector_has(const void *set, uint32_t key)
{
	const vector_set *vector = static_cast<const vector_set *>(set);

	return std::binary_search(vector->begin(), vector->end(), key);
}

void b_cxx_vector_add(void *set, uint32_t key)
{
	vector_set *vector = static_cast<vector_set *>(set);
	auto at = std::lower_bound(vector->begin(), vector->end(), key);

	if (at == vector->end() || *at != key)
		vector->insert(at, key);
}

void b_cxx_vector_remove(void *set, uint32_t key)
{
	vector_set *vector = static_cast<vector_set *>(set);
	auto at = std::lower_bound(vector->begin(), vector->end(), key);

	if (at != vector->end() && *at == key)
		vector->erase(at);
}

uint64_t b_cxx_vector_sum(const void *set)
{
	uint64_t sum = 0;

	for (uint32_t key : *static_cast<const vector_set *>(set))
		sum += key;
	return sum;
}

size_t b_cxx_vector_handle(const void *)
{
	return sizeof(vector_set);
}
