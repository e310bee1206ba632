# SPDX-License-Identifier: BSD-2-Clause
#
# Examples are users of the installed library: tests/install/run.sh builds
# every examples/*.c through pkg-config and runs it. A new one needs no entry
# here; dist-hook puts it into the distribution.

# One with a loop of libuv's, built here as well, against the tree.
if HAVE_LIBUV
check_PROGRAMS += examples/host-loop
examples_host_loop_SOURCES = examples/host-loop.c
examples_host_loop_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/engine/include $(LIBUV_CFLAGS)
examples_host_loop_LDADD = engine/libengine-core.la lib/libpawl.la $(LIBUV_LIBS)
endif
