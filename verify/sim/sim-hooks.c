/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-hooks.c - what the hooks of mc-tsan.c call: one memory, in which things happen in the order of steps.
 *
 * Orders do not count: every atomic access is a step, and then done at once. The step comes before the access, so
 * that whoever goes on there comes between what was seen before and what is done now. A weak
 * compare-exchange fails now and then for no reason.
 *
 * liburcu (memb): a grace period waits for the outermost sections that were there when it began.
 */
#include "sim.h"

#include <string.h>

#include "../mc-internal.h"

#include "../shim/urcu/urcu-memb.h"

#define PC	 __builtin_return_address(0)
#define SPURIOUS 128

enum mc_mode mc_mode = MODE_RUN;

/* ---- atomics ---- */

static uint64_t peek(uint64_t addr, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)(uintptr_t)addr, size);
	return value;
}

static void poke(uint64_t addr, unsigned size, uint64_t value)
{
	memcpy((void *)(uintptr_t)addr, &value, size);
}

uint64_t mc_load(uint64_t addr, unsigned size, unsigned order, const void *pc)
{
	(void)order;
	sim_step('l', addr, pc);
	sim_check_access(addr, size, false, pc);
	return peek(addr, size);
}

void mc_store(uint64_t addr, unsigned size, uint64_t value, unsigned order, const void *pc)
{
	(void)order;
	sim_step('s', addr, pc);
	sim_check_access(addr, size, true, pc);
	poke(addr, size, value);
}

uint64_t mc_rmw(uint64_t addr, unsigned size, unsigned rmw, uint64_t operand, unsigned order,
		const void *pc)
{
	uint64_t old, value;

	(void)order;
	sim_step('m', addr, pc);
	sim_check_access(addr, size, true, pc);
	old = peek(addr, size);
	switch (rmw) {
	case RMW_ADD:
		value = old + operand;
		break;
	case RMW_SUB:
		value = old - operand;
		break;
	case RMW_AND:
		value = old & operand;
		break;
	case RMW_OR:
		value = old | operand;
		break;
	case RMW_XOR:
		value = old ^ operand;
		break;
	case RMW_NAND:
		value = ~(old & operand);
		break;
	default:
		value = operand;
		break;
	}
	poke(addr, size, value);
	return old;
}

bool mc_cas(uint64_t addr, unsigned size, uint64_t *expected, uint64_t desired, unsigned order,
	    unsigned forder, bool weak, const void *pc)
{
	uint64_t old;

	(void)order;
	(void)forder;
	sim_step('c', addr, pc);
	sim_check_access(addr, size, true, pc);
	old = peek(addr, size);
	if (old == *expected && !(weak && sim_on && !sim_below(&sim_run->choices, SPURIOUS))) {
		poke(addr, size, desired);
		return true;
	}
	*expected = old;
	return false;
}

void mc_fence(unsigned order, const void *pc)
{
	(void)order;
	sim_step('f', 0, pc);
}

/* ---- plain memory ---- */

void mc_plain(uint64_t addr, unsigned long size, bool write, const void *pc)
{
	sim_check_access(addr, size, write, pc);
}

void mc_heap_copied(uint64_t to, uint64_t from, unsigned long size)
{
	(void)to;
	(void)from;
	(void)size;
}

/* ---- what else the program asks for in a build for the checker ---- */

unsigned mc_site_order(const void *pc, unsigned order, char kind)
{
	(void)pc;
	(void)kind;
	return order;
}

void mc_site_plain(const void *pc)
{
	(void)pc;
}

const char *sim_left_out; /* --drop */

bool mc_step(const char *name)
{
	return !sim_left_out || strcmp(name, sim_left_out) != 0;
}

unsigned mc_spin_turns(void);
unsigned mc_spin_turns(void)
{
	return 2;
}

void *mc_tls_get(void);
void *mc_tls_get(void)
{
	return sim_self()->tls;
}

void mc_tls_set(void *value);
void mc_tls_set(void *value)
{
	sim_self()->tls = value;
}

/* ---- liburcu ---- */

static uint64_t sections; /* so many have begun */
static char rcu;	  /* what grace periods wait for */

static void want_known(void)
{
	if (!sim_self()->rcu_known)
		sim_fail("RCU: the thread is not registered");
}

void urcu_memb_register_thread(void)
{
	sim_step('s', 0, PC);
	sim_self()->rcu_known = true;
}

void urcu_memb_unregister_thread(void)
{
	want_known();
	if (sim_self()->rcu_depth)
		sim_fail("RCU: a thread unregisters inside a section");
	sim_step('s', 0, PC);
	sim_self()->rcu_known = false;
}

void urcu_memb_read_lock(void)
{
	want_known();
	sim_step('s', 0, PC);
	if (!sim_self()->rcu_depth++)
		sim_self()->rcu_section = ++sections;
}

void urcu_memb_read_unlock(void)
{
	if (!sim_self()->rcu_depth)
		sim_fail("RCU: a section ends that did not begin");
	sim_step('s', 0, PC);
	if (!--sim_self()->rcu_depth)
		sim_wake(&rcu, SIM_THREADS);
}

int urcu_memb_read_ongoing(void)
{
	return sim_self()->rcu_depth != 0;
}

static bool somebody_reads(uint64_t since)
{
	for (unsigned t = 0; t < sim_threads_n; t++)
		if (sim_threads[t].state != SIM_ENDED && sim_threads[t].rcu_depth &&
		    sim_threads[t].rcu_section <= since)
			return true;
	return false;
}

void urcu_memb_synchronize_rcu(void)
{
	uint64_t since;

	if (sim_self()->rcu_depth)
		sim_fail("RCU: a grace period inside a section");
	sim_step('f', 0, PC);
	since = sections;
	while (somebody_reads(since))
		(void)sim_sleep(&rcu, UINT64_MAX, "waits for readers", PC);
	sim_step('f', 0, PC);
}
