/* SPDX-License-Identifier: BSD-2-Clause */
/* report.c - log what the library finds remarkable: here, a wait that takes long. */
#include <errno.h>
#include <stdio.h>

#include <pawl/event.h>
#include <pawl/park.h>
#include <pawl/report.h>
#include <pawl/thread.h>

#define MILLISECOND UINT64_C(1000000)

/* A hook of the program's own around Pawl's: the call gets back to it from `hook`. */
struct logger {
	struct pawl_report_hook hook;
	FILE *out;
};

/* Runs on the thread that noticed, possibly on several at once. It waits for nothing. */
static void log_report(const struct pawl_report_hook *hook, const struct pawl_report *report)
{
	const struct logger *logger = PAWL_CONTAINER_OF(hook, struct logger, hook);

	fprintf(logger->out, "pawl: %s: %s\n", pawl_report_kind_name(report->kind),
		report->text);
}

int main(void)
{
	static struct logger logger = {.hook = {log_report}}; /* lives as long as the process */
	static struct pawl_event never = PAWL_EVENT_INIT;
	struct pawl_listener listener;
	int error;

	logger.out = stdout;
	pawl_report_set_hook(&logger.hook);
	pawl_event_set_report_after(1 * MILLISECOND);

	if (pawl_thread_attach("main"))
		return 1;
	pawl_event_listen(&never, &listener, "a reply to request", 12);
	error = pawl_event_wait_until(&listener, pawl_deadline_in(20 * MILLISECOND));
	pawl_thread_detach();

	printf("%llu report\n", (unsigned long long)pawl_report_count(PAWL_REPORT_WAIT_LONG));
	return error == -ETIMEDOUT && pawl_report_count(PAWL_REPORT_WAIT_LONG) == 1 ? 0 : 1;
}
