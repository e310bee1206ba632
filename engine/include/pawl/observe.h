/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/observe.h - what an engine tells of itself: why something changed, what was done about it, and notices of
 * whatever else is worth telling.
 *
 * Reasons. Who changes something may say why, in the program's own words. Reasons of a kind are merged:
 *
 *	static const struct pawl_reason_kind file_changed =
 *		PAWL_REASON_KIND("file changed", "files changed");
 *	struct pawl_reason reason = {&file_changed, path};
 *
 *	pawl_invalidate_because(&invalidator, 1, &reason);
 *	...
 *	pawl_engine_update(engine, quiet_ns, PAWL_FOREVER, &update, text, sizeof(text));
 *
 * tells how many tasks ran, for how long, and "file changed: a.c", or "5 files changed and option set: -O2". The
 * same words stand in pawl_engine_why(), if the engine keeps histories of its tasks.
 *
 * Notices (events of a compilation, elsewhere). Small messages with a name, of the engine and of the program's bodies.
 * Each subscriber has a queue of its own with a bound; who is slow loses the oldest, and is told how many.
 * Nobody who posts one ever waits for a subscriber.
 *
 *  call                               progress
 *  pawl_*_because                     as the call without it
 *  pawl_engine_update                 blocks
 *  pawl_engine_notice, _context_notice  the allocator's, and a short critical section that grows with
 *                                     the subscriptions
 *  pawl_notices_subscribe, _unsubscribe, _fd  the same
 *  pawl_notices_take                  blocks; with deadline 0 a short critical section
 *
 * All need an attached thread, outside sections, no lock held.
 */
#ifndef PAWL_OBSERVE_H
#define PAWL_OBSERVE_H

#include <pawl/engine.h>
#include <pawl/state.h>

PAWL_BEGIN_DECLS

/* ---- reasons -------------------------------------------------------------------------------- */

/* What several reasons have in common: a static table, that stays as long as the engines that are told of it. */
struct pawl_reason_kind {
	size_t size;	 /* sizeof(struct pawl_reason_kind) */
	const char *one; /* of one: "file changed"; with its subject: "file changed: a.c" */
	const char *
		many; /* of several, behind their number: "files changed"; NULL: each for itself */
};
#define PAWL_REASON_KIND(one, many)                            \
	{                                                      \
		sizeof(struct pawl_reason_kind), (one), (many) \
	}

struct pawl_reason {
	const struct pawl_reason_kind *kind;
	const char *subject; /* copied; its first 255 bytes count; NULL: none */
};

/*
 * pawl_invalidate_because() - pawl_invalidate(), for this reason.
 *
 * Errors: -EINVAL: no kind, or one without words: nothing was done; -E2BIG: a kind of a later version.
 */
PAWL_API PAWL_MUST_CHECK int pawl_invalidate_because(
	const struct pawl_invalidator *invalidators, size_t n,
	const struct pawl_reason *reason);

/*
 * pawl_edit_because() - What is added to the edit from now on is for this reason; NULL: for none.
 *
 * Errors: as above; -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_edit_because(struct pawl_edit *edit,
					       const struct pawl_reason *reason);

/*
 * pawl_engine_because() - This is a reason of whatever runs next: of a visit, say, or of a root that is spawned.
 *
 * Errors: as pawl_invalidate_because().
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_because(struct pawl_engine *engine,
						 const struct pawl_reason *reason);

/* ---- updates -------------------------------------------------------------------------------- */

/*
 * What was done while tasks ran or waited to run. A stretch begins when a task is scheduled and none was, and
 * ends when none is.
 */
struct pawl_update_info {
	uint64_t begun_ns,
		ended_ns; /* of the first stretch, and of the last; the runtime's time */
	uint64_t busy_ns; /* in all stretches */
	uint64_t stretches;
	uint64_t runs; /* that ended */
	uint64_t stale_runs;
	uint64_t reasons; /* changes that had one; equal ones are one */
	uint64_t reserved[5];
};

/*
 * pawl_engine_update() - Take what was done since the last call, in stretches that have ended; where there is
 * nothing wait for the end of one. Then wait on until nothing has run for quiet_ns (0: do not): edits that come close
 * together are one update. At the deadline what there is is taken.
 *
 * The reasons are written to `buf`, cut to `len`: "file changed: a.c, 3 options set, and clock moved"; "" if there is
 * none. A reason that changed nothing, since the value was equal, is none.
 *
 * Requires: not in a task of the engine, nor in what one waits for. What one caller takes no other gets.
 * Returns:  0.
 * Errors:   -ETIMEDOUT: the deadline was over (0: at once) and there is nothing; -ECANCELED: as pawl_wait(), nothing
 *           is lost; -EINVAL: times other than 0 and PAWL_FOREVER outside of bodies, with a clock of the
 *           program's own.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_update(struct pawl_engine *engine, uint64_t quiet_ns,
						uint64_t deadline_ns,
						struct pawl_update_info *ret_update, char *buf,
						size_t len);

/* ---- notices -------------------------------------------------------------------------------- */

/*
 * A notice: immutable, kept as long as somebody has it. Those of the engine:
 *
 *	engine.update	info	 a stretch has ended (pawl_engine_update()): {"runs":9,"ns":1200,"reasons":"..."}
 *	engine.slow	warning  a run took longer than slow_ns: {"task":"sum#4","ns":1200}
 *	engine.wait	warning  one waits longer, or has: {"task":"sum#4","for":"input#1","ns":1200,"over":true}
 *	engine.determinism error a task that ran twice did not do the same (PAWL_CHECK_DETERMINISM): {"task":"sum#4",
 *				 "call":"sum()","what":"cell 0 of type number differs: ...","differences":1}
 *	engine.dirty	info	 a task has to run (PAWL_CHECK_DIRTY), made only while somebody wants it:
 *				 {"task":"sum#4","because":"the output of input#1 changed","stale":false}
 *	engine.hang	warning	 one waits longer than hang_ns, with all that it waits for in turn, up to who waits for nobody:
 *				 {"chain":[{"task":"sum#4","is":"waits","ns":1200},{"task":"input#1","is":"runs"}]}; "is":
 *				 waits, with "for": its note, where it is for no task; runs; queued: no worker has begun it;
 *				 external; starts; ends; over
 *	engine.immutable error	 a task that was said never to change has to run, has read what may change, or gives something
 *				 else (PAWL_CHECK_IMMUTABLE): as engine.dirty
 *	engine.memory	warning  the budget of memory cannot be kept (memory_bytes): {"budget":33554432,"used":40000000}
 *	engine.storm	error	 a task runs again and again (storm_runs): {"task":"sum#4","runs":1001,"because":"..."}
 *	engine.verify	error	 something is wrong (pawl_engine_verify())
 *	engine.stuck	error	 the engine is to be closed, and a task does not end
 *	engine.snapshot	info	 what had changed was saved; a warning where that took long:
 *				 {"reason":"idle","snapshot_ms":0.1,"persist_ms":2.0,"tasks":9,"bytes":1200}
 *	engine.store	warning  what is stored does not count or is damaged, or what has changed could not be saved; as info:
 *				 functions with another version, roots, whose results are not saved
 *
 * engine.update is made only while somebody subscribes to it, or logs it.
 */
struct pawl_notice {
	uint64_t number; /* of all of the engine: 1, 2, ... */
	uint64_t at_ns;	 /* in the runtime's time */
	enum pawl_severity severity;
	const char *name;    /* words with dots between */
	const char *message; /* for people, one line */
	const char *json;    /* for programs, one value; NULL: none */
	uint64_t reserved[2];
};

/*
 * pawl_engine_notice() - Post one of the program's own: `name` and `json` (NULL: none; not looked at) are copied.
 * pawl_context_notice() - The same, in a task or a visit.
 *
 * Requires: not in a function of a value type.
 * Errors:   -EINVAL: no name, or one that begins with "engine.", no such severity; -ENOMEM: nobody is told;
 *           -EPERM: in a function of a value type, where an operation goes on.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_notice(struct pawl_engine *engine,
						enum pawl_severity severity, const char *name,
						const char *json, const char *format, ...)
	PAWL_PRINTF(5, 6);
PAWL_API PAWL_MUST_CHECK int pawl_context_notice(struct pawl_context *context,
						 enum pawl_severity severity, const char *name,
						 const char *json, const char *format, ...)
	PAWL_PRINTF(5, 6);

struct pawl_subscription;

struct pawl_subscription_options {
	size_t size; /* sizeof(struct pawl_subscription_options) */
	/* Names; one that ends with a dot stands for all that begin so. None: all. Copied. */
	const char *const *names;
	size_t names_n;
	enum pawl_severity least; /* at least so severe */
	uint32_t most;		  /* that wait to be taken, 1 to 65536; 0: 256 */
	uint32_t before; /* 1: what the engine keeps of those before as well: the last 256 */
};
#define PAWL_SUBSCRIPTION_OPTIONS_INIT                                                      \
	{                                                                                   \
		sizeof(struct pawl_subscription_options), NULL, 0, PAWL_SEVERITY_INFO, 0, 0 \
	}

/*
 * pawl_notices_subscribe() - From now on notices wait here to be taken. `options` NULL: all of them.
 *
 * Errors: -ENOMEM; -EINVAL: an option; -E2BIG: options of a later version.
 * Owns:   the caller has it, to be unsubscribed, before the engine is closed or after.
 */
PAWL_API PAWL_MUST_CHECK int pawl_notices_subscribe(
	struct pawl_engine *engine, const struct pawl_subscription_options *options,
	struct pawl_subscription **ret_subscription);
/* pawl_notices_unsubscribe() - Requires: nobody takes from it. NULL is nothing. */
PAWL_API void pawl_notices_unsubscribe(struct pawl_subscription *subscription);

/*
 * pawl_notices_take() - The oldest one that waits; sleep for one if there is none. By a body, or any thread; several
 * may take, each gets others.
 *
 * Returns:  0, and the notice, to be unpinned; ret_lost (may be NULL): how many that came before it, and after
 *           the one that was taken last, are lost, since there were more than `most`.
 * Errors:   -ETIMEDOUT (deadline 0: there is none), -ECANCELED: as pawl_wait(); -ESHUTDOWN: there is none, and
 *           the engine was closed; -EINVAL: a deadline other than 0 and PAWL_FOREVER outside of bodies, with
 *           a clock of the program's own.
 */
PAWL_API PAWL_MUST_CHECK int pawl_notices_take(struct pawl_subscription *subscription,
					       uint64_t deadline_ns,
					       const struct pawl_notice **ret_notice,
					       uint64_t *ret_lost);
/* pawl_notice_unpin() - NULL is nothing. */
PAWL_API void pawl_notice_unpin(const struct pawl_notice *notice);

/*
 * pawl_notices_fd() - A descriptor that can be read from, by poll(), while something waits to be taken, or the engine
 * was closed. Made by the first call; it costs who posts a system call where the queue was empty. Not to be read or
 * closed.
 *
 * Errors: the system's: -EMFILE, -ENFILE, -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_notices_fd(struct pawl_subscription *subscription,
					     int *ret_fd);

PAWL_END_DECLS

#endif
