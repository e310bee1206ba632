/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/fiber.h - stacks of their own for functions that stop and go on.
 *
 * A fibre is a function with a stack. Somebody, usually a scheduler, resumes it; it runs on the
 * resumer's thread until it suspends, parks, or returns, and then resume() returns and
 * says which. A fibre that waits (for an event, a deadline, a lock taken by
 * pawl_lock_lock_as) gives its thread away instead of blocking it: whoever wakes it calls
 * the scheduler's `ready` hook, on the waker's thread.
 *
 *	scheduler, a thread                          a fibre on it
 *	pawl_fiber_set_hooks(&mine);                 for (;;) {
 *	while ((f = next_ready()))                           listen; look;
 *		switch (pawl_fiber_resume(f)) {              pawl_event_wait(&l);
 *		case PAWL_FIBER_FINISHED:                    ...
 *			pawl_fiber_destroy(f);               pawl_fiber_suspend();
 *			break;                       }
 *		case PAWL_FIBER_SUSPENDED:
 *			queue(f);
 *			break;
 *		case PAWL_FIBER_PARKED: mine.ready() queues it
 *			break;
 *		}
 *
 * Pinned: from its first resume to its end a fibre belongs to that thread, since
 * compilers keep addresses of thread-locals across calls; resuming it elsewhere aborts. One
 * that was never resumed may be handed around and is bound to nobody.
 *
 * Nothing is held across a switch: no lock of Pawl, no read section, no idle stretch; debug
 * builds check it in resume, suspend and park. errno, the locale, the signal mask and
 * everything thread-local belong to the thread: after a call that may switch they are as the
 * last code on the thread left them. The floating-point control words (rounding, exception
 * masks) belong to the fibre, which starts with those of its first resumer.
 *
 * Stacks have 16, 64 or 256 KiB (four times that in builds for sanitizers), are kept in pools,
 * and lie above a guard: running into it faults. The library installs no
 * signal handler; a handler of the program, on an alternate stack, asks
 * pawl_fiber_describe_fault(). A frame larger than a page may step over the guard: compile with
 * -fstack-clash-protection what has such frames.
 *
 * Not for: parallelism (a thread runs one fibre at a time); unwinding another fibre's frames: a
 * fibre that is killed runs no cleanup.
 *
 *  call                             progress
 *  pawl_fiber_create                wait-free from the thread's pool; else a mutex, at times mmap
 *  pawl_fiber_resume, _suspend      wait-free; what runs in between is the user's
 *  pawl_fiber_expire                wait-free
 *  pawl_fiber_destroy               as create
 *  pawl_fiber_trim                  a mutex, system calls
 *  pawl_fiber_stats_read            reads a word of each stack
 *  pawl_fiber_describe_fault        reads a word of each 64 stacks; async-signal-safe
 *  the rest                         wait-free
 *
 * Shadow stacks (CET) are refused: create returns -ENOTSUP in a process that runs with them.
 *
 * Source: the stack switch is the folklore of coroutine libraries; pools of magazines are
 * J. Bonwick and J. Adams, "Magazines and Vmem" (2001).
 */
#ifndef PAWL_FIBER_H
#define PAWL_FIBER_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

struct pawl_fiber;

typedef void pawl_fiber_fn(void *arg);

/* What pawl_fiber_resume() and pawl_fiber_state() say. */
enum pawl_fiber_state {
	PAWL_FIBER_UNUSED,    /* no fibre: what a destroyed one is until its stack is reused */
	PAWL_FIBER_NEW,	      /* created, never resumed */
	PAWL_FIBER_RUNNING,   /* runs, or waits in a resume of its own */
	PAWL_FIBER_SUSPENDED, /* in pawl_fiber_suspend() */
	PAWL_FIBER_PARKED,    /* in pawl_park() or what is made of it: an event, a lock */
	PAWL_FIBER_FINISHED,  /* its function returned, or it was killed */
	PAWL_FIBER_STATE_COUNT
};

/* Stack sizes, smallest first. */
#define PAWL_FIBER_CLASSES 3

/* Bytes of a name with its terminating zero. */
#define PAWL_FIBER_NAME_BYTES 32

/*
 * Give the stack's pages back first, so that pawl_fiber_stack_peak() is exact. Costs a
 * system call and the page faults.
 */
#define PAWL_FIBER_MEASURE 1u

struct pawl_fiber_options {
	size_t size;	    /* sizeof(struct pawl_fiber_options) */
	const char *name;   /* copied, cut to PAWL_FIBER_NAME_BYTES; NULL: none */
	size_t stack_bytes; /* at least so many; 0: 64 KiB */
	uint32_t flags;	    /* PAWL_FIBER_MEASURE */
	uint32_t reserved;  /* 0 */
};
#define PAWL_FIBER_OPTIONS_INIT {sizeof(struct pawl_fiber_options), NULL, 0, 0, 0}

/*
 * pawl_fiber_create() - Make a fibre that will run fn(arg) when it is resumed.
 *
 * Requires: attached; outside sections, no lock held. `options` may be NULL.
 * Returns:  0 and the fibre.
 * Errors:   -ENOMEM; -EINVAL: unknown flags, reserved not 0, options->size too small; -E2BIG:
 *           options->size larger than this library knows; -ERANGE: stack_bytes beyond the
 *           largest class; -ENOTSUP: the process runs with shadow stacks.
 * Context:  may allocate, may call the report hook. The fibre counts as PAWL_FIBER_NEW.
 * Owns:     the caller, until pawl_fiber_destroy(). All fibres are destroyed before the
 *           process's last detach.
 */
PAWL_API PAWL_MUST_CHECK int pawl_fiber_create(const struct pawl_fiber_options *options,
					       pawl_fiber_fn *fn, void *arg,
					       struct pawl_fiber **ret_fiber);

/*
 * pawl_fiber_destroy() - Give fibre and stack back. Any attached thread.
 *
 * Requires: no lock held, outside sections. Nobody uses the fibre any more, but for
 *           late pawl_unpark() calls, which may still come.
 * Returns:  0.
 * Errors:   -EBUSY unless the fibre is new or finished (see pawl_fiber_kill).
 */
PAWL_API PAWL_MUST_CHECK int pawl_fiber_destroy(struct pawl_fiber *fiber);

/*
 * pawl_fiber_resume() - Run it on, on the calling thread, until it switches back.
 *
 * Requires: attached, outside sections, no lock held. The fibre is new, or it is bound to the
 *           calling thread and suspended, or parked and handed out by `ready` or by
 *           pawl_fiber_expire(). Each of these entitles to one resume.
 * Returns:  PAWL_FIBER_SUSPENDED, PAWL_FIBER_PARKED or PAWL_FIBER_FINISHED. When it says PARKED,
 *           `ready` may already have been called, and pawl_fiber_deadline() is to be honoured.
 * Context:  runs user code. May be called on a fibre: then that one is the resumer.
 */
PAWL_API enum pawl_fiber_state pawl_fiber_resume(struct pawl_fiber *fiber);

/*
 * pawl_fiber_suspend() - Back to who resumed the calling fibre; returns when it is resumed.
 *
 * Requires: on a fibre; outside sections, no lock held.
 */
PAWL_API void pawl_fiber_suspend(void);

/*
 * pawl_fiber_kill() - End a fibre that is suspended or parked. Its frames are dropped: no cleanup
 * runs, what they own leaks, and listeners on its stack must be gone. Not one that waits in
 * pawl_lock_lock_as(): the lock's queue is on its stack.
 *
 * Requires: as pawl_fiber_resume(), or the fibre is new. Afterwards it is finished.
 */
PAWL_API void pawl_fiber_kill(struct pawl_fiber *fiber);

/* ---- Schedulers. ---- */

/* How a scheduler is told. To be embedded in what `ready` needs. */
struct pawl_fiber_hooks {
	/*
	 * A parked fibre may go on: queue it for its thread. Once for each park, unless that one
	 * was taken back by pawl_fiber_expire(). Runs on any attached thread, often before
	 * the resume has returned on the fibre's own. Takes no lock of Pawl of a rank up
	 * to the one that an unparker may hold; does not resume anything.
	 */
	void (*ready)(const struct pawl_fiber_hooks *hooks, struct pawl_fiber *fiber);
};

/*
 * pawl_fiber_set_hooks() - For the calling thread: fibres that are first resumed here from now
 * on park by switching back, and `hooks` is told when they are woken. NULL (the
 * start value): such fibres sleep as their thread does, and block it.
 *
 * Requires: attached.
 * Returns:  what was set before.
 * Owns:     the caller keeps `hooks` until every call that may unpark one of these fibres has
 *           returned: the waker is inside ready() when the fibre may already have gone on.
 */
PAWL_API const struct pawl_fiber_hooks *
pawl_fiber_set_hooks(const struct pawl_fiber_hooks *hooks);

/*
 * pawl_fiber_deadline() - Until when a parked fibre wants to sleep; PAWL_FOREVER: no deadline.
 *
 * Requires: the fibre is parked; on its thread.
 */
PAWL_API uint64_t pawl_fiber_deadline(const struct pawl_fiber *fiber);

/*
 * pawl_fiber_expire() - The deadline of a parked fibre is over: take it back from its wakers. If it has
 * none, resuming it is a wake-up for nothing.
 *
 * Requires: the fibre is parked; on its thread.
 * Returns:  true: no ready() comes for this park, the caller is to resume the fibre; false: a
 *           waker was first, and ready() has been or is being called.
 */
PAWL_API PAWL_MUST_CHECK bool pawl_fiber_expire(struct pawl_fiber *fiber);

/*
 * pawl_fiber_link() - A word for the scheduler's queue, unused by the library. NULL after create.
 */
PAWL_API struct pawl_atomic_ptr *pawl_fiber_link(struct pawl_fiber *fiber);

/* ---- Asking. ---- */

/* pawl_fiber_self() - The fibre that calls; NULL on a thread's own stack. Requires: attached. */
PAWL_API struct pawl_fiber *pawl_fiber_self(void);

/* pawl_fiber_state() - What it does now. From other threads than its own: old when it arrives. */
PAWL_API enum pawl_fiber_state pawl_fiber_state(const struct pawl_fiber *fiber);

/* pawl_fiber_name() - As given, "" without one. pawl_fiber_arg() - The function's argument. */
PAWL_API const char *pawl_fiber_name(const struct pawl_fiber *fiber);
PAWL_API void *pawl_fiber_arg(const struct pawl_fiber *fiber);

/* pawl_fiber_number() - Unique among the fibres there are; reports of waiters have it. */
PAWL_API uint64_t pawl_fiber_number(const struct pawl_fiber *fiber);

/*
 * pawl_fiber_waiter() - What pawl_unpark() wakes; stays a valid waiter to the last detach. Not for a
 * fibre without hooks: that one sleeps as pawl_waiter_thread() of its thread.
 */
PAWL_API struct pawl_waiter *pawl_fiber_waiter(struct pawl_fiber *fiber);

/* pawl_fiber_stack_bytes() - Usable bytes of its stack. */
PAWL_API size_t pawl_fiber_stack_bytes(const struct pawl_fiber *fiber);

/*
 * pawl_fiber_stack_left() - Bytes between the caller's frame and the end of the fibre's stack;
 * SIZE_MAX on a thread's own stack, of which nothing is known.
 *
 * Requires: attached.
 */
PAWL_API size_t pawl_fiber_stack_left(void);

/*
 * pawl_fiber_stack_peak() - The most bytes of stack that were used. Exact (but for frames that
 * reserved room and wrote nothing) with PAWL_FIBER_MEASURE; else an upper bound: fibres that
 * had the stack before count as well.
 *
 * Requires: the fibre is not running, and stays so meanwhile. Reads the whole stack.
 */
PAWL_API size_t pawl_fiber_stack_peak(const struct pawl_fiber *fiber);

/* What an address is. */
enum pawl_fiber_fault {
	PAWL_FIBER_FAULT_NONE,	   /* not in a fibre's stack */
	PAWL_FIBER_FAULT_STACK,	   /* in one */
	PAWL_FIBER_FAULT_OVERFLOW, /* in the guard below one */
	PAWL_FIBER_FAULT_COUNT
};

/*
 * pawl_fiber_describe_fault() - For a handler of SIGSEGV: is this address (si_addr) in the guard of
 * a fibre's stack, and whose? At most len - 1 bytes of text and a zero are written;
 * `buf` may be NULL if len is 0.
 *
 * Context: async-signal-safe; any thread, attached or not. The stacks must still be there: a
 *          thread is attached somewhere. The name of another thread's fibre is right if the fibre
 *          is not being created or destroyed just then.
 */
PAWL_API enum pawl_fiber_fault pawl_fiber_describe_fault(const void *addr, char *buf, size_t len);

/* ---- Stacks. ---- */

/* What keeps an overflow from going unnoticed. */
enum pawl_fiber_guard {
	PAWL_FIBER_GUARD_AUTO, /* the first of the next two that works */
	/* Markers in the page table (Linux 6.13): no cost for the number of mappings. */
	PAWL_FIBER_GUARD_MADVISE,
	/* A mapping without access: two mappings a stack, as long as guards_max allows. */
	PAWL_FIBER_GUARD_MPROTECT,
	/* None: a canary below the stack is looked at in each switch. */
	PAWL_FIBER_GUARD_CANARY,
	PAWL_FIBER_GUARD_COUNT
};

/* Zero in a field: the default. */
struct pawl_fiber_config {
	size_t size; /* sizeof(struct pawl_fiber_config) */
	enum pawl_fiber_guard guard;
	uint32_t guards_max;   /* mprotect guards; 5/16 of vm.max_map_count */
	uint32_t slab_stacks;  /* stacks mapped at once, at most 1024; 64 */
	uint32_t batch_stacks; /* a thread keeps up to two batches of each class; 16 */
	uint32_t warm_stacks;  /* idle stacks in the depot that keep their pages, each class; 1024 */
	uint32_t reserved;     /* 0 */
};
#define PAWL_FIBER_CONFIG_INIT {sizeof(struct pawl_fiber_config), PAWL_FIBER_GUARD_AUTO, 0, 0, 0, 0, 0}

/*
 * pawl_fiber_configure() - Settings of the process's stacks.
 *
 * Requires: attached; no fibre is being created meanwhile.
 * Errors:   -EBUSY while stacks exist (they go with the last detach); -EINVAL; -E2BIG:
 *           config->size larger than this library knows.
 */
PAWL_API PAWL_MUST_CHECK int pawl_fiber_configure(const struct pawl_fiber_config *config);

/*
 * pawl_fiber_trim() - Give the memory of idle stacks back to the system: of those in the depot and
 * of the calling thread's. The address space stays until the last detach.
 *
 * Requires: attached.
 * Returns:  how many stacks were given back.
 */
PAWL_API size_t pawl_fiber_trim(void);

/* Counts of stacks; old when they arrive. */
struct pawl_fiber_stats {
	uint64_t fibers;		     /* created and not destroyed */
	uint64_t stacks[PAWL_FIBER_CLASSES]; /* mapped */
	uint64_t live[PAWL_FIBER_CLASSES];   /* of a fibre */
	uint64_t mapped_bytes;
	uint64_t unguarded; /* stacks with a canary only */
	uint64_t given_back; /* times that an idle stack's pages were given back */
	enum pawl_fiber_guard guard; /* of the newest stacks; AUTO: there are none */
	uint32_t reserved[3];
};

/* pawl_fiber_stats_read() - Requires: attached. */
PAWL_API void pawl_fiber_stats_read(struct pawl_fiber_stats *ret_stats);

PAWL_END_DECLS

#endif
