# SPDX-License-Identifier: BSD-2-Clause
#
# The program. It sees the public headers of engine and lib, and links what is installed of them.
# A command brings its sources here, in sorted order.

# The ninja language; tests, benches and fuzzers link it, too.
noinst_LTLIBRARIES += tools/libmanifest.la
tools_libmanifest_la_SOURCES = \
	tools/manifest/canonical.c \
	tools/manifest/depfile.c \
	tools/manifest/depfile.h \
	tools/manifest/dyndep.c \
	tools/manifest/dyndep.h \
	tools/manifest/error.c \
	tools/manifest/eval.c \
	tools/manifest/graph.c \
	tools/manifest/image.c \
	tools/manifest/intern.c \
	tools/manifest/lex.c \
	tools/manifest/load.c \
	tools/manifest/manifest.h \
	tools/manifest/names.c \
	tools/manifest/names.h \
	tools/manifest/parse-build.c \
	tools/manifest/parse.c \
	tools/manifest/parse.h \
	tools/manifest/reader.h \
	tools/manifest/text.c \
	tools/manifest/text.h \
	tools/manifest/vec.c \
	tools/ninja/log.c \
	tools/ninja/log.h \
	tools/ninja/options.c \
	tools/ninja/options.h \
	tools/ninja/tool.h \
	tools/ninja/tool-clean.c \
	tools/ninja/tool-compdb.c \
	tools/ninja/tool-deps.c \
	tools/ninja/tool-dyndep.c \
	tools/ninja/tool-list.c \
	tools/ninja/tool-walk.c \
	tools/ninja/tools.c \
	tools/ninja/tools.h
tools_libmanifest_la_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include -I$(srcdir)/tools

bin_PROGRAMS += tools/pawl
tools_pawl_SOURCES = \
	tools/build/adopt.c \
	tools/build/attempt.c \
	tools/build/build.c \
	tools/build/build.h \
	tools/build/check.c \
	tools/build/command.c \
	tools/build/command.h \
	tools/build/common.c \
	tools/build/common.h \
	tools/build/edge.c \
	tools/build/files.c \
	tools/build/files.h \
	tools/build/front.c \
	tools/build/import.c \
	tools/build/import.h \
	tools/build/inside.h \
	tools/build/job.h \
	tools/build/journal.c \
	tools/build/journal.h \
	tools/build/plan.c \
	tools/build/plan.h \
	tools/build/reads.c \
	tools/build/report.c \
	tools/build/report.h \
	tools/build/run.c \
	tools/build/stamp.c \
	tools/build/stamp.h \
	tools/build/state.c \
	tools/build/state.h \
	tools/build/tool.c \
	tools/build/why.c \
	tools/commands.h \
	tools/main.c \
	tools/store/check.c \
	tools/store/dump.c \
	tools/store/functions.c \
	tools/store/info.c \
	tools/store/open.c \
	tools/store/store.c \
	tools/store/store.h \
	tools/ui/status.c \
	tools/ui/status.h
tools_pawl_CPPFLAGS = $(PAWL_CPPFLAGS) \
	-I$(builddir)/lib/include -I$(srcdir)/lib/include \
	-I$(srcdir)/engine/include -I$(srcdir)/tools
# With the libraries inside: it starts faster, and is whole while "make install" links them anew beside a running test. It
# replaces malloc for itself; the libraries find jemalloc's sized calls then.
tools_pawl_LDFLAGS = $(AM_LDFLAGS) -static
tools_pawl_LDADD = tools/libmanifest.la engine/libpawl-engine.la lib/libpawl.la \
	$(JEMALLOC_LIBS)

# What CMake is told to call. Here a script, since libtool's programs are scripts that know their own name alone; a link where
# it is installed.
tools/pawl-ninja: tools/pawl$(EXEEXT)
	$(AM_V_GEN)rm -f $@ && printf '#!/bin/sh\nexec "%s" ninja "$$@"\n' '$(abs_builddir)/tools/pawl$(EXEEXT)' >$@ && chmod +x $@
noinst_SCRIPTS = tools/pawl-ninja
CLEANFILES += tools/pawl-ninja
install-exec-hook:
	cd '$(DESTDIR)$(bindir)' && rm -f pawl-ninja$(EXEEXT) && $(LN_S) pawl$(EXEEXT) pawl-ninja$(EXEEXT)
uninstall-hook:
	rm -f '$(DESTDIR)$(bindir)/pawl-ninja$(EXEEXT)'
