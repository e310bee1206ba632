#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Manifests drawn from a seed, read by ninja and by us: the subtools have to say the same.

	ninja-peer.py OURS [COUNT [SEED]]

Prints TAP. Without ninja on the PATH it is skipped. NINJA names another one."""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import manifests  # noqa: E402

COMMANDS = [
    ["-t", "targets", "all"],
    ["-t", "targets"],
    ["-t", "targets", "depth", "2"],
    ["-t", "targets", "rule"],
    ["-t", "commands"],
    ["-t", "rules", "-d"],
    ["-t", "compdb"],
    ["-t", "compdb", "-x"],
    ["-t", "graph"],
    ["-n", "-v", "-t", "clean"],
]
# And inputs: before 1.12 it says nothing of phony targets.
TOOLS_OF_TARGETS = ["query", "commands"]


def run(program, arguments, folder):
    done = subprocess.run([program, *arguments], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def renumbered(text):
    """Names of nodes in a graph, by their first mention."""
    seen = {}
    return re.sub(rb'(?<!label=)"(0x[0-9a-f]+|[ne][0-9]+)"',
                  lambda m: b'"%d"' % seen.setdefault(m.group(1), len(seen)), text)


def message(text):
    """What is wrong, without where and without the excerpt: we tell the place more exactly."""
    first = text.split(b"\n")[0]
    return re.sub(rb"^(ninja: error: )?[^ :]*:\d+:(\d+:)? ", rb"", first)


def same_message(a, b):
    # An output that one statement has twice has another message in later versions.
    # An include with more behind it: ninja reads the file first.
    return (a == b or (b"multiple" in a and b"multiple" in b)
            or (a.startswith(b"loading ") and b.startswith(b"expected newline")))


# Before 1.12 the root's canonical path is "", and "/" since.
ROOT_IS_EMPTY = []


def without_root(text):
    return re.sub(rb'(^|[ "\t])/(?=[:\s"]|$)', rb"\1", text, flags=re.M) if ROOT_IS_EMPTY else text


def differs(ninja, ours, arguments, folder):
    a, b = run(ninja, arguments, folder), run(ours, arguments, folder)
    if a[0] != b[0]:
        return f"exit {a[0]} and {b[0]}: {message(a[2])!r}, {message(b[2])!r}"
    if a[0] != 0:
        if same_message(message(a[2]), message(b[2])):
            return None
        return f"{message(a[2])!r} and {message(b[2])!r}"
    theirs, mine = (without_root(renumbered(out)) for out in (a[1], b[1]))
    if theirs != mine:
        mine, other = theirs.split(b"\n"), mine.split(b"\n")
        for x, y in zip(mine, other):
            if x != y:
                return f"{x!r} and {y!r}"
        return f"{len(mine)} and {len(other)} lines"
    return None


def compare(ninja, ours, seed, folder):
    """Returns: what differs, or None; and whether ninja took the manifest."""
    manifests.draw(seed, folder)
    status, out, _ = run(ninja, ["-t", "targets", "all"], folder)
    for arguments in COMMANDS:
        what = differs(ninja, ours, arguments, folder)
        if what or status != 0:
            return (f"{' '.join(arguments)}: {what}" if what else None), status == 0
    for line in out.decode("utf-8", "surrogateescape").split("\n")[:6]:
        target = line.rpartition(": ")[0]
        for tool in TOOLS_OF_TARGETS:
            what = differs(ninja, ours, ["-t", tool, target], folder) if target else None
            if what:
                return f"-t {tool} {target!r}: {what}", True
    return None, True


def damaged(rng, text):
    """A manifest with something wrong."""
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(5)
    if kind == 0:
        return text[:at] + text[at + 1:]
    if kind == 1:
        return text[:at] + rng.choice([b"\t", b"$", b":", b"|", b" ", b"\n", b"\r", b"=", b"#",
                                       b"}", b"a", b"||", b"|@", b"build ", b"rule "]) + text[at:]
    if kind == 2:
        return text[:at]
    lines = text.split(b"\n")
    at = rng.randrange(len(lines))
    if kind == 3:
        del lines[at]
    else:
        lines.insert(rng.randrange(len(lines)), lines[at])
    return b"\n".join(lines)


def compare_damaged(ninja, ours, seed, folder):
    rng = random.Random(seed)
    path = os.path.join(folder, "build.ninja")
    with open(path, "rb") as f:
        text = f.read()
    for _ in range(4):
        wrong = damaged(rng, text)
        with open(path, "wb") as f:
            f.write(wrong)
        what = differs(ninja, ours, ["-t", "targets", "all"], folder)
        if what:
            return f"damaged: {what}"
    return None


def main():
    ours = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    ninja = shutil.which(os.environ.get("NINJA", "ninja"))
    if not ninja:
        print("1..0 # SKIP there is no ninja (Debian: ninja-build) to compare with")
        return
    version = [int(n) for n in re.findall(r"\d+", run(ninja, ["--version"], ".")[1].decode())]
    if version >= [1, 12]:
        TOOLS_OF_TARGETS.append("inputs")
    else:
        ROOT_IS_EMPTY.append(True)
    if version >= [1, 13]:
        TOOLS_OF_TARGETS.extend(["multi-inputs", "compdb-targets"])
        COMMANDS.append(["-t", "multi-inputs"])
    print("1..1")
    taken = bad = 0
    for i in range(seed, seed + count):
        with tempfile.TemporaryDirectory() as folder:
            what, accepted = compare(ninja, ours, i, folder)
            taken += accepted
            what = what or compare_damaged(ninja, ours, i, folder)
            if what:
                bad += 1
                print(f"# seed {i}: {what}")
    if taken * 4 < count:
        print(f"# ninja refused {count - taken} of {count} manifests: they show too little")
        bad += 1
    print(f"{'not ok' if bad else 'ok'} 1 - {count} manifests, {taken} fine, {bad} differ")


main()
