/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber.c - life of a fibre: create, resume, suspend, park, finish.
 *
 * A fibre is a record with a stack (fiber-stack.c), a saved stack pointer, and the stack
 * pointer of who resumed it. Resuming swaps the one for the other; suspending, parking and
 * finishing swap back and differ in nothing but the state that they leave, which resume() then
 * returns. There is no list of fibres here: who is ready is the scheduler's business.
 *
 * A fibre is a waiter (pawl/park.h) with a token of its own, in the three states of park.c:
 *  EMPTY  -> TOKEN   unpark
 *  EMPTY  -> PARKED  park, about to switch out
 *  PARKED -> TOKEN   unpark, which then calls `ready`: once for each PARKED
 *  PARKED -> EMPTY   expire(): the deadline won, no `ready` comes
 *  TOKEN  -> EMPTY   park
 * A waker may find PARKED and call `ready` before the fibre has switched out. That is harmless
 * because fibres are pinned: whoever takes it from the queue runs on its thread, so not before the
 * switch. No scheme that hands the switch over to the next stack is needed.
 *
 * Invariants:
 *  I1 the right to resume a parked fibre is given once: by the exchange that finds PARKED, or
 *     by the compare-exchange that takes it away.
 *  I2 `thread` is set from the first resume to the end, and only that thread touches sp.
 *  I3 self->fiber is what runs, self->current what it sleeps as; `resumer` of each leads to the
 *     thread's own stack.
 *  I4 records are type-stable, so a late unpark meets a token: of nobody, or of a later fibre, for
 *     which it is a wake-up for nothing.
 *
 * Ordering:
 *  O1 unpark exchanges with release, and park takes the token with acquire: what was done before
 *     the unpark is seen after the park. It also acquires, from the release of park's PARKED: a late
 *     waker, who got the record from an earlier fibre, reads the hooks of this one.
 *     The scheduler's queue orders `ready` before the resume.
 *  expire() is relaxed: it meets what this very thread stored.
 *  State is relaxed: hints for others, and this thread's own stores.
 *
 * Progress: wait-free but for what the user does. park and unpark take no memory.
 *
 * Killing starts the fibre's first function anew, on the same stack, which finishes at once: so
 * sanitizers hear of its end on its own stack, and there is one way in which a fibre ends.
 *
 * What there is to do about a switch is done before it, on either side. Then the switch is the
 * last call, which compilers make a jump; with a return behind it, each switch would mispredict
 * twice (bench/b-fiber.c, fiber-switch).
 *
 * Rejected: fibres that move between threads (compilers keep thread-local addresses across
 * calls); a switch from fibre to fibre without the scheduler in between (it must look at its queues
 * anyway; saves one switch of two); the record on top of the stack (giving the stack's pages back
 * would take the waiter away from late wakers).
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/fiber.h>

#include "fiber-announce.h"
#include "fiber-internal.h"

enum { EMPTY, TOKEN, PARKED };

static enum pawl_fiber_state state_of(const struct pawl_fiber *fiber)
{
	return (enum pawl_fiber_state)pawl_load_relaxed(&fiber->state);
}

static void state_set(struct pawl_fiber *fiber, enum pawl_fiber_state state)
{
	pawl_store_relaxed(&fiber->state, (uint32_t)state);
}

/* Nothing is held across a switch. */
static inline void may_switch(const struct pawl__thread *self)
{
	pawl__may_park(self);
	PAWL_ASSERT(!self->idle_depth && "no switch inside an idle stretch");
}

static PAWL_NOINLINE void overflowed(const struct pawl_fiber *fiber)
{
	char text[96 + PAWL_FIBER_NAME_BYTES];

	(void)pawl_fiber_describe_fault(fiber->stack_low - 1, text, sizeof(text));
	pawl__contract_broken(text, __FILE__, __LINE__, "pawl_fiber_create");
}

static inline void check_stack(const struct pawl_fiber *fiber)
{
	if (PAWL_UNLIKELY(!fiber->guarded) && !pawl__stack_canary_ok(fiber))
		overflowed(fiber);
}

/* --- Birth and end. --- */

static int check_options(const struct pawl_fiber_options *options)
{
	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || options->flags & ~PAWL_FIBER_MEASURE ||
	    options->reserved)
		return -EINVAL;
	return 0;
}

static void name_copy(struct pawl_fiber *fiber, const char *name)
{
	size_t len = name ? strnlen(name, PAWL_FIBER_NAME_BYTES - 1) : 0;

	if (len)
		memcpy(fiber->name, name, len);
	fiber->name[len] = 0;
}

int pawl_fiber_create(const struct pawl_fiber_options *options, pawl_fiber_fn *fn, void *arg,
		      struct pawl_fiber **ret_fiber)
{
	static const struct pawl_fiber_options defaults = PAWL_FIBER_OPTIONS_INIT;
	struct pawl__thread *self = pawl__self_required();
	struct pawl_fiber *fiber;
	uint32_t stack_class;
	int error;

	PAWL_REQUIRE(fn);
	pawl__may_park(self);
	if (!options)
		options = &defaults;
	error = check_options(options);
	if (error)
		return error;
	stack_class = pawl__stack_class_of(options->stack_bytes);
	if (stack_class == PAWL_FIBER_CLASSES)
		return -ERANGE;
	error = pawl__stack_get(self, stack_class, &fiber);
	if (error)
		return error;

	/* Relaxed: a late waker may have left a token; and may leave one any time. */
	pawl_store_relaxed(&fiber->token, EMPTY);
	pawl_store_relaxed(&fiber->link, (void *)NULL);
	fiber->thread = NULL;
	fiber->doomed = false;
	fiber->fn = fn;
	fiber->arg = arg;
	name_copy(fiber, options->name);
	fiber->measured = options->flags & PAWL_FIBER_MEASURE;
	asan_stack_used(fiber);
	if (fiber->measured && !pawl__stack_give_back(fiber) && fiber->touched)
		memset(fiber->stack_low, 0, fiber->stack_bytes);
	state_set(fiber, PAWL_FIBER_NEW);
	*ret_fiber = fiber;
	return 0;
}

int pawl_fiber_destroy(struct pawl_fiber *fiber)
{
	struct pawl__thread *self = pawl__self_required();
	enum pawl_fiber_state state = state_of(fiber);

	pawl__may_park(self);
	PAWL_REQUIRE(state != PAWL_FIBER_UNUSED && "the fibre was not destroyed before");
	if (state != PAWL_FIBER_NEW && state != PAWL_FIBER_FINISHED)
		return -EBUSY;
	asan_stack_unused(fiber);
	state_set(fiber, PAWL_FIBER_UNUSED);
	pawl__stack_put(self, fiber);
	return 0;
}

/* --- The switch. --- */

/* The resumer is what runs, from the switch on. */
static inline void hand_back(struct pawl_fiber *fiber)
{
	struct pawl__thread *self = fiber->thread;

	self->fiber = fiber->resumer;
	self->current = fiber->resumer_waiter;
}

/* Back to the resumer, and when it resumes: here. */
static inline void switch_out(struct pawl_fiber *fiber, enum pawl_fiber_state state)
{
	check_stack(fiber);
	state_set(fiber, state);
	hand_back(fiber);
	asan_suspend(fiber);
	tsan_suspend(fiber);
	(void)pawl__fiber_switch(&fiber->sp, fiber->resumer_sp, state);
	asan_suspended(fiber);
}

/* Back to the resumer for good. */
static PAWL_NOINLINE void finish(struct pawl_fiber *fiber)
{
	check_stack(fiber);
	state_set(fiber, PAWL_FIBER_FINISHED);
	hand_back(fiber);
	fiber->thread->fibers--;
	fiber->thread = NULL;
	asan_finish(fiber);
	tsan_suspend(fiber);
	pawl__fiber_leave(fiber->resumer_sp, PAWL_FIBER_FINISHED);
}

void pawl__fiber_main(void)
{
	struct pawl_fiber *fiber = pawl__self()->fiber;

	asan_first(fiber);
	if (!fiber->doomed) {
		fiber->fn(fiber->arg);
		may_switch(fiber->thread);
	}
	finish(fiber);
}

static void bind(struct pawl__thread *self, struct pawl_fiber *fiber)
{
	fiber->thread = self;
	fiber->hooks = self->fiber_hooks;
	fiber->touched = true;
	fiber->sp = pawl__fiber_prepare(fiber->stack_low, fiber->stack_bytes);
	self->fibers++;
	asan_bind(fiber);
	tsan_bind(fiber);
}

/* The right to resume it. */
static inline void require_resumable(const struct pawl__thread *self,
				     const struct pawl_fiber *fiber, enum pawl_fiber_state state)
{
	may_switch(self);
	if (state == PAWL_FIBER_NEW)
		return;
	PAWL_REQUIRE((state == PAWL_FIBER_SUSPENDED || state == PAWL_FIBER_PARKED) &&
		     "the fibre is new, suspended or parked");
	PAWL_REQUIRE(fiber->thread == self && "a fibre stays on the thread that started it");
	/* Relaxed: whoever handed the fibre out ordered its exchange before (I1). */
	PAWL_REQUIRE((state == PAWL_FIBER_SUSPENDED ||
		      pawl_load_relaxed(&fiber->token) != PARKED) &&
		     "a parked fibre was unparked or expired");
}

enum pawl_fiber_state pawl_fiber_resume(struct pawl_fiber *fiber)
{
	struct pawl__thread *self = pawl__self_required();
	enum pawl_fiber_state state = state_of(fiber);
	void *fake = NULL;

	require_resumable(self, fiber, state);
	if (state == PAWL_FIBER_NEW)
		bind(self, fiber);
	state_set(fiber, PAWL_FIBER_RUNNING);
	fiber->resumer = self->fiber;
	fiber->resumer_waiter = self->current;
	self->fiber = fiber;
	self->current = fiber->hooks ? &fiber->waiter : &self->waiter;

	asan_resume(fiber, &fake);
	tsan_resume(fiber);
	state = (enum pawl_fiber_state)pawl__fiber_switch(&fiber->resumer_sp, fiber->sp, 0);
	asan_resumed(fake);
	if (state == PAWL_FIBER_FINISHED)
		tsan_unbind(fiber);
	return state;
}

void pawl_fiber_suspend(void)
{
	struct pawl_fiber *fiber = pawl__self_required()->fiber;

	PAWL_REQUIRE(fiber && "only a fibre suspends");
	may_switch(fiber->thread);
	switch_out(fiber, PAWL_FIBER_SUSPENDED);
}

void pawl_fiber_kill(struct pawl_fiber *fiber)
{
	enum pawl_fiber_state state = state_of(fiber);

	require_resumable(pawl__self_required(), fiber, state);
	fiber->doomed = true;
	if (state != PAWL_FIBER_NEW) {
		fiber->sp = pawl__fiber_prepare(fiber->stack_low, fiber->stack_bytes);
		asan_kill(fiber);
	}
	state = pawl_fiber_resume(fiber);
	PAWL_REQUIRE(state == PAWL_FIBER_FINISHED);
}

/* --- Waiting. --- */

static bool take_token(struct pawl_fiber *fiber)
{
	uint32_t seen = TOKEN;

	return pawl_cas_acquire(&fiber->token, &seen, EMPTY); /* O1 */
}

static bool fiber_park(struct pawl_waiter *waiter, uint64_t deadline_ns)
{
	struct pawl_fiber *fiber = PAWL_CONTAINER_OF(waiter, struct pawl_fiber, waiter);
	uint32_t seen = EMPTY;

	PAWL_REQUIRE(pawl__self_required()->fiber == fiber && "a fibre parks as itself");
	PAWL_REQUIRE(fiber->hooks && "a fibre without hooks parks as its thread");
	may_switch(fiber->thread);
	if (!deadline_ns)
		return take_token(fiber);
	fiber->deadline_ns = deadline_ns;
	/* O1: a late waker that finds it reads the hooks. */
	if (!pawl_cas_release(&fiber->token, &seen, PARKED))
		return take_token(fiber);
	switch_out(fiber, PAWL_FIBER_PARKED);
	/*
	 * Whoever gave the right to resume left no PARKED behind (I1). Without a deadline the
	 * scheduler has woken it for nothing.
	 */
	return pawl_xchg_acquire(&fiber->token, EMPTY) == TOKEN || deadline_ns == PAWL_FOREVER; /* O1 */
}

static void fiber_unpark(struct pawl_waiter *waiter)
{
	struct pawl_fiber *fiber = PAWL_CONTAINER_OF(waiter, struct pawl_fiber, waiter);

	if (pawl_xchg_acq_rel(&fiber->token, TOKEN) == PARKED) /* O1, I1 */
		fiber->hooks->ready(fiber->hooks, fiber);
}

const struct pawl_waiter_ops pawl__fiber_waiter_ops = {
	.park = fiber_park,
	.unpark = fiber_unpark,
	.kind = "fibre",
};

bool pawl_fiber_expire(struct pawl_fiber *fiber)
{
	uint32_t seen = PARKED;

	PAWL_REQUIRE(fiber->thread == pawl__self_required() &&
		     "a fibre stays on the thread that started it");
	PAWL_REQUIRE(state_of(fiber) == PAWL_FIBER_PARKED && "the fibre is parked");
	/* Relaxed: PARKED is this thread's own store; a token is acquired by the park. */
	return pawl_cas_relaxed(&fiber->token, &seen, EMPTY); /* I1 */
}

uint64_t pawl_fiber_deadline(const struct pawl_fiber *fiber)
{
	PAWL_REQUIRE(state_of(fiber) == PAWL_FIBER_PARKED && "the fibre is parked");
	return fiber->deadline_ns;
}

const struct pawl_fiber_hooks *pawl_fiber_set_hooks(const struct pawl_fiber_hooks *hooks)
{
	struct pawl__thread *self = pawl__self_required();
	const struct pawl_fiber_hooks *before = self->fiber_hooks;

	self->fiber_hooks = hooks;
	return before;
}

/* --- Asking. --- */

struct pawl_atomic_ptr *pawl_fiber_link(struct pawl_fiber *fiber)
{
	return &fiber->link;
}

struct pawl_fiber *pawl_fiber_self(void)
{
	return pawl__self_required()->fiber;
}

enum pawl_fiber_state pawl_fiber_state(const struct pawl_fiber *fiber)
{
	return state_of(fiber);
}

const char *pawl_fiber_name(const struct pawl_fiber *fiber)
{
	return fiber->name;
}

void *pawl_fiber_arg(const struct pawl_fiber *fiber)
{
	return fiber->arg;
}

uint64_t pawl_fiber_number(const struct pawl_fiber *fiber)
{
	return fiber->waiter.number;
}

struct pawl_waiter *pawl_fiber_waiter(struct pawl_fiber *fiber)
{
	return &fiber->waiter;
}

size_t pawl_fiber_stack_bytes(const struct pawl_fiber *fiber)
{
	return fiber->stack_bytes;
}

size_t pawl_fiber_stack_left(void)
{
	const struct pawl_fiber *fiber = pawl__self_required()->fiber;

	if (!fiber)
		return SIZE_MAX;
	return (size_t)((const char *)__builtin_frame_address(0) - fiber->stack_low);
}

/* The first word that is not as the system gave it out. */
PAWL__NO_ASAN PAWL__NO_TSAN size_t pawl_fiber_stack_peak(const struct pawl_fiber *fiber)
{
	const uint64_t *word = (const void *)fiber->stack_low;
	const uint64_t *end = (const void *)(fiber->stack_low + fiber->stack_bytes);

	PAWL_REQUIRE(state_of(fiber) != PAWL_FIBER_RUNNING && "the fibre is not running");
	while (word < end && !*word)
		word++;
	return (size_t)(end - word) * sizeof(*word);
}
