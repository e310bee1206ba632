/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - the command line.
 */
#include "driver.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
	"  --threads LIST     1,2 or 1..4 (default: 1 and the CPUs there are)\n"
	"  --filter WORDS     only benches whose BENCH/CONTENDER/PARAMS has one of the words (a,b), or\n"
	"                     all parts of one (a+b); a number at the end of a part is a whole one\n"
	"  --reps N           repetitions of each contender (default 11)\n"
	"  --min-time-ms N    length of one repetition (default 50)\n"
	"  --json FILE        result lines to FILE, the table to stdout (default: lines to stdout,\n"
	"                     the table to stderr)\n"
	"  --keys N           leave out what has more keys (or ids) than that\n"
	"  --seconds N        end after so long: fewer repetitions, at last groups left out\n"
	"  --quick            3 repetitions of 1 ms, small counts, no more than 100000 keys: shows\n"
	"                     that it runs, measures nothing\n"
	"  --no-pin           leave the threads where the system puts them\n"
	"  --list             say what there is\n";

static void usage(FILE *out, const char *program)
{
	fprintf(out, "usage: %s [options]\n%s", program, usage_text);
}

static unsigned number(const char *text, unsigned min, unsigned max, const char **ret_end)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || value < min || value > max)
		b_die("\"%s\" is not a number from %u to %u", text, min, max);
	*ret_end = end;
	return (unsigned)value;
}

static unsigned whole_number(const char *text, unsigned min, unsigned max)
{
	const char *end;
	unsigned value = number(text, min, max, &end);

	if (*end)
		b_die("\"%s\" is not a number", text);
	return value;
}

static void threads_parse(const char *text)
{
	b_drv.thread_counts = 0;
	for (;;) {
		unsigned first = number(text, 1, B_THREADS_MAX, &text);
		unsigned last = first;

		if (!strncmp(text, "..", 2))
			last = number(text + 2, 1, B_THREADS_MAX, &text);
		for (; first <= last && b_drv.thread_counts < B_THREADS_MAX; first++)
			b_drv.threads[b_drv.thread_counts++] = first;
		if (!*text)
			return;
		if (*text++ != ',')
			b_die("--threads takes 1,2 or 1..4");
	}
}

static void json_open(const char *path)
{
	b_drv.json = strcmp(path, "-") ? fopen(path, "w") : stdout;
	if (!b_drv.json)
		b_die("%s: %s", path, strerror(errno));
	b_drv.table = b_drv.json == stdout ? stderr : stdout;
}

bool b_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"threads", required_argument, NULL, 't'},
		{"filter", required_argument, NULL, 'f'},
		{"reps", required_argument, NULL, 'r'},
		{"min-time-ms", required_argument, NULL, 'm'},
		{"json", required_argument, NULL, 'j'},
		{"keys", required_argument, NULL, 'k'},
		{"seconds", required_argument, NULL, 'S'},
		{"quick", no_argument, NULL, 's'},
		{"short", no_argument, NULL, 's'},
		{"no-pin", no_argument, NULL, 'p'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool only_list = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (c) {
		case 't':
			threads_parse(optarg);
			break;
		case 'f':
			b_drv.filter = optarg;
			break;
		case 'r':
			b_drv.reps = whole_number(optarg, 1, B_REPS_MAX);
			break;
		case 'm':
			b_drv.time_ms = whole_number(optarg, 1, 60000);
			break;
		case 'j':
			json_open(optarg);
			break;
		case 'k':
			b_drv.keys_max = whole_number(optarg, 1, UINT32_MAX);
			break;
		case 'S':
			b_drv.deadline_ns = b_now_ns() + whole_number(optarg, 1, 1000000) *
								 UINT64_C(1000000000);
			break;
		case 's':
			b_drv.brief = true;
			b_drv.reps = 3;
			b_drv.time_ms = 1;
			b_drv.keys_max = 100000;
			break;
		case 'p':
			b_drv.pin = false;
			break;
		case 'l':
			only_list = true;
			break;
		case 'h':
			usage(stdout, argv[0]);
			exit(0);
		default:
			usage(stderr, argv[0]);
			exit(2);
		}
	}
	if (optind != argc) {
		usage(stderr, argv[0]);
		exit(2);
	}
	return only_list;
}
