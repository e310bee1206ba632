/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.h - text about tasks, for people, as long as it gets.
 */
#ifndef ENG_SAY_H
#define ENG_SAY_H

#include <pawl/base.h>

#include "graph/graph.h"

/* All zero: empty. */
struct eng_say {
	char *data;
	size_t length, capacity;
};

/* eng_say() - Waits for memory. */
void eng_say(struct eng_say *text, const char *format, ...) PAWL_PRINTF(2, 3);
void eng_say_fini(struct eng_say *text);

/* eng_say_time() - "1.2 ms". */
void eng_say_time(struct eng_say *text, uint64_t ns);

/* eng_say_task() - "sum#4"; 0: "a visit". Requires: no lock held. */
struct pawl_engine;
void eng_say_task(struct eng_say *text, struct pawl_engine *engine, eng_id id);

/*
 * eng_say_cause() - "the output of sum#4 changed". Returns: the task that it came from; 0: it began here. Requires: as
 * above.
 */
eng_id eng_say_cause(struct eng_say *text, struct pawl_engine *engine,
		     const struct eng_cause *cause);

/* eng_say_json() - In quotes, whatever its bytes are. */
void eng_say_json(struct eng_say *text, const char *string);

/* eng_state_word() - "running", "dirty", ... Locked. */
const char *eng_state_word(const struct eng_node *node);

#endif
