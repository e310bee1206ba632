# SPDX-License-Identifier: BSD-2-Clause
#
# To add a primitive: its .c file (and private headers) to the sources, its
# header to pawlinclude_HEADERS and to pawl.h, its calls to lib/libpawl.map
# (scripts/check-exports --write does that).

include_HEADERS = lib/include/pawl.h

pawlincludedir = $(includedir)/pawl
pawlinclude_HEADERS = \
	lib/include/pawl/atomic.h \
	lib/include/pawl/base.h \
	lib/include/pawl/cmap.h \
	lib/include/pawl/counter.h \
	lib/include/pawl/deque.h \
	lib/include/pawl/ec.h \
	lib/include/pawl/event.h \
	lib/include/pawl/fiber.h \
	lib/include/pawl/gate.h \
	lib/include/pawl/hash.h \
	lib/include/pawl/ids.h \
	lib/include/pawl/lanes.h \
	lib/include/pawl/lock.h \
	lib/include/pawl/map.h \
	lib/include/pawl/mbox.h \
	lib/include/pawl/mem.h \
	lib/include/pawl/park.h \
	lib/include/pawl/rcu.h \
	lib/include/pawl/report.h \
	lib/include/pawl/retire.h \
	lib/include/pawl/ring.h \
	lib/include/pawl/rmap.h \
	lib/include/pawl/slots.h \
	lib/include/pawl/sset.h \
	lib/include/pawl/thread.h
nodist_pawlinclude_HEADERS = lib/include/pawl/version.h

# All of the library. Unit and stress tests link this one: they reach what
# libpawl.map hides, and can put themselves between two calls with -Wl,--wrap.
noinst_LTLIBRARIES += lib/libpawl-core.la
lib_libpawl_core_la_SOURCES = \
	lib/arch.h \
	lib/atomic.c \
	lib/check.h \
	lib/cmap-template.h \
	lib/cmap.c \
	lib/contract.c \
	lib/counter.c \
	lib/deque.c \
	lib/ec.c \
	lib/event.c \
	lib/fiber-announce.h \
	lib/fiber-internal.h \
	lib/fiber-stack.c \
	lib/fiber-switch.c \
	lib/fiber.c \
	lib/futex.c \
	lib/futex.h \
	lib/gate.c \
	lib/hash.c \
	lib/ids-durable.c \
	lib/ids-internal.h \
	lib/ids-recycle.c \
	lib/ids.c \
	lib/lanes.c \
	lib/lock-internal.h \
	lib/lock.c \
	lib/map-table.h \
	lib/map.c \
	lib/mbox.c \
	lib/mem.c \
	lib/park-internal.h \
	lib/park.c \
	lib/rcu-internal.h \
	lib/rcu.c \
	lib/report-internal.h \
	lib/report.c \
	lib/retire-internal.h \
	lib/retire.c \
	lib/ring.c \
	lib/rmap.c \
	lib/slots.c \
	lib/small-template.h \
	lib/small.h \
	lib/sset-template.h \
	lib/sset.c \
	lib/table-internal.h \
	lib/table.c \
	lib/thread-internal.h \
	lib/thread.c \
	lib/version.c
if FIBER_ASM_X86_64
lib_libpawl_core_la_SOURCES += lib/fiber-x86_64.S
endif
lib_libpawl_core_la_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include -I$(srcdir)/lib $(URCU_CFLAGS)
lib_libpawl_core_la_LIBADD = $(URCU_LIBS)

# The installed one is the same objects with the exports of libpawl.map.
lib_LTLIBRARIES += lib/libpawl.la
lib_libpawl_la_SOURCES =
lib_libpawl_la_LIBADD = lib/libpawl-core.la
lib_libpawl_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(PAWL_VERSION_INFO)
EXTRA_lib_libpawl_la_DEPENDENCIES = lib/libpawl.map
EXTRA_DIST += lib/libpawl.map
if HAVE_VERSION_SCRIPT
lib_libpawl_la_LDFLAGS += -Wl,--version-script=$(srcdir)/lib/libpawl.map
endif
