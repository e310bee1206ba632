/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.c - the table for people, the lines for programs.
 */
#include "driver.h"

#include <stdlib.h>
#include <string.h>
#include <pawl/version.h>

/* The compiler's flags, unless the environment says them. */
#ifndef B_FLAGS
#define B_FLAGS "unknown"
#endif

static void json_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, ",\"%s\":\"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

static void json_line(const struct b_bench *bench, const struct cell *cell, unsigned threads,
		      const struct figures *f, double foreign)
{
	FILE *out = b_drv.json;

	fprintf(out, "{\"bench\":\"%s\",\"contender\":\"%s\",\"params\":{%s},\"threads\":%u",
		bench->name, cell->cas->contender, cell->cas->params ? cell->cas->params : "",
		threads);
	fprintf(out, ",\"ns_op_median\":%.4g,\"ns_op_min\":%.4g,\"ns_op_p10\":%.4g", f->median,
		f->min, f->p10);
	fprintf(out, ",\"ns_op_p90\":%.4g,\"ns_op_mad\":%.4g,\"spread\":%.3f", f->p90, f->mad,
		f->spread);
	if (cell->latency.count)
		fprintf(out, ",\"op_ns_p50\":%llu,\"op_ns_p99\":%llu,\"op_ns_max\":%llu",
			(unsigned long long)b_latency_at(&cell->latency, 0.50),
			(unsigned long long)b_latency_at(&cell->latency, 0.99),
			(unsigned long long)cell->latency.max);
	fprintf(out, ",\"reps\":%u,\"ops\":%llu,\"share_min\":%.3f", cell->reps,
		(unsigned long long)cell->ops, cell->share_min);
	if (cell->cas->bytes)
		fprintf(out, ",\"bytes\":%zu", cell->cas->bytes);
	for (unsigned i = 0; i < B_EXTRAS_MAX && cell->extra[i].name; i++)
		fprintf(out, ",\"%s\":%.6g", cell->extra[i].name, cell->extra[i].value);
	fprintf(out, ",\"noisy\":%s,\"foreign_cpu\":%.3f,\"min_time_ms\":%u,\"pinned\":%s",
		foreign > B_FOREIGN_LIMIT || f->spread > B_SPREAD_LIMIT ? "true" : "false",
		foreign, b_drv.time_ms,
		b_drv.pin && !cell->cas->anywhere &&
				(cell->cas->one_cpu || threads <= b_drv.cpu_count)
			? "true"
			: "false");
	fputs(",\"samples\":[", out);
	for (unsigned i = 0; i < cell->reps; i++)
		fprintf(out, "%s%.4g", i ? "," : "", cell->ns_op[i]);
	fputs("]", out);
	if (threads > b_drv.cpu_count)
		fputs(",\"oversubscribed\":true", out);
	json_string(out, "text", bench->text);
	json_string(out, "allocator", b_drv.allocator);
	json_string(out, "cpu", b_drv.cpu_model);
	fprintf(out, ",\"cores\":%u", b_drv.cpu_count);
	json_string(out, "kernel", b_drv.kernel);
	json_string(out, "git", b_drv.git);
#ifdef __clang__
	json_string(out, "compiler", "clang " __clang_version__);
#else
	json_string(out, "compiler", "gcc " __VERSION__);
#endif
	json_string(out, "flags", getenv("B_FLAGS") ? getenv("B_FLAGS") : B_FLAGS);
	json_string(out, "library", pawl_build_string());
	json_string(out, "date", b_drv.date);
	fputs("}\n", out);
	fflush(out);
}

static void table_row(const struct cell *cell, const struct figures *f, double ours)
{
	char ratio[32] = "-";
	char bytes[32] = "-";

	if (ours > 0)
		snprintf(ratio, sizeof(ratio), "%.2f", f->median / ours);
	if (cell->cas->bytes)
		snprintf(bytes, sizeof(bytes), "%zu", cell->cas->bytes);
	fprintf(b_drv.table, "  %-26s %10.2f %10.2f %10.2f %10.2f %7s %6s",
		cell->cas->contender, f->median, f->min, f->p10, f->p90, ratio, bytes);
	if (cell->share_min < 0.9)
		fprintf(b_drv.table, "  share %.2f", cell->share_min);
	if (cell->latency.count)
		fprintf(b_drv.table, "  p99 %llu max %llu",
			(unsigned long long)b_latency_at(&cell->latency, 0.99),
			(unsigned long long)cell->latency.max);
	for (unsigned i = 0; i < B_EXTRAS_MAX && cell->extra[i].name; i++)
		fprintf(b_drv.table, "  %s %.4g", cell->extra[i].name, cell->extra[i].value);
	if (f->spread > B_SPREAD_LIMIT)
		fprintf(b_drv.table, "  spread %.0f %%", f->spread * 100);
	fputc('\n', b_drv.table);
}

void b_group_print(const struct b_bench *bench, const struct cell *cells, size_t count,
		   unsigned threads, double foreign)
{
	const char *params = cells[0].cas->params;
	double ours = 0;

	fprintf(b_drv.table, "\n%s%s%s, %u thread%s: %s\n", bench->name, params ? " " : "",
		params ? params : "", threads, threads == 1 ? "" : "s", bench->text);
	fprintf(b_drv.table, "  %-26s %10s %10s %10s %10s %7s %6s\n", "ns/op", "median", "min",
		"p10", "p90", "x ours", "bytes");
	for (size_t i = 0; i < count; i++) {
		struct figures f;

		if (cells[i].skipped || !cells[i].reps) {
			fprintf(b_drv.table, "  %-26s skipped\n", cells[i].cas->contender);
			continue;
		}
		f = b_figure(&cells[i]);
		if (ours <= 0 && !strcmp(cells[i].cas->contender, "pawl"))
			ours = f.median;
		table_row(&cells[i], &f, ours);
		json_line(bench, &cells[i], threads, &f, foreign);
	}
	if (foreign > B_FOREIGN_LIMIT)
		fprintf(b_drv.table, "  NOISY: others used %.0f %% of a CPU meanwhile\n",
			foreign * 100);
	fflush(b_drv.table);
}
