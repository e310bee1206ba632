// SPDX-License-Identifier: BSD-2-Clause
//
// base-runtime-cxx.cc - oneTBB: task_group and parallel_for in an arena of so many threads. The cases are
// in base-runtime-tbb.c.
#include "config.h"

#include "runtime-cxx.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

namespace {

inline void use(std::uint64_t value)
{
	__asm__ __volatile__("" : : "r"(value) : "memory");
}

template <typename Body> void inside(void *arena, Body body)
{
	static_cast<tbb::task_arena *>(arena)->execute(body);
}

std::uint64_t fib(std::uint64_t n)
{
	std::uint64_t left = 0;
	std::uint64_t right;

	if (n < 2)
		return n;
	tbb::task_group group;
	group.run([n, &left] { left = fib(n - 1); });
	right = fib(n - 2);
	group.wait();
	return left + right;
}

} // namespace

void *b_tbb_make(unsigned threads)
{
	return new tbb::task_arena(static_cast<int>(threads));
}

void b_tbb_drop(void *arena)
{
	delete static_cast<tbb::task_arena *>(arena);
}

void b_tbb_join(void *arena, uint64_t n)
{
	inside(arena, [n] {
		tbb::task_group group;

		for (uint64_t i = 0; i < n; i++) {
			group.run([i] { use(i); });
			group.wait();
		}
	});
}

void b_tbb_batches(void *arena, uint64_t n, uint64_t batch)
{
	inside(arena, [n, batch] {
		tbb::task_group group;

		for (uint64_t left = n, many; left; left -= many) {
			many = left < batch ? left : batch;
			for (uint64_t i = 0; i < many; i++)
				group.run([i] { use(i); });
			group.wait();
		}
	});
}

void b_tbb_fib(void *arena, uint64_t n, uint64_t of)
{
	inside(arena, [n, of] {
		for (uint64_t i = 0; i < n; i++)
			use(fib(of));
	});
}

void b_tbb_jobs(void *arena, uint64_t n, uint64_t turns)
{
	inside(arena, [n, turns] {
		tbb::parallel_for(uint64_t{0}, n, [turns](uint64_t i) {
			use(i);
			b_outside(turns);
		});
	});
}
