/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hang-report.c - who waits for what, as text.
 *
 * Nothing is collected: each line is made, with what there is just then, and given away before the next one.
 * So there is no memory to be had when there is none, and lines need not fit each other where
 * things go on.
 */
#include "config.h"

#include <pawl/atomic.h>
#include <pawl/group.h>

#include "introspect.h"
#include "text.h"
#include "worker.h"

#define INDENT_MOST 32

struct report {
	struct pawl_runtime *rt;
	struct eng_text text;
};

static void add_time(struct eng_text *text, uint64_t ns)
{
	if (ns < 1000000000)
		eng_text_add(text, "%u.%03u ms", (unsigned)(ns / 1000000),
			     (unsigned)(ns / 1000 % 1000));
	else
		eng_text_add(text, "%llu.%03u s", (unsigned long long)(ns / 1000000000),
			     (unsigned)(ns / 1000000 % 1000));
}

static unsigned short_of(pawl_task_t task)
{
	return (unsigned)(task.pawl_id & UINT32_MAX);
}

/* ---- groups ------------------------------------------------------------------------ */

static bool group_line(void *arg, const struct pawl_group_info *info)
{
	static const char *const states[PAWL_GROUP_STATE_COUNT] = {"open", "closed", "drained"};
	struct report *report = arg;
	struct eng_text *text = &report->text;
	unsigned depth = info->depth < INDENT_MOST ? info->depth : INDENT_MOST;

	eng_text_add(text, "  %*s", (int)(2 * depth), "");
	eng_text_add_plain(text, info->name);
	eng_text_add(text, "#%llu %s%s, %llu tasks here and below",
		     (unsigned long long)info->number, states[info->state],
		     info->forced      ? ", forced"
		     : info->cancelled ? ", cancelled"
				       : "",
		     (unsigned long long)info->counts.live);
	if (info->most)
		eng_text_add(text, ", %llu of %llu in it", (unsigned long long)info->live,
			     (unsigned long long)info->most);
	eng_text_add(text,
		     "; ended: %llu completed, %llu failed, %llu cancelled; %llu refused\n",
		     (unsigned long long)info->counts.outcomes[PAWL_OUTCOME_COMPLETED],
		     (unsigned long long)info->counts.outcomes[PAWL_OUTCOME_FAILED],
		     (unsigned long long)info->counts.outcomes[PAWL_OUTCOME_CANCELLED],
		     (unsigned long long)info->counts.refused);
	return !eng_text_flush(text);
}

/* ---- tasks -------------------------------------------------------------------------- */

static void add_waits(struct eng_text *text, const struct pawl_task_info *info)
{
	if (info->waited_ns) {
		eng_text_add(text, " waits ");
		add_time(text, info->waited_ns);
	} else {
		eng_text_add(text, " runs what it waits for");
	}
	if (info->waits_for.pawl_id) {
		eng_text_add(text, ": task #%u", short_of(info->waits_for));
	} else {
		eng_text_add(text, ": ");
		eng_text_add_plain(text,
				   info->waits_note ? info->waits_note : "without a note");
		if (info->waits_value)
			eng_text_add(text, " %llu", (unsigned long long)info->waits_value);
	}
}

static void add_task(struct eng_text *text, const struct pawl_task_info *info)
{
	eng_text_add_plain(text, info->name[0] ? info->name : "task");
	eng_text_add(text, "#%u", short_of(info->task));
}

static bool task_line(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	static const char *const states[PAWL_TASK_STATE_COUNT] = {
		"starts", "has not begun", "is completed from outside",
		"runs",	  "waits",	   "ends"};
	struct report *report = arg;
	struct eng_text *text = &report->text;
	struct pawl_task_info info;

	if (!eng_task_info(report->rt, report->rt->root, task, word, id, &info))
		return true;
	eng_text_add(text, "  ");
	add_task(text, &info);
	if (info.state == PAWL_TASK_WAITING)
		add_waits(text, &info);
	else
		eng_text_add(text, " %s", states[info.state]);
	eng_text_add(text, "; in group #%llu, lane %u", (unsigned long long)info.group,
		     (unsigned)info.lane);
	if (info.age_ns) {
		eng_text_add(text, ", age ");
		add_time(text, info.age_ns);
	}
	if (info.parent.pawl_id)
		eng_text_add(text, ", spawned by #%u", short_of(info.parent));
	eng_text_add(text, "%s\n",
		     info.stuck	      ? ", given up"
		     : info.forced    ? ", forced"
		     : info.cancelled ? ", cancelled"
				      : "");
	return !eng_text_flush(text);
}

/* ---- workers ------------------------------------------------------------------------ */

static void worker_line(struct report *report, unsigned number)
{
	struct pawl_runtime *rt = report->rt;
	uint64_t id = pawl_load_relaxed(&rt->workers[number].running);
	struct pawl_task_info info;
	struct eng_task *task;

	eng_text_add(&report->text, "  worker %u ", number);
	if (id && !eng_task_find(rt->tasks, id, &task) &&
	    eng_task_info(rt, rt->root, task, id >> 32 << 32 | ENG_TASK_RUNNING, id, &info)) {
		eng_text_add(&report->text, "runs ");
		add_task(&report->text, &info);
	} else if (id) {
		eng_text_add(&report->text, "runs what just ends");
	} else if (eng_idle_is_asleep(&rt->idle, rt->workers[number].idle_number)) {
		eng_text_add(&report->text, "sleeps");
	} else {
		eng_text_add(&report->text, "looks for something to run");
	}
	eng_text_add(&report->text, "; %llu bodies have a stack\n",
		     (unsigned long long)pawl_load_relaxed(&rt->workers[number].stacks_busy));
	(void)eng_text_flush(&report->text);
}

int pawl_runtime_report(struct pawl_runtime *runtime, pawl_text_fn *fn, void *arg)
{
	struct report report = {.rt = runtime};
	struct pawl_runtime_stats stats;

	eng_text_init(&report.text, fn, arg);
	pawl_runtime_stats_read(runtime, &stats);
	eng_text_add(&report.text,
		     "runtime: %llu tasks; %llu spawned, %llu run by who waited, %llu stolen, "
		     "%llu parks, %llu sleeps of workers\n",
		     (unsigned long long)stats.live, (unsigned long long)stats.spawned,
		     (unsigned long long)stats.inlined, (unsigned long long)stats.stolen,
		     (unsigned long long)stats.parks, (unsigned long long)stats.sleeps);
	if (eng_text_flush(&report.text))
		return report.text.error;
	eng_text_add(&report.text, "groups:\n");
	if (!eng_text_flush(&report.text))
		pawl_group_each(runtime->root, group_line, &report);
	eng_text_add(&report.text, "tasks:\n");
	if (!eng_text_flush(&report.text))
		eng_tasks_each(runtime->tasks, task_line, &report);
	eng_text_add(&report.text, "workers:\n");
	(void)eng_text_flush(&report.text);
	for (unsigned i = 0; i < eng_workers(runtime) && !report.text.error; i++)
		worker_line(&report, i);
	return report.text.error;
}
