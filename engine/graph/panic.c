/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * panic.c - a body that ends without returning: pawl_panic(), and pawl_exit() of the runtime.
 *
 * Both jump to where the runtime called this body, past its frames, after the cleanups it pushed. The
 * oldest of these is the graph's own (run.c): it ends the run as a failure, there, on top of the
 * frames that are jumped over. So the end of a run is never skipped, and a body costs no setjmp() of its own. A
 * task that was run inside another's wait has its own base: the one below does not notice.
 *
 * To the runtime such a body has completed: its policies are for groups, and the failure is a value of the
 * graph.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pawl/mem.h>

#include "../runtime/worker.h"
#include "context.h"

#define MESSAGE_BYTES 1024

void pawl_panic_at(struct pawl_context *context, const char *file, int line, const char *format,
		   ...)
{
	struct eng_run *here = eng_run_here();
	const char *slash = strrchr(file, '/');
	char text[MESSAGE_BYTES];
	va_list args;

	PAWL_REQUIRE(here &&
		     (!context->run || context->in_job || here->task->arg == context->run) &&
		     "a context is used by its own function");
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* What was read last is not why. */
	eng_error_unpin(context->last);
	context->last = NULL;
	(void)!pawl_context_fail(context, "%s (at %s:%d)", text, slash ? slash + 1 : file,
				 line);
	pawl_exit(-PAWL_ETASK, NULL);
}

int eng_exit_take(struct pawl_context *context)
{
	struct eng_run *here = eng_run_here();
	int error = here->error;

	here->error = 0;
	if (error && error != -PAWL_ETASK) {
		eng_error_unpin(context->last);
		context->last = NULL;
	}
	if (!error || error == -PAWL_ETASK || !here->task->message)
		return error;
	return pawl_context_fail(context, "%s", here->task->message);
}

bool eng_exit_forced(void)
{
	return eng_run_here()->forced;
}
