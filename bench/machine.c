/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.c - what the machine is, and how much others use of it.
 */
#include "driver.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* There if the program links jemalloc. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *fresh, size_t fresh_len)
	__attribute__((weak));

struct b_load b_load_read(void)
{
	struct b_load load = {.wall_ns = b_now_ns()};
	unsigned long long t[8] = {0};
	struct rusage usage;
	FILE *stat = fopen("/proc/stat", "r");

	if (stat) {
		if (fscanf(stat, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1],
			   &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8)
			load.busy_s = (double)(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) /
				      (double)sysconf(_SC_CLK_TCK);
		fclose(stat);
	}
	getrusage(RUSAGE_SELF, &usage);
	load.own_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
	return load;
}

double b_load_foreign(const struct b_load *since)
{
	struct b_load now = b_load_read();
	double wall_s = (double)(now.wall_ns - since->wall_ns) * 1e-9;
	double foreign = (now.busy_s - since->busy_s) - (now.own_s - since->own_s);

	/* /proc/stat counts in hundredths of a second: less than three is nothing. */
	if (foreign < 0.03 || wall_s <= 0)
		return 0;
	return foreign / wall_s;
}

uint64_t b_heap_bytes(void)
{
	uint64_t epoch = 1;
	size_t bytes = 0, len = sizeof(bytes);
	struct mallinfo2 info;

	if (mallctl) {
		/* What threads have cached is not counted as given out. */
		(void)mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
		(void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
		if (!mallctl("stats.allocated", &bytes, &len, NULL, 0))
			return bytes;
	}
	info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void first_line_of(const char *command, char *buf, size_t len)
{
	FILE *pipe = popen(command, "r");

	if (!pipe)
		return;
	if (fgets(buf, (int)len, pipe))
		buf[strcspn(buf, "\n")] = '\0';
	pclose(pipe);
}

/* Peers of C++ and Rust take theirs from malloc() as well. */
static void allocator_read(void)
{
	const char *version = NULL;
	size_t len = sizeof(version);

	if (mallctl && !mallctl("version", &version, &len, NULL, 0) && version)
		snprintf(b_drv.allocator, sizeof(b_drv.allocator), "jemalloc %.12s", version);
	else
		snprintf(b_drv.allocator, sizeof(b_drv.allocator), "libc %s",
			 gnu_get_libc_version());
}

void b_machine_read(void)
{
	struct utsname uts;
	const char *git = getenv("B_GIT");
	time_t now = time(NULL);
	struct tm tm;

	if (sched_getaffinity(0, sizeof(b_drv.allowed), &b_drv.allowed))
		b_die("sched_getaffinity: %s", strerror(errno));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &b_drv.allowed))
			b_drv.cpus[b_drv.cpu_count++] = cpu;
	snprintf(b_drv.cpu_model, sizeof(b_drv.cpu_model), "unknown");
	first_line_of("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo", b_drv.cpu_model,
		      sizeof(b_drv.cpu_model));
	snprintf(b_drv.kernel, sizeof(b_drv.kernel), "unknown");
	if (!uname(&uts))
		snprintf(b_drv.kernel, sizeof(b_drv.kernel), "%.40s %.60s", uts.sysname,
			 uts.release);
	allocator_read();
	snprintf(b_drv.git, sizeof(b_drv.git), "%s", git ? git : "unknown");
	if (!git)
		first_line_of("git describe --always --dirty --abbrev=12 2>/dev/null",
			      b_drv.git, sizeof(b_drv.git));
	gmtime_r(&now, &tm);
	strftime(b_drv.date, sizeof(b_drv.date), "%Y-%m-%dT%H:%M:%SZ", &tm);
}
