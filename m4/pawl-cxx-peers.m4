# SPDX-License-Identifier: BSD-2-Clause

# PAWL_CXX_PEERS
# Maps of C++ to compare with: oneTBB and libcuckoo, each if it is there and a C++ compiler is.
# Only benches use them.
AC_DEFUN([PAWL_CXX_PEERS], [
pawl_have_tbb=no
pawl_have_libcuckoo=no
AC_LANG_PUSH([C++])
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <tbb/concurrent_hash_map.h>]], [[]])],
	[pawl_have_tbb=yes])
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <array>
#include <libcuckoo/cuckoohash_map.hh>]], [[]])],
	[pawl_have_libcuckoo=yes])
AC_LANG_POP([C++])
CXX_PEER_LIBS=-lstdc++
AS_IF([test $pawl_have_tbb = yes],
	[AC_DEFINE([PAWL_HAVE_TBB], [1], [Define to 1 if oneTBB can be compared with.])
	 CXX_PEER_LIBS="$CXX_PEER_LIBS -ltbb"])
AS_IF([test $pawl_have_libcuckoo = yes],
	[AC_DEFINE([PAWL_HAVE_LIBCUCKOO], [1], [Define to 1 if libcuckoo can be compared with.])])
AC_SUBST([CXX_PEER_LIBS])
AM_CONDITIONAL([HAVE_CXX_PEERS],
	[test $pawl_have_tbb = yes || test $pawl_have_libcuckoo = yes])
])
