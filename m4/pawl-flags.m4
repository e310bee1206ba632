# SPDX-License-Identifier: BSD-2-Clause

# PAWL_APPEND_FLAG(VARIABLE, FLAG)
# Append FLAG to VARIABLE if the compiler takes it. The probe runs with
# -Werror, because clang only warns about flags that it does not know.
AC_DEFUN([PAWL_APPEND_FLAG], [
AS_VAR_PUSHDEF([cache], [pawl_cv_flag_$2])dnl
AC_CACHE_CHECK([whether $CC takes $2], [cache], [
	pawl_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
		[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
	CFLAGS=$pawl_save_CFLAGS])
AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
AS_VAR_POPDEF([cache])dnl
])

# PAWL_FLAGS
# Set PAWL_CFLAGS and PAWL_CPPFLAGS, the project's own flags. They go into
# AM_CFLAGS and AM_CPPFLAGS; CFLAGS, CPPFLAGS and LDFLAGS belong to the user.
AC_DEFUN([PAWL_FLAGS], [
PAWL_CFLAGS=
PAWL_CPPFLAGS=-D_GNU_SOURCE
PAWL_APPEND_FLAG([PAWL_CFLAGS], [-std=gnu11])
AS_IF([test "x$pawl_cv_flag__std_gnu11" = xno],
	[AC_MSG_ERROR([$CC does not take -std=gnu11])])
PAWL_APPEND_FLAG([PAWL_CFLAGS], [-pthread])
PAWL_APPEND_FLAG([PAWL_CFLAGS], [-fvisibility=hidden])
PAWL_APPEND_FLAG([PAWL_CFLAGS], [-fno-common])
PAWL_APPEND_FLAG([PAWL_CFLAGS], [-ftls-model=initial-exec])

# __FILE__ stands in the messages of broken contracts: relative to the top of
# the source wherever the build happens, so that two builds give one binary.
PAWL_APPEND_FLAG([PAWL_MAP_PROBE], [-fmacro-prefix-map=old=new])
AS_IF([test "x$PAWL_MAP_PROBE" != x],
	[PAWL_CPPFLAGS="$PAWL_CPPFLAGS -fmacro-prefix-map=\$(srcdir)/="])

for pawl_flag in \
	-Wall -Wextra \
	-Wshadow -Wundef -Wvla -Wformat=2 -Wwrite-strings \
	-Wpointer-arith -Wcast-align -Winit-self \
	-Wstrict-prototypes -Wold-style-definition \
	-Wmissing-prototypes -Wmissing-declarations \
	-Wimplicit-fallthrough -Walloca -Wredundant-decls \
	-Wlogical-op -Wduplicated-cond -Wjump-misses-init
do
	PAWL_APPEND_FLAG([PAWL_CFLAGS], [$pawl_flag])
done
AS_IF([test "x$enable_werror" != xno], [PAWL_CFLAGS="$PAWL_CFLAGS -Werror"])
AC_SUBST([PAWL_CFLAGS])
AC_SUBST([PAWL_CPPFLAGS])
])

# PAWL_LTO
# --enable-lto: adds link-time optimisation to PAWL_CFLAGS, which the linker sees as well. Objects keep
# ordinary code too, so archives do not need the compiler's own ar.
AC_DEFUN([PAWL_LTO], [
AC_ARG_ENABLE([lto],
	[AS_HELP_STRING([--enable-lto], [optimise across files at link time (slower to build)])],
	[], [enable_lto=no])
AS_CASE([$enable_lto/$enable_sanitizer],
	[no/*], [],
	[yes/no], [
		PAWL_LTO_FLAGS=
		PAWL_APPEND_FLAG([PAWL_LTO_FLAGS], [-flto=auto])
		PAWL_APPEND_FLAG([PAWL_LTO_FLAGS], [-ffat-lto-objects])
		AC_MSG_CHECKING([whether $CC links with$PAWL_LTO_FLAGS])
		pawl_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS $PAWL_LTO_FLAGS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])
			 AC_MSG_ERROR([$CC cannot optimise at link time; do without --enable-lto])])
		CFLAGS=$pawl_save_CFLAGS
		AS_IF([test "x$pawl_cv_flag__flto_auto$pawl_cv_flag__ffat_lto_objects" != xyesyes],
			[AC_MSG_ERROR([--enable-lto wants a compiler with -flto=auto and -ffat-lto-objects
(gcc); do without it])])
		PAWL_CFLAGS="$PAWL_CFLAGS$PAWL_LTO_FLAGS"],
	[yes/*], [AC_MSG_ERROR([--enable-lto and --enable-sanitizer exclude each other])],
	[AC_MSG_ERROR([--enable-lto takes yes or no])])
])
