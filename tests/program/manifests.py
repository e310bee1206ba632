#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make manifests: small ones with a bit of everything, drawn from a seed, and big ones that look like what
CMake writes.

	manifests.py big EDGES FILE            one of about so many edges
	manifests.py random SEED FOLDER        build.ninja and what it includes, in the folder
"""

import os
import random
import sys


def big(edges, path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(
            "ninja_required_version = 1.5\n\n"
            "rule CC\n  depfile = $DEP_FILE\n  deps = gcc\n"
            "  command = /usr/bin/cc $DEFINES $INCLUDES $FLAGS -MD -MT $out -MF $DEP_FILE "
            "-o $out -c $in\n  description = Building C object $out\n\n"
            "rule AR\n  command = $PRE_LINK && /usr/bin/ar qc $TARGET_FILE $LINK_FLAGS $in && "
            "/usr/bin/ranlib $TARGET_FILE\n  description = Linking $TARGET_FILE\n"
            "  restat = $RESTAT\n\n"
        )
        flags = (
            "-O3 -DNDEBUG -fPIC -Wall -Wextra -Wno-unused-parameter -fvisibility=hidden "
            "-fno-strict-aliasing -std=gnu11"
        )
        libraries, done, t = [], 0, 0
        while done < edges:
            includes = " ".join(f"-I/src/project/module{(t + k) % 97}/include" for k in range(8))
            f.write(f"build order_{t}: phony || t{t}.dir\n\n")
            objects = []
            for k in range(min(50, edges)):
                o = f"src/module{t}/CMakeFiles/t{t}.dir/file_number_{k}.c.o"
                objects.append(o)
                f.write(
                    f"build {o}: CC /src/project/src/module{t}/file_number_{k}.c || order_{t}\n"
                    f"  DEFINES = -DMODULE_{t} -DT_EXPORTS\n  DEP_FILE = {o}.d\n"
                    f"  FLAGS = {flags}\n  INCLUDES = {includes}\n"
                    f"  OBJECT_DIR = src/module{t}/CMakeFiles/t{t}.dir\n\n"
                )
            library = f"lib/libt{t}.a"
            f.write(
                f"build {library}: AR {' '.join(objects)}\n"
                f"  LANGUAGE_COMPILE_FLAGS = {flags}\n  PRE_LINK = :\n"
                f"  TARGET_FILE = {library}\n\n"
            )
            libraries.append(library)
            done += len(objects) + 2
            t += 1
        f.write(f"build all: phony {' '.join(libraries)}\ndefault all\n")


class Draw:
    """A manifest that ninja accepts, mostly."""

    def __init__(self, seed, folder):
        self.r = random.Random(seed)
        self.folder = folder
        self.outs = []
        self.files = 0
        self.rules = ["phony"]
        self.pools = ["console"]
        self.serial = 0
        # Not those that a rule or a build gives a meaning: what a file says of them, some versions of
        # ninja see and some do not.
        self.variables = ["a", "b_1", "c-d", "flags"]

    def chance(self, part):
        return self.r.random() < part

    def name(self):
        self.serial += 1
        return self.r.choice(["n", "x_", "y-", "z."]) + str(self.serial)

    def part(self):
        return self.r.choice(
            ["a", "bb", "c.c", "d+e", "f@2x", "g$ h", "i$:j", "k$$l", "m'n", "o,p", "q;r", "~s", "%t",
             "u#v", "w=x", "$a", "${b_1}", "é", "[1]", "(2)", "&", "*"]
        )

    def path(self):
        n = self.r.randint(1, 4)
        parts = [self.part() for _ in range(n)]
        if self.chance(0.2):
            parts.insert(self.r.randint(0, n), self.r.choice(["..", ".", "", "../.."]))
        text = "/".join(parts)
        if self.chance(0.1):
            text = self.r.choice(["./", "../", ".//"]) + text
        elif self.chance(0.03) and ".." not in text:
            # Above the root there is nothing, and versions of ninja do not agree how to write it.
            text = "/" + text
        if self.chance(0.05):
            text = text + "/"
        return text

    def value(self):
        n = self.r.randint(0, 5)
        return "".join(
            self.r.choice(
                ["x ", "-O2", "$a", "${b_1} ", "$$", "$:", "$ ", "$\n    ", "$c-d", "${flags}", " = ",
                 "|", ":", "$unset", "'", '"', "${x.y}", "$in", "$out", "#", "\\", "tab\there"]
            )
            for _ in range(n)
        )

    def gap(self):
        return self.r.choice([" ", " ", " ", "  ", " $\n  ", " $\n"])

    def out(self):
        text = f"o{len(self.outs)}" + self.r.choice(["", ".o", "/x", "$ y", "$$", "é", "'"])
        if self.chance(0.2):
            text = self.r.choice(["./", "d/../", "//abs/", "e//"]) + text
        self.outs.append(text)
        return text

    def some_input(self):
        if self.outs and self.chance(0.5):
            return self.r.choice(self.outs)
        return self.path() if self.chance(0.5) else f"s{self.r.randint(0, 20)}"

    def rule(self):
        name = self.name()
        lines = [f"rule {name}"]
        if self.chance(0.8):
            lines.append("  command = cmd " + self.value() + " $in -o $out $flags")
        else:
            lines.append("  command = $description $in_newline")
        for variable in ("description", "depfile", "deps", "restat", "generator", "pool"):
            if not self.chance(0.25):
                continue
            value = {"deps": "gcc", "pool": self.r.choice(self.pools + [""])}.get(variable)
            lines.append(f"  {variable} = {self.value() if value is None else value}")
            if self.chance(0.1):
                lines.insert(1, "# a comment")
        if self.chance(0.2):
            lines.append("  rspfile = $out.rsp")
            lines.append("  rspfile_content = " + (self.value() or "x") + " $in_newline")
            lines[1] += " @$out.rsp"
        self.rules.append(name)
        return "\n".join(lines) + "\n"

    def build(self):
        # Inputs first: so there is no cycle.
        ins = [self.some_input() for _ in range(self.r.randint(0, 4))]
        implicit = [self.some_input() for _ in range(self.r.choice([0, 0, 1, 2]))]
        order = [self.some_input() for _ in range(self.r.choice([0, 0, 0, 1, 2]))]
        checks = [self.some_input() for _ in range(self.r.choice([0, 0, 0, 0, 1]))]
        outs = [self.out() for _ in range(self.r.choice([1, 1, 1, 2]))]
        hidden = [self.out() for _ in range(self.r.choice([0, 0, 0, 1]))]
        text = "build " + self.gap().join(outs)
        if hidden:
            text += self.gap() + "|" + self.gap() + self.gap().join(hidden)
        text += self.r.choice([":", " :"]) + self.gap() + self.r.choice(self.rules)
        for mark, some in (("", ins), ("|", implicit), ("||", order), ("|@", checks)):
            if some:
                text += self.gap() + mark + self.gap() + self.gap().join(some)
        text += self.r.choice(["\n", "\n", "\r\n"])
        for _ in range(self.r.choice([0, 0, 1, 2, 3])):
            variable = self.r.choice(self.variables + ["description", "restat", "pool", "unset"])
            value = self.r.choice(self.pools) if variable == "pool" else self.value()
            text += f"  {variable} = {value}\n"
        return text

    def statement(self, depth):
        kind = self.r.random()
        if kind < 0.55:
            return self.build()
        if kind < 0.7:
            return self.rule()
        if kind < 0.85:
            return f"{self.r.choice(self.variables)} = {self.value()}\n"
        if kind < 0.88:
            pool = self.name()
            text = f"pool {pool}\n  depth = {self.r.randint(0, 9)}\n"
            self.pools.append(pool)
            return text
        if kind < 0.92 and depth < 3:
            return self.include(depth)
        if kind < 0.95 and self.outs:
            return f"default{self.gap()}{self.r.choice(self.outs)}\n"
        return self.r.choice(["\n", "# comment $ with | things\n", "   \n", "  # indented\n"])

    def include(self, depth):
        self.files += 1
        name = f"part{self.files}.ninja"
        word = self.r.choice(["include", "subninja"])
        rules = list(self.rules)
        self.write(name, depth + 1)
        if word == "subninja":
            # Its rules are its own; pools are everybody's.
            self.rules = rules
        return f"{word} {name}\n"

    def write(self, name, depth):
        text = "".join(self.statement(depth) for _ in range(self.r.randint(1, 14)))
        with open(os.path.join(self.folder, name), "w", encoding="utf-8", newline="") as f:
            f.write(text)


def draw(seed, folder):
    made = Draw(seed, folder)
    made.write("build.ninja", 0)
    return made


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "big":
        big(int(sys.argv[2]), sys.argv[3])
    elif len(sys.argv) == 4 and sys.argv[1] == "random":
        draw(int(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(__doc__)
