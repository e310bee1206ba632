/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice.c - notices: made once, shared by count, waiting in a queue of each subscriber.
 *
 * One lock for all of it. Posting takes memory before it; under it one pointer is written for each subscriber that wants
 * the notice, and one for those to come, and what they displace is freed, which is plain memory. So who posts waits
 * for nobody who takes, however slow.
 *
 * A queue that is full loses its oldest notice. How many were lost stands with each notice in the queue, as
 * those right before it, so who takes hears of it in its place.
 *
 * A descriptor is readable while its queue is not empty: it is written where the first notice comes and read where the
 * last one goes, both under the lock, so one is never behind the other.
 *
 * The whole stays until the engine and all subscribers have left it.
 *
 * Rejected: one ring for all, with a place in it for each subscriber (a subscriber to few rare notices loses
 * them to many that it does not want).
 */
#include "config.h"

#include "notice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/lock.h>
#include <pawl/mem.h>

#include "engine.h"
#include "graph/context.h"
#include "runtime/worker.h"

#define BEFORE_MOST 256u
#define QUEUE_MOST  65536u

struct notice {
	struct pawl_notice told; /* first: it is what others have */
	struct pawl_atomic_u32 owners;
	size_t bytes;
	char text[];
};

/* One that waits, and how many were lost right before it. */
struct waiting {
	struct notice *notice;
	uint64_t lost;
};

struct pawl_subscription {
	struct eng_notices *notices;
	struct pawl_subscription *next;
	enum pawl_severity least;
	char **names;
	size_t names_n;
	struct pawl_event event;
	/* Under the lock. `most` places from `first` on, in a ring. */
	struct waiting *queue;
	uint32_t most, first, n;
	uint64_t lost; /* behind the last one in the queue */
	int fd;	       /* -1: none */
};

struct eng_notices {
	struct pawl_lock lock;
	struct pawl_atomic_u32 owners;
	bool has_clock; /* of the program's own; never changes */
	/* Under the lock, until it is closed. */
	const struct pawl_runtime *rt;
	bool closed;
	uint64_t n;
	struct pawl_subscription *subscriptions;
	struct notice *before[BEFORE_MOST]; /* the last ones, by number */
	/* Never change. */
	pawl_notice_fn *sink;
	void *sink_arg;
	pawl_log_fn *log;
	void *log_arg;
	enum pawl_severity log_least;
};

/* ---- notices ------------------------------------------------------------------------------- */

static void unpin(struct notice *notice)
{
	if (notice && pawl_sub_acq_rel(&notice->owners, 1u) == 1)
		pawl_mem_free(notice, notice->bytes, 0);
}

void pawl_notice_unpin(const struct pawl_notice *notice)
{
	unpin((struct notice *)(uintptr_t)notice);
}

static char *put(char **at, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *begin = *at;

	memcpy(begin, text, bytes);
	*at += bytes;
	return begin;
}

/* NULL: no memory. */
static struct notice *make(enum pawl_severity severity, const char *name, const char *json,
			   const char *format, va_list args) PAWL_PRINTF(4, 0);
static struct notice *make(enum pawl_severity severity, const char *name, const char *json,
			   const char *format, va_list args)
{
	struct notice *notice;
	size_t bytes, words;
	va_list again;
	int length;
	char *at;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	words = length < 0 ? 0 : (size_t)length;
	bytes = sizeof(*notice) + words + 1 + strlen(name) + 1 + (json ? strlen(json) + 1 : 0);
	notice = pawl_mem_zalloc(bytes, 0);
	if (!notice)
		return NULL;
	notice->bytes = bytes;
	pawl_init_word(&notice->owners, 1u);
	at = notice->text;
	notice->told.severity = severity;
	notice->told.message = at;
	if (words)
		(void)vsnprintf(at, words + 1, format, args);
	at += words + 1;
	notice->told.name = put(&at, name);
	if (json)
		notice->told.json = put(&at, json);
	return notice;
}

static struct notice *pin(struct notice *notice)
{
	pawl_add_relaxed(&notice->owners, 1u);
	return notice;
}

/* ---- queues -------------------------------------------------------------------------------- */

static bool matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (length && pattern[length - 1] == '.')
		return !strncmp(pattern, name, length);
	return !strcmp(pattern, name);
}

static bool wants(const struct pawl_subscription *subscription, enum pawl_severity severity,
		  const char *name)
{
	if (severity < subscription->least)
		return false;
	for (size_t i = 0; i < subscription->names_n; i++) {
		if (matches(subscription->names[i], name))
			return true;
	}
	return !subscription->names_n;
}

static void fd_say(struct pawl_subscription *subscription, bool readable)
{
	uint64_t word = 1;
	ssize_t done;

	if (subscription->fd < 0)
		return;
	/* It is 0 before it is written, and 1 before it is read; neither waits, or fails in another way. */
	do
		done = readable ? write(subscription->fd, &word, sizeof(word))
				: read(subscription->fd, &word, sizeof(word));
	while (done < 0 && errno == EINTR);
}

static bool readable(const struct pawl_subscription *subscription)
{
	return subscription->n || subscription->notices->closed;
}

/* The oldest one. */
static struct waiting queue_take(struct pawl_subscription *subscription)
{
	struct waiting waiting = subscription->queue[subscription->first];

	subscription->first = (subscription->first + 1) % subscription->most;
	subscription->n--;
	return waiting;
}

/* Locked. Returns: what was displaced, to be unpinned. */
static struct notice *queue_put(struct pawl_subscription *subscription, struct notice *notice)
{
	struct waiting gone = {NULL, 0};
	bool was_readable = readable(subscription);

	if (subscription->n == subscription->most) {
		gone = queue_take(subscription);
		/* To the one that is the oldest now. */
		if (subscription->n)
			subscription->queue[subscription->first].lost += gone.lost + 1;
		else
			subscription->lost += gone.lost + 1;
	}
	subscription->queue[(subscription->first + subscription->n++) % subscription->most] =
		(struct waiting){pin(notice), subscription->lost};
	subscription->lost = 0;
	if (!was_readable)
		fd_say(subscription, true);
	return gone.notice;
}

/* ---- posting ------------------------------------------------------------------------------- */

static bool sinks_want(const struct eng_notices *notices, enum pawl_severity severity)
{
	return (notices->sink && severity >= PAWL_SEVERITY_WARNING) ||
	       (notices->log && severity >= notices->log_least);
}

bool eng_notices_wanted(struct eng_notices *notices, enum pawl_severity severity,
			const char *name)
{
	const struct pawl_subscription *subscription;
	bool wanted = sinks_want(notices, severity);

	if (wanted)
		return true;
	pawl_lock_lock(&notices->lock);
	for (subscription = notices->subscriptions; subscription && !wanted;
	     subscription = subscription->next)
		wanted = wants(subscription, severity, name);
	pawl_lock_unlock(&notices->lock);
	return wanted;
}

/* In no body, for the time of it: what it calls does not end the one that happens to be below. */
static void tell_sinks(struct eng_notices *notices, const struct notice *notice)
{
	const struct pawl_notice *told = &notice->told;
	struct eng_run *run;
	char line[1024];

	if (!sinks_want(notices, told->severity))
		return;
	run = eng_run_hide();
	if (notices->sink && told->severity >= PAWL_SEVERITY_WARNING)
		notices->sink(notices->sink_arg, told);
	if (notices->log && told->severity >= notices->log_least) {
		(void)snprintf(line, sizeof(line), "%s: %s", told->name, told->message);
		notices->log(notices->log_arg, told->severity, line);
	}
	eng_run_show(run);
}

/* To all that want it. Locked. */
static void spread(struct eng_notices *notices, struct notice *notice)
{
	struct pawl_subscription *subscription;
	struct notice **place, *gone;

	notice->told.number = ++notices->n;
	for (subscription = notices->subscriptions; subscription;
	     subscription = subscription->next) {
		if (!wants(subscription, notice->told.severity, notice->told.name))
			continue;
		unpin(queue_put(subscription, notice));
		pawl_event_notify_all(&subscription->event);
	}
	place = &notices->before[notices->n % BEFORE_MOST];
	gone = *place;
	*place = pin(notice);
	unpin(gone);
}

int eng_notices_post(struct eng_notices *notices, enum pawl_severity severity, const char *name,
		     const char *json, const char *format, va_list args)
{
	struct notice *notice = make(severity, name, json, format, args);

	if (!notice)
		return -ENOMEM;
	notice->told.at_ns = eng_now(notices->rt);
	pawl_lock_lock(&notices->lock);
	spread(notices, notice);
	pawl_lock_unlock(&notices->lock);
	tell_sinks(notices, notice);
	unpin(notice);
	return 0;
}

void eng_notice(struct eng_notices *notices, enum pawl_severity severity, const char *name,
		const char *json, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)eng_notices_post(notices, severity, name, json, format, args);
	va_end(args);
}

static int check(struct pawl_engine *engine, enum pawl_severity severity, const char *name)
{
	if ((unsigned)severity > PAWL_SEVERITY_ERROR || !name || !*name ||
	    matches("engine.", name))
		return -EINVAL;
	return eng_quiesce_is_inside(engine->graph->quiesce) ? -EPERM : 0;
}

int pawl_engine_notice(struct pawl_engine *engine, enum pawl_severity severity,
		       const char *name, const char *json, const char *format, ...)
{
	int error = check(engine, severity, name);
	va_list args;

	if (error)
		return error;
	va_start(args, format);
	error = eng_notices_post(engine->notices, severity, name, json, format, args);
	va_end(args);
	return error;
}

int pawl_context_notice(struct pawl_context *context, enum pawl_severity severity,
			const char *name, const char *json, const char *format, ...)
{
	struct pawl_engine *engine = eng_engine_of(context->graph);
	int error = check(engine, severity, name);
	va_list args;

	/* The second time of a run has nothing to tell that the first has not told. */
	if (error || context->twice)
		return error;
	va_start(args, format);
	error = eng_notices_post(engine->notices, severity, name, json, format, args);
	va_end(args);
	return error;
}

/* ---- subscribers --------------------------------------------------------------------------- */

static void leave(struct eng_notices *notices)
{
	if (pawl_sub_acq_rel(&notices->owners, 1u) != 1)
		return;
	for (unsigned i = 0; i < BEFORE_MOST; i++)
		unpin(notices->before[i]);
	pawl_mem_free(notices, sizeof(*notices), 0);
}

static void subscription_free(struct pawl_subscription *subscription)
{
	for (size_t i = 0; subscription->names && i < subscription->names_n; i++) {
		if (subscription->names[i])
			pawl_mem_free(subscription->names[i],
				      strlen(subscription->names[i]) + 1, 0);
	}
	pawl_mem_free(subscription->names, subscription->names_n * sizeof(*subscription->names),
		      0);
	while (subscription->n)
		unpin(queue_take(subscription).notice);
	pawl_mem_free(subscription->queue, subscription->most * sizeof(*subscription->queue),
		      0);
	if (subscription->fd >= 0)
		(void)close(subscription->fd);
	pawl_mem_free(subscription, sizeof(*subscription), 0);
}

static int names_copy(struct pawl_subscription *subscription,
		      const struct pawl_subscription_options *options)
{
	if (!options->names_n)
		return 0;
	subscription->names =
		pawl_mem_zalloc(options->names_n * sizeof(*subscription->names), 0);
	if (!subscription->names)
		return -ENOMEM;
	subscription->names_n = options->names_n;
	for (size_t i = 0; i < options->names_n; i++) {
		size_t bytes = strlen(options->names[i]) + 1;

		subscription->names[i] = pawl_mem_alloc(bytes, 0);
		if (!subscription->names[i])
			return -ENOMEM;
		memcpy(subscription->names[i], options->names[i], bytes);
	}
	return 0;
}

static int options_check(const struct pawl_subscription_options *options)
{
	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || options->before > 1 ||
	    options->most > QUEUE_MOST || (unsigned)options->least > PAWL_SEVERITY_ERROR ||
	    (options->names_n && !options->names))
		return -EINVAL;
	for (size_t i = 0; i < options->names_n; i++) {
		if (!options->names[i] || !*options->names[i])
			return -EINVAL;
	}
	return 0;
}

static int subscription_make(const struct pawl_subscription_options *options,
			     struct pawl_subscription **ret_subscription)
{
	struct pawl_subscription *subscription = pawl_mem_zalloc(sizeof(*subscription), 0);
	int error;

	if (!subscription)
		return -ENOMEM;
	subscription->fd = -1;
	subscription->least = options->least;
	subscription->most = options->most ? options->most : BEFORE_MOST;
	pawl_event_init(&subscription->event);
	subscription->queue =
		pawl_mem_zalloc(subscription->most * sizeof(*subscription->queue), 0);
	error = subscription->queue ? names_copy(subscription, options) : -ENOMEM;
	if (error) {
		if (!subscription->queue)
			subscription->most = 0;
		subscription_free(subscription);
		return error;
	}
	*ret_subscription = subscription;
	return 0;
}

/* What there was before. Locked. */
static void put_before(struct eng_notices *notices, struct pawl_subscription *subscription)
{
	uint64_t first = notices->n >= BEFORE_MOST ? notices->n - BEFORE_MOST + 1 : 1;

	for (uint64_t number = first; number <= notices->n; number++) {
		struct notice *notice = notices->before[number % BEFORE_MOST];

		if (wants(subscription, notice->told.severity, notice->told.name))
			unpin(queue_put(subscription, notice));
	}
}

int pawl_notices_subscribe(struct pawl_engine *engine,
			   const struct pawl_subscription_options *options,
			   struct pawl_subscription **ret_subscription)
{
	static const struct pawl_subscription_options defaults = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	struct eng_notices *notices = engine->notices;
	struct pawl_subscription *subscription;
	int error;

	if (!options)
		options = &defaults;
	error = options_check(options);
	if (!error)
		error = subscription_make(options, &subscription);
	if (error)
		return error;
	subscription->notices = notices;
	pawl_add_relaxed(&notices->owners, 1u);
	pawl_lock_lock(&notices->lock);
	if (options->before)
		put_before(notices, subscription);
	subscription->next = notices->subscriptions;
	notices->subscriptions = subscription;
	pawl_lock_unlock(&notices->lock);
	*ret_subscription = subscription;
	return 0;
}

void pawl_notices_unsubscribe(struct pawl_subscription *subscription)
{
	struct eng_notices *notices;
	struct pawl_subscription **place;

	if (!subscription)
		return;
	notices = subscription->notices;
	pawl_lock_lock(&notices->lock);
	for (place = &notices->subscriptions; *place != subscription; place = &(*place)->next)
		;
	*place = subscription->next;
	pawl_lock_unlock(&notices->lock);
	subscription_free(subscription);
	leave(notices);
}

static bool has_come(const void *arg)
{
	const struct pawl_subscription *subscription = arg;
	bool come;

	pawl_lock_lock(&subscription->notices->lock);
	come = readable(subscription);
	pawl_lock_unlock(&subscription->notices->lock);
	return come;
}

/* Errors: -ESHUTDOWN; -EAGAIN: there is none. */
static int take(struct pawl_subscription *subscription, struct waiting *ret_waiting)
{
	struct eng_notices *notices = subscription->notices;
	int error = 0;

	pawl_lock_lock(&notices->lock);
	if (subscription->n) {
		*ret_waiting = queue_take(subscription);
		if (!readable(subscription))
			fd_say(subscription, false);
	} else {
		error = notices->closed ? -ESHUTDOWN : -EAGAIN;
	}
	pawl_lock_unlock(&notices->lock);
	return error;
}

int pawl_notices_take(struct pawl_subscription *subscription, uint64_t deadline_ns,
		      const struct pawl_notice **ret_notice, uint64_t *ret_lost)
{
	struct waiting waiting;
	int error;

	if (deadline_ns && deadline_ns != PAWL_FOREVER && subscription->notices->has_clock &&
	    !eng_run_here())
		return -EINVAL;
	/* Another one may take it first. */
	while ((error = take(subscription, &waiting)) == -EAGAIN) {
		if (!deadline_ns)
			return -ETIMEDOUT;
		error = eng_wait_until(&subscription->event, has_come, subscription,
				       deadline_ns, "a notice", 0);
		if (error)
			return error;
	}
	if (error)
		return error;
	*ret_notice = &waiting.notice->told;
	if (ret_lost)
		*ret_lost = waiting.lost;
	return 0;
}

int pawl_notices_fd(struct pawl_subscription *subscription, int *ret_fd)
{
	struct eng_notices *notices = subscription->notices;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), mine = fd;

	if (fd < 0)
		return -errno;
	pawl_lock_lock(&notices->lock);
	if (subscription->fd < 0) {
		subscription->fd = fd;
		mine = -1;
		if (readable(subscription))
			fd_say(subscription, true);
	}
	*ret_fd = subscription->fd;
	pawl_lock_unlock(&notices->lock);
	if (mine >= 0)
		(void)close(mine);
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

int eng_notices_create(const struct pawl_runtime *rt, const struct pawl_engine_options *options,
		       struct eng_notices **ret_notices)
{
	struct eng_notices *notices = pawl_mem_zalloc(sizeof(*notices), 0);

	if (!notices)
		return -ENOMEM;
	pawl_lock_init(&notices->lock, ENG_RANK_NOTICES);
	pawl_init_word(&notices->owners, 1u);
	notices->rt = rt;
	notices->has_clock = rt->options.now;
	notices->sink = options->sink;
	notices->sink_arg = options->sink_arg;
	notices->log = options->log;
	notices->log_arg = options->log_arg;
	notices->log_least = options->log_least;
	*ret_notices = notices;
	return 0;
}

void eng_notices_close(struct eng_notices *notices)
{
	struct pawl_subscription *subscription;

	if (!notices)
		return;
	pawl_lock_lock(&notices->lock);
	for (subscription = notices->subscriptions; subscription;
	     subscription = subscription->next) {
		if (!subscription->n)
			fd_say(subscription, true);
	}
	notices->closed = true;
	for (subscription = notices->subscriptions; subscription;
	     subscription = subscription->next)
		pawl_event_notify_all(&subscription->event);
	pawl_lock_unlock(&notices->lock);
	leave(notices);
}
