/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * word-count - the words in the files of a folder, counted again only where something has changed.
 *
 * Two kinds of tasks: the words of one file, and their sum. A file's task leaves an invalidator, with which the
 * program tells it that the file was edited. Each run says so: see which ones there are after an edit.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl.h>
#include <pawl-engine.h>

static const char *const names[] = {"one.txt", "two.txt", "three.txt"};
#define FILES (sizeof(names) / sizeof(*names))
static struct pawl_invalidator edited[FILES];
static const struct pawl_value_type number = PAWL_VALUE_TYPE("number");

static int give(struct pawl_context *context, long n, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&number, &n, sizeof(n), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, long *ret_n)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	memcpy(ret_n, pawl_value_payload(value), sizeof(*ret_n));
	pawl_value_unpin(value);
	return 0;
}

/* The words of one file; `args` is its place in `names`. */
static int words(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	size_t which = *(const size_t *)args;
	/* First: an edit from now on is heard of. */
	int c = pawl_context_invalidator(context, &edited[which]), before = ' ';
	FILE *file;
	long n = 0;

	if (c)
		return c;
	printf("  counting %s\n", names[which]);
	file = fopen(names[which], "r");
	if (!file)
		return pawl_context_fail(context, "%s cannot be opened", names[which]);
	while ((c = getc(file)) != EOF) {
		n += isspace(before) && !isspace(c);
		before = c;
	}
	fclose(file);
	return give(context, n, ret_output);
}
static const struct pawl_function words_of = {sizeof(words_of), "words", 1, 0, words,
					      sizeof(size_t),	NULL,	 0};

static int sum(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	long all = 0, n;
	int error = 0;

	(void)args;
	printf("  adding up\n");
	for (size_t i = 0; i < FILES && !error; i++) {
		pawl_ref_t file;

		error = pawl_call(context, &words_of, &i, &file);
		if (!error)
			error = get(context, file, 0, &n);
		all += error ? 0 : n;
	}
	return error ? error : give(context, all, ret_output);
}
static const struct pawl_function sum_of = {sizeof(sum_of), "sum", 1, 0, sum, 0, NULL, 0};

static int show(struct pawl_context *context, void *arg)
{
	pawl_ref_t all;
	long n;
	int error = pawl_call(context, &sum_of, NULL, &all);

	if (!error)
		error = get(context, all, PAWL_READ_STRONG, &n);
	if (!error)
		printf("%s: %ld words\n", (const char *)arg, n);
	return error;
}

static void save(size_t which, const char *text)
{
	FILE *file = fopen(names[which], "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		exit(1);
}

int main(void)
{
	static const struct pawl_function *const functions[] = {&words_of, &sum_of};
	static const struct pawl_value_type *const types[] = {&number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	char folder[] = "/tmp/word-count-XXXXXX";
	struct pawl_engine *engine;

	if (!mkdtemp(folder) || chdir(folder))
		return 1;
	save(0, "to be or not to be");
	save(1, "that is the question");
	save(2, "");
	options.workers = 1; /* so that it prints in one order */
	options.functions = functions;
	options.functions_n = 2;
	options.types = types;
	options.types_n = 1;
	if (pawl_thread_attach("main") || pawl_engine_open(&options, &engine))
		return 1;
	if (pawl_engine_run(engine, show, "at first") || pawl_engine_run(engine, show, "again"))
		return 1;
	save(1, "whether 'tis nobler in the mind");
	pawl_invalidate(&edited[1], 1);
	if (pawl_engine_run(engine, show, "one file edited"))
		return 1;
	save(0, "to sleep perchance to dream ay");
	pawl_invalidate(&edited[0], 1);
	if (pawl_engine_run(engine, show, "as many words as before"))
		return 1;
	for (size_t i = 0; i < FILES; i++)
		unlink(names[i]);
	rmdir(folder);
	if (pawl_engine_close(engine))
		return 1;
	pawl_thread_detach();
	return 0;
}
