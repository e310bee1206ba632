/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-event-listener.c - the event-listener crate, through the static library
 * that peers/ builds (module event). Compiled in when configure was told to.
 *
 * "heap" is the crate's usual listener, "stack" the one of its listener! macro.
 * In the gates it is the stack one.
 */
#include "bench.h"
#include "work.h"

struct el_gate;
struct el_event;

struct el_gate *el_gate_new(void);
void el_gate_drop(struct el_gate *gate);
void el_gate_post(const struct el_gate *gate, uint32_t value, bool all);
void el_gate_wait(const struct el_gate *gate, uint32_t value);
struct el_event *el_event_new(void);
void el_event_drop(struct el_event *event);
void el_notify_none(const struct el_event *event, uint64_t n);
void el_listen_heap(const struct el_event *event, uint64_t n);
void el_listen_stack(const struct el_event *event, uint64_t n);
void el_self_heap(const struct el_event *event, uint64_t n);
void el_self_stack(const struct el_event *event, uint64_t n);

/* ---- gates --------------------------------------------------------------- */

struct crate_gate {
	struct el_gate *gate;
};

static inline void crate_gate_init(struct crate_gate *gate)
{
	gate->gate = el_gate_new();
}

static inline void crate_gate_post(struct crate_gate *gate, uint32_t value, bool all)
{
	el_gate_post(gate->gate, value, all);
}

static inline void crate_gate_wait(struct crate_gate *gate, uint32_t value)
{
	el_gate_wait(gate->gate, value);
}

/* The event is a pointer to its state on the heap: the size of the pointer is told. */
B_GATE_CASES(crate_gate, "event-listener", 8, NULL, NULL)

/* ---- one thread ---------------------------------------------------------- */

static int setup(struct b_run *run)
{
	struct el_event **events = b_alloc(run->threads * sizeof(struct el_event *));

	for (unsigned i = 0; i < run->threads; i++)
		events[i] = el_event_new();
	run->state = events;
	return 0;
}

static void teardown(struct b_run *run)
{
	struct el_event **events = run->state;

	for (unsigned i = 0; i < run->threads; i++)
		el_event_drop(events[i]);
	free(events);
}

#define CRATE_WORK(CALL)                                        \
	static void work_##CALL(struct b_worker *w, uint64_t n) \
	{                                                       \
		struct el_event **events = w->run->state;       \
                                                                \
		CALL(events[w->index], n);                      \
	}

CRATE_WORK(el_notify_none)
CRATE_WORK(el_listen_heap)
CRATE_WORK(el_listen_stack)
CRATE_WORK(el_self_heap)
CRATE_WORK(el_self_stack)

static const struct b_case cases[] = {
	{.bench = "event-notify-none",
	 .contender = "event-listener",
	 .bytes = 8,
	 .setup = setup,
	 .work = work_el_notify_none,
	 .teardown = teardown},
	{.bench = "event-listen-unlisten",
	 .contender = "event-listener-heap",
	 .bytes = 8,
	 .setup = setup,
	 .work = work_el_listen_heap,
	 .teardown = teardown},
	{.bench = "event-listen-unlisten",
	 .contender = "event-listener-stack",
	 .bytes = 8,
	 .setup = setup,
	 .work = work_el_listen_stack,
	 .teardown = teardown},
	{.bench = "event-self",
	 .contender = "event-listener-heap",
	 .bytes = 8,
	 .setup = setup,
	 .work = work_el_self_heap,
	 .teardown = teardown},
	{.bench = "event-self",
	 .contender = "event-listener-stack",
	 .bytes = 8,
	 .setup = setup,
	 .work = work_el_self_stack,
	 .teardown = teardown},
};
B_CASES(cases)
