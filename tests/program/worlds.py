# SPDX-License-Identifier: BSD-2-Clause
"""Worlds for the tests of `pawl build`: what a manifest describes, drawn from a seed and edited at random.

A world is sources, and edges of each kind that the language has. What each file has to hold is computed here. A
slow one's commands write half of what they make first, and sleep."""

import os
import random
import shutil
import signal
import time

from builds import *

WIDE = 200  # letters of a text that are kept
BEGIN = 't="$salt$$(cat $files)"; '
FAIL = 'case "$$t" in *FAIL*) printf half > $out; exit 1;; esac; '
END = 'printf "%%.%ds" "$$t" > $out' % WIDE
# Includes: words as "+NAME;" in the files themselves.
DEPS = (
    'i=; for w in $$t; do case $$w in +*";") w=$${w#+}; i="$$i $${w%;}";; esac; done; test -z "$$i" || t="$$t$$(cat $$i)"; '
    + END
    + '; echo "$out: $files $$i" > $out.d'
)
DYN = (
    'm=$$(sed -n "s/^build $out[^:]*: dyndep | //p" $dd); t="$salt$$(cat $files $$m)"; '
    + FAIL
    + END
    + '; for i in $$(sed -n "s/^build $out | \\([^:]*\\):.*/\\1/p" $dd); do printf "i%.199s" "$$t" > $$i; done'
)

COMMANDS = {
    "cat": ("", BEGIN + FAIL + END),
    "head": ("", BEGIN + FAIL + 'printf %.2s "$$t" > $out'),
    "size": ("", BEGIN + FAIL + 'printf %d "$${#t}" > $out'),
    "same": (
        "  restat = 1\n",
        BEGIN
        + FAIL
        + 't=$$(printf %%.%ds "$$t"); test "$$t" = "$$(cat $out 2>/dev/null)" || printf %%s "$$t" > $out' % WIDE,
    ),
    "stamp": ("", BEGIN + FAIL + 'printf %%.%ds "$$t" > $out.side; : > $out' % WIDE),
    "two": ("", BEGIN + FAIL + END + '; printf "b%.199s" "$$t" > $out.b'),
    "found": ("  depfile = $out.d\n", BEGIN + FAIL + DEPS),
    "gcc": ("  depfile = $out.d\n  deps = gcc\n", BEGIN + FAIL + DEPS),
    "generator": ("  generator = 1\n", BEGIN + FAIL + END),
    "rsp": (
        "  rspfile = $out.rsp\n  rspfile_content = $files\n",
        't="$salt$$(cat $$(cat $out.rsp))"; ' + FAIL + END,
    ),
    "pooled": (
        "  pool = one\n",
        BEGIN + FAIL + "mkdir busy || exit 1; " + END + "; rmdir busy",
    ),
    "console": ("  pool = console\n", BEGIN + FAIL + END),
    "dyn": ("  dyndep = $dd\n", DYN),
    "scan": ("", "cat $files > $out"),
}
KINDS = [k for k in COMMANDS if k not in ("dyn", "scan")] + ["phony", "phony"]


class Edge:
    def __init__(self, name, kind, inputs, salt):
        self.name, self.kind, self.inputs, self.salt = name, kind, inputs, salt
        self.order, self.implicit, self.validations = [], 0, []
        self.dd = None
        self.dyn_ins, self.dyn_outs = [], []


class World:
    def __init__(self, rng, slow=False):
        self.rng = rng
        self.slow = slow
        self.log = []
        self.texts = {}
        self.edges = {}  # in an order in which each needs earlier ones only
        self.regenerated = rng.randrange(3) == 0
        self.numbers = 0
        for i in range(rng.randint(2, 6)):
            self.texts["s%d" % i] = self.text()
        for _ in range(rng.randint(3, 12)):
            self.add()
        if rng.randrange(2):
            self.add_dyn()
            for _ in range(rng.randint(0, 3)):
                self.add()

    # ---- made of ----

    def text(self):
        text = "t%d " % self.rng.randrange(9)
        while self.texts and self.rng.randrange(3) == 0:
            text += "+%s; " % self.rng.choice([s for s in self.texts if self.plain(s)])
        return text

    def some(self, most, but=()):
        below = [f for f in [*self.texts, *self.edges] if f not in but and self.usable(f)]
        return self.rng.sample(below, min(len(below), self.rng.randint(1, most)))

    def new(self, letter):
        self.numbers += 1
        return "%s%d" % (letter, self.numbers)

    def add(self, kind=None):
        rng = self.rng
        name = self.new("o")
        if rng.randrange(4) == 0:
            name = "d%d/%s" % (rng.randrange(3), name)
        edge = Edge(name, kind or rng.choice(KINDS), self.some(4), rng.choice("xyz"))
        if rng.randrange(3) == 0:
            edge.order = self.some(2, edge.inputs)
        edge.implicit = rng.randrange(len(edge.inputs))
        made = [e.name for e in self.edges.values() if e.kind != "phony"]
        if made and rng.randrange(6) == 0:
            edge.validations = [rng.choice(made)]
        self.edges[name] = edge

    def add_dyn(self):
        """A dyndep file for two edges, the second of which may read what the first makes beside."""
        dd, source = self.new("dd"), self.new("ds")
        scan = Edge(dd, "scan", [source], "")
        first, second = (Edge(self.new("y"), "dyn", self.some(2), "v") for _ in range(2))
        self.edges[dd] = scan
        for edge in (first, second):
            edge.dd, edge.order = dd, [dd]
            self.edges[edge.name] = edge
        self.dyn_edit(dd)

    def dyn_edit(self, dd):
        rng = self.rng
        first, second = (e for e in self.edges.values() if e.dd == dd)
        names = list(self.edges)
        below = [f for f in [*self.texts, *names[: names.index(dd)]] if self.plain(f)]
        first.dyn_ins = rng.sample(below, min(len(below), rng.randrange(3)))
        second.dyn_ins = rng.sample(below, min(len(below), rng.randrange(2)))
        first.dyn_outs = [first.name + ".i"] if rng.randrange(2) else []
        second.dyn_ins += first.dyn_outs
        text = "ninja_dyndep_version = 1\n"
        for edge in (first, second):
            text += "build %s%s: dyndep%s\n" % (
                edge.name,
                " | " + " ".join(edge.dyn_outs) if edge.dyn_outs else "",
                " | " + " ".join(edge.dyn_ins) if edge.dyn_ins else "",
            )
        self.texts[self.edges[dd].inputs[0]] = text

    def usable(self, name):
        """No dyndep file, and not what it is made from."""
        return self.plain(name) or (name in self.edges and self.edges[name].kind != "scan")

    def plain(self, name):
        """Something that a command can read under its name, and no dyndep file."""
        if name in self.texts:
            return not self.texts[name].startswith("ninja")
        return self.edges[name].kind not in ("phony", "stamp", "scan")

    def files_of(self, name):
        """What stands for a name: a phony one's inputs, what was written beside a stamp."""
        if name in self.edges:
            edge = self.edges[name]
            if edge.kind == "phony":
                return [f for i in edge.inputs for f in self.files_of(i)]
            if edge.kind == "stamp":
                return [name + ".side"]
            if edge.kind == "two":
                return [name, name + ".b"]
        return [name]

    def names_of(self, name):
        edge = self.edges.get(name)
        return [name, name + ".b"] if edge and edge.kind == "two" else [name]

    # ---- what a clean build makes ----

    def values(self):
        """File: text; None: it fails."""
        known = dict(self.texts)
        for edge in self.edges.values():
            self.make(edge, known)
        return known

    def needs(self, edge):
        """All of it has to be there first: else it is not made."""
        return [*edge.inputs, *edge.order, *([edge.dd] if edge.dd else []), *edge.dyn_ins]

    def make(self, edge, known):
        name = edge.name
        outs = {"two": [name, name + ".b"], "stamp": [name, name + ".side"]}.get(edge.kind, [name])
        outs = outs + edge.dyn_outs
        for out in outs:
            known[out] = None
        if any(known[i] is None for i in self.needs(edge)):
            return
        if edge.kind == "phony":
            known[name] = ""
            return
        files = [f for i in edge.inputs for f in self.files_of(i)] + edge.dyn_ins
        text = edge.salt + "".join(known[f] for f in files)
        if edge.kind == "scan":
            known[name] = text
            return
        # As the shell takes what a command prints.
        text = text.rstrip("\n")
        if "FAIL" in text:
            return
        if edge.kind in ("found", "gcc"):
            found = [w[1:-1] for w in text.split() if w.startswith("+") and w.endswith(";")]
            text += "".join(known[f] for f in found)
        wide = text[:WIDE]
        known[name] = {"head": text[:2], "size": str(len(text)), "stamp": ""}.get(edge.kind, wide)
        for out in outs[1:]:
            known[out] = wide if edge.kind == "stamp" else ("b" if edge.kind == "two" else "i") + text[: WIDE - 1]

    # ---- on disk ----

    def manifest(self):
        text = "pool one\n  depth = 1\n"
        for rule, (more, command) in COMMANDS.items():
            if self.slow and rule not in ("same", "pooled"):
                command = "printf half > $out; sleep 0.0%d; " % (len(rule) % 5) + command
            text += "rule %s\n  command = %s\n%s" % (rule, command, more)
        if self.regenerated:
            text += "rule regenerate\n  command = cat top.in > build.ninja.new && mv build.ninja.new build.ninja\n  generator = 1\n"
            text += "build build.ninja: regenerate top.in\n"
        for edge in self.edges.values():
            text += self.statement(edge)
        return text

    def statement(self, edge):
        files = [f for i in edge.inputs for f in self.files_of(i)]
        ins = [n for i in edge.inputs for n in self.names_of(i)]
        order = list(edge.order)
        at = len(ins) - edge.implicit
        text = "build %s%s: %s %s" % (
            edge.name,
            " | %s.b" % edge.name if edge.kind == "two" else "",
            edge.kind,
            " ".join(ins[:at]),
        )
        if ins[at:]:
            text += " | " + " ".join(ins[at:])
        if order:
            text += " || " + " ".join(order)
        if edge.validations:
            text += " |@ " + " ".join(edge.validations)
        text += "\n"
        if edge.kind != "phony":
            text += "  salt = %s\n  files = %s\n" % (edge.salt, " ".join(files))
        if edge.dd:
            text += "  dd = %s\n" % edge.dd
        return text

    def write_manifest(self, clean=False):
        if self.regenerated:
            write("top.in", self.manifest())
        if clean or not self.regenerated or not os.path.exists("build.ninja"):
            write("build.ninja", self.manifest())

    def write_all(self):
        for name, text in self.texts.items():
            write(name, text)
        self.write_manifest(clean=True)

    def differs(self, folder="."):
        """What is not as it should be."""
        for name, value in self.values().items():
            edge = self.edges.get(name)
            if value is None or name in self.texts or (edge and edge.kind == "phony"):
                continue
            try:
                there = read(os.path.join(folder, name))
            except OSError as error:
                return "%s: %s" % (name, error)
            if there != value:
                return "%s is %r and not %r" % (name, there, value)
        return None

    def fails(self):
        return any(v is None for v in self.values().values())

    # ---- edits ----

    def edit_text(self):
        name = self.rng.choice([n for n in self.texts if self.plain(n)])
        self.texts[name] = self.text()
        write(name, self.texts[name])

    def edit_times(self):
        for name in self.rng.sample(list(self.texts), self.rng.randint(1, len(self.texts))):
            os.utime(name, ns=(self.rng.choice([10**18, 2 * 10**18]),) * 2)

    def made(self, kinds=None):
        return [e for e in self.edges.values() if e.kind != "phony" and (not kinds or e.kind in kinds)]

    def edit_gone(self):
        made = self.made()
        if made:
            edge = self.rng.choice(made)
            path = edge.name + (".b" if edge.kind == "two" and self.rng.randrange(2) else "")
            if os.path.exists(path):
                os.unlink(path)

    def edit_vandal(self):
        made = [e for e in self.made() if e.kind != "generator"]
        if made:
            edge = self.rng.choice(made)
            if os.path.exists(edge.name):
                write(edge.name, self.rng.choice(["vandal", "", "t"]))

    def edit_add(self):
        self.add()
        self.write_manifest()

    def edit_salt(self):
        edges = [e for e in self.made() if e.kind not in ("scan", "generator")]
        if edges:
            self.rng.choice(edges).salt = self.rng.choice("xyz")
            self.write_manifest()

    def edit_kind(self):
        edges = [e for e in self.made() if e.kind not in ("scan", "dyn", "generator", "stamp", "two")]
        if edges:
            self.rng.choice(edges).kind = self.rng.choice(["cat", "head", "size", "same", "found", "gcc", "rsp"])
            self.write_manifest()

    def edit_inputs(self):
        edges = [e for e in self.made() if e.kind not in ("scan", "generator")]
        if not edges:
            return
        edge = self.rng.choice(edges)
        names = list(self.edges)
        below = [f for f in [*self.texts, *names[: names.index(edge.dd or edge.name)]] if f not in edge.order and self.usable(f)]
        edge.inputs = self.rng.sample(below, min(len(below), self.rng.randint(1, 3)))
        edge.implicit = self.rng.randrange(len(edge.inputs))
        self.write_manifest()

    def used(self, name):
        return any(
            name in [*e.inputs, *e.order, *e.validations, *e.dyn_ins] or e.dd == name for e in self.edges.values()
        ) or any("+%s;" % name in t for t in self.texts.values())

    def edit_drop(self):
        names = [e.name for e in self.edges.values() if not e.dd and not self.used(e.name)]
        if len(names) > 1:
            del self.edges[self.rng.choice(names)]
            self.write_manifest()
            # A source that nothing reads any more would go as well.
            listed = [i for e in self.edges.values() for i in e.inputs + e.order]
            if self.rng.randrange(2) and all(n[0] == "s" or n in listed for n in self.texts if self.plain(n)):
                if self.regenerated:
                    run("build.ninja")
                run("-t", "cleandead")

    def edit_becomes_source(self):
        edges = [e for e in self.made() if e.kind not in ("scan", "dyn", "stamp", "two")]
        if edges and not self.fails():
            edge = self.rng.choice(edges)
            self.texts[edge.name] = self.values()[edge.name]
            del self.edges[edge.name]
            write(edge.name, self.texts[edge.name])
            self.write_manifest()

    def edit_dyn(self):
        dds = [e.name for e in self.edges.values() if e.kind == "scan"]
        if dds:
            dd = self.rng.choice(dds)
            self.dyn_edit(dd)
            write(self.edges[dd].inputs[0], self.texts[self.edges[dd].inputs[0]])

    def edit_state(self):
        names = ["stamps", "manifest", "why"]
        if not self.made(["generator"]):
            names.append("log")  # times decide for a generator that nothing is known of
        names = [n for n in names if os.path.exists(".pawl/" + n)]
        if not names:
            return
        path = ".pawl/" + self.rng.choice(names)
        if self.rng.randrange(2):
            os.unlink(path)
        else:
            os.truncate(path, self.rng.randrange(os.path.getsize(path) + 1))

    def edit_part(self):
        """A build of some targets only."""
        names = [e.name for e in self.edges.values()]
        run(*self.rng.sample(names, min(2, len(names))))

    def edit_clean(self):
        if self.regenerated:
            run("build.ninja")  # the one before has sources of today as outputs
        run("-t", "clean", *self.rng.sample([e.name for e in self.made()], 1) if self.made() else [])

    def edit_stop(self):
        if any(e.kind == "pooled" for e in self.edges.values()):
            return  # what it holds would stay
        build = started("-j4")
        time.sleep(self.rng.random() * 0.05)
        build.send_signal(self.rng.choice([signal.SIGINT, signal.SIGTERM]))
        build.communicate(timeout=LIMIT)

    def edit_some(self):
        edits = [self.edit_text] * 4 + [
            self.edit_times,
            self.edit_gone,
            self.edit_vandal,
            self.edit_add,
            self.edit_salt,
            self.edit_kind,
            self.edit_inputs,
            self.edit_inputs,
            self.edit_drop,
            self.edit_becomes_source,
            self.edit_dyn,
            self.edit_dyn,
            self.edit_state,
            self.edit_part,
            self.edit_clean,
            self.edit_stop,
        ]
        for _ in range(self.rng.randint(1, 3)):
            edit = self.rng.choice(edits)
            self.log.append(edit.__name__[5:])
            edit()


def build_check(world, where, *args):
    """Build: what is there is as it has to be, and the next build has nothing to do."""
    result = run("-k0", "-j%d" % world.rng.randint(1, 4), *args)
    bad = world.fails()
    check(result.code == bad, where, "ended with", result.code, result.all)
    wrong = world.differs()
    check(not wrong, where, wrong, result.all)
    if bad:
        return
    again = run()
    if again.code or again.ran():
        raise Failed("%s runs again: %s" % (where, again.all))


def keep():
    """For whoever looks for what went wrong."""
    if os.environ.get("T_KEEP"):
        shutil.copytree(".", os.environ["T_KEEP"], symlinks=True)
