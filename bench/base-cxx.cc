// SPDX-License-Identifier: BSD-2-Clause
//
// base-cxx.cc - maps of C++: oneTBB's concurrent_hash_map and libcuckoo, as far as configure found
// them. The loops are those of maps.h, compiled here, so that the headers inline.
#include "config.h"

#include <cstddef>
#include <cstdint>

#include "maps.h"

namespace {
struct hash_of {
	std::size_t operator()(std::uint64_t key) const { return b_key_hash(key); }
};
} // namespace

#ifdef PAWL_HAVE_TBB
#include <tbb/concurrent_hash_map.h>

namespace {
struct tbb_hash {
	std::size_t hash(std::uint64_t key) const { return b_key_hash(key); }
	bool equal(std::uint64_t a, std::uint64_t b) const { return a == b; }
};
using tbb_map = tbb::concurrent_hash_map<std::uint64_t, std::uint64_t, tbb_hash>;

void *tbb_make(uint64_t) { return new tbb_map; }
void tbb_drop(void *map) { delete static_cast<tbb_map *>(map); }

inline bool tbb_get(void *map, uint64_t key, uint64_t, uint64_t *ret_value)
{
	tbb_map::const_accessor at;

	if (!static_cast<tbb_map *>(map)->find(at, key))
		return false;
	*ret_value = at->second;
	return true;
}

inline bool tbb_put(void *map, uint64_t key, uint64_t, uint64_t value)
{
	return static_cast<tbb_map *>(map)->insert({key, value});
}

inline bool tbb_del(void *map, uint64_t key, uint64_t)
{
	return static_cast<tbb_map *>(map)->erase(key);
}

B_MAP_PEER(tbb, "tbb-hash_map", tbb_make, tbb_drop, nullptr, nullptr)
} // namespace
#endif

#ifdef PAWL_HAVE_LIBCUCKOO
// It does not include what it uses.
#include <array>
#include <libcuckoo/cuckoohash_map.hh>

namespace {
using cuckoo_map = libcuckoo::cuckoohash_map<std::uint64_t, std::uint64_t, hash_of>;

void *cuckoo_make(uint64_t) { return new cuckoo_map(0); }
void cuckoo_drop(void *map) { delete static_cast<cuckoo_map *>(map); }

inline bool cuckoo_get(void *map, uint64_t key, uint64_t, uint64_t *ret_value)
{
	return static_cast<cuckoo_map *>(map)->find(key, *ret_value);
}

inline bool cuckoo_put(void *map, uint64_t key, uint64_t, uint64_t value)
{
	return static_cast<cuckoo_map *>(map)->insert(key, value);
}

inline bool cuckoo_del(void *map, uint64_t key, uint64_t)
{
	return static_cast<cuckoo_map *>(map)->erase(key);
}

B_MAP_PEER(cuckoo, "libcuckoo", cuckoo_make, cuckoo_drop, nullptr, nullptr)
} // namespace
#endif
