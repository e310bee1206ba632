#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The program as it stands: its help, its version, and command lines that are none.
# Speaks TAP; the PAWL_... variables come from Makefile.am.

builddir=${PAWL_BUILDDIR:?run me through make check}
pawl=$builddir/tools/pawl
out=$builddir/out/program-pawl
rm -rf "$out"
mkdir -p "$out" || exit 1

n=0
expect() { # expect STATUS PATTERN TEXT ARGUMENT...: what it ends with, and what it says
	wanted=$1 pattern=$2 text=$3
	shift 3
	n=$((n + 1))
	"$pawl" "$@" >"$out/log" 2>&1
	got=$?
	if test $got = "$wanted" && grep -q -- "$pattern" "$out/log"; then
		echo "ok $n - $text"
	else
		sed 's/^/# /' "$out/log"
		echo "# exit status $got, not $wanted; or no line with $pattern"
		echo "not ok $n - $text"
	fi
}

expect 2 'usage: pawl COMMAND' "nothing is asked for"
expect 0 'usage: pawl COMMAND' "its help" --help
expect 0 '^pawl [0-9]*\.[0-9]*\.[0-9]*' "its version" --version
expect 2 'there is no command nonsense' "a command that is none" nonsense
expect 2 'usage: pawl store' "a command without arguments" store
expect 0 'usage: pawl store' "a command's help" store --help

n=$((n + 1))
if test ! -w /dev/full; then
	echo "ok $n - output that does not arrive # SKIP there is no /dev/full"
elif "$pawl" --version >/dev/full 2>"$out/log"; then
	echo "not ok $n - output that does not arrive"
else
	echo "ok $n - output that does not arrive"
fi

echo "1..$n"
