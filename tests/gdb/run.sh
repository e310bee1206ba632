#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The commands of engine/gdb/pawl-gdb.py on a program whose bodies wait: as it runs, and on a core
# file of it. Speaks TAP; the PAWL_... variables come from Makefile.am.

srcdir=${PAWL_SRCDIR:?run me through make check}
builddir=${PAWL_BUILDDIR:?run me through make check}
script=$srcdir/engine/gdb/pawl-gdb.py
program=$builddir/tests/gdb/parked
out=$builddir/out/gdb-test

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
test -z "$PAWL_SANITIZERS" || skip_all "debuggers and sanitizers are not for each other"
test "`uname -m`" = x86_64 || skip_all "backtraces of fibres are for x86-64"
type gdb >/dev/null 2>&1 || skip_all "there is no gdb"
gdb -nx -batch -ex 'python import gdb.unwinder' >/dev/null 2>&1 || skip_all "gdb has no Python"

rm -rf "$out"
mkdir -p "$out" || exit 1

n=0 failed=0
result() { # result STATUS TEXT [LOG]
	n=$((n + 1))
	if test "$1" = 0; then
		echo "ok $n - $2"
	else
		failed=$((failed + 1))
		test -z "$3" || sed 's/^/# /' "$3"
		echo "not ok $n - $2"
	fi
}
gdb_() {
	"$builddir/libtool" --mode=execute gdb -nx -batch \
		-ex 'set debuginfod enabled off' -ex 'set pagination off' -ex 'set width 0' \
		-ex 'set print thread-events off' "$@" </dev/null 2>&1
}
shows() { # shows LOG PATTERN TEXT
	grep -q -e "$2" "$1"
	result $? "$3" "$1"
}

# What both kinds of target show.
look() { # look LOG KIND
	shows "$1" 'alone#[0-9]* waits for: the cellar door 42; lane 16, in group runtime#' \
		"$2: tasks, and what one waits for"
	shows "$1" 'sender#[0-9]* waits for: task #' "$2: a task that waits for another"
	shows "$1" '^fiber [0-9]*, parked: alone#[0-9]* waits for: the cellar door 42' \
		"$2: a fibre, and the task that runs on it"
	test "`grep -c ' in waits_in_the_cellar \|  waits_in_the_cellar ' "$1"`" -eq 8
	result $? "$2: all frames of both bodies that are in the cellar" "$1"
	shows "$1" 'in goes_down ' "$2: the body itself"
	shows "$1" 'in sends_another ' "$2: the body that waits for another"
	shows "$1" 'in stack_main ' "$2: down to the base of the stack"
	! grep -q 'Error\|corrupt\|Traceback' "$1"
	result $? "$2: nothing went wrong" "$1"
}

gdb_ -ex 'break all_are_parked' -ex run -ex "source $script" -ex 'pawl tasks' \
	-ex 'pawl fibers' -ex 'backtrace 1' -ex "generate-core-file $out/core" -ex continue \
	"$program" >"$out/live.log"
grep -q ' hit Breakpoint 1, \|^Breakpoint 1, ' "$out/live.log" || skip_all "gdb cannot run programs here"
look "$out/live.log" live
shows "$out/live.log" '^#0 .*all_are_parked' "live: the thread is where it was"
shows "$out/live.log" 'exited normally' "live: the program goes on, and ends well"

if test -s "$out/core"; then
	gdb_ -ex "source $script" -ex 'pawl tasks' -ex 'pawl fibers' \
		-ex 'pawl fibers --brief' -ex 'pawl fiber none' "$program" "$out/core" \
		>"$out/core.log"
	look "$out/core.log" core
	shows "$out/core.log" 'which one? pawl fibers lists them' "core: a wrong number"
fi
rm -f "$out/core"
echo "1..$n"
test "$failed" = 0
