# SPDX-License-Identifier: BSD-2-Clause
#
# The engine. Its rooms see what scripts/check-includes allows them: the public headers of lib,
# and the rooms below. Nothing is installed yet.

check_LTLIBRARIES += engine/libengine-core.la
engine_libengine_core_la_SOURCES = \
	engine/engine.c \
	engine/graph/active.c \
	engine/graph/aggregate.c \
	engine/graph/bag.c \
	engine/graph/bag.h \
	engine/graph/balance.c \
	engine/graph/cell.c \
	engine/graph/cells.c \
	engine/graph/cells.h \
	engine/graph/collect.c \
	engine/graph/connect.c \
	engine/graph/context.h \
	engine/graph/create.c \
	engine/graph/dirty.c \
	engine/graph/error.c \
	engine/graph/error.h \
	engine/graph/field.h \
	engine/graph/graph.c \
	engine/graph/graph.h \
	engine/graph/leaf.c \
	engine/graph/node.c \
	engine/graph/node.h \
	engine/graph/op.c \
	engine/graph/pairs.c \
	engine/graph/pairs.h \
	engine/graph/queue.c \
	engine/graph/queue.h \
	engine/graph/quiesce.c \
	engine/graph/quiesce.h \
	engine/graph/read.c \
	engine/graph/ref.h \
	engine/graph/registry.c \
	engine/graph/registry.h \
	engine/graph/run.c \
	engine/graph/run.h \
	engine/graph/schedule.c \
	engine/graph/value.c \
	engine/graph/verify.c \
	engine/graph/wait.c \
	engine/graph/wait.h \
	engine/include/pawl/engine.h \
	engine/include/pawl/group.h \
	engine/include/pawl/io.h \
	engine/include/pawl/join.h \
	engine/include/pawl/parallel.h \
	engine/include/pawl/runtime.h \
	engine/include/pawl/timer.h \
	engine/include/pawl/value.h \
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
	engine/runtime/join-many.c \
	engine/runtime/join.c \
	engine/runtime/join.h \
	engine/runtime/lifetime.c \
	engine/runtime/lifetime.h \
	engine/runtime/named.c \
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
	engine/runtime/wheel.c \
	engine/runtime/wheel.h \
	engine/runtime/worker.c \
	engine/runtime/worker.h
engine_libengine_core_la_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include \
	-I$(srcdir)/engine/include
