#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rc11.py - which outcomes does RC11 allow? By enumeration, from the axioms.

For each small program of battery.py this lists every candidate execution (each
load reads any store of its value, the stores of each location in any order), keeps
those that satisfy the axioms, and prints the outcomes that are left. It shares
nothing with the model checker, which walks interleavings with views: two roads to
one answer, each a test of the other.

The model is RC11 of Lahav, Vafeiadis, Kang, Hur, Dreyer: "Repairing Sequential
Consistency in C/C++11", PLDI 2017, with the release sequences of C++20 (P0982: a
later store by the same thread is no longer part of one; --rs11 puts it back).
In their notation, `rb` is rf^-1;mo:

  rs         [W rlx+] ; (rf;rmw)*
  sw         [E rel+] ; ([F];sb)? ; rs ; rf ; [R rlx+] ; (sb;[F])? ; [E acq+]
  hb         (sb | sw)+                              eco  (rf | mo | rb)+
  COHERENCE  hb ; eco?      irreflexive
  ATOMICITY  rmw & (rb;mo)  empty
  SC         psc_base | psc_F  acyclic
             scb       sb | sb!=loc;hb;sb!=loc | hb&loc | mo | rb
             psc_base  ([E sc] | [F sc];hb?) ; scb ; ([E sc] | hb?;[F sc])
             psc_F     [F sc] ; (hb | hb;eco;hb) ; [F sc]
  NO-OOTA    sb | rf   acyclic                       (hence no load buffering)

A program with a consistent execution in which two conflicting accesses, one of them
plain, are not ordered by hb has no outcomes: its verdict is "race".

A read-modify-write is two events joined by `rmw`. A compare-exchange that fails is
a read with its failure order; it may read any store that is readable, not only the
newest. A weak one may also fail with the expected value in its hands.

Usage:
  rc11.py [--rs11] [NAME...]    print the outcomes of the named variants, or of all
  rc11.py --check               compare with expected.txt and with the C files
  rc11.py --write               write expected.txt and the C files from the table
  rc11.py --random N --seed S --out DIR
                                N random programs, as a C file and its expectations
"""

import argparse
import itertools
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
UNSET = 9
RLX, ACQ, REL, AR, SC, PLN = "rlx", "acq", "rel", "acq_rel", "sc", "pln"
ACQUIRES = {ACQ, AR, SC}
RELEASES = {REL, AR, SC}


# --- programs -------------------------------------------------------------------


class Instr:
    def __init__(self, kind, **fields):
        self.kind, self.cond = kind, None
        self.__dict__.update(fields)


def parse_instr(text):
    text = text.strip()
    m = re.match(r"if (r\d+)==(\d+): (.*)$", text)
    if m:
        ins = parse_instr(m.group(3))
        ins.cond = (m.group(1), int(m.group(2)))
        return ins
    if text.startswith("fence."):
        return Instr("fence", order=text[6:])
    m = re.match(r"st\.(\w+) (\w+) (\S+)$", text)
    if m:
        return Instr("store", order=m.group(1), loc=m.group(2), value=m.group(3))
    m = re.match(r"(r\d+) = ld\.(\w+) (\w+)$", text)
    if m:
        return Instr("load", reg=m.group(1), order=m.group(2), loc=m.group(3))
    m = re.match(r"(r\d+) = (add|xchg)\.(\w+) (\w+) (\S+)$", text)
    if m:
        return Instr(
            m.group(2), reg=m.group(1), order=m.group(3), loc=m.group(4), value=m.group(5)
        )
    m = re.match(r"(r\d+) (r\d+) = (casw?)\.(\w+)\.(\w+) (\w+) (\d+) (\d+)$", text)
    if m:
        return Instr(
            "cas",
            ok=m.group(1),
            reg=m.group(2),
            weak=m.group(3) == "casw",
            order=m.group(4),
            fail=m.group(5),
            loc=m.group(6),
            expected=int(m.group(7)),
            value=m.group(8),
        )
    raise ValueError("cannot parse instruction: " + text)


class Program:
    """threads: list of lists of instruction texts; show: names printed at the end."""

    def __init__(self, name, threads, show, exists=None, allowed=None, variant=None):
        self.name, self.show = name, show
        self.variant = variant or name
        self.exists, self.allowed = exists, allowed
        self.threads = [
            [parse_instr(i) for i in t if not i.endswith("fence.none")] for t in threads
        ]
        self.regs = sorted(
            {
                r
                for t in self.threads
                for i in t
                for r in (getattr(i, "reg", None), getattr(i, "ok", None))
                if r
            },
            key=lambda r: int(r[1:]),
        )
        self.locs = sorted({i.loc for t in self.threads for i in t if i.kind != "fence"})
        self.plain = {
            i.loc for t in self.threads for i in t if i.kind != "fence" and i.order == PLN
        }

    def outcome(self, env, memory):
        return " ".join("%s=%d" % (n, env[n] if n in env else memory[n]) for n in self.show)


def value_of(text, env):
    m = re.match(r"(r\d+)(?:\+(\d+))?$", text)
    if m:
        return env[m.group(1)] + int(m.group(2) or 0)
    return int(text)


class Event:
    __slots__ = ("kind", "loc", "val", "order", "thread", "rmw_of")

    def __init__(self, kind, loc, val, order, thread, rmw_of=None):
        self.kind, self.loc, self.val, self.order = kind, loc, val, order
        self.thread, self.rmw_of = thread, rmw_of


def thread_runs(instrs, thread, domain, regs):
    """Every way the thread can run if loads return anything in their location's domain."""
    runs = []

    def go(k, events, env):
        if k == len(instrs):
            runs.append((events, env))
            return
        i = instrs[k]
        if i.cond and env[i.cond[0]] != i.cond[1]:
            go(k + 1, events, env)
        elif i.kind == "fence":
            go(k + 1, events + [Event("F", None, None, i.order, thread)], env)
        elif i.kind == "store":
            go(
                k + 1,
                events + [Event("W", i.loc, value_of(i.value, env), i.order, thread)],
                env,
            )
        else:
            for v in sorted(domain[i.loc]):
                after(k, i, v, events, env)

    def after(k, i, v, events, env):
        new = dict(env)
        new[i.reg] = v
        if i.kind == "load":
            go(k + 1, events + [Event("R", i.loc, v, i.order, thread)], new)
            return
        if i.kind == "cas":
            if i.weak or v != i.expected:
                new[i.ok] = 0
                go(k + 1, events + [Event("R", i.loc, v, i.fail, thread)], new)
            if v != i.expected:
                return
            new = dict(new)
            new[i.ok] = 1
        written = value_of(i.value, env)
        if i.kind == "add":
            written += v
        read = {REL: RLX, AR: ACQ}.get(i.order, i.order)
        write = {ACQ: RLX, AR: REL}.get(i.order, i.order)
        r = Event("R", i.loc, v, read, thread)
        go(k + 1, events + [r, Event("W", i.loc, written, write, thread, r)], new)

    go(0, [], {r: UNSET for r in regs})
    return runs


# --- relations: rel[i] is the bit mask of the successors of event i ---------------


def bits(mask):
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def compose(a, b):
    out = []
    for mask in a:
        acc = 0
        for j in bits(mask):
            acc |= b[j]
        out.append(acc)
    return out


def union(*rels):
    out = [0] * len(rels[0])
    for rel in rels:
        for i, mask in enumerate(rel):
            out[i] |= mask
    return out


def closure(rel):
    out = list(rel)
    for k in range(len(out)):
        through = out[k]
        bit = 1 << k
        for i in range(len(out)):
            if out[i] & bit:
                out[i] |= through
    return out


def reflexive(rel):
    return [mask | 1 << i for i, mask in enumerate(rel)]


def irreflexive(rel):
    return not any(mask >> i & 1 for i, mask in enumerate(rel))


def acyclic(rel):
    return irreflexive(closure(rel))


def restrict(rel, left, right):
    return [mask & right if left >> i & 1 else 0 for i, mask in enumerate(rel)]


class Execution:
    """One choice of events: everything that does not depend on rf and mo is done once."""

    def __init__(self, events, rs11):
        self.ev, self.rs11 = events, rs11
        n = self.n = len(events)
        self.sb = [0] * n
        self.loc_same = [0] * n
        self.rmw = [0] * n
        for i, a in enumerate(events):
            for j, b in enumerate(events):
                if i == j:
                    continue
                if (a.thread < 0 <= b.thread) or (a.thread == b.thread >= 0 and i < j):
                    self.sb[i] |= 1 << j
                if a.loc is not None and a.loc == b.loc:
                    self.loc_same[i] |= 1 << j
                if b.rmw_of is a:
                    self.rmw[i] |= 1 << j

        def sel(f):
            return sum(1 << i for i, e in enumerate(events) if f(e))

        self.W = sel(lambda e: e.kind == "W")
        self.F = sel(lambda e: e.kind == "F")
        self.atomic = sel(lambda e: e.order != PLN)
        self.acq = sel(lambda e: e.kind in "RF" and e.order in ACQUIRES)
        self.rel = sel(lambda e: e.kind in "WF" and e.order in RELEASES)
        self.sc = sel(lambda e: e.order == SC)
        self.plain = sel(lambda e: e.order == PLN)
        # Two fences have the same (no) location; a fence and an access do not.
        self.sb_neq = [
            m & ~(self.loc_same[i] | (self.F if self.F >> i & 1 else 0))
            for i, m in enumerate(self.sb)
        ]

    def consistent(self, rf_of, mo):
        """rf_of: read -> write. mo: total per location, transitive. -> hb or None."""
        n = self.n
        rf = [0] * n
        rb = [0] * n
        for r, w in rf_of.items():
            rf[w] |= 1 << r
            rb[r] |= mo[w] & ~(1 << r)
        if not acyclic(union(self.sb, rf)):
            return None
        for i, m in enumerate(self.rmw):
            if m and m & compose(rb, mo)[i]:
                return None
        everything = (1 << n) - 1
        chain = reflexive(closure(compose(rf, self.rmw)))
        rs = restrict(chain, self.W & self.atomic, everything)
        if self.rs11:
            own = reflexive(
                restrict(
                    [m & s for m, s in zip(self.sb, self.loc_same)],
                    self.W,
                    self.W & self.atomic,
                )
            )
            rs = restrict(compose(own, chain), self.W & self.atomic, everything)
        read = restrict(compose(rs, rf), everything, self.atomic)
        f_sb = reflexive(restrict(self.sb, self.F, everything))
        sb_f = reflexive(restrict(self.sb, everything, self.F))
        sw = restrict(compose(compose(f_sb, read), sb_f), self.rel, self.acq)
        hb = closure(union(self.sb, sw))
        eco = closure(union(rf, mo, rb))
        if not irreflexive(hb) or not irreflexive(compose(hb, eco)):
            return None
        if self.sc and not acyclic(self.psc(hb, eco, mo, rb)):
            return None
        return hb

    def psc(self, hb, eco, mo, rb):
        everything = (1 << self.n) - 1
        f_sc = self.F & self.sc
        hb0 = reflexive(hb)
        scb = union(
            self.sb,
            compose(compose(self.sb_neq, hb), self.sb_neq),
            [h & s for h, s in zip(hb, self.loc_same)],
            mo,
            rb,
        )
        same = [1 << i for i in range(self.n)]
        left = union(restrict(same, self.sc, self.sc), restrict(hb0, f_sc, everything))
        right = union(restrict(same, self.sc, self.sc), restrict(hb0, everything, f_sc))
        base = compose(compose(left, scb), right)
        fences = restrict(union(hb, compose(compose(hb, eco), hb)), f_sc, f_sc)
        return union(base, fences)

    def sequential(self, rf_of, mo):
        """Is this execution one of plain interleaving?"""
        rf = [0] * self.n
        rb = [0] * self.n
        for r, w in rf_of.items():
            rf[w] |= 1 << r
            rb[r] |= mo[w] & ~(1 << r)
        # An RMW is one step: what is between its halves must not exist (ATOMICITY).
        return acyclic(union(self.sb, rf, mo, rb))

    def races(self, hb):
        for i in bits(self.plain):
            for j in bits(self.loc_same[i]):
                a, b = self.ev[i], self.ev[j]
                if (
                    a.thread != b.thread
                    and "W" in (a.kind, b.kind)
                    and not hb[i] >> j & 1
                    and not hb[j] >> i & 1
                ):
                    return True
        return False


class Verdict:
    """outcomes: text -> is it also a sequentially consistent one. never: values that
    loads could have by their domains, but no consistent execution has."""

    def __init__(self):
        self.outcomes, self.never = {}, set()
        self.executions, self.race = 0, False


def domains(prog):
    domain = {loc: {0} for loc in prog.locs}
    for _ in range(1 + sum(len(t) for t in prog.threads)):
        before = {k: len(v) for k, v in domain.items()}
        for t, instrs in enumerate(prog.threads):
            for events, _env in thread_runs(instrs, t, domain, prog.regs):
                for e in events:
                    if e.kind == "W":
                        domain[e.loc].add(e.val)
        if before == {k: len(v) for k, v in domain.items()}:
            break
    return domain


def solve(prog, rs11=False):
    verdict = Verdict()
    domain = domains(prog)
    runs = [thread_runs(t, k, domain, prog.regs) for k, t in enumerate(prog.threads)]
    init = [Event("W", loc, 0, RLX, -1) for loc in prog.locs]
    for combo in itertools.product(*runs):
        events = init + [e for evs, _env in combo for e in evs]
        env = {r: UNSET for r in prog.regs}
        for k, (_evs, own) in enumerate(combo):
            for i in prog.threads[k]:
                for r in (getattr(i, "reg", None), getattr(i, "ok", None)):
                    if r:
                        env[r] = own[r]
        solve_events(prog, events, env, rs11, verdict)
    verdict.never -= set(verdict.outcomes)
    return verdict


def solve_events(prog, events, env, rs11, verdict):
    reads = [i for i, e in enumerate(events) if e.kind == "R"]
    sources = [
        [
            w
            for w, e in enumerate(events)
            if e.kind == "W"
            and e.loc == events[r].loc
            and e.val == events[r].val
            and e.rmw_of is not events[r]
        ]
        for r in reads
    ]
    writes = {
        loc: [i for i, e in enumerate(events) if e.kind == "W" and e.loc == loc]
        for loc in prog.locs
    }
    if not all(sources):
        if all(events[w[-1]].val is not None for w in writes.values()):
            for last in itertools.product(*writes.values()):
                memory = {loc: events[w].val for loc, w in zip(writes, last)}
                verdict.never.add(prog.outcome(env, memory))
        return
    ex = Execution(events, rs11)
    orders = [
        [
            ws[:1] + list(p)
            for p in itertools.permutations(ws[1:])
            if all(not ex.sb[b] >> a & 1 for a, b in itertools.combinations(p, 2))
        ]
        for ws in writes.values()
    ]
    for choice in itertools.product(*orders):
        mo = [0] * ex.n
        for order in choice:
            for a, b in itertools.combinations(order, 2):
                mo[a] |= 1 << b
        memory = {loc: events[o[-1]].val for loc, o in zip(writes, choice)}
        text = prog.outcome(env, memory)
        for rf in itertools.product(*sources):
            rf_of = dict(zip(reads, rf))
            hb = ex.consistent(rf_of, mo)
            if hb is None:
                verdict.never.add(text)
                continue
            verdict.executions += 1
            verdict.race |= ex.races(hb)
            verdict.outcomes[text] = verdict.outcomes.get(text, False) or ex.sequential(
                rf_of, mo
            )


def check_claim(prog, verdict):
    """The table says of one outcome what the literature says; the axioms must agree."""
    if prog.exists is None:
        return None
    if prog.exists == "race":
        found = verdict.race
    else:
        want = dict(p.split("=") for p in prog.exists.split())
        found = any(
            want.items() <= dict(p.split("=") for p in text.split()).items()
            for text in verdict.outcomes
        )
    if found != prog.allowed:
        return '%s: the table says "%s" is %s, the axioms say the opposite' % (
            prog.name,
            prog.exists,
            "allowed" if prog.allowed else "forbidden",
        )
    return None


# --- expected.txt -----------------------------------------------------------------

HEAD = """\
# Outcome sets of the litmus battery under RC11. Generated by rc11.py --write from
# battery.py; `rc11.py --check` says whether it is up to date.
#
# FILE SCENARIO EXECUTIONS: consistent executions, counted as (reads-from, modification
# order) pairs: what an optimal checker explores.
#   sc     must be seen; plain interleaving gives it too
#   weak   must be seen; only the memory model gives it
#   spur   must be seen; only a spurious failure of a weak compare-exchange gives it.
#          clang's hooks do not tell a weak one from a strong one: not demanded there
#   never  must not be seen, nor anything else that is not listed (left out where
#          there are very many)
#   race   the scenario has a data race and must be rejected as such
"""


NEVER_MAX = 16


def strong_outcomes(prog, verdict):
    """The outcomes that are left if no compare-exchange fails spuriously."""
    weak = [i for t in prog.threads for i in t if i.kind == "cas" and i.weak]
    if not weak:
        return verdict.outcomes
    for i in weak:
        i.weak = False
    strong = solve(prog).outcomes
    for i in weak:
        i.weak = True
    return strong


def expectation(file, prog, verdict):
    lines = ["%s %s %d" % (file, prog.name, verdict.executions)]
    if verdict.race:
        return lines + ["  race"]
    strong = strong_outcomes(prog, verdict)
    for text in sorted(verdict.outcomes):
        kind = "sc" if verdict.outcomes[text] else "weak"
        lines.append("  %-5s %s" % (kind if text in strong else "spur", text))
    if len(verdict.never) <= NEVER_MAX:
        lines += ["  never " + text for text in sorted(verdict.never)]
    return lines


# --- C ------------------------------------------------------------------------------

LONG = {RLX: "relaxed", ACQ: "acquire", REL: "release", AR: "acq_rel", SC: "seq_cst"}


def c_value(text):
    m = re.match(r"(r\d+)(?:\+(\d+))?$", text)
    if m:
        return m.group(1) + (" + %su" % m.group(2) if m.group(2) else "")
    return text + "u"


def c_call(i):
    own = "litmus" if getattr(i, "order", "") == SC else "pawl"
    order = LONG.get(i.order, "")
    if i.kind == "fence":
        return "pawl_fence_dekker();" if i.order == SC else "litmus_fence_%s();" % order
    if i.kind == "load" and i.order == PLN:
        return "%s = %s.value;" % (i.reg, i.loc)
    if i.kind == "store" and i.order == PLN:
        return "%s.value = %s;" % (i.loc, c_value(i.value))
    if i.kind == "load":
        return "%s = %s_load_%s(&%s);" % (i.reg, own, order, i.loc)
    if i.kind == "store":
        return "%s_store_%s(&%s, %s);" % (own, order, i.loc, c_value(i.value))
    return "%s = %s_%s_%s(&%s, %s);" % (i.reg, own, i.kind, order, i.loc, c_value(i.value))


def c_instr(i):
    if i.kind == "cas":
        offered = {(RLX, RLX), (ACQ, ACQ), (REL, RLX), (AR, ACQ)}
        if (i.order, i.fail) in offered:
            call = "pawl_cas_%s%s(&%s, &%s, %s)" % (
                "weak_" if i.weak else "",
                LONG[i.order],
                i.loc,
                i.reg,
                c_value(i.value),
            )
        else:
            call = "litmus_cas(%s, &%s, &%s, %s, %s, %s)" % (
                "weak" if i.weak else "strong",
                i.loc,
                i.reg,
                c_value(i.value),
                LONG[i.order],
                LONG[i.fail],
            )
        lines = ["%s = %du;" % (i.reg, i.expected), "%s = %s;" % (i.ok, call)]
    else:
        lines = [c_call(i)]
    if not i.cond:
        return ["\t" + l for l in lines]
    head = "\tif (%s == %du)" % i.cond
    if len(lines) == 1:
        return [head, "\t\t" + lines[0]]
    return [head + " {"] + ["\t\t" + l for l in lines] + ["\t}"]


def c_ident(name):
    return re.sub(r"[^a-z0-9]", "_", name)


def c_wrapped(head, args, tail, width=96):
    """A call or initialiser in lines of at most `width` columns."""
    indent = head.expandtabs(8)
    room = len(indent)
    pad = "\t" * (room // 8) + " " * (room % 8)
    lines, line = [], head
    for k, arg in enumerate(args):
        item = arg + (tail if k == len(args) - 1 else ",")
        if len(line.expandtabs(8)) + len(item) + 1 > width and line.strip():
            lines.append(line.rstrip())
            line = pad
        line += ("" if line in (head, pad) else " ") + item
    return lines + [line]


def c_finish(name, show, regs, plain):
    args = [
        n if n in regs else n + ".value" if n in plain else "pawl_load_relaxed(&%s)" % n
        for n in show
    ]
    text = '"%s"' % " ".join("%s=%%u" % n for n in show)
    return (
        ["", "static void %s(void)" % name, "{"]
        + c_wrapped("\tlitmus_outcome(", [text] + args, ");")
        + ["}"]
    )


def c_file(file, about, progs):
    plain = sorted(set().union(*(p.plain for p in progs)))
    words = [l for l in sorted(set().union(*(p.locs for p in progs))) if l not in plain]
    regs = sorted(set().union(*(p.regs for p in progs)), key=lambda r: int(r[1:]))
    out = ["/* SPDX-License-Identifier: BSD-2-Clause */", "/*"]
    out += [" * " + l if l else " *" for l in ("%s - %s" % (file, about)).split("\n")]
    out += [
        " *",
        " * Generated from battery.py by rc11.py --write; the expected outcomes are in",
        " * expected.txt.",
        " */",
        '#include "litmus.h"',
        "",
    ]
    if words:
        out.append("static struct pawl_atomic_u32 %s;" % ", ".join(words))
    if plain:
        out.append("static struct litmus_plain %s;" % ", ".join(plain))
    if regs:
        out.append("static uint32_t %s;" % ", ".join(regs))
    out += ["", "static void setup(void)", "{"]
    out += ["\tpawl_init_word(&%s, 0u);" % w for w in words]
    out += ["\t%s.value = 0;" % p for p in plain]
    if regs:
        out.append("\t%s = LITMUS_UNSET;" % " = ".join(regs))
    out.append("}")
    # One finish() for the family, or one each where they show different things.
    one = all(p.show == progs[0].show for p in progs)
    for p in progs[:1] if one else progs:
        out += c_finish(
            "finish" if one else c_ident(p.variant) + "_finish", p.show, regs, plain
        )
    for p in progs:
        for k, t in enumerate(p.threads):
            out += ["", "static void %s_%d(void)" % (c_ident(p.variant), k), "{"]
            for i in t:
                out += c_instr(i)
            out.append("}")
    out += ["", "static const struct mc_scenario scenarios[] = {"]
    for p in progs:
        names = ["%s_%d" % (c_ident(p.variant), k) for k in range(len(p.threads))]
        out += ["\t{", '\t\t.name = "%s",' % p.name, "\t\t.setup = setup,"]
        out += c_wrapped("\t\t.threads = {", names, "},")
        out += [
            "\t\t.finish = %s," % ("finish" if one else c_ident(p.variant) + "_finish"),
            "\t\t.bare = true,",
        ]
        if getattr(p, "race", False):
            out.append('\t\t.expect_failure = "race",')
        out.append("\t},")
    out += ["};", "MC_MAIN(scenarios)", ""]
    return "\n".join(out)


# --- random programs ------------------------------------------------------------------


def random_program(rng, name):
    threads = rng.choice([2, 2, 3])
    locs = ["x", "y"] if threads == 3 or rng.random() < 0.7 else ["x", "y", "z"]
    total = rng.choice([2, 3]) if threads == 3 else rng.choice([2, 3, 4])
    reg = itertools.count()
    value = itertools.count(1)
    out = []
    for _t in range(threads):
        body = []
        for _i in range(total):
            loc, p = rng.choice(locs), rng.random()
            if p < 0.38:
                body.append("st.%s %s %d" % (rng.choice([RLX, RLX, REL, SC]), loc, next(value)))
            elif p < 0.76:
                body.append(
                    "r%d = ld.%s %s" % (next(reg), rng.choice([RLX, RLX, ACQ, SC]), loc)
                )
            elif p < 0.84:
                body.append(
                    "r%d = xchg.%s %s %d"
                    % (next(reg), rng.choice([RLX, ACQ, REL, AR, SC]), loc, next(value))
                )
            elif p < 0.88:
                body.append(
                    "r%d r%d = %s.%s %s %d %d"
                    % (
                        next(reg),
                        next(reg),
                        rng.choice(["cas", "casw"]),
                        rng.choice(["rlx.rlx", "acq_rel.acq", "rel.rlx", "acq.rlx"]),
                        loc,
                        rng.randrange(3),
                        next(value),
                    )
                )
            else:
                body.append("fence.%s" % rng.choice([SC, SC, SC, AR, REL, ACQ]))
        out.append(body)
    prog = Program(name, out, [])
    prog.show = prog.regs + prog.locs
    return prog


def random_battery(count, seed):
    rng = random.Random(seed)
    while count:
        prog = random_program(rng, "random-%d-%d" % (seed, count))
        prog.verdict = solve(prog)
        if prog.verdict.executions >= 4 and len(prog.verdict.outcomes) >= 3:
            count -= 1
            yield prog


# --- commands ---------------------------------------------------------------------------


def generate(rs11=False):
    """-> {file name: text}, and what the table claims wrongly."""
    import battery

    files, wrong = {}, []
    expected = [HEAD.rstrip("\n")]
    for file, about, progs in battery.families(Program):
        for p in progs:
            verdict = solve(p, rs11)
            p.race = verdict.race
            problem = check_claim(p, verdict)
            if problem:
                wrong.append(problem)
            expected += [""] + expectation(file, p, verdict)
        files[file] = c_file(file, about, progs)
    files["expected.txt"] = "\n".join(expected) + "\n"
    return files, wrong


def main():
    ap = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ap.add_argument("--rs11", action="store_true")
    ap.add_argument("--check", action="store_true")
    ap.add_argument("--write", action="store_true")
    ap.add_argument("--random", type=int)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out")
    ap.add_argument("names", nargs="*")
    args = ap.parse_args()
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    if args.random:
        write_random(args)
        return 0
    if args.check or args.write:
        return check_or_write(args)
    import battery

    for file, _about, progs in battery.families(Program):
        for p in progs:
            if args.names and p.name not in args.names and file not in args.names:
                continue
            verdict = solve(p, args.rs11)
            print("\n".join(expectation(file, p, verdict)))
            problem = None if args.rs11 else check_claim(p, verdict)
            if problem:
                print("MISMATCH " + problem)
    return 0


def check_or_write(args):
    files, wrong = generate()
    for text in wrong:
        print("rc11: " + text)
    stale = 0
    for name, text in files.items():
        path = os.path.join(HERE, name)
        old = open(path).read() if os.path.exists(path) else None
        if old == text:
            continue
        stale += 1
        if args.write:
            with open(path, "w") as f:
                f.write(text)
        else:
            print("rc11: %s is not what the table generates" % name)
    known = set(files)
    for name in sorted(os.listdir(HERE)):
        if name.endswith(".c") and name not in known:
            print("rc11: %s is not in the table" % name)
            stale += 1
    return 1 if wrong or (stale and args.check) else 0


RANDOM_PER_FILE = 25


def write_random(args):
    """Files of RANDOM_PER_FILE programs each, and their expected.txt, into args.out."""
    os.makedirs(args.out, exist_ok=True)
    progs = list(random_battery(args.random, args.seed))
    expected = []
    for n in range(0, len(progs), RANDOM_PER_FILE):
        file = "random-%03d.c" % (n // RANDOM_PER_FILE)
        batch = progs[n : n + RANDOM_PER_FILE]
        for p in batch:
            p.race = p.verdict.race
            expected += expectation(file, p, p.verdict) + [""]
        with open(os.path.join(args.out, file), "w") as f:
            f.write(c_file(file, "random programs", batch))
    with open(os.path.join(args.out, "expected.txt"), "w") as f:
        f.write("\n".join(expected))


if __name__ == "__main__":
    sys.exit(main())
