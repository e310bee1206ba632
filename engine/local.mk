# SPDX-License-Identifier: BSD-2-Clause
#
# The engine. Its rooms see what scripts/check-includes allows them: the public headers of lib,
# and the rooms below.
#
# To add a public header: a line in pawlinclude_HEADERS and one in pawl-engine.h (its calls go into
# libpawl-engine.map by scripts/check-exports --write). tests/install/run.sh finds what was forgotten.

include_HEADERS += engine/include/pawl-engine.h

pawlinclude_HEADERS += \
	engine/include/pawl/effect.h \
	engine/include/pawl/engine.h \
	engine/include/pawl/engine-version.h \
	engine/include/pawl/group.h \
	engine/include/pawl/host.h \
	engine/include/pawl/inspect.h \
	engine/include/pawl/io.h \
	engine/include/pawl/jobs.h \
	engine/include/pawl/join.h \
	engine/include/pawl/observe.h \
	engine/include/pawl/parallel.h \
	engine/include/pawl/runtime.h \
	engine/include/pawl/state.h \
	engine/include/pawl/store.h \
	engine/include/pawl/timer.h \
	engine/include/pawl/token.h \
	engine/include/pawl/trace.h \
	engine/include/pawl/value.h \
	engine/include/pawl/visit.h

# All of it, with what libpawl-engine.map hides: tests link this one.
noinst_LTLIBRARIES += engine/libengine-core.la
engine_libengine_core_la_SOURCES = \
	engine/check.c \
	engine/check.h \
	engine/dump.c \
	engine/effect.c \
	engine/effect.h \
	engine/effect-target.c \
	engine/engine.c \
	engine/engine.h \
	engine/hang.c \
	engine/hang.h \
	engine/memory.c \
	engine/notice.c \
	engine/notice.h \
	engine/observe.c \
	engine/options.c \
	engine/pin.c \
	engine/reason.c \
	engine/reason.h \
	engine/say.c \
	engine/say.h \
	engine/slow.c \
	engine/slow.h \
	engine/stretch.c \
	engine/stretch.h \
	engine/why.c \
	engine/graph/active.c \
	engine/graph/aggregate.c \
	engine/graph/backing.h \
	engine/graph/bag.c \
	engine/graph/bag.h \
	engine/graph/balance.c \
	engine/graph/called.c \
	engine/graph/called.h \
	engine/graph/cell.c \
	engine/graph/cells.c \
	engine/graph/cells.h \
	engine/graph/checks.c \
	engine/graph/checks.h \
	engine/graph/collect.c \
	engine/graph/connect.c \
	engine/graph/context.h \
	engine/graph/create.c \
	engine/graph/dirty.c \
	engine/graph/evict.c \
	engine/graph/dispose.c \
	engine/graph/error.c \
	engine/graph/error.h \
	engine/graph/field.h \
	engine/graph/finish.c \
	engine/graph/graph.c \
	engine/graph/graph.h \
	engine/graph/heal.c \
	engine/graph/heal.h \
	engine/graph/history.c \
	engine/graph/history.h \
	engine/graph/leaf.c \
	engine/graph/local.c \
	engine/graph/local.h \
	engine/graph/marks.c \
	engine/graph/modify.c \
	engine/graph/modify.h \
	engine/graph/node.c \
	engine/graph/node.h \
	engine/graph/op.c \
	engine/graph/origin.c \
	engine/graph/pairs.c \
	engine/graph/pairs.h \
	engine/graph/panic.c \
	engine/graph/pool.c \
	engine/graph/pool.h \
	engine/graph/profile.c \
	engine/graph/profile.h \
	engine/graph/queue.c \
	engine/graph/queue.h \
	engine/graph/quiesce.c \
	engine/graph/quiesce.h \
	engine/graph/read-many.c \
	engine/graph/read.c \
	engine/graph/ref.h \
	engine/graph/reclaim.c \
	engine/graph/reclaim.h \
	engine/graph/registry.c \
	engine/graph/registry.h \
	engine/graph/restore-many.c \
	engine/graph/restore.c \
	engine/graph/ring.c \
	engine/graph/ring.h \
	engine/graph/run.c \
	engine/graph/run.h \
	engine/graph/schedule.c \
	engine/graph/spread.c \
	engine/graph/storm.c \
	engine/graph/storm.h \
	engine/graph/told.c \
	engine/graph/told.h \
	engine/graph/trait.c \
	engine/graph/trait.h \
	engine/graph/twice.c \
	engine/graph/twice.h \
	engine/graph/value.c \
	engine/graph/verify.c \
	engine/graph/wait.c \
	engine/graph/wait.h \
	engine/graph/waits.c \
	engine/graph/waits.h \
	engine/state.c \
	engine/include/pawl/effect.h \
	engine/include/pawl/engine.h \
	engine/include/pawl/state.h \
	engine/include/pawl/value.h \
	engine/include/pawl/group.h \
	engine/include/pawl/host.h \
	engine/include/pawl/inspect.h \
	engine/include/pawl/io.h \
	engine/include/pawl/jobs.h \
	engine/include/pawl/join.h \
	engine/include/pawl/observe.h \
	engine/include/pawl/parallel.h \
	engine/include/pawl/runtime.h \
	engine/include/pawl/store.h \
	engine/include/pawl/timer.h \
	engine/include/pawl/token.h \
	engine/include/pawl/trace.h \
	engine/include/pawl/visit.h \
	engine/persist/background.c \
	engine/persist/batch.c \
	engine/persist/batch.h \
	engine/persist/build-id.c \
	engine/persist/bytes.c \
	engine/persist/bytes.h \
	engine/persist/faults.h \
	engine/persist/folder.c \
	engine/persist/folder.h \
	engine/persist/image-check.c \
	engine/persist/image-read.c \
	engine/persist/image.c \
	engine/persist/image.h \
	engine/persist/inspect.c \
	engine/persist/lmdb-check.c \
	engine/persist/lmdb-file.c \
	engine/persist/lmdb.h \
	engine/persist/ops.c \
	engine/persist/persist.h \
	engine/persist/record.c \
	engine/persist/record.h \
	engine/persist/repair.c \
	engine/persist/restart.c \
	engine/persist/reuse.c \
	engine/persist/snapshot.c \
	engine/persist/store-fault.c \
	engine/persist/store-lmdb.c \
	engine/persist/store-mem.c \
	engine/persist/store.c \
	engine/persist/store.h \
	engine/persist/sweep.c \
	engine/persist/sync.c \
	engine/persist/tables.c \
	engine/runtime/blocking.c \
	engine/runtime/blocking.h \
	engine/runtime/body.c \
	engine/runtime/completion.c \
	engine/runtime/edges.c \
	engine/runtime/edges.h \
	engine/runtime/group-api.c \
	engine/runtime/group.c \
	engine/runtime/group.h \
	engine/runtime/hang-report.c \
	engine/runtime/host.c \
	engine/runtime/host.h \
	engine/runtime/idle.c \
	engine/runtime/idle.h \
	engine/runtime/interval.c \
	engine/runtime/introspect.c \
	engine/runtime/introspect.h \
	engine/runtime/io.c \
	engine/runtime/jobs-api.c \
	engine/runtime/jobs.c \
	engine/runtime/jobs.h \
	engine/runtime/join-many.c \
	engine/runtime/join.c \
	engine/runtime/join.h \
	engine/runtime/lifetime.c \
	engine/runtime/lifetime.h \
	engine/runtime/named.c \
	engine/runtime/parallel.c \
	engine/runtime/queues.c \
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
	engine/runtime/text.c \
	engine/runtime/text.h \
	engine/runtime/thread.c \
	engine/runtime/thread.h \
	engine/runtime/token-api.c \
	engine/runtime/token.c \
	engine/runtime/token.h \
	engine/runtime/trace-ring.c \
	engine/runtime/trace-ring.h \
	engine/runtime/trace.c \
	engine/runtime/visit.c \
	engine/runtime/watch.c \
	engine/runtime/watch.h \
	engine/runtime/watchdog.c \
	engine/runtime/watchdog.h \
	engine/runtime/wheel.c \
	engine/runtime/wheel.h \
	engine/runtime/worker.c \
	engine/runtime/worker.h \
	engine/tell.c \
	engine/version.c
engine_libengine_core_la_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include \
	-I$(srcdir)/engine/include
# What links the one links the other: stores on disk.
engine_libengine_core_la_LIBADD = $(LMDB_LIBS)

# Commands for gdb.
gdbdir = $(pkgdatadir)/gdb
dist_gdb_DATA = engine/gdb/pawl-gdb.py

# The installed one is the same objects with the exports of libpawl-engine.map. Of libpawl it uses what
# any program may.
lib_LTLIBRARIES += engine/libpawl-engine.la
engine_libpawl_engine_la_SOURCES =
engine_libpawl_engine_la_LIBADD = engine/libengine-core.la lib/libpawl.la
engine_libpawl_engine_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(PAWL_ENGINE_VERSION_INFO)
EXTRA_engine_libpawl_engine_la_DEPENDENCIES = engine/libpawl-engine.map
EXTRA_DIST += engine/libpawl-engine.map
if HAVE_VERSION_SCRIPT
engine_libpawl_engine_la_LDFLAGS += -Wl,--version-script=$(srcdir)/engine/libpawl-engine.map
endif
