# SPDX-License-Identifier: BSD-2-Clause

# PAWL_SANITIZER
# --enable-sanitizer=LIST of address, undefined, thread. Sets
# SANITIZER_CFLAGS (needed at compile and at link time), SANITIZER_LIST and
# T_SCALE_DEFAULT, the percentage to which tests scale their counts.
AC_DEFUN([PAWL_SANITIZER], [
AC_ARG_ENABLE([sanitizer],
	[AS_HELP_STRING([--enable-sanitizer=LIST],
		[instrument everything; a comma-separated list of address, undefined, thread
		 (implies --with-jemalloc=no)])],
	[], [enable_sanitizer=no])
SANITIZER_CFLAGS=
SANITIZER_LIST=
T_SCALE_DEFAULT=100
pawl_asan=no
pawl_tsan=no
AS_CASE([$enable_sanitizer],
	[no], [],
	[yes], [AC_MSG_ERROR([--enable-sanitizer wants a list: address, undefined, thread])],
	[for pawl_san in `AS_ECHO(["$enable_sanitizer"]) | tr ',' ' '`; do
		AS_CASE([$pawl_san],
			[address], [pawl_asan=yes],
			[thread], [pawl_tsan=yes],
			[undefined], [SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fno-sanitize-recover=all"],
			[AC_MSG_ERROR([unknown sanitizer "$pawl_san": address, undefined, thread])])
		SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fsanitize=$pawl_san"
		SANITIZER_LIST="$SANITIZER_LIST $pawl_san"
	done
	AS_IF([test "$pawl_asan$pawl_tsan" = yesyes],
		[AC_MSG_ERROR([the address and the thread sanitizer exclude each other])])
	SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fno-omit-frame-pointer"
	AC_MSG_CHECKING([whether $CC links with$SANITIZER_CFLAGS])
	pawl_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $SANITIZER_CFLAGS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([$CC has no runtime for --enable-sanitizer=$enable_sanitizer
(clang on Debian: libclang-rt-14-dev)])])
	CFLAGS=$pawl_save_CFLAGS
	AC_DEFINE_UNQUOTED([PAWL_SANITIZERS], ["$enable_sanitizer"],
		[The sanitizers that this build is for, if any: what --enable-sanitizer said.])
	T_SCALE_DEFAULT=50
	AS_IF([test $pawl_asan = yes], [T_SCALE_DEFAULT=30])
	AS_IF([test $pawl_tsan = yes], [T_SCALE_DEFAULT=10])])

# The runtimes accept a symbolizer only under this very name.
AC_PATH_PROGS([LLVM_SYMBOLIZER], [llvm-symbolizer], [],
	[/usr/lib/llvm-14/bin$PATH_SEPARATOR$PATH])
AC_SUBST([SANITIZER_CFLAGS])
AC_SUBST([SANITIZER_LIST])
AC_SUBST([T_SCALE_DEFAULT])
])

# PAWL_CHECK_FIBER_API
# The calls by which a sanitizer is told of a stack switch. Asked of the
# headers: a build without sanitizers cannot link them and does not need to.
AC_DEFUN([PAWL_CHECK_FIBER_API], [
AC_CACHE_CHECK([for the sanitizer fibre API], [pawl_cv_fiber_api], [
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>
]], [[
		void *fiber = __tsan_create_fiber(0);
		__tsan_switch_to_fiber(fiber, 0);
		__tsan_destroy_fiber(fiber);
		__sanitizer_start_switch_fiber(&fiber, 0, 0);
]])], [pawl_cv_fiber_api=yes], [pawl_cv_fiber_api=no])])
AS_IF([test $pawl_cv_fiber_api = yes],
	[AC_DEFINE([PAWL_HAVE_FIBER_API], [1],
		[Define to 1 if the sanitizer headers have the fibre calls.])])
])
