/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-boost-context.c - the switch of Boost.Context, called from C. Its two functions have C
 * linkage; the header that declares them is C++, so they are declared here.
 */
#include "bench.h"

#include <stdlib.h>

enum { STACK_BYTES = 65536 };

struct transfer {
	void *context;
	void *data;
};
struct transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack_high, size_t bytes, void (*fn)(struct transfer));

struct peer {
	void *context;
	char *stack;
};

static void switch_body(struct transfer from)
{
	for (;;)
		from = jump_fcontext(from.context, NULL);
}

static void end_body(struct transfer from)
{
	b_use(from.data);
	jump_fcontext(from.context, NULL);
}

static void enter(struct b_worker *w)
{
	struct peer *peer = b_alloc(sizeof(*peer));

	peer->stack = b_alloc(STACK_BYTES);
	peer->context = make_fcontext(peer->stack + STACK_BYTES, STACK_BYTES, switch_body);
	w->local = peer;
}

static void leave(struct b_worker *w)
{
	struct peer *peer = w->local;

	free(peer->stack);
	free(peer);
}

static void switch_work(struct b_worker *w, uint64_t n)
{
	struct peer *peer = w->local;

	for (n = (n + 1) / 2; n; n--)
		peer->context = jump_fcontext(peer->context, NULL).context;
}

/* The stack is there already. */
static void make_work(struct b_worker *w, uint64_t n)
{
	struct peer *peer = w->local;

	while (n--) {
		void *context = make_fcontext(peer->stack + STACK_BYTES, STACK_BYTES, end_body);

		jump_fcontext(context, w);
	}
}

static const struct b_case cases[] = {
	{.bench = "fiber-switch",
	 .contender = "boost-context",
	 .threads = 1,
	 .enter = enter,
	 .work = switch_work,
	 .leave = leave},
	{.bench = "fiber-spawn",
	 .contender = "boost-context",
	 .threads = 1,
	 .enter = enter,
	 .work = make_work,
	 .leave = leave},
};
B_CASES(cases)
