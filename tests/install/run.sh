#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Install into a staging folder, then be a user: build every examples/*.c
# through pkg-config against what was installed, shared and static, and run it.
# Speaks TAP. Started by make check and make install-check; the PAWL_...
# variables come from Makefile.am.

srcdir=${PAWL_SRCDIR:?run me through make install-check}
builddir=${PAWL_BUILDDIR:?run me through make install-check}
cc=${PAWL_CC:-cc}
pkg_config=${PAWL_PKG_CONFIG:-pkg-config}
out=$builddir/out/install
stage=$out/stage

# The job server and the overrides of the make that started us are not ours.
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR

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
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}
finish() {
	echo "1..$n"
	# Under make check the lines above are the verdict; install-check, which
	# nobody parses, wants the status.
	test $failed = 0 || test -n "$PAWL_UNDER_DRIVER"
	exit
}

(cd "$builddir" && ${PAWL_MAKE:-make} install DESTDIR="$stage") >"$out/install.log" 2>&1
status=$?
result $status "make install" "$out/install.log"
test $status = 0 || finish

pc=$(find "$stage" -name libpawl.pc)
test -n "$pc"
result $? "libpawl.pc is installed"
test -n "$pc" || finish
PKG_CONFIG_PATH=$(dirname "$pc")
PKG_CONFIG_SYSROOT_DIR=$stage
# pkg-config leaves out system folders by their unstaged names.
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
libdir=$($pkg_config --variable=libdir libpawl)
case $libdir in "$stage"*) ;; *) libdir=$stage$libdir ;; esac
includedir=$($pkg_config --variable=includedir libpawl)
case $includedir in "$stage"*) ;; *) includedir=$stage$includedir ;; esac

# Nothing of the build leaks: no config.h, no private header, no path.
leak=$(cd "$includedir" && find . -name '*-internal.h' -o -name config.h -o -name arch.h)
test -z "$leak"
result $? "no private header is installed"
! grep -rn 'config\.h\|PAWL_DEBUG' "$includedir" >"$out/leak.log"
result $? "installed headers do not depend on the build" "$out/leak.log"

have_shared=no have_static=no
test -e "$libdir/libpawl.so" && have_shared=yes
test -e "$libdir/libpawl.a" && have_static=yes
if test $have_shared = yes; then
	readelf -d "$libdir/libpawl.so" >"$out/dynamic.log" 2>&1
	grep -q 'SONAME.*libpawl\.so\.' "$out/dynamic.log"
	result $? "libpawl.so has a soname" "$out/dynamic.log"
	! grep 'NEEDED.*\(jemalloc\|libck\|cmocka\)' "$out/dynamic.log"
	result $? "libpawl.so links no allocator and no libck"
fi

# The static build must not see the shared library: a folder with only
# the archive stands before it.
mkdir "$out/archive"
test $have_static = yes && cp "$libdir/libpawl.a" "$out/archive/"

flags="-std=gnu11 -Wall -Wextra -Werror -O1 -g"
build() { # build KIND SOURCE PROGRAM
	case $1 in
	shared)
		$cc $flags $PAWL_SANITIZER_CFLAGS -o "$3" "$2" \
			$($pkg_config --cflags --libs libpawl) $libs -pthread
		;;
	static)
		$cc $flags $PAWL_SANITIZER_CFLAGS -o "$3" "$2" $($pkg_config --cflags libpawl) \
			-L"$out/archive" $($pkg_config --static --libs libpawl |
				sed "s,-L$libdir,,g") $libs
		;;
	esac
}

found=no
for source in "$srcdir"/examples/*.c; do
	test -e "$source" || break
	found=yes
	name=$(basename "$source" .c)
	# What it includes and may not be here: the engine is not installed yet.
	missing=
	for header in $(sed -n 's/^#include <\(pawl\/[^>]*\)>.*/\1/p' "$source"); do
		test -e "$includedir/$header" || missing="no $header is installed"
	done
	libs=
	if grep -q '^#include <uv\.h>' "$source"; then
		libs=$(unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
			$pkg_config --cflags --libs libuv 2>/dev/null) || missing="no libuv"
	fi
	if test -n "$missing"; then
		skip "$name" "$missing"
		continue
	fi
	for kind in shared static; do
		eval "have=\$have_$kind"
		if test "$have" = no; then
			skip "$name, $kind" "no $kind library in this configuration"
			continue
		fi
		program=$out/$name-$kind
		log=$out/$name-$kind.log
		build $kind "$source" "$program" >"$log" 2>&1 || {
			result 1 "$name, $kind: build" "$log"
			continue
		}
		if test $kind = static && readelf -d "$program" | grep -q 'NEEDED.*libpawl'; then
			result 1 "$name, static: the program needs libpawl.so all the same"
			continue
		fi
		LD_LIBRARY_PATH=$libdir "${SHELL:-/bin/sh}" "$srcdir/scripts/run-test" "$program" \
			</dev/null >"$log" 2>&1
		result $? "$name, $kind" "$log"
	done
done
test $found = yes || skip "examples" "there are none yet"
finish
