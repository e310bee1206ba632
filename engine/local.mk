# SPDX-License-Identifier: BSD-2-Clause
#
# The engine. Its rooms see what scripts/check-includes allows them: the public headers of lib,
# and the rooms below. Nothing is installed yet.

check_LTLIBRARIES += engine/libengine-core.la
engine_libengine_core_la_SOURCES = \
	engine/runtime/group.c \
	engine/runtime/group.h \
	engine/runtime/idle.c \
	engine/runtime/idle.h \
	engine/runtime/lifetime.c \
	engine/runtime/lifetime.h \
	engine/runtime/task.c \
	engine/runtime/task.h \
	engine/runtime/wheel.c \
	engine/runtime/wheel.h
engine_libengine_core_la_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include
