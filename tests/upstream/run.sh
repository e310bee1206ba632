#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Build and run the programs of this folder and print what they saw as a table.
# Reports only: the exit status is 0 whatever is seen.
# Environment, all optional:
#   PAWL_SRCDIR PAWL_BUILDDIR PAWL_CC   where the tree is, where to build, the compiler
#   UPSTREAM_CFLAGS UPSTREAM_LIBS       how to find Concurrency Kit and liburcu
#   UPSTREAM_SECONDS                    a program's time, then it is stopped (20)

here=$(dirname "$0")
srcdir=${PAWL_SRCDIR:-$here/../..}
out=${PAWL_BUILDDIR:-.}/out/upstream
cc=${PAWL_CC:-cc}
libs=${UPSTREAM_LIBS:--lck -lurcu-memb -lurcu-cds -lurcu-common}
mkdir -p "$out" || exit 1
: >"$out/table"

for source in "$srcdir"/tests/upstream/*.c; do
	name=$(basename "$source" .c)
	if ! $cc -std=gnu11 -D_GNU_SOURCE -O2 -g $UPSTREAM_CFLAGS -o "$out/$name" "$source" \
		$libs -pthread >"$out/$name.log" 2>&1; then
		echo "upstream $name: cannot tell: not built, see $out/$name.log" >>"$out/table"
		continue
	fi
	timeout "${UPSTREAM_SECONDS:-20}" "$out/$name" </dev/null >"$out/$name.log" 2>&1
	status=$?
	grep '^upstream ' "$out/$name.log" >>"$out/table" ||
		echo "upstream $name: cannot tell: status $status, see $out/$name.log" >>"$out/table"
done

awk '/^upstream / {
	name = $2; sub(/:$/, "", name)
	verdict = index($0, ": present: ") ? "present" : \
		index($0, ": absent: ") ? "absent" : "unknown"
	text = $0; sub(/^upstream [^:]*: (present|absent|cannot tell): /, "", text)
	printf "%-20s %-8s %s\n", name, verdict, text
	count[verdict]++
}
END {
	printf "upstream: %d present, %d absent, %d unknown\n", \
		count["present"], count["absent"], count["unknown"]
}' "$out/table"
exit 0
