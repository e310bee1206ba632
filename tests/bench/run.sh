#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The bench harness: a bench with tiny counts, what it writes, the report of it, and whether compare
# notices a change for the worse that was made up; the engine's workloads. The figures themselves are not looked at.
# Speaks TAP; the PAWL_... variables come from Makefile.am.

srcdir=${PAWL_SRCDIR:?run me through make check}
builddir=${PAWL_BUILDDIR:?run me through make check}
python=${PAWL_PYTHON:-python3}
out=$builddir/out/bench-test

if test -n "$PAWL_SANITIZERS"; then
	echo "1..0 # SKIP the peers are not built for sanitizers"
	exit 0
fi
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
expect() { # expect STATUS TEXT COMMAND...
	wanted=$1 text=$2
	shift 2
	"$@" >"$out/log" 2>&1
	got=$?
	test $got = "$wanted" || echo "exit status $got, not $wanted" >>"$out/log"
	test $got = "$wanted"
	result $? "$text" "$out/log"
}

slots() {
	"$builddir/bench/b-slots" --quick "$@"
}
expect 0 "a bench runs" slots --threads 1..2 --filter 'slots-get/' --keys 1000 --json "$out/a.jsonl"
expect 0 "it says what there is" slots --list
expect 1 "a wrong number is refused" slots --threads 1..x
expect 2 "an unknown option is refused" slots --no-such-option
# No time at all: one repetition of the first groups, and an end.
expect 0 "a limit of time ends it" slots --threads 1 --seconds 1 --json "$out/limited.jsonl"

cat >"$out/check.py" <<'END'
import json, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
assert rows, "no line"
seen = set()
for row in rows:
    key = (row["bench"], json.dumps(row["params"], sort_keys=True), row["threads"], row["contender"])
    assert key not in seen, key
    seen.add(key)
    assert len(row["samples"]) == row["reps"] and min(row["samples"]) > 0, row
    low, high = min(row["samples"]), max(row["samples"])
    assert low * 0.99 <= row["ns_op_median"] <= high * 1.01, row
    assert row["params"]["keys"] <= 1000, row
    for field in ("allocator", "cpu", "cores", "compiler", "library", "git", "date"):
        assert row[field] != "", field
contenders = {row["contender"] for row in rows}
assert {"pawl", "array"} <= contenders, contenders
assert {row["threads"] for row in rows} == {1, 2}
assert {row["params"]["dist"] for row in rows} == {"uniform", "zipf"}
assert all(r["bytes_entry"] > 8 for r in rows if r["contender"] == "pawl")
END
expect 0 "each line is JSON with every sample" "$python" "$out/check.py" "$out/a.jsonl"

# Steady rows, made of the real ones: what compare has to find does not depend on this machine.
cat >"$out/make.py" <<'END'
import json, sys

factor, noisy = float(sys.argv[3]), len(sys.argv) > 4
for line in open(sys.argv[1]):
    row = json.loads(line)
    ours = row["contender"].startswith("pawl")
    by = 10 * (factor if ours and row["threads"] == 1 else 1)
    spread = 0.20 if noisy else 0.01
    samples = [by * (1 + spread * (i - 5) / 5) for i in range(11)]
    row.update(samples=samples, reps=11, ns_op_median=by, ns_op_min=samples[0], noisy=noisy,
               ns_op_p10=samples[1], ns_op_p90=samples[9], ns_op_mad=by * spread * 0.6)
    with open(sys.argv[2], "a") as file:
        file.write(json.dumps(row) + "\n")
END
make_rows() {
	"$python" "$out/make.py" "$out/a.jsonl" "$@" || echo "# cannot make $1"
}
make_rows "$out/steady.jsonl" 1
make_rows "$out/worse.jsonl" 1.2
make_rows "$out/little.jsonl" 1.02
make_rows "$out/noisy.jsonl" 1 noisy
make_rows "$out/noisy-little.jsonl" 1.2 noisy
make_rows "$out/noisy-worse.jsonl" 2 noisy
compare() {
	"$python" "$srcdir/bench/compare" "$@"
}
expect 0 "compare: the same file" compare "$out/a.jsonl" "$out/a.jsonl"
expect 1 "compare: a fifth slower" compare "$out/steady.jsonl" "$out/worse.jsonl"
expect 0 "compare: a fifth faster" compare "$out/worse.jsonl" "$out/steady.jsonl"
expect 0 "compare: 2 % are no matter" compare "$out/steady.jsonl" "$out/little.jsonl"
expect 0 "compare: a fifth within the noise" compare "$out/noisy.jsonl" "$out/noisy-little.jsonl"
expect 1 "compare: twice as slow is beyond any noise" compare "$out/noisy.jsonl" "$out/noisy-worse.jsonl"
: >"$out/empty.jsonl"
expect 2 "compare: nothing in common" compare "$out/a.jsonl" "$out/empty.jsonl"
echo "not json" >"$out/bad.jsonl"
expect 1 "compare: not a result file" compare "$out/a.jsonl" "$out/bad.jsonl"

expect 0 "report" "$python" "$srcdir/bench/report" --markdown "$out/a.md" --svg "$out/a.svg" "$out/worse.jsonl"
grep -q '^## slots-get' "$out/a.md" && grep -q '| pawl | 12 |' "$out/a.md" &&
	grep -q '| array | 10 |.* 0.83 slower' "$out/a.md" && grep -q 'allocator' "$out/a.md"
result $? "the report has the rows and their ratios" "$out/a.md"
grep -q '| array | 10 |.* 1.00 tie' "$out/a.md"
result $? "what is alike is called a tie" "$out/a.md"
expect 0 "the plot is XML" "$python" -c \
	'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$out/a.svg"
expect 1 "report: nothing to report" "$python" "$srcdir/bench/report" "$out/empty.jsonl"

# Each workload of the engine once, small: what comes out and how many bodies ran is checked by the program.
engine() {
	"$builddir/bench/b-engine" --quick --reps 1 --threads 1 --keys 6000 "$@"
}
cat >"$out/engine.py" <<'END'
import json, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
ours = [row for row in rows if row["contender"] == "pawl"]
benches = {line.split(":")[0] for line in open(sys.argv[2]) if not line.startswith(" ")}
missing = {b for b in benches if not b.startswith("memory-")} - {row["bench"] for row in ours}
assert not missing, missing
# The same edit runs a task twice only if what it reads has changed twice.
assert any("useless_runs" in row for row in ours)
assert not any(row.get("useless_runs") for row in ours), ours
END
expect 0 "the engine's workloads" engine --json "$out/engine.jsonl"
engine --list >"$out/engine.txt"
expect 0 "all of them have run, and nothing twice for nothing" \
	"$python" "$out/engine.py" "$out/engine.jsonl" "$out/engine.txt"
expect 0 "their report" "$python" "$srcdir/bench/report" --summary --markdown "$out/engine.md" \
	--svg "$out/engine.svg" "$out/engine.jsonl"
grep -q '^| attach .*size 2000,.* | 2000 ns |' "$out/engine.md"
result $? "the report says what was aimed at" "$out/engine.md"

# An engine with a store, small.
if test -x "$builddir/bench/b-persist"; then
	expect 0 "snapshots and restarts" "$builddir/bench/b-persist" --quick --reps 1 --keys 1000 --json "$out/persist.jsonl"
	"$python" - "$out/persist.jsonl" >"$out/log" 2>&1 <<'END'
import json, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
assert {r["bench"] for r in rows} == {"persist-snapshot", "persist-latency", "persist-restore", "persist-change", "persist-open"}, rows
assert {r["contender"] for r in rows if r["bench"] == "persist-snapshot"} == {"pawl", "pawl-busy", "store", "file"}
assert all(r["restored"] >= 1000 for r in rows if r["bench"] == "persist-restore"), rows
assert all(r["bytes_task"] > 50 for r in rows if "bytes_task" in r), rows
END
	result $? "each of them has its figures" "$out/log"
fi

echo "1..$n"
test $failed = 0 || test -n "$PAWL_UNDER_DRIVER"
