#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# pawl store: what it says of a store that an engine has made, of a damaged one, of one that is being written, and
# of what is none. tests/persist/t-inspect makes the stores.
# Speaks TAP; the PAWL_... variables come from Makefile.am.

builddir=${PAWL_BUILDDIR:?run me through make check}
pawl=$builddir/tools/pawl
make=$builddir/tests/persist/t-inspect
out=$builddir/out/program-store
rm -rf "$out"
mkdir -p "$out" || exit 1

n=0
result() { # result STATUS TEXT
	n=$((n + 1))
	if test "$1" = 0; then
		echo "ok $n - $2"
	else
		sed 's/^/# /' "$out/log"
		echo "not ok $n - $2"
	fi
}
expect() { # expect STATUS PATTERN TEXT COMMAND...: what it ends with, and a line that it says
	wanted=$1 pattern=$2 text=$3
	shift 3
	"$@" >"$out/log" 2>&1
	got=$?
	test $got = "$wanted" || echo "exit status $got, not $wanted" >>"$out/log"
	grep -q -- "$pattern" "$out/log" || echo "no line with $pattern" >>"$out/log"
	test $got = "$wanted" && grep -q -- "$pattern" "$out/log"
	result $? "$text"
}

"$pawl" store info "$out/none" >"$out/log" 2>&1
if grep -q 'LMDB and build' "$out/log"; then
	echo "1..0 # SKIP no LMDB"
	exit 0
fi
if grep -q 'copy the folder' "$out/log"; then
	echo "1..0 # SKIP no stores on this file system"
	exit 0
fi
expect 1 'name the folder' "a folder that is not there" "$pawl" store info "$out/none"
mkdir "$out/empty"
expect 1 'pawl store: ' "an empty folder" "$pawl" store info "$out/empty"
: >"$out/file"
expect 1 'pawl store: ' "a file" "$pawl" store check "$out/file"
test ! -e "$out/none" && test -z "$(ls -A "$out/empty")" && test ! -s "$out/file"
result $? "nothing was made where there was nothing"
expect 2 'usage: pawl store' "no folder" "$pawl" store info
expect 2 'usage: pawl store' "a word that is none" "$pawl" store nonsense "$out/none"

expect 0 '' "a store is made" "$make" make "$out/store"
cp "$out/store/data.mdb" "$out/before"
expect 0 '^ *1 *15 .* node$' "info: a line for each function" "$pawl" store info "$out/store"
grep -q '^tasks  *30 ' "$out/log" && grep -q '^damage  *0$' "$out/log" &&
	grep -q '^snapshots  *1$' "$out/log"
result $? "info: the sums"
expect 0 '^30 tasks, 0 damaged$' "check: nothing is wrong" "$pawl" store check "$out/store"
expect 0 '^id.*function.*error$' "dump: a head" "$pawl" store dump "$out/store"
test "$(wc -l <"$out/log")" = 31 &&
	test "$(awk -F '\t' 'NF != 12' "$out/log" | wc -l)" = 0 &&
	test "$(awk -F '\t' '$2 == "input" && $3 == "session"' "$out/log" | wc -l)" = 15
result $? "dump: a line for each task, with all fields"
cmp "$out/before" "$out/store/data.mdb" >"$out/log" 2>&1
result $? "looking changes nothing"

for word in info check dump; do
	expect 0 '' "$word beside who writes it" "$make" beside "$out/store" "$pawl" store $word "$out/store"
done
expect 0 '^30 tasks, 0 damaged$' "what was written meanwhile is good" "$pawl" store check "$out/store"

expect 0 '' "a byte is damaged" "$make" spoil "$out/store"
expect 1 'data of task [0-9]*: its checksum is wrong' "check: where it is" "$pawl" store check "$out/store"
expect 0 '^damage  *1$' "info: how many" "$pawl" store info "$out/store"
expect 1 'are damaged, and left out' "dump: without it" "$pawl" store dump "$out/store"
expect 0 '' "an engine opens it" "$make" make "$out/store"
expect 0 ' 0 damaged$' "and it is good again" "$pawl" store check "$out/store"

dd if=/dev/zero of="$out/store/data.mdb" bs=4096 count=2 conv=notrunc >"$out/log" 2>&1
expect 1 'pawl store: ' "the library's own pages are damaged" "$pawl" store check "$out/store"

echo "1..$n"
