# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of `pawl build` share: a case is a function case_NAME() that runs in a folder and a
process of its own, as many at one time as the machine has room for; main() speaks TAP."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ.get("PAWL_BUILDDIR", ".")
PAWL = os.path.abspath(os.environ.get("PAWL_PROGRAM") or os.path.join(BUILD, "tools", "pawl"))
LONG = os.environ.get("T_TIER") == "long"
SEED = int(os.environ.get("T_SEED") or random.randrange(1 << 30))
LIMIT = 120  # seconds that one build may take before it counts as hung
CASE_LIMIT = 3600 if LONG else 600  # and a case


class Failed(Exception):
    pass


def check(truth, *what):
    if not truth:
        raise Failed(" ".join(str(w) for w in what))


def write(path, text):
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr
        self.all = done.stdout + done.stderr

    def counts(self):
        """Commands that were run, cut off, up to date, failed."""
        if "no work to do" in self.out:
            return (0, 0, None, 0)
        found = re.search(
            r"(\d+) run, (\d+) cut off early, (\d+) up to date, (\d+) failed", self.out
        )
        if found:
            return tuple(int(n) for n in found.groups())
        raise Failed("no summary in: " + self.all)

    def ran(self):
        return self.counts()[0]


def run(*args, command="build", env=None, **more):
    environment = dict(os.environ, **(env or {}))
    return Result(
        subprocess.run(
            [PAWL, command, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT,
            check=False,
            env=environment,
            **more,
        )
    )


def good(*args, **more):
    result = run(*args, **more)
    check(result.code == 0, "status", result.code, result.all)
    return result


def idle(*args):
    result = good(*args)
    check(result.ran() == 0, "something ran:", result.all)


def started(*args, **more):
    return subprocess.Popen(
        [PAWL, "build", *args],
        **{
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
            "errors": "replace",
            **more,
        },
    )


def until(path):
    """Wait for a file."""
    for _ in range(LIMIT * 100):
        if os.path.exists(path):
            return
        time.sleep(0.01)
    raise Failed(path + " does not come")


RULES = """rule cat
  command = cat $in > $out
rule log
  command = echo $out >> ran.txt && cat $in > $out
rule stamp
  command = echo $out >> ran.txt && touch $out
"""


def manifest(text, rules=RULES):
    write("build.ninja", rules + text)


# ---- cases ---------------------------------------------------------------------------------------


def run_case(name, fn, out):
    """In a process of its own: its words go to `out`."""
    folder = tempfile.mkdtemp(prefix="pawl-" + name + "-")
    os.chdir(folder)
    random.seed(SEED)
    signal.alarm(CASE_LIMIT)
    code = 0
    try:
        skip = fn()
        if skip:
            out.write("# SKIP " + skip)
    except Exception as error:
        code = 1
        words = "%s: %s" % (type(error).__name__, error)
        if not isinstance(error, Failed):
            words += "\n" + traceback.format_exc()
        for line in words.splitlines()[:60]:
            out.write("# " + line[:400] + "\n")
    out.flush()
    os.chdir("/")
    shutil.rmtree(folder, ignore_errors=True)
    return code


def start_case(name, fn):
    out = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid, out
    code = 1
    try:
        code = run_case(name, fn, out)
    finally:
        os._exit(code)


def end_case(number, name, status, out):
    out.seek(0)
    words = out.read()
    out.close()
    if status == 0:
        print("ok %d - %s%s" % (number, name, " " + words.strip() if words else ""))
        return True
    print("not ok %d - %s" % (number, name))
    if os.WIFSIGNALED(status):
        print("# ended by signal %d" % os.WTERMSIG(status))
    sys.stdout.write(words)
    return False


def main(names):
    """Run each case_NAME of a module's globals(). Returns what to exit with."""
    # Who starts this may ignore them, and what is ignored is inherited: pawl would not hear of them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for variable in ("NINJA_STATUS", "NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"):
        os.environ.pop(variable, None)
    only = os.environ.get("T_CASE")
    cases = [
        (name[5:], fn)
        for name, fn in names.items()
        if name.startswith("case_") and (not only or re.fullmatch(only, name[5:]))
    ]
    room = int(os.environ.get("T_JOBS") or 2 * len(os.sched_getaffinity(0)))
    print("1..%d" % len(cases))
    print("# seed %d" % SEED)
    failed = told = 0
    running, ended = {}, {}
    waiting = list(enumerate(cases))
    while waiting or running:
        while waiting and len(running) < room:
            i, (name, fn) = waiting.pop(0)
            pid, out = start_case(name, fn)
            running[pid] = (i, out)
        pid, status = os.wait()
        if pid not in running:
            continue
        i, out = running.pop(pid)
        ended[i] = (status, out)
        # Told in their order.
        while told in ended:
            failed += not end_case(told + 1, cases[told][0], *ended.pop(told))
            told += 1
            sys.stdout.flush()
    return 1 if failed else 0
