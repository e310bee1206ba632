/* SPDX-License-Identifier: BSD-2-Clause */
/* abacus - a calculator: one expression a line, integers of 64 bits. */
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "format.h"
#include "help.h"
#include "options.h"
#include "parser.h"

static bool calculate(const char *line, const struct options *options, struct world *world)
{
	struct error error = {MESSAGE_NONE, 0};
	struct pool pool = {NULL, 0};
	struct node *node = parse(line, &pool, &error);
	char buffer[80];
	number value;

	if (node && eval(node, world, &value, &error)) {
		history_add(&world->history, value);
		format_number(value, options->base, buffer);
		puts(buffer);
	}
	if (error.message != MESSAGE_NONE)
		printf("column %zu: %s\n", error.column, error_words(&error));
	pool_empty(&pool);
	return error.message == MESSAGE_NONE;
}

int main(int argc, char **argv)
{
	static struct world world;
	struct options options;
	const char *bad;
	char line[1024];
	bool well = true;

	if (!options_read(argc, argv, &options, &bad)) {
		fprintf(stderr, "abacus: %s: no such option; see abacus --help\n", bad);
		return 2;
	}
	if (options.help || options.version) {
		fputs(options.help ? help_text : version_text, stdout);
		return 0;
	}
	while (fgets(line, sizeof(line), stdin))
		well &= calculate(line, &options, &world);
	env_clear(&world.env);
	return !well;
}
