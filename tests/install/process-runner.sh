# SPDX-License-Identifier: BSD-2-Clause
#
# Read by run.sh: examples/process-runner.c, built as $2. Nothing depends on how fast anything is.

# expect STATUS TEXT ARGUMENT ...: the output in any order of lines.
expect() {
	status=$1
	printf '%s\n' "$2" | sort >"$program.want"
	shift 2
	start "$program" "$@" >"$program.got"
	got=$?
	test $got = "$status" || echo "$*: status $got, and not $status"
	sort "$program.got" | diff "$program.want" - && test $got = "$status"
}
program=$2
expect 0 '== echo one: status 0
one' 'echo one' </dev/null &&
	expect 0 '== echo one: status 0
one
== echo two: status 0
two' -j 1 <<'EOF' &&
echo one
echo two
EOF
	expect 1 '== true: status 0
== echo three >&2; exit 3: status 3
three
== kill -9 $$: status 137' -j 3 true 'echo three >&2; exit 3' 'kill -9 $$' </dev/null &&
	expect 1 '== sleep 3600: deadline 143' -t 0.01 'sleep 3600' </dev/null &&
	# One after the other, each in one piece, although both write twice.
	start "$program" -j 2 'echo a; echo a' 'echo b; echo b' </dev/null >"$program.got" &&
	grep -v '^==' "$program.got" | uniq | wc -l | grep -qx ' *2'
