# SPDX-License-Identifier: BSD-2-Clause
#
# Examples are users of the installed library: tests/install/run.sh builds
# every examples/*.c through pkg-config and runs it. A new one needs no entry
# here; dist-hook puts it into the distribution.
