/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record-disk.h - what a program writes under a folder, as a log: so that a test can cut the power at any of it.
 *
 * record-disk.c defines the calls by which files change and passes them on. It is linked into the program, or
 * preloaded:
 *
 *	cc -shared -fPIC -o record-disk.so tests/persist/record-disk.c
 *	T_RECORD=log T_RECORD_UNDER=folder LD_PRELOAD=./record-disk.so program
 *
 * Both variables are needed, or nothing is recorded. With T_RECORD_FAIL the first fsync() of a folder fails; T_RECORD_BOOT names a
 * file that is read in place of the machine's boot id. Not seen: what is written through shared writable maps, but for
 * msync(), which says so in the log; and what the C library writes by itself, for stdio.
 */
#ifndef T_RECORD_DISK_H
#define T_RECORD_DISK_H

#include <stddef.h>
#include <stdint.h>

enum t_disk_call {
	T_DISK_CREATE, /* a name: that of a file which was not there; a: 1, it was and was cut to nothing */
	T_DISK_MKDIR, /* a name */
	T_DISK_WRITE, /* a: offset; bytes. b: 1, it is on the disk when it returns (O_DSYNC) */
	T_DISK_TRUNCATE, /* a: the new size */
	T_DISK_SYNC,	 /* all of this file, or of this folder's names */
	T_DISK_RENAME,	 /* two names, ended by 0 each */
	T_DISK_UNLINK,	 /* a name */
	T_DISK_MAP,	 /* msync() of a map: what it wrote is not known */
	T_DISK_MARK	 /* a: what the program said */
};

struct t_disk_record {
	uint32_t call, bytes; /* that follow */
	uint64_t file;	      /* inode */
	uint64_t a, b;
};

/* t_disk_mark() - Put a number into the log; 0: it could not. Found by name, so that it may be missing. */
int t_disk_mark(uint64_t number);

#endif
