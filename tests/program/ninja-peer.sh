#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the manifest's reader makes of manifests drawn from a seed, beside what ninja makes of them.
# T_SEED is the first seed; T_TIER=long takes many more. Speaks TAP.

builddir=${PAWL_BUILDDIR:?run me through make check}
srcdir=${PAWL_SRCDIR:-.}
count=12
test "x$T_TIER" = xlong && count=2000

if test -z "$PAWL_PYTHON"; then
	echo "1..0 # SKIP there is no python3"
	exit 0
fi
exec "$PAWL_PYTHON" "$srcdir/tests/program/ninja-peer.py" \
	"$builddir/tests/program/read-ninja" $count "${T_SEED:-1}"
