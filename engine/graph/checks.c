/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checks.c - findings: kept in a list while records are locked and operations go on, and told afterwards.
 *
 * Whoever ends an operation tells what there is, also of others. Who is told may make an edit: so nothing is while one
 * is being made, and its end tells all of it.
 */
#include "config.h"

#include "checks.h"

#include <string.h>

#include <pawl/mem.h>

#include "graph.h"
#include "registry.h"

/* Does the list, names with commas between, have that name? */
static bool has_name(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, length) && (!at[length] || at[length] == ','))
			return true;
	}
	return false;
}

static uint32_t largest_of(const struct pawl_engine_options *options,
			   const struct eng_registry *registry)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < options->functions_n; i++) {
		uint32_t number = eng_function_number(registry, options->functions[i]);

		largest = number > largest ? number : largest;
	}
	return largest;
}

int eng_checks_create(const struct pawl_engine_options *options,
		      const struct eng_registry *registry, struct eng_checks **ret_checks)
{
	const char *names = options->check_functions;
	struct eng_checks *checks;
	uint32_t n;

	*ret_checks = NULL;
	if (!options->checks)
		return 0;
	n = largest_of(options, registry) + 1;
	checks = pawl_mem_zalloc(sizeof(*checks) + n * sizeof(bool), 0);
	if (!checks)
		return -ENOMEM;
	checks->flags = options->checks;
	checks->functions_n = n;
	checks->all = !names || !strcmp(names, "all");
	pawl_lock_init(&checks->lock, PAWL_LOCK_RANK_NONE);
	pawl_init_word(&checks->any, 0u);
	for (size_t i = 0; names && i < options->functions_n; i++) {
		if (has_name(names, options->functions[i]->name))
			checks->functions[eng_function_number(registry,
							      options->functions[i])] = true;
	}
	*ret_checks = checks;
	return 0;
}

static void findings_free(struct eng_finding *finding)
{
	while (finding) {
		struct eng_finding *next = finding->next;

		pawl_mem_free(finding, sizeof(*finding), 0);
		finding = next;
	}
}

void eng_checks_free(struct eng_checks *checks)
{
	if (!checks)
		return;
	findings_free(checks->found);
	pawl_mem_free(checks, sizeof(*checks) + checks->functions_n * sizeof(bool), 0);
}

bool eng_checks_has(const struct eng_graph *graph, uint32_t check)
{
	return graph->checks && graph->checks->flags & check;
}

void eng_checks_add(struct eng_graph *graph, enum eng_finding_kind kind, eng_id task,
		    const struct eng_cause *cause)
{
	struct eng_checks *checks = graph->checks;
	struct eng_finding *finding = eng_must_zalloc(sizeof(*finding));

	finding->kind = kind;
	finding->task = task;
	finding->cause = *cause;
	pawl_lock_lock(&checks->lock);
	finding->next = checks->found;
	checks->found = finding;
	pawl_store_relaxed(&checks->any, 1u);
	pawl_lock_unlock(&checks->lock);
}

/* The first one first. */
static struct eng_finding *take(struct eng_checks *checks)
{
	struct eng_finding *found, *in_order = NULL;

	pawl_lock_lock(&checks->lock);
	found = checks->found;
	checks->found = NULL;
	pawl_store_relaxed(&checks->any, 0u);
	pawl_lock_unlock(&checks->lock);
	while (found) {
		struct eng_finding *next = found->next;

		found->next = in_order;
		in_order = found;
		found = next;
	}
	return in_order;
}

void eng_checks_tell(struct eng_graph *graph)
{
	struct eng_observer *observer = graph->observer;
	struct eng_finding *all;

	/* Relaxed: what is missed here the next one tells, or the end of the edit. */
	if (!pawl_load_relaxed(&graph->checks->any) || !observer ||
	    pawl_load_relaxed(&graph->edit) & 1 || eng_quiesce_is_inside(graph->quiesce))
		return;
	all = take(graph->checks);
	for (const struct eng_finding *finding = all; finding; finding = finding->next)
		observer->found(observer, finding);
	findings_free(all);
}
