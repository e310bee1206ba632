/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status.c - the line in place, and all that is printed around it.
 *
 * All output is put together first and written by one call, under one lock, so that what two commands print is never
 * mixed. While a command has the terminal everything waits in `held`.
 *
 * NINJA_STATUS is understood as ninja does: %s begun, %t all, %p percent, %r running, %u not begun, %f finished, %o
 * finished a second, %c the same of the last ones, %e seconds, %w the same as minutes:seconds, %E and %W: what is
 * left by that, %P percent of the time, %%.
 */
#include "ui/status.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "build/common.h"

#define RECENT 16u

/* Commands that run, below the line in place: those that have for so long, so many, if there are so many rows. */
#define SHOWN_NS   UINT64_C(1000000000)
#define SHOWN_MOST 8u
#define ROWS_LEAST 10u

struct running {
	char *outputs, *description;
	uint64_t begun_ns;
};

struct status {
	pthread_mutex_t lock; /* over all below, and the output */
	struct status_options options;
	bool terminal, color;
	bool in_place;	    /* there is a line to be overwritten */
	bool console;	    /* a command has the terminal */
	struct string held; /* what is said meanwhile */
	size_t begun, ended, total;
	uint64_t begun_ns;
	uint64_t recent[RECENT]; /* when the last ones ended */
	struct string last;	 /* description of what is in place */
	struct string line;	 /* that line */
	unsigned below;		 /* lines under it */
	bool several;		 /* show them */
	struct running *running; /* the oldest first */
	size_t running_n, running_room;
};

/* ---- writing -------------------------------------------------------------------------------- */

static void write_out(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return;
		bytes += done;
		n -= (size_t)done;
	}
}

/* Take away what is in place. */
static void erase(struct status *s)
{
	struct string out = {NULL, 0, 0};

	if (!s->in_place)
		return;
	string_puts(&out, "\r");
	if (s->below)
		string_printf(&out, "\x1b[%uA", s->below);
	string_puts(&out, s->below ? "\x1b[J" : "\x1b[K");
	write_out(1, out.bytes, out.n);
	string_free(&out);
	s->in_place = false;
	s->below = 0;
}

/* Leave the line that is in place, and go on below it. */
static void leave(struct status *s)
{
	bool below = s->below > 0;

	if (!s->in_place)
		return;
	if (below) {
		erase(s);
		write_out(1, s->line.bytes, s->line.n);
	}
	write_out(1, "\n", 1);
	s->in_place = false;
}

/* What is more than the line in place: begins on a line of its own. */
static void put(struct status *s, const struct string *bytes)
{
	if (s->console) {
		string_add(&s->held, bytes->bytes, bytes->n);
		return;
	}
	erase(s);
	write_out(1, bytes->bytes, bytes->n);
}

static unsigned columns(unsigned *ret_rows)
{
	struct winsize size;

	if (ioctl(1, TIOCGWINSZ, &size) || !size.ws_col) {
		*ret_rows = 24;
		return 80;
	}
	*ret_rows = size.ws_row;
	return size.ws_col;
}

/* The middle goes first. Bytes count as columns, but for what UTF-8 continues. */
static void elide(struct string *line, unsigned width)
{
	size_t shown = 0, half, i, from;
	struct string cut = {NULL, 0, 0};

	for (i = 0; i < line->n; i++)
		shown += (line->bytes[i] & 0xc0) != 0x80;
	if (shown <= width || width < 5)
		return;
	half = (width - 3) / 2;
	for (i = 0, shown = 0; shown < half || (line->bytes[i] & 0xc0) == 0x80; i++)
		shown += (line->bytes[i + 1] & 0xc0) != 0x80;
	string_add(&cut, line->bytes, i);
	string_puts(&cut, "...");
	for (from = line->n, shown = 0; shown < width - 3 - half; from--)
		shown += (line->bytes[from - 1] & 0xc0) != 0x80;
	string_add(&cut, line->bytes + from, line->n - from);
	string_free(line);
	*line = cut;
}

/* ---- the line ----------------------------------------------------------------------------------- */

static void seconds_add(struct string *out, double seconds, bool clock)
{
	long all = (long)seconds;

	if (!clock)
		string_printf(out, "%.3f", seconds);
	else if (all >= 3600)
		string_printf(out, "%ld:%02ld:%02ld", all / 3600, all / 60 % 60, all % 60);
	else
		string_printf(out, "%02ld:%02ld", all / 60, all % 60);
}

static double rate(const struct status *s, uint64_t now, bool recent)
{
	size_t n = recent && s->ended > RECENT ? RECENT : s->ended;
	uint64_t since = n < s->ended ? s->recent[s->ended % RECENT] : s->begun_ns;

	return now > since && n ? (double)n * 1e9 / (double)(now - since) : 0;
}

static void field_add(struct status *s, char field, struct string *out)
{
	uint64_t now = build_now_ns();
	double elapsed = (double)(now - s->begun_ns) / 1e9, per, left;

	per = s->ended ? elapsed / (double)s->ended : 0;
	left = per * (double)(s->total > s->ended ? s->total - s->ended : 0);
	switch (field) {
	case 's':
		string_printf(out, "%zu", s->begun);
		break;
	case 't':
		string_printf(out, "%zu", s->total);
		break;
	case 'p':
		string_printf(out, "%3zu%%", s->total ? 100 * s->ended / s->total : 0);
		break;
	case 'r':
		string_printf(out, "%zu", s->begun - s->ended);
		break;
	case 'u':
		string_printf(out, "%zu", s->total > s->begun ? s->total - s->begun : 0);
		break;
	case 'f':
		string_printf(out, "%zu", s->ended);
		break;
	case 'o':
	case 'c':
		string_printf(out, "%.1f", rate(s, now, field == 'c'));
		break;
	case 'e':
	case 'w':
		seconds_add(out, elapsed, field == 'w');
		break;
	case 'E':
	case 'W':
		if (s->ended)
			seconds_add(out, left, field == 'W');
		else
			string_puts(out, "?");
		break;
	case 'P':
		string_printf(out, "%3d%%",
			      s->ended ? (int)(100 * elapsed / (elapsed + left)) : 0);
		break;
	case '%':
		string_puts(out, "%");
		break;
	default:
		string_printf(out, "%%%c", field);
		break;
	}
}

static void prefix_add(struct status *s, struct string *out)
{
	for (const char *at = s->options.format; *at; at++) {
		if (*at != '%' || !at[1])
			string_add(out, at, 1);
		else
			field_add(s, *++at, out);
	}
}

static bool plain(const struct status *s)
{
	return !s->terminal || s->options.verbose;
}

/* One line, not wider than the terminal. */
static void fit(struct string *line, unsigned width)
{
	for (size_t i = 0; i < line->n; i++)
		line->bytes[i] = line->bytes[i] == '\n' ? ' ' : line->bytes[i];
	elide(line, width);
}

/* The lines of what runs. */
static void running_add(struct status *s, unsigned width, unsigned rows, struct string *out)
{
	uint64_t now = build_now_ns();

	s->below = 0;
	for (size_t i = 0; i < s->running_n && s->below < SHOWN_MOST && s->below < rows / 3;
	     i++) {
		const struct running *r = &s->running[i];
		struct string line = {NULL, 0, 0};

		if (now - r->begun_ns < SHOWN_NS)
			break;
		string_printf(&line, "%6.0f s  %s", (double)(now - r->begun_ns) / 1e9,
			      r->description);
		fit(&line, width);
		string_puts(out, "\n");
		string_add(out, line.bytes, line.n);
		string_free(&line);
		s->below++;
	}
}

/* In place of what is there. */
static void draw_in_place(struct status *s)
{
	struct string all = {NULL, 0, 0};
	unsigned rows, width = columns(&rows);
	bool more = s->in_place && s->below;

	fit(&s->line, width);
	string_puts(&all, "\r");
	if (more)
		string_printf(&all, "\x1b[%uA\x1b[J", s->below);
	string_add(&all, s->line.bytes, s->line.n);
	string_puts(&all, "\x1b[K");
	s->below = 0;
	if (s->several && rows >= ROWS_LEAST)
		running_add(s, width, rows, &all);
	write_out(1, all.bytes, all.n);
	string_free(&all);
	s->in_place = true;
}

/* Without a terminal a line when a command has ended; on one it is drawn again. */
static void draw(struct status *s, const char *description, bool whole)
{
	if (s->options.quiet || s->options.json)
		return;
	if (plain(s) && !whole)
		return;
	string_clear(&s->line);
	prefix_add(s, &s->line);
	string_puts(&s->line, description);
	if (plain(s)) {
		string_puts(&s->line, "\n");
		put(s, &s->line);
	} else if (!s->console) {
		draw_in_place(s);
	}
}

static void running_push(struct status *s, const struct status_command *c,
			 const char *description)
{
	BUILD_GROW(s->running, s->running_n, s->running_room);
	s->running[s->running_n++] =
		(struct running){build_dup(c->outputs, strlen(c->outputs)),
				 build_dup(description, strlen(description)), c->begun_ns};
}

static void running_remove(struct status *s, const struct status_command *c)
{
	for (size_t i = 0; i < s->running_n; i++) {
		if (strcmp(s->running[i].outputs, c->outputs) != 0)
			continue;
		free(s->running[i].outputs);
		free(s->running[i].description);
		memmove(&s->running[i], &s->running[i + 1],
			(--s->running_n - i) * sizeof(*s->running));
		return;
	}
}

static void last_set(struct status *s, const char *description)
{
	string_clear(&s->last);
	string_puts(&s->last, description);
}

/* ---- machines ------------------------------------------------------------------------------------- */

static void json_string(struct string *out, const char *bytes, size_t n)
{
	string_puts(out, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '"' || c == '\\')
			string_printf(out, "\\%c", c);
		else if (c < 0x20)
			string_printf(out, "\\u%04x", c);
		else
			string_add(out, bytes + i, 1);
	}
	string_puts(out, "\"");
}

static void json_field(struct string *out, const char *name, const char *bytes, size_t n)
{
	string_printf(out, ",\"%s\":", name);
	json_string(out, bytes, n);
}

static void json_ended(struct status *s, const struct status_command *c)
{
	struct string out = {NULL, 0, 0};

	string_puts(&out, "{\"event\":\"ended\"");
	json_field(&out, "outputs", c->outputs, strlen(c->outputs));
	json_field(&out, "command", c->command, strlen(c->command));
	string_printf(&out, ",\"exit\":%d,\"signal\":%d,\"begun_ns\":%llu,\"ended_ns\":%llu",
		      c->exit_code, c->signal, (unsigned long long)c->begun_ns,
		      (unsigned long long)c->ended_ns);
	json_field(&out, "output", c->output ? c->output : "", c->output_bytes);
	string_puts(&out, "}\n");
	put(s, &out);
	string_free(&out);
}

/* ---- commands --------------------------------------------------------------------------------------- */

/* What a program prints for a terminal, for where there is none: without colours. */
static void strip_add(struct string *out, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != '\x1b') {
			string_add(out, bytes + i, 1);
			continue;
		}
		if (i + 1 >= n || bytes[i + 1] != '[')
			continue;
		for (i += 2; i < n && !((bytes[i] >= '@' && bytes[i] <= '~')); i++)
			;
	}
}

static const char *describe(const struct status *s, const struct status_command *c)
{
	return s->options.verbose || !c->description || !*c->description ? c->command
									 : c->description;
}

void status_begun(struct status *s, const struct status_command *c)
{
	pthread_mutex_lock(&s->lock);
	s->begun++;
	if (s->begun > s->total)
		s->total = s->begun;
	last_set(s, describe(s, c));
	if (s->several)
		running_push(s, c, s->last.bytes);
	draw(s, s->last.bytes, c->console);
	if (c->console) {
		leave(s);
		s->console = true;
	}
	pthread_mutex_unlock(&s->lock);
}

static void failed_add(struct status *s, const struct status_command *c, struct string *out)
{
	string_printf(out, s->color ? "\x1b[31mFAILED:\x1b[0m %s" : "FAILED: %s", c->outputs);
	if (c->signal)
		string_printf(out, " (signal %d)", c->signal);
	string_printf(out, "\n%s\n", c->command);
}

void status_ended(struct status *s, const struct status_command *c)
{
	struct string out = {NULL, 0, 0};

	pthread_mutex_lock(&s->lock);
	s->recent[s->ended++ % RECENT] = c->ended_ns;
	if (s->ended > s->begun)
		s->begun = s->ended;
	if (s->begun > s->total)
		s->total = s->begun;
	running_remove(s, c);
	if (c->console) {
		s->console = false;
		if (s->held.n)
			put(s, &s->held);
		string_clear(&s->held);
	}
	if (s->options.json) {
		json_ended(s, c);
	} else if (!c->quiet) {
		if (!c->console)
			draw(s, describe(s, c), true);
		if (c->failed)
			failed_add(s, c, &out);
		if (s->color)
			string_add(&out, c->output, c->output_bytes);
		else
			strip_add(&out, c->output ? c->output : "", c->output_bytes);
		if (out.n && out.bytes[out.n - 1] != '\n')
			string_puts(&out, "\n");
		if (out.n) {
			/* The line that says which command stays above what it printed. */
			leave(s);
			put(s, &out);
		}
	}
	pthread_mutex_unlock(&s->lock);
	string_free(&out);
}

void status_total(struct status *s, size_t total)
{
	pthread_mutex_lock(&s->lock);
	s->total = total;
	s->begun = s->ended = 0;
	s->begun_ns = build_now_ns();
	pthread_mutex_unlock(&s->lock);
}

void status_more(struct status *s, int more)
{
	pthread_mutex_lock(&s->lock);
	if (more > 0 || s->total > s->begun)
		s->total = (size_t)((ptrdiff_t)s->total + more);
	pthread_mutex_unlock(&s->lock);
}

/* ---- words ---------------------------------------------------------------------------------------------- */

void status_say(struct status *s, const char *kind, const char *format, ...)
{
	struct string out = {NULL, 0, 0};
	va_list args;
	char *words = NULL;

	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		build_out_of_memory();
	va_end(args);
	/* "ninja explain: ..." is how ninja has it. */
	string_printf(&out,
		      strcmp(kind, "explain") == 0 ? "%s %s: %s\n"
		      : *kind			   ? "%s: %s: %s\n"
						   : "%s%s: %s\n",
		      s->options.name, kind, words);
	free(words);
	pthread_mutex_lock(&s->lock);
	if (s->console) {
		string_add(&s->held, out.bytes, out.n);
	} else {
		leave(s);
		write_out(2, out.bytes, out.n);
	}
	pthread_mutex_unlock(&s->lock);
	string_free(&out);
}

void status_print(struct status *s, const char *format, ...)
{
	struct string out = {NULL, 0, 0};
	va_list args;
	char *words = NULL;

	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		build_out_of_memory();
	va_end(args);
	string_printf(&out, "%s\n", words);
	free(words);
	pthread_mutex_lock(&s->lock);
	leave(s);
	if (!s->options.json)
		put(s, &out);
	pthread_mutex_unlock(&s->lock);
	string_free(&out);
}

void status_tick(struct status *s)
{
	pthread_mutex_lock(&s->lock);
	/* After something was printed there is no line, until a command begins or ends; what runs is shown all the same. */
	if ((s->in_place || s->running_n) && !s->console && s->last.n)
		draw(s, s->last.bytes, false);
	pthread_mutex_unlock(&s->lock);
}

bool status_terminal(const struct status *s)
{
	return s->terminal && !s->options.verbose && !s->options.quiet && !s->options.json;
}

/* ---- made ------------------------------------------------------------------------------------------------- */

static bool env_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* What is asked for, then NO_COLOR, then CLICOLOR_FORCE, then what there is. */
static bool color_of(const struct status_options *options, bool terminal)
{
	const char *force = getenv("CLICOLOR_FORCE");

	if (options->color != STATUS_COLOR_AUTO)
		return options->color == STATUS_COLOR_ALWAYS;
	if (env_set("NO_COLOR"))
		return false;
	if ((force && *force && strcmp(force, "0") != 0) || env_set("FORCE_COLOR"))
		return true;
	return terminal;
}

struct status *status_create(const struct status_options *options)
{
	struct status *s = build_alloc(sizeof(*s));
	const char *term = getenv("TERM");

	pthread_mutex_init(&s->lock, NULL);
	s->options = *options;
	if (!s->options.format)
		s->options.format = getenv("NINJA_STATUS");
	if (!s->options.format)
		s->options.format = "[%f/%t] ";
	s->terminal = isatty(1) && term && strcmp(term, "dumb") != 0;
	s->color = color_of(options, s->terminal);
	s->several = s->terminal && !options->verbose && !options->quiet && !options->json &&
		     strcmp(options->name, "ninja") != 0;
	s->begun_ns = build_now_ns();
	return s;
}

void status_destroy(struct status *s)
{
	if (!s)
		return;
	leave(s);
	for (size_t i = 0; i < s->running_n; i++) {
		free(s->running[i].outputs);
		free(s->running[i].description);
	}
	free(s->running);
	string_free(&s->line);
	string_free(&s->held);
	string_free(&s->last);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
