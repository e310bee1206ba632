# SPDX-License-Identifier: BSD-2-Clause

# PAWL_URCU
# --with-urcu=memb|qsbr: the liburcu flavour under lib/rcu.c. No liburcu name
# is in a public header, so both flavours have the same ABI.
AC_DEFUN([PAWL_URCU], [
AC_ARG_WITH([urcu],
	[AS_HELP_STRING([--with-urcu=FLAVOUR], [liburcu flavour: memb (default) or qsbr])],
	[], [with_urcu=memb])
AS_CASE([$with_urcu],
	[memb], [AC_DEFINE([PAWL_URCU_MEMB], [1], [Define to 1 to build on liburcu-memb.])],
	[qsbr], [AC_DEFINE([PAWL_URCU_QSBR], [1], [Define to 1 to build on liburcu-qsbr.])],
	[AC_MSG_ERROR([--with-urcu takes memb or qsbr, not "$with_urcu"])])
pawl_urcu_module=liburcu-$with_urcu
PKG_CHECK_MODULES([URCU], [$pawl_urcu_module >= 0.13], [],
	[AC_MSG_ERROR([$pawl_urcu_module >= 0.13 is missing (Debian: liburcu-dev)])])
AC_SUBST([PAWL_URCU_MODULE], [$pawl_urcu_module])

# For comparison only: benches and tests/upstream.
PKG_CHECK_MODULES([URCU_PEER], [liburcu-memb >= 0.13 liburcu-cds >= 0.13],
	[pawl_have_urcu_peer=yes], [pawl_have_urcu_peer=no])
AM_CONDITIONAL([HAVE_URCU_PEER], [test $pawl_have_urcu_peer = yes])
])

# PAWL_CK
# Concurrency Kit by header and link test. Its pkg-config file is not asked:
# it adds a define for the CPU to the flags of whoever includes it. Of CK the
# library uses headers only; libck itself is linked by benches and by
# tests/upstream, to compare with.
AC_DEFUN([PAWL_CK], [
AC_CACHE_CHECK([for ck_pr.h], [pawl_cv_ck_pr], [
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <ck_pr.h>]],
		[[ck_pr_stall(); ck_pr_fence_memory();]])],
		[pawl_cv_ck_pr=yes], [pawl_cv_ck_pr=no])])
AS_IF([test $pawl_cv_ck_pr = no],
	[AC_MSG_ERROR([Concurrency Kit's ck_pr.h is missing (Debian: libck-dev)])])

CK_LIBS=
pawl_save_LIBS=$LIBS
LIBS="-lck $LIBS"
AC_CACHE_CHECK([for libck], [pawl_cv_libck], [
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <ck_epoch.h>
static ck_epoch_t epoch;]], [[ck_epoch_init(&epoch);]])],
		[pawl_cv_libck=yes], [pawl_cv_libck=no])])
LIBS=$pawl_save_LIBS
pawl_have_libck=$pawl_cv_libck
AS_IF([test $pawl_have_libck = yes], [CK_LIBS=-lck])
AC_SUBST([CK_LIBS])
AM_CONDITIONAL([HAVE_LIBCK], [test $pawl_have_libck = yes])
])

# PAWL_CXX_PEERS
# C++ containers for comparison, in benches only: oneTBB, and libcuckoo, which is headers.
# Programs that have them are linked by the C compiler; CXX_PEER_LIBS names what that takes.
AC_DEFUN([PAWL_CXX_PEERS], [
TBB_CFLAGS=
TBB_LIBS=
CXX_PEER_LIBS=
pawl_cxx_peers=
AC_LANG_PUSH([C++])
AC_CACHE_CHECK([whether $CXX makes C++17 programs], [pawl_cv_cxx17], [
	pawl_save_CXXFLAGS=$CXXFLAGS
	CXXFLAGS="$CXXFLAGS -std=c++17"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <shared_mutex>
#include <string_view>]], [[std::string_view text("x"); return (int)text.size() - 1;]])],
		[pawl_cv_cxx17=yes], [pawl_cv_cxx17=no])
	CXXFLAGS=$pawl_save_CXXFLAGS])
AC_LANG_POP([C++])
pawl_have_tbb=no
pawl_have_libcuckoo=no
AS_IF([test $pawl_cv_cxx17 = yes], [
	PKG_CHECK_MODULES([TBB], [tbb >= 2020.1], [pawl_have_tbb=yes], [pawl_have_tbb=no])
	AC_LANG_PUSH([C++])
	AC_CHECK_HEADER([libcuckoo/cuckoohash_map.hh],
		[pawl_have_libcuckoo=yes], [pawl_have_libcuckoo=no])
	AC_LANG_POP([C++])])
AS_IF([test $pawl_have_tbb = yes], [
	pawl_cxx_peers="oneTBB"
	CXX_PEER_LIBS="$CXX_PEER_LIBS $TBB_LIBS"
	AC_DEFINE([PAWL_HAVE_TBB], [1], [Define to 1 if oneTBB is there (benches).])])
AS_IF([test $pawl_have_libcuckoo = yes], [
	pawl_cxx_peers="$pawl_cxx_peers${pawl_cxx_peers:+, }libcuckoo"
	AC_DEFINE([PAWL_HAVE_LIBCUCKOO], [1], [Define to 1 if libcuckoo is there (benches).])])
AS_IF([test "x$pawl_cxx_peers" = x], [pawl_cxx_peers=no],
	[CXX_PEER_LIBS="$CXX_PEER_LIBS -lstdc++"])
AC_SUBST([TBB_CFLAGS])
AC_SUBST([TBB_LIBS])
AC_SUBST([CXX_PEER_LIBS])
AM_CONDITIONAL([HAVE_CXX], [test $pawl_cv_cxx17 = yes])
AM_CONDITIONAL([HAVE_TBB], [test $pawl_have_tbb = yes])
AM_CONDITIONAL([HAVE_LIBCUCKOO], [test $pawl_have_libcuckoo = yes])
AM_CONDITIONAL([HAVE_CXX_PEERS], [test "x$pawl_cxx_peers" != xno])
])

# PAWL_JEMALLOC
# --with-jemalloc: the allocator of programs, tests and benches. The libraries
# never link one, since a library must not replace its host's malloc.
AC_DEFUN([PAWL_JEMALLOC], [
AC_ARG_WITH([jemalloc],
	[AS_HELP_STRING([--without-jemalloc],
		[do not link jemalloc into programs, tests and benches])],
	[], [with_jemalloc=default])
AS_IF([test "x$SANITIZER_LIST" != x],
	[AS_IF([test "x$with_jemalloc" = xyes],
		[AC_MSG_ERROR([a sanitizer brings its own allocator: it excludes --with-jemalloc])])
	 with_jemalloc=no])
AS_IF([test "x$with_jemalloc" = xdefault], [with_jemalloc=yes])
JEMALLOC_CFLAGS=
JEMALLOC_LIBS=
AS_CASE([$with_jemalloc],
	[yes], [PKG_CHECK_MODULES([JEMALLOC], [jemalloc >= 5.0], [],
		[AC_MSG_ERROR([jemalloc is missing (Debian: libjemalloc-dev);
--without-jemalloc does without it])])
		AC_DEFINE([PAWL_WITH_JEMALLOC], [1],
			[Define to 1 if programs, tests and benches link jemalloc.])],
	[no], [],
	[AC_MSG_ERROR([--with-jemalloc takes yes or no])])
AC_SUBST([JEMALLOC_CFLAGS])
AC_SUBST([JEMALLOC_LIBS])
])

# PAWL_LMDB
# --with-lmdb: the store of libpawl-engine on disk. Without it pawl_store_open_lmdb() says -ENOSYS. Asked for by
# header and link test: not every system has a pkg-config file for it.
AC_DEFUN([PAWL_LMDB], [
AC_ARG_WITH([lmdb],
	[AS_HELP_STRING([--without-lmdb],
		[build libpawl-engine without its store on disk (default: with it if LMDB is there)])],
	[], [with_lmdb=default])
AS_CASE([$with_lmdb],
	[yes|no|default], [],
	[AC_MSG_ERROR([--with-lmdb takes yes or no])])
LMDB_LIBS=
pawl_lmdb_summary="no (--without-lmdb): no store on disk"
AS_IF([test "x$with_lmdb" != xno], [
	AC_CACHE_CHECK([for LMDB 0.9.22 or later], [pawl_cv_lmdb], [
		pawl_save_LIBS=$LIBS
		LIBS="-llmdb $LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <lmdb.h>
#if MDB_VERSION_FULL < MDB_VERINT(0, 9, 22)
#error old
#endif]], [[MDB_env *env; return mdb_env_create(&env);]])],
			[pawl_cv_lmdb=yes], [pawl_cv_lmdb=no])
		LIBS=$pawl_save_LIBS])
	AS_IF([test $pawl_cv_lmdb = yes], [
		with_lmdb=yes
		LMDB_LIBS=-llmdb
		pawl_lmdb_summary="yes: the store on disk"
		AC_DEFINE([PAWL_HAVE_LMDB], [1], [Define to 1 if LMDB is there (engine/persist).])],
		[test "x$with_lmdb" = xyes], [
		AC_MSG_ERROR([--with-lmdb, but LMDB is missing (Debian: liblmdb-dev)])],
		[with_lmdb=no
		pawl_lmdb_summary="no (Debian: liblmdb-dev): no store on disk"
		AC_MSG_WARN([LMDB is missing (Debian: liblmdb-dev): libpawl-engine will have no store on disk])])])
AC_SUBST([LMDB_LIBS])
AM_CONDITIONAL([HAVE_LMDB], [test "x$with_lmdb" = xyes])
])

# PAWL_CHECK_CAS16
# A 16-byte compare-and-exchange that the compiler expands in place. Set
# CAS16_CFLAGS to the flag that it takes.
AC_DEFUN([PAWL_CHECK_CAS16], [
CAS16_CFLAGS=
AC_CACHE_CHECK([for a 16-byte compare-and-exchange], [pawl_cv_cas16], [
	pawl_cv_cas16=no
	pawl_save_CFLAGS=$CFLAGS
	for pawl_flag in '' -mcx16 -march=armv8.1-a; do
		AS_IF([test "$pawl_cv_cas16" = no], [
			CFLAGS="$pawl_save_CFLAGS $pawl_flag"
			AC_LINK_IFELSE([AC_LANG_PROGRAM([[
static unsigned __int128 word;
]], [[return !__sync_bool_compare_and_swap(&word, (unsigned __int128)0, (unsigned __int128)1);]])],
				[pawl_cv_cas16="yes $pawl_flag"])])
	done
	CFLAGS=$pawl_save_CFLAGS])
AS_CASE([$pawl_cv_cas16],
	[yes*], [CAS16_CFLAGS=`AS_ECHO(["$pawl_cv_cas16"]) | $SED 's/^yes *//'`
		AC_DEFINE([PAWL_HAVE_CAS16], [1],
			[Define to 1 if the CPU has a 16-byte compare-and-exchange.])])
AC_SUBST([CAS16_CFLAGS])
])

# PAWL_CHECK_VERSION_SCRIPT
AC_DEFUN([PAWL_CHECK_VERSION_SCRIPT], [
AC_CACHE_CHECK([whether the linker takes a version script], [pawl_cv_version_script], [
	AS_ECHO(["PAWL_PROBE { global: main; local: *; };"]) >conftest.map
	pawl_save_LDFLAGS=$LDFLAGS
	LDFLAGS="$LDFLAGS -Wl,--version-script=conftest.map"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		[pawl_cv_version_script=yes], [pawl_cv_version_script=no])
	LDFLAGS=$pawl_save_LDFLAGS
	rm -f conftest.map])
AM_CONDITIONAL([HAVE_VERSION_SCRIPT], [test $pawl_cv_version_script = yes])
])

# PAWL_FIBER
# --with-fiber=asm|ucontext: how fibres switch stacks. Assembly where there is
# some for the processor.
AC_DEFUN([PAWL_FIBER], [
AC_CACHE_CHECK([for a fibre switch in assembly], [pawl_cv_fiber_asm], [
	pawl_cv_fiber_asm=no
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#if !defined(__x86_64__) || !defined(__LP64__)
#error none
#endif
]], [])], [pawl_cv_fiber_asm=x86_64])])
AC_ARG_WITH([fiber],
	[AS_HELP_STRING([--with-fiber=HOW],
		[how fibres switch stacks: asm (default where there is one) or ucontext])],
	[], [with_fiber=default])
AS_IF([test "x$with_fiber" = xdefault],
	[AS_IF([test $pawl_cv_fiber_asm = no], [with_fiber=ucontext], [with_fiber=asm])])
AS_CASE([$with_fiber],
	[asm], [AS_IF([test $pawl_cv_fiber_asm = no],
		[AC_MSG_ERROR([there is no fibre switch in assembly for $host_cpu: --with-fiber=ucontext])])],
	[ucontext], [AC_DEFINE([PAWL_FIBER_UCONTEXT], [1],
		[Define to 1 to switch fibres by swapcontext.])],
	[AC_MSG_ERROR([--with-fiber takes asm or ucontext, not "$with_fiber"])])
AM_CONDITIONAL([FIBER_ASM_X86_64],
	[test "$with_fiber $pawl_cv_fiber_asm" = "asm x86_64"])
])

# PAWL_BOOST_CONTEXT
# For comparison only: its switch is called by bench/b-fiber.
AC_DEFUN([PAWL_BOOST_CONTEXT], [
AC_CHECK_LIB([boost_context], [jump_fcontext],
	[pawl_have_boost_context=yes], [pawl_have_boost_context=no])
AM_CONDITIONAL([HAVE_BOOST_CONTEXT], [test $pawl_have_boost_context = yes])
])
