# SPDX-License-Identifier: BSD-2-Clause
#
# The program. It sees the public headers of engine and lib, and links what is installed of them.
# A command brings its sources here, in sorted order.

bin_PROGRAMS += tools/pawl
tools_pawl_SOURCES = \
	tools/commands.h \
	tools/main.c \
	tools/store/info.c \
	tools/store/open.c \
	tools/store/store.c \
	tools/store/store.h
tools_pawl_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include \
	-I$(srcdir)/engine/include -I$(srcdir)/tools
tools_pawl_LDADD = engine/libpawl-engine.la lib/libpawl.la
