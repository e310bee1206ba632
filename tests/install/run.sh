#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Install into a staging folder, then be a user: build every examples/*.c
# through pkg-config against what was installed, shared and static, and run it.
# An example ends with 0; with tests/install/NAME.txt, its output is that; with
# tests/install/NAME.sh, that one is read, which starts $2 by start(), and its
# status counts.
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
test -n "$pc" && test -e "$(dirname "$pc")/libpawl-engine.pc"
result $? "libpawl.pc and libpawl-engine.pc are installed"
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

# A header that was left out of a list.
(cd "$srcdir" && find lib/include engine/include -name '*.h' -o -name '*.h.in') |
	sed 's,\.in$,,' | sort >"$out/headers.log"
while read -r header; do
	header=${header#*/include/}
	test -e "$includedir/$header" || echo "$header is not installed"
	case $header in pawl/*) ;; *) continue ;; esac
	grep -q "include <$header>" "$includedir/pawl.h" "$includedir/pawl-engine.h" ||
		echo "$header is neither in pawl.h nor in pawl-engine.h"
done <"$out/headers.log" >"$out/missing.log"
test -s "$out/headers.log" && test ! -s "$out/missing.log"
result $? "every public header is installed" "$out/missing.log"

have_shared=no have_static=no
test -e "$libdir/libpawl.so" && have_shared=yes
test -e "$libdir/libpawl.a" && have_static=yes
for library in libpawl libpawl-engine; do
	test $have_shared = yes || break
	readelf -d "$libdir/$library.so" >"$out/dynamic.log" 2>&1
	grep -q "SONAME.*$library\.so\." "$out/dynamic.log"
	result $? "$library.so has a soname" "$out/dynamic.log"
	! grep 'NEEDED.*\(jemalloc\|libck\|cmocka\)' "$out/dynamic.log"
	result $? "$library.so links no allocator and no libck"
	! grep -F "$builddir" "$out/dynamic.log"
	result $? "$library.so looks for nothing in the build folder"
done
if test $have_shared = yes; then
	grep -q 'NEEDED.*libpawl\.so\.' "$out/dynamic.log"
	result $? "libpawl-engine.so needs libpawl.so" "$out/dynamic.log"
fi

# The static build must not see the shared libraries: a folder with only
# the archives stands before them.
mkdir "$out/archive"
test $have_static = yes && cp "$libdir/libpawl.a" "$libdir/libpawl-engine.a" "$out/archive/"

# What an example is linked with, by the headers that it includes.
module_of() { # module_of SOURCE
	for header in $(sed -n 's/^#include <\(pawl[^>]*\)>.*/\1/p' "$1"); do
		test -e "$srcdir/engine/include/$header" && echo libpawl-engine && return
	done
	echo libpawl
}

flags="-std=gnu11 -Wall -Wextra -Werror -O1 -g"
build() { # build KIND SOURCE PROGRAM
	module=$(module_of "$2")
	case $1 in
	shared)
		$cc $flags $PAWL_SANITIZER_CFLAGS -o "$3" "$2" \
			$($pkg_config --cflags --libs "$module") $libs -pthread
		;;
	static)
		$cc $flags $PAWL_SANITIZER_CFLAGS -o "$3" "$2" $($pkg_config --cflags "$module") \
			-L"$out/archive" $($pkg_config --static --libs "$module" |
				sed "s,-L$libdir,,g") $libs
		;;
	esac
}

# A user in C++, whose headers are the same.
if test $have_shared = no || test -n "$PAWL_SANITIZER_CFLAGS" || ! command -v c++ >/dev/null; then
	skip "C++" "no compiler, no shared library, or one that asks for a runtime of its own"
else
	cat >"$out/version.cc" <<-'EOF'
		#include <pawl-engine.h>
		int main() { return pawl_engine_version() == pawl_version() ? 0 : 1; }
	EOF
	c++ -std=c++17 -Wall -Wextra -Werror -o "$out/version-cxx" "$out/version.cc" \
		$($pkg_config --cflags --libs libpawl-engine) -pthread >"$out/cxx.log" 2>&1 &&
		LD_LIBRARY_PATH=$libdir "$out/version-cxx" >>"$out/cxx.log" 2>&1
	result $? "C++" "$out/cxx.log"
fi

start() { # start PROGRAM [ARGUMENT ...]
	LD_LIBRARY_PATH=$libdir "${SHELL:-/bin/sh}" "$srcdir/scripts/run-test" "$@"
}
run() { # run NAME PROGRAM
	if test -e "$srcdir/tests/install/$1.sh"; then
		(. "$srcdir/tests/install/$1.sh")
	elif test -e "$srcdir/tests/install/$1.txt"; then
		start "$2" </dev/null >"$2.out" && diff "$srcdir/tests/install/$1.txt" "$2.out"
	else
		start "$2" </dev/null
	fi
}

found=no
for source in "$srcdir"/examples/*.c; do
	test -e "$source" || break
	found=yes
	name=$(basename "$source" .c)
	# The one foreign library that an example may need, of the system and not of the stage.
	libs=
	if grep -q '^#include <uv\.h>' "$source"; then
		libs=$(unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
			$pkg_config --cflags --libs libuv 2>/dev/null) || {
			skip "$name" "no libuv"
			continue
		}
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
		run "$name" "$program" >"$log" 2>&1
		result $? "$name, $kind" "$log"
	done
done
test $found = yes || skip "examples" "there are none yet"
finish
