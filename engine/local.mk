# SPDX-License-Identifier: BSD-2-Clause
#
# The engine. Its rooms see what scripts/check-includes allows them: the public headers of lib,
# and the rooms below. Nothing is installed yet.

check_LTLIBRARIES += engine/libengine-core.la
engine_libengine_core_la_SOURCES = \
	engine/include/pawl/group.h \
	engine/include/pawl/io.h \
	engine/include/pawl/jobs.h \
	engine/include/pawl/join.h \
	engine/include/pawl/parallel.h \
	engine/include/pawl/runtime.h \
	engine/include/pawl/timer.h \
	engine/include/pawl/token.h \
	engine/include/pawl/visit.h \
	engine/runtime/blocking.c \
	engine/runtime/blocking.h \
	engine/runtime/body.c \
	engine/runtime/completion.c \
	engine/runtime/edges.c \
	engine/runtime/edges.h \
	engine/runtime/group-api.c \
	engine/runtime/group.c \
	engine/runtime/group.h \
	engine/runtime/idle.c \
	engine/runtime/idle.h \
	engine/runtime/interval.c \
	engine/runtime/io.c \
	engine/runtime/jobs-api.c \
	engine/runtime/jobs.c \
	engine/runtime/jobs.h \
	engine/runtime/join-many.c \
	engine/runtime/join.c \
	engine/runtime/join.h \
	engine/runtime/lifetime.c \
	engine/runtime/lifetime.h \
	engine/runtime/parallel.c \
	engine/runtime/quorum.c \
	engine/runtime/quorum.h \
	engine/runtime/reactor.c \
	engine/runtime/reactor.h \
	engine/runtime/runtime.c \
	engine/runtime/scope.c \
	engine/runtime/scope.h \
	engine/runtime/spawn.c \
	engine/runtime/supervise.c \
	engine/runtime/task.c \
	engine/runtime/task.h \
	engine/runtime/token-api.c \
	engine/runtime/token.c \
	engine/runtime/token.h \
	engine/runtime/visit.c \
	engine/runtime/wheel.c \
	engine/runtime/wheel.h \
	engine/runtime/worker.c \
	engine/runtime/worker.h
engine_libengine_core_la_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include \
	-I$(srcdir)/engine/include
