# SPDX-License-Identifier: BSD-2-Clause
"""What the checks of the source tree share: the list of its files, C source
with comments and strings blanked, and the report.

A check calls report.bad(file, line, what is wrong and what to do) for each
finding and ends with report.done(). With --tap it prints one TAP result.
Exit status: 0 nothing found, 1 something found.
"""

import os
import re
import subprocess
import sys

SRCDIR = os.path.abspath(
    os.environ.get("PAWL_SRCDIR") or os.path.join(os.path.dirname(__file__), "..")
)
BUILDDIR = os.path.abspath(os.environ.get("PAWL_BUILDDIR") or SRCDIR)


def files():
    """Every file of the project, relative to its top, sorted. In a repository
    those that git knows or would add; in a distribution those it was made of."""
    if os.path.exists(os.path.join(SRCDIR, ".git")):
        out = subprocess.run(
            ["git", "-C", SRCDIR, "ls-files", "-z", "-co", "--exclude-standard"],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        names = out.decode().split("\0")
    else:
        try:
            with open(os.path.join(SRCDIR, ".distfiles"), encoding="utf-8") as f:
                names = f.read().split("\n")
        except FileNotFoundError:
            sys.exit(
                f"{SRCDIR}: neither a git repository nor a distribution (.distfiles is missing)"
            )
    return sorted({n for n in names if n and os.path.isfile(os.path.join(SRCDIR, n))})


def read(name):
    with open(os.path.join(SRCDIR, name), encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)


def code(text, strings=False):
    """C source with comments blanked, and what stands in strings unless
    `strings`; line numbers stay."""

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token if strings else token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


def is_c(name):
    return name.endswith((".c", ".h", ".cc", ".h.in"))


class Report:
    def __init__(self):
        self.tap = "--tap" in sys.argv[1:]
        self.name = os.path.basename(sys.argv[0])
        self.found = 0
        self.looked_at = 0
        if self.tap:
            print("1..1")

    def bad(self, name, line, text):
        self.found += 1
        place = f"{name}:{line}" if line else name
        print(("# " if self.tap else "") + f"{place}: {text}")

    def done(self):
        # A check that looked at nothing says nothing about the tree.
        if not self.looked_at:
            self.bad("(tree)", 0, "no file was checked: is PAWL_SRCDIR right?")
        verdict = "not ok" if self.found else "ok"
        if self.tap:
            print(f"{verdict} 1 - {self.name} ({self.looked_at} files)")
        else:
            print(f"{self.name}: {self.looked_at} files, {self.found} findings")
        # The TAP line is the verdict; a bad status on top would be a second one.
        sys.exit(1 if self.found and not self.tap else 0)
