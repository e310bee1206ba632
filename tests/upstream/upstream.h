/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * upstream.h - how a program of this folder tells what it saw.
 *
 * A program prints a line for each bug, `upstream NAME: present: what was seen`
 * or `... absent: ...`, and ends with 0, whatever it saw; with 77 if it cannot
 * tell. It includes nothing of Pawl: what is shown is the other library's.
 */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void __attribute__((format(printf, 3, 4)))
upstream_say(const char *name, bool present, const char *format, ...)
{
	va_list args;

	printf("upstream %s: %s: ", name, present ? "present" : "absent");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static inline void __attribute__((noreturn))
upstream_cannot_tell(const char *name, const char *why)
{
	printf("upstream %s: cannot tell: %s\n", name, why);
	fflush(stdout);
	_Exit(77);
}

static inline uint64_t upstream_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline void upstream_sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L},
		  NULL);
}

#endif
