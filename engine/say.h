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

/* eng_state_word() - "running", "dirty", ... Locked. */
const char *eng_state_word(const struct eng_node *node);

#endif
