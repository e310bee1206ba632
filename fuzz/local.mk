# SPDX-License-Identifier: BSD-2-Clause
#
# A fuzz target is a program fuzz/NAME.fuzz: list it in FUZZ_TESTS and
# EXTRA_PROGRAMS. Run without arguments it replays its corpus and prints TAP.

FUZZ_TESTS =

fuzz-smoke:
	@if test "x$(FUZZ_TESTS)" = x; then \
		echo "fuzz-smoke: no fuzz targets yet"; \
	else \
		$(MAKE) $(AM_MAKEFLAGS) $(FUZZ_TESTS) && \
		$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(FUZZ_TESTS)' \
			TEST_SUITE_LOG=fuzz-suite.log; \
	fi
PHONY_TARGETS += fuzz-smoke
CLEANFILES += fuzz-suite.log fuzz/*.log fuzz/*.trs $(FUZZ_TESTS)
