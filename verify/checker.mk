# SPDX-License-Identifier: BSD-2-Clause
#
# The model checker. verify/mc-verify builds with verify/mc-build, whose objects do not mix
# with those of the library, and finds verify/t-*.c by itself.

VERIFY_QUICK_TESTS += verify/mc-quick.test
VERIFY_TESTS += verify/mc-all.test
MUTANT_COMMAND += $(srcdir)/verify/mc-verify mutants
EXTRA_DIST += verify/README.md verify/mc-build verify/mc-verify verify/mutants \
	verify/mc-quick.test verify/mc-all.test verify/shim
