/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-report.c - a counter-example that a person can follow, and its replay string.
 *
 * Steps are printed in the order in which the run did them, which extends happens-before.
 * A load that did not see the latest store says which one it saw. Addresses of code become
 * file:line through addr2line, run once for all of them; addresses of data become
 * object+offset through the program's symbol table (nm), heap addresses block+offset.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mc-internal.h"

const char *const mc_fail_name[FAIL_COUNT] = {
	[FAIL_NONE] = "none", [FAIL_ASSERTION] = "assertion", [FAIL_RACE] = "race",
	[FAIL_DEADLOCK] = "deadlock", [FAIL_LIVELOCK] = "livelock", [FAIL_UAF] = "use-after-free",
	[FAIL_DOUBLE_FREE] = "double-free", [FAIL_INVALID_FREE] = "invalid-free",
	[FAIL_LEAK] = "leak", [FAIL_OUT_OF_BOUNDS] = "out-of-bounds", [FAIL_RCU] = "rcu",
	[FAIL_UNINITIALISED] = "uninitialised",
	[FAIL_HISTORY] = "history", [FAIL_CONTRACT] = "contract", [FAIL_MISUSE] = "misuse",
	[FAIL_CRASH] = "crash",
};

#define NOTES_MAX 512

static MC_STATE struct note {
	uint32_t after; /* printed after this many steps */
	uint8_t tid;
	char text[120];
} *notes;
static MC_STATE unsigned nnotes;

void mc_notes_reset(void)
{
	nnotes = 0;
}

void mc_note_add(unsigned tid, const char *text)
{
	if (!notes)
		notes = mc_map(NOTES_MAX * sizeof(*notes));
	if (nnotes == NOTES_MAX)
		return;
	notes[nnotes].after = mc_order_len;
	notes[nnotes].tid = (uint8_t)tid;
	snprintf(notes[nnotes].text, sizeof(notes[nnotes].text), "%s", text);
	nnotes++;
}

/* --- names --- */

#define LINES_MAX 2048

static MC_STATE struct line {
	const void *pc;
	char text[96];
} *lines;
static MC_STATE unsigned nlines;

static void line_want(const void *pc)
{
	if (!pc || nlines == LINES_MAX)
		return;
	for (unsigned i = 0; i < nlines; i++)
		if (lines[i].pc == pc)
			return;
	lines[nlines].pc = pc;
	snprintf(lines[nlines].text, sizeof(lines[nlines].text), "%p", pc);
	nlines++;
}

static void lines_resolve(void)
{
	char path[512], cmd[700], buf[700];
	char name[] = "/tmp/mc-pcs-XXXXXX";
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int fd = mkstemp(name);

	if (n <= 0 || fd < 0)
		return;
	path[n] = 0;
	FILE *f = fdopen(fd, "w");

	for (unsigned i = 0; i < nlines; i++)
		/* A return address: the call is before it. */
		fprintf(f, "%#lx\n", (unsigned long)((uintptr_t)lines[i].pc - 1));
	fclose(f);
	snprintf(cmd, sizeof(cmd), "addr2line -f -e '%s' <%s 2>/dev/null", path, name);
	f = popen(cmd, "r");
	for (unsigned i = 0; f && i < nlines; i++) {
		char function[200];

		if (!fgets(function, sizeof(function), f) || !fgets(buf, sizeof(buf), f))
			break;
		function[strcspn(function, "\n")] = 0;
		buf[strcspn(buf, "\n (")] = 0;
		const char *base = strrchr(buf, '/');
		const char *short_name = base ? base + 1 : buf;

		if (buf[0] != '?')
			snprintf(lines[i].text, sizeof(lines[i].text), "%.50s %.44s",
				 short_name, function);
	}
	if (f)
		pclose(f);
	unlink(name);
}

static const char *line_of(const void *pc)
{
	for (unsigned i = 0; i < nlines; i++)
		if (lines[i].pc == pc)
			return lines[i].text;
	return "";
}

#define SYMBOLS_MAX 8192

static MC_STATE struct symbol {
	uint64_t addr, size;
	char name[48];
} *symbols;
static MC_STATE unsigned nsymbols;

static void symbols_read(void)
{
	char path[512], cmd[700], buf[400];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (symbols || n <= 0)
		return;
	path[n] = 0;
	symbols = mc_map(SYMBOLS_MAX * sizeof(*symbols));
	snprintf(cmd, sizeof(cmd), "nm -S '%s' 2>/dev/null", path);
	FILE *f = popen(cmd, "r");

	while (f && fgets(buf, sizeof(buf), f) && nsymbols < SYMBOLS_MAX) {
		unsigned long addr, size;
		char type, name[48];

		if (sscanf(buf, "%lx %lx %c %47s", &addr, &size, &type, name) != 4 ||
		    !strchr("bBdDrR", type))
			continue;
		symbols[nsymbols].addr = addr;
		symbols[nsymbols].size = size;
		snprintf(symbols[nsymbols].name, sizeof(symbols[0].name), "%s", name);
		nsymbols++;
	}
	if (f)
		pclose(f);
}

/* Address of "symbol" or "symbol+offset", or 0. */
uint64_t mc_symbol(const char *name)
{
	size_t n = strcspn(name, "+");

	symbols_read();
	for (unsigned i = 0; i < nsymbols; i++)
		if (!strncmp(symbols[i].name, name, n) && !symbols[i].name[n])
			return symbols[i].addr + (name[n] ? strtoul(name + n, NULL, 0) : 0);
	return 0;
}

static void name_address(uint64_t addr, char *buf, size_t len)
{
	const struct mc_block *b = mc_heap_find(addr);

	if (b) {
		snprintf(buf, len, "heap block %#lx+%lu", (unsigned long)b->addr,
			 (unsigned long)(addr - b->addr));
		return;
	}
	if (addr >= MC_STACKS_BASE && addr < MC_ARENA_BASE + MC_ARENA_BYTES) {
		snprintf(buf, len, "stack of t%u (%#lx)",
			 (unsigned)((addr - MC_STACKS_BASE) / MC_STACK_BYTES), (unsigned long)addr);
		return;
	}
	for (unsigned i = 0; i < nsymbols; i++)
		if (addr >= symbols[i].addr && addr < symbols[i].addr + symbols[i].size) {
			if (addr == symbols[i].addr)
				snprintf(buf, len, "%s", symbols[i].name);
			else
				snprintf(buf, len, "%s+%lu", symbols[i].name,
					 (unsigned long)(addr - symbols[i].addr));
			return;
		}
	snprintf(buf, len, "%#lx", (unsigned long)addr);
}

static void name_loc(unsigned loc, char *buf, size_t len)
{
	char where[80];
	uint64_t key = mc_locs[loc].addr & ~(0xffull << 56);

	if (!mc_locs[loc].object) {
		name_address(mc_locs[loc].addr, buf, len);
		return;
	}
	if (key < 256)
		snprintf(where, sizeof(where), "of t%lu", (unsigned long)key);
	else
		name_address(key, where, sizeof(where));
	snprintf(buf, len, "[%s %s]", mc_locs[loc].what, where);
}

/* --- the trace --- */

static const char *thread_name(unsigned t, char *buf, size_t len)
{
	const struct mc_thread *th = &mc_r->th[t];

	if (th->scenario)
		snprintf(buf, len, "t%u", th->number);
	else if (t == mc_main_tid)
		snprintf(buf, len, "main");
	else
		snprintf(buf, len, "%s", th->name[0] ? th->name : "library");
	return buf;
}

static int step_of(mc_eid e)
{
	for (unsigned i = 0; i < mc_order_len; i++)
		if (mc_order[i] == e)
			return (int)i + 1;
	return 0;
}

static void print_event(const struct mc_ev *e, unsigned step)
{
	static const char *const orders[] = {"relaxed", "consume", "acquire",
					     "release", "acq_rel", "seq_cst"};
	char loc[120] = "", who[24], what[300];

	if (e->loc)
		name_loc(e->loc, loc, sizeof(loc));
	switch (e->kind) {
	case EV_READ: {
		int from = e->rf == EID_INIT ? 0 : step_of(e->rf);
		const char *verb = e->flags & EVF_EXCL ? "update reads" : "load";
		char source[80];

		if (e->rf == EID_INIT)
			snprintf(source, sizeof(source), "the initial value");
		else
			snprintf(source, sizeof(source), "step %d", from);
		snprintf(what, sizeof(what), "%s %s %s -> %#lx (%s)", verb,
			 e->flags & EVF_OBJECT ? "" : orders[e->order], loc,
			 (unsigned long)e->value, source);
		break;
	}
	case EV_WRITE: {
		bool last = e->co_next == EID_NONE;

		snprintf(what, sizeof(what), "%s %s %s = %#lx%s",
			 e->flags & EVF_EXCL ? "update writes" : "store",
			 e->flags & EVF_OBJECT  ? ""
			 : e->flags & EVF_PLAIN ? "plain"
						: orders[e->order],
			 loc, (unsigned long)e->value,
			 last ? "" : " (a later one in modification order is there)");
		break;
	}
	case EV_FENCE:
		snprintf(what, sizeof(what), "fence %s", orders[e->order]);
		break;
	case EV_CHOICE:
		snprintf(what, sizeof(what), "choice %lu of %s", (unsigned long)e->value,
			 e->what ? e->what : "mc_choose");
		break;
	default:
		return;
	}
	printf("  %4u  %-8s %-70s %s\n", step, thread_name(e->tid, who, sizeof(who)), what,
	       line_of(e->pc));
}

static void print_waiting(void)
{
	char who[24], loc[120];

	for (unsigned t = 0; t < mc_r->nthreads; t++) {
		const struct mc_thread *th = &mc_r->th[t];
		unsigned n = mc_g->n[t];

		if (!th->scenario || th->body_done || th->state != TH_BLOCKED || !n)
			continue;
		const struct mc_ev *e = mc_ev(mc_g, EID(t, n - 1));

		for (unsigned i = n; i-- > 0 && e->kind != EV_READ;)
			e = mc_ev(mc_g, EID(t, i));
		if (th->wait_loc) {
			name_loc(th->wait_loc, loc, sizeof(loc));
			printf("        %-8s waits for %s, which is %#lx\n",
			       thread_name(t, who, sizeof(who)), loc,
			       (unsigned long)mc_write_value(
				       mc_g, th->wait_loc, mc_g->loc[th->wait_loc].co_last));
			continue;
		}
		if (e->kind != EV_READ)
			continue;
		name_loc(e->loc, loc, sizeof(loc));
		printf("        %-8s waits for %s, which is %#lx  %s\n",
		       thread_name(t, who, sizeof(who)), loc, (unsigned long)e->value,
		       line_of(e->pc));
	}
}

static void print_history(void)
{
	char line[200];

	if (!mc_scenario->spec)
		return;
	printf("  history:\n");
	for (unsigned i = 0; i < mc_r->nhist; i++) {
		const struct mc_op *h = &mc_r->hist[i].h;

		if (mc_scenario->spec->print)
			mc_scenario->spec->print(h, line, sizeof(line));
		else
			snprintf(line, sizeof(line), "op %u(%lu, %lu) -> %lu, %lu", h->op,
				 (unsigned long)h->arg[0], (unsigned long)h->arg[1],
				 (unsigned long)h->result[0], (unsigned long)h->result[1]);
		printf("        t%u %s%s\n", h->thread, line,
		       mc_r->hist[i].returned ? "" : " (has not returned)");
	}
}

static unsigned changes_of_thread(void)
{
	unsigned n = 0;

	for (unsigned i = 1; i < mc_order_len; i++)
		n += EID_T(mc_order[i]) != EID_T(mc_order[i - 1]);
	return n;
}

void mc_report_failure(void)
{
	char who[24];
	unsigned note = 0;

	lines = lines ? lines : mc_map(LINES_MAX * sizeof(*lines));
	nlines = 0;
	symbols_read();
	for (unsigned i = 0; i < mc_g->nev; i++)
		line_want(mc_g->ev[i].pc);
	line_want(mc_failure.pc);
	const char *pc_at = strstr(mc_failure.text, "(pc 0x");
	const void *other = NULL;

	if (pc_at) {
		other = (const void *)strtoul(pc_at + 4, NULL, 16);
		line_want(other);
	}
	lines_resolve();
	printf("  %u steps, %u changes of thread:\n", mc_order_len, changes_of_thread());
	for (unsigned i = 0; i <= mc_order_len; i++) {
		if (i >= 150 && i + 50 < mc_order_len) {
			if (i == 150)
				printf("  ...\n");
			continue;
		}
		while (note < nnotes && notes[note].after <= i) {
			printf("        %-8s -- %s\n",
			       thread_name(notes[note].tid, who, sizeof(who)), notes[note].text);
			note++;
		}
		if (i < mc_order_len)
			print_event(mc_ev(mc_g, mc_order[i]), i + 1);
	}
	if (mc_failure.kind == FAIL_DEADLOCK)
		print_waiting();
	if (mc_failure.kind == FAIL_HISTORY)
		print_history();
	printf("  %s in %s: %s", mc_fail_name[mc_failure.kind],
	       thread_name(mc_failure.thread, who, sizeof(who)), mc_failure.text);
	if (mc_failure.pc)
		printf("  at %s", line_of(mc_failure.pc));
	if (other)
		printf("; the earlier one at %s", line_of(other));
	printf("\n");
}

/* What the run did, so that mc-walk.c can do it again. */
void mc_replay_string(char *buf, size_t len)
{
	static MC_STATE bool added[1u << 16];
	size_t at = 0;

	memset(added, 0, sizeof(added));
	buf[0] = 0;
	for (unsigned i = 0; i < mc_order_len && at + 24 < len; i++) {
		const struct mc_ev *e = mc_ev(mc_g, mc_order[i]);
		unsigned arg = 0;
		char kind = 'f';

		if (e->kind == EV_READ) {
			kind = 'r';
			arg = e->rf;
		} else if (e->kind == EV_WRITE) {
			kind = 'w';
			for (arg = e->co_prev; arg != EID_INIT && !added[arg];)
				arg = mc_ev(mc_g, (mc_eid)arg)->co_prev;
			added[mc_order[i]] = true;
		} else if (e->kind == EV_CHOICE) {
			kind = 'n'; /* not a hex digit */
			arg = (unsigned)e->value;
		}
		at += (size_t)snprintf(buf + at, len - at, "%x%c%x.", e->tid,
				       kind == 'f' ? 'z' : kind, arg);
	}
	snprintf(buf + at, len - at, "!%x", mc_failure.thread);
}
