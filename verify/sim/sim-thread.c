/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-thread.c - threads as fibres of one, and who of them runs next.
 *
 * At each step one of four rules says whether another thread goes on:
 *
 *  random  after a number of steps that is drawn, all that are ready are equally likely. How many that
 *	    are on average is drawn for each run: from every step to every thousandth.
 *  PCT     the one with the highest priority; at `depth` - 1 steps that were drawn before, the running
 *	    one gets the lowest. So does one that only waits, and one that runs for very long.
 *  bytes   the same with numbers from a list, over and over: after so many steps it is the n-th one of those that are
 *	    ready. For a fuzzer, which knows no seeds.
 *  replay  as it was written down; where nothing was, the running one goes on, and after it the next by number.
 *
 * Whatever rule there is, switches that the last one would not make by itself are written down: they are
 * the schedule of the run, and sim-shrink.c leaves some of them out.
 *
 * Time: 20 ns a step. If nobody is ready it is the time at which the first one wakes up. A run in which the
 * program's own thread gets nowhere for ten minutes of that time hangs; so does one with nobody to wake up.
 */
#include "sim.h"

#include <errno.h>
#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../mc-internal.h"

#define STEP_NS	    20u
#define HANGS_NS    600000000000u
#define STACKS_BASE 0x20000000000u
#define NEVER	    UINT64_MAX
#define PCT_STEPS   400000u /* over which its changes are spread */
#define PCT_LONG    20000u  /* steps of one thread in a row */

struct sim_thread sim_threads[SIM_THREADS];
unsigned sim_threads_n, sim_me;
bool sim_on;
struct sim_run *sim_run;
uintptr_t sim_fault_pc, sim_fault_frame;

static uint64_t progress_ns, first_ns = NEVER;
static uint64_t patience; /* random: steps to the next switch */
static unsigned mean;	  /* random: how many on average */
static unsigned ready_n;
static uint64_t pct_at[16], row;
static unsigned pct_n, lowest;
static void (*main_fn)(void);

static struct recent {
	uint64_t step;
	uint64_t where;
	const void *pc;
	uint8_t thread;
	char kind;
} recent[SIM_RECENT];
static unsigned recent_n;

/* What the program has said of itself. */
#define NOTES 64
static struct {
	uint64_t step;
	uint8_t thread;
	char text[120];
} notes[NOTES];
static unsigned notes_n;

/* ---- drawing ---- */

uint64_t sim_draw(struct sim_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

unsigned sim_below(struct sim_random *random, unsigned limit)
{
	return (unsigned)((sim_draw(random) >> 32) * limit >> 32);
}

/* ---- what was done ---- */

static void remember(char kind, uint64_t where, const void *pc)
{
	struct recent *r = &recent[recent_n++ % SIM_RECENT];
	uint64_t h = sim_run->hash;

	r->step = sim_run->steps;
	r->where = where;
	r->pc = pc;
	r->thread = (uint8_t)sim_me;
	r->kind = kind;
	/* Code and blocks are where they always are, so these are numbers of places, not of this process. */
	h = (h ^ (uint64_t)(uintptr_t)pc ^ where << 20 ^ (uint64_t)sim_me << 56) *
	    0x100000001b3u;
	sim_run->hash = h ^ h >> 29;
}

void sim_note(const char *format, ...)
{
	unsigned at = notes_n++ % NOTES;
	va_list ap;

	notes[at].step = sim_run->steps;
	notes[at].thread = (uint8_t)sim_me;
	va_start(ap, format);
	vsnprintf(notes[at].text, sizeof(notes[at].text), format, ap);
	va_end(ap);
}

void sim_event(enum sim_event event)
{
	sim_run->events[event]++;
}

/* ---- how it ends ---- */

void sim_end_life(int how)
{
	sim_on = false;
	_exit(how);
}

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
	size_t room = SIM_TEXT - sim_run->text_len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(sim_run->text + sim_run->text_len, room, format, ap);
	va_end(ap);
	if (n > 0)
		sim_run->text_len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Places are written as <hex>: the parent looks up where that is. */
static void put_stack(const struct sim_thread *t)
{
	const uint64_t *frame, *top;

	if (t == sim_self() && sim_fault_pc) {
		put("      <%lx>\n", (unsigned long)sim_fault_pc);
		frame = (const uint64_t *)sim_fault_frame;
	} else if (t == sim_self()) {
		frame = __builtin_frame_address(0);
	} else {
		const uint64_t *saved = t->sp;

		put("      <%lx>\n", (unsigned long)saved[6] - 1);
		frame = (const uint64_t *)(uintptr_t)saved[5];
	}
	top = frame + (1u << 15);
	for (int i = 0; i < 24 && frame && frame < top && !((uintptr_t)frame & 7); i++) {
		const uint64_t *next = (const uint64_t *)(uintptr_t)frame[0];

		if (frame[1] < 4096)
			break;
		put("      <%lx>\n", (unsigned long)frame[1] - 1);
		if (next <= frame)
			break;
		frame = next;
	}
}

static void put_threads(void)
{
	for (unsigned i = 0; i < sim_threads_n; i++) {
		const struct sim_thread *t = &sim_threads[i];

		if (t->state == SIM_ENDED || t->state == SIM_NONE)
			continue;
		put("  thread %u %s: %s%s", i, t->name,
		    i == sim_me		    ? "runs"
		    : t->state == SIM_READY ? "is ready"
					    : "sleeps, ",
		    t->state == SIM_ASLEEP ? t->why : "");
		if (t->state == SIM_ASLEEP && t->until_ns != NEVER)
			put(" for another %lu us",
			    (unsigned long)(t->until_ns - sim_run->now_ns) / 1000);
		put("\n");
		put_stack(t);
	}
}

static void put_recent(void)
{
	unsigned n = recent_n < 80 ? recent_n : 80;

	while (n--) {
		const struct recent *r = &recent[(recent_n - 1 - n) % SIM_RECENT];

		put("  %lu  thread %u %c %lx at <%lx>\n", (unsigned long)r->step, r->thread,
		    r->kind, (unsigned long)r->where, (unsigned long)(uintptr_t)r->pc - 1);
	}
}

static void put_notes(void)
{
	unsigned n = notes_n < NOTES ? notes_n : NOTES;

	while (n--) {
		unsigned at = (notes_n - 1 - n) % NOTES;

		put("  %lu  thread %u: %s\n", (unsigned long)notes[at].step, notes[at].thread,
		    notes[at].text);
	}
}

void sim_fail(const char *format, ...)
{
	va_list ap;

	sim_on = false;
	va_start(ap, format);
	vsnprintf(sim_run->what, sizeof(sim_run->what), format, ap);
	va_end(ap);
	sim_run->failed = true;
	put("what the program does, in this life\n");
	put_notes();
	put("last steps (c: compare-exchange, e: ends, f: fence, l: load, m: other read-modify-write, s: store, "
	    "w: waits, z: sleeps)\n");
	put_recent();
	put("threads, in life %u at step %lu\n", sim_run->life, (unsigned long)sim_run->steps);
	put_threads();
	_exit(SIM_FAILED);
}

/* ---- who is next ---- */

static void record(unsigned to, unsigned rule)
{
	if (to == rule)
		return;
	if (sim_run->recorded == SIM_SWITCHES) {
		sim_run->recorded_all = false;
		return;
	}
	sim_run->record[sim_run->recorded++] = (struct sim_switch){sim_run->steps, to};
}

static unsigned next_by_number(unsigned after)
{
	for (unsigned i = 1; i <= sim_threads_n; i++) {
		unsigned t = (after + i) % sim_threads_n;

		if (sim_threads[t].state == SIM_READY)
			return t;
	}
	return after;
}

static unsigned pick_random(void)
{
	unsigned n = sim_below(&sim_run->scheduling, ready_n);

	for (unsigned t = 0; t < sim_threads_n; t++)
		if (sim_threads[t].state == SIM_READY && !n--)
			return t;
	return sim_me;
}

static unsigned pick_highest(void)
{
	unsigned best = sim_me;
	bool any = false;

	for (unsigned t = 0; t < sim_threads_n; t++) {
		if (sim_threads[t].state != SIM_READY)
			continue;
		if (!any || sim_threads[t].priority > sim_threads[best].priority)
			best = t;
		any = true;
	}
	return best;
}

static unsigned pick_written(unsigned rule)
{
	while (sim_run->replay_at < sim_run->replay_n &&
	       sim_run->replay[sim_run->replay_at].step < sim_run->steps)
		sim_run->replay_at++;
	if (sim_run->replay_at < sim_run->replay_n &&
	    sim_run->replay[sim_run->replay_at].step == sim_run->steps) {
		unsigned t = sim_run->replay[sim_run->replay_at++].thread;

		if (t < sim_threads_n && sim_threads[t].state == SIM_READY)
			return t;
	}
	return rule;
}

/* Both bytes of the next decision of a list. */
static const uint8_t *next_decision(void)
{
	static const uint8_t none[2] = {0xff, 1};

	if (!sim_run->schedule_n)
		return none;
	return sim_run->schedule[sim_run->schedule_at++ % sim_run->schedule_n];
}

/* Of those that are ready; and its patience. */
static unsigned pick_listed(void)
{
	const uint8_t *decision = next_decision();
	unsigned n = decision[1] % ready_n;

	patience = (1 + (uint64_t)(decision[0] & 31)) << (decision[0] >> 5);
	for (unsigned t = 0; t < sim_threads_n; t++)
		if (sim_threads[t].state == SIM_READY && !n--)
			return t;
	return sim_me;
}

static void new_patience(void)
{
	/* Between 1 and twice the mean: as good as the geometric one here. */
	patience = 1 + sim_below(&sim_run->scheduling, 2 * mean);
}

static void switch_to(unsigned to)
{
	struct sim_thread *from = sim_self();

	if (to == sim_me)
		return;
	row = 0;
	sim_run->switches++;
	sim_switched(from->pc, sim_threads[to].pc);
	from->error_number = errno;
	sim_me = to;
	mc_switch(&from->sp, sim_threads[to].sp);
	errno = sim_self()->error_number;
}

/* Whose time has come. */
static void look_at_clock(void)
{
	first_ns = NEVER;
	for (unsigned i = 0; i < sim_threads_n; i++) {
		struct sim_thread *t = &sim_threads[i];

		if (t->state != SIM_ASLEEP)
			continue;
		if (t->until_ns <= sim_run->now_ns) {
			t->state = SIM_READY;
			t->timed_out = true;
			ready_n++;
		} else if (t->until_ns < first_ns) {
			first_ns = t->until_ns;
		}
	}
}

static void wait_for_time(void)
{
	while (!ready_n) {
		look_at_clock();
		if (ready_n)
			return;
		if (first_ns == NEVER)
			sim_fail("deadlock: all threads sleep, and nothing will wake them");
		if (first_ns - progress_ns > HANGS_NS && first_ns > progress_ns)
			sim_fail("hang: the program's thread gets nowhere for %u s",
				 (unsigned)(HANGS_NS / 1000000000u));
		sim_run->now_ns = first_ns;
	}
}

/* The running one cannot go on, or lets others go first (`waits`). */
static void pass_on(bool waits)
{
	unsigned rule, to;

	wait_for_time();
	rule = next_by_number(sim_me);
	if (sim_run->mode == SIM_REPLAY) {
		to = pick_written(rule);
	} else if (sim_run->mode == SIM_PCT) {
		if (waits)
			sim_self()->priority = --lowest;
		to = pick_highest();
	} else if (sim_run->mode == SIM_BYTES) {
		to = pick_listed();
	} else {
		to = pick_random();
		new_patience();
	}
	record(to, rule);
	switch_to(to);
}

static void maybe_switch(void)
{
	unsigned to = sim_me;

	switch (sim_run->mode) {
	case SIM_RANDOM:
		if (--patience)
			return;
		new_patience();
		to = pick_random();
		break;
	case SIM_PCT:
		if (pct_n && sim_run->steps >= pct_at[pct_n - 1]) {
			pct_n--;
			sim_self()->priority = --lowest;
		} else if (++row > PCT_LONG) {
			row = 0;
			sim_self()->priority = --lowest;
		}
		to = pick_highest();
		break;
	case SIM_BYTES:
		if (--patience)
			return;
		to = pick_listed();
		break;
	case SIM_REPLAY:
		to = pick_written(sim_me);
		break;
	}
	record(to, sim_me);
	switch_to(to);
}

static void count_step(char kind, uint64_t where, const void *pc)
{
	sim_run->steps++;
	sim_run->now_ns += STEP_NS;
	sim_self()->pc = pc;
	remember(kind, where, pc);
	if (sim_run->steps > sim_run->limit && sim_run->steps_most) {
		sim_run->too_long = true;
		sim_end_life(SIM_OVER);
	}
	if (sim_run->steps > sim_run->limit)
		sim_fail("livelock: more than %lu steps", (unsigned long)sim_run->limit);
	if (sim_run->now_ns >= first_ns)
		look_at_clock();
}

void sim_step(char kind, uint64_t where, const void *pc)
{
	if (!sim_on)
		return;
	count_step(kind, where, pc);
	maybe_switch();
}

void sim_yield(const void *pc)
{
	if (!sim_on)
		return;
	count_step('w', 0, pc);
	pass_on(true);
}

bool sim_sleep(const void *what, uint64_t until_ns, const char *why, const void *pc)
{
	struct sim_thread *t = sim_self();

	if (!sim_on)
		return true;
	count_step('z', (uintptr_t)what, pc);
	t->waits_for = what;
	t->until_ns = until_ns;
	t->why = why;
	t->timed_out = false;
	t->state = SIM_ASLEEP;
	ready_n--;
	if (until_ns < first_ns)
		first_ns = until_ns;
	pass_on(false);
	t->waits_for = NULL;
	return !t->timed_out;
}

unsigned sim_wake(const void *what, unsigned most)
{
	unsigned waiting[SIM_THREADS], n = 0, woken = 0;

	for (unsigned t = 0; t < sim_threads_n; t++)
		if (sim_threads[t].state == SIM_ASLEEP && sim_threads[t].waits_for == what)
			waiting[n++] = t;
	while (n && most--) {
		unsigned which = n > 1 ? sim_below(&sim_run->choices, n) : 0;

		sim_threads[waiting[which]].state = SIM_READY;
		waiting[which] = waiting[--n];
		ready_n++;
		woken++;
	}
	return woken;
}

uint64_t sim_now(void)
{
	return sim_run->now_ns;
}

void sim_progress(void)
{
	progress_ns = sim_run->now_ns;
}

/* mc-fiber.c puts the registers there, which only the checker needs. */
void mc_pause_at(void *frame, const void *pc)
{
	(void)frame;
	sim_yield(pc);
}

/* ---- beginning and ending ---- */

static void thread_main(void)
{
	errno = 0;
	sim_thread_end(sim_self()->start(sim_self()->arg));
}

static void first_main(void)
{
	main_fn();
	sim_end_life(SIM_OVER);
}

static void prepare(struct sim_thread *t, void (*fn)(void))
{
	char *stack =
		(char *)(uintptr_t)(STACKS_BASE + (uint64_t)(t - sim_threads) * 2 * SIM_STACK);
	void *got = mmap(stack, SIM_STACK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	if (got != stack)
		sim_fail("no memory for a stack");
	t->sp = mc_fiber_init(stack, SIM_STACK, fn);
	t->state = SIM_READY;
	t->priority = 1000000u + sim_below(&sim_run->choices, 1000000u);
	ready_n++;
}

unsigned sim_thread_new(void *(*start)(void *), void *arg)
{
	unsigned n = 0;

	while (n < sim_threads_n &&
	       !(sim_threads[n].state == SIM_ENDED && sim_threads[n].joined))
		n++;
	if (n == SIM_THREADS)
		sim_fail("more than %d threads", SIM_THREADS);
	if (n == sim_threads_n)
		sim_threads_n++;
	sim_threads[n] = (struct sim_thread){.start = start, .arg = arg};
	snprintf(sim_threads[n].name, sizeof(sim_threads[n].name), "of %u", sim_me);
	prepare(&sim_threads[n], thread_main);
	return n;
}

void sim_thread_end(void *result)
{
	struct sim_thread *t = sim_self();

	/* No two decisions have one number. */
	count_step('e', 0, NULL);
	t->result = result;
	t->state = SIM_ENDED;
	ready_n--;
	sim_wake(t, SIM_THREADS);
	pass_on(false);
	__builtin_unreachable();
}

void sim_begin(void (*fn)(void))
{
	static const unsigned means[] = {2, 8, 40, 200, 1000};
	struct sim_random drawn = {sim_run->seed * 77 + sim_run->life};
	void *nowhere;

	main_fn = fn;
	mean = means[sim_draw(&drawn) % 5];
	pct_n = sim_run->depth > 1 ? sim_run->depth - 1 : 0;
	pct_n = pct_n > 16 ? 16 : pct_n;
	for (unsigned i = 0; i < pct_n; i++)
		pct_at[i] = sim_run->steps + sim_draw(&drawn) % PCT_STEPS;
	/* The last one is the next. */
	for (unsigned i = 0; i < pct_n; i++)
		for (unsigned j = i + 1; j < pct_n; j++)
			if (pct_at[i] < pct_at[j]) {
				uint64_t other = pct_at[i];

				pct_at[i] = pct_at[j];
				pct_at[j] = other;
			}
	lowest = 900000u;
	sim_threads_n = 1;
	sim_me = 0;
	snprintf(sim_threads[0].name, sizeof(sim_threads[0].name), "program");
	prepare(&sim_threads[0], first_main);
	new_patience();
	sim_progress();
	sim_on = true;
	mc_switch(&nowhere, sim_threads[0].sp);
	__builtin_unreachable();
}
