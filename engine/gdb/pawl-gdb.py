# SPDX-License-Identifier: BSD-2-Clause
"""Commands for gdb that know the runtime of Pawl; for live processes and core files.

    (gdb) source pawl-gdb.py
    (gdb) pawl tasks            all tasks: state, lane, what each waits for
    (gdb) pawl fibers           bodies that wait, each with its backtrace
    (gdb) pawl fibers --brief   the same without backtraces
    (gdb) pawl fiber NUMBER     one of them, with its backtrace

What runs is on the threads: "thread apply all backtrace". Pawl must have been built with debug
information (-g), which may lie in files of its own. Core files that gdb itself writes
(generate-core-file) leave out stacks whose guards are markers in the page table (Linux 6.13 and
later, PAWL_FIBER_GUARD_MADVISE); those that the kernel writes have them.

Nothing of the program is changed or run. A backtrace of a fibre is made by telling gdb, for as long
as that takes, that the innermost frame of the current thread was called from where the fibre
stopped: the registers that it goes on with are read from its stack.
"""

import gdb
import gdb.unwinder

RECORDS_FIRST_LOG = 8  # engine/runtime/task.c

PHASES = ("free", "starts", "has not begun", "is completed from outside", "runs", "ends",
          "is final")
OUTCOMES = ("none", "completed", "failed", "cancelled", "aborted", "given up, runs on")

# lib/fiber-x86_64.S: the frame of a suspended stack, above the control words.
SAVED = ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip")
SAVED_AT = 8
FRAME_BYTES = 64


class Unknown(Exception):
    """Something is not there, or not known without debug information."""


def atomic(word):
    return word["pawl_private"]


def static(name, member=None):
    """A static variable; with `member` the one whose type, or whose elements' type, has it."""
    try:
        symbols = gdb.lookup_static_symbols(name)
    except (AttributeError, gdb.error):
        symbols = [gdb.lookup_static_symbol(name)]
    for symbol in symbols:
        if symbol is not None and symbol.is_variable:
            value = symbol.value()
            if member is None or member in str(value.type):
                return value
    raise Unknown("there is no " + name + ": is Pawl in this program, with debug information?")


def pointer(word, type_name):
    return atomic(word).cast(gdb.lookup_type("struct " + type_name).pointer())


def text(value):
    """A C string, or None."""
    if int(value) == 0:
        return None
    try:
        return value.cast(gdb.lookup_type("char").pointer()).string(errors="replace")
    except gdb.error:
        return "<unreadable>"


# ---- fibres ------------------------------------------------------------------------------


def fibers():
    """All that were created and have not finished."""
    slab = pointer(static("slabs", "pawl_atomic_ptr"), "slab")
    while int(slab):
        for i in range(int(slab["count"])):
            fiber = slab["fibers"][i]
            if state_of(fiber) not in ("UNUSED", "FINISHED"):
                yield fiber
        slab = slab["next"]


def state_of(fiber):
    number = int(atomic(fiber["state"]))
    for field in gdb.lookup_type("enum pawl_fiber_state").fields():
        if field.enumval == number:
            return field.name.replace("PAWL_FIBER_", "")
    return str(number)


def switch_is_c():
    """Is it lib/fiber-switch.c? Then what is saved is a ucontext_t."""
    try:
        return {"context", "value"} == {f.name for f in gdb.lookup_type("struct suspended").fields()}
    except gdb.error:
        return False


def registers_of(fiber):
    """What a suspended fibre goes on with."""
    sp = int(fiber["sp"])
    architecture = gdb.selected_inferior().architecture().name()
    if "x86-64" not in architecture:
        raise Unknown("backtraces are for x86-64, this is " + architecture)
    word = gdb.lookup_type("unsigned long").pointer()
    if switch_is_c():
        # A greg_t[23] 40 bytes into the context, which comes first.
        gregs = gdb.Value(sp + 40).cast(word)
        at = {"r12": 4, "r13": 5, "r14": 6, "r15": 7, "rbp": 10, "rbx": 11, "rsp": 15, "rip": 16}
        return {name: int(gregs[index]) for name, index in at.items()}
    saved = gdb.Value(sp + SAVED_AT).cast(word)
    registers = {name: int(saved[i]) for i, name in enumerate(SAVED)}
    registers["rsp"] = sp + FRAME_BYTES
    return registers


class FiberUnwinder(gdb.unwinder.Unwinder):
    """While `registers` is set the innermost frame has these as its caller's."""

    def __init__(self):
        super().__init__("pawl-fiber")
        self.registers = None
        self.innermost = None

    def __call__(self, pending):
        if self.registers is None:
            return None
        here = (int(pending.read_register("rsp")), int(pending.read_register("rip")))
        if here != self.innermost:
            return None
        info = pending.create_unwind_info(FrameId(self.registers["rsp"] - FRAME_BYTES, here[1]))
        for name, value in self.registers.items():
            kind = pending.read_register(name).type
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info


class FrameId:
    def __init__(self, sp, pc):
        self.sp = gdb.Value(sp).cast(gdb.lookup_type("void").pointer())
        self.pc = gdb.Value(pc).cast(gdb.lookup_type("void").pointer())


unwinder = FiberUnwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def backtrace(fiber):
    """Lines of it, without the frame of the thread."""
    newest = gdb.newest_frame()
    innermost = (int(newest.read_register("rsp")), int(newest.read_register("rip")))
    selected = gdb.selected_frame().level()
    try:
        unwinder.innermost = innermost
        unwinder.registers = registers_of(fiber)
        gdb.invalidate_cached_frames()
        lines = gdb.execute("backtrace", to_string=True).splitlines()
    finally:
        unwinder.registers = None
        gdb.invalidate_cached_frames()
        gdb.execute("frame %d" % selected, to_string=True)
    while lines and not lines[0].startswith("#1 "):
        lines.pop(0)
    return lines


# ---- tasks -------------------------------------------------------------------------------


def is_body(fiber):
    return "<stack_main>" in fiber["fn"].format_string(symbols=True)


def runs_of(fiber):
    """The bodies on a fibre, the innermost first."""
    if not is_body(fiber):
        return
    run = fiber["arg"].cast(gdb.lookup_type("struct eng_stack").pointer())["run"]
    while int(run):
        yield run
        run = run["outer"]


def task_title(task):
    name = text(atomic(task["name"]))
    return "%s#%d" % (name or "task", int(task["id"]) & 0xffffffff)


def waits(task):
    note = text(atomic(task["waits_note"]))
    value = int(atomic(task["waits_value"]))
    target = int(atomic(task["waits_for"])) & 0xffffffff
    if target:
        return "task #%d" % target
    if not note:
        return None
    return "%s %d" % (note, value) if value else note


def fiber_title(fiber):
    line = "fiber %d, %s" % (int(fiber["waiter"]["number"]), state_of(fiber).lower())
    name = fiber["name"].string(errors="replace")
    runs = list(runs_of(fiber))
    if not runs:
        return line + (", " + name if name else "") + (
            ", without a body" if is_body(fiber) else "")
    line += ": " + task_title(runs[0]["task"].dereference())
    note = waits(runs[0]["task"])
    if note:
        line += " waits for: " + note
    for run in runs[1:]:
        line += "; run by the wait of " + task_title(run["task"].dereference())
    return line


def runtimes():
    """All that have workers."""
    worker_type = gdb.lookup_type("struct eng_worker").pointer()
    seen = {}
    workers = static("worker_of")
    low, high = workers.type.range()
    for i in range(low, high + 1):
        worker = int(atomic(workers[i]))
        if worker:
            runtime = gdb.Value(worker).cast(worker_type)["rt"]
            seen[int(runtime)] = runtime
    return seen.values()


def tasks_of(runtime):
    segments = runtime["tasks"]["segments"]
    low, high = segments.type.range()
    for k in range(low, high + 1):
        segment = pointer(segments[k], "eng_task")
        if not int(segment):
            continue
        for i in range(1 << (RECORDS_FIRST_LOG + k)):
            task = segment[i]
            word = int(atomic(task["word"]))
            if word & 7:
                yield task, word


def task_line(task, word):
    phase = PHASES[word & 7]
    if word & 7 == 1:
        return "  task #%d starts" % (int(task["id"]) & 0xffffffff)
    if word & 7 == 6:
        outcome = word >> 3 & 7
        if outcome != 5:
            return None
        phase = OUTCOMES[outcome]
    note = waits(task)
    if word & 7 == 4 and note:
        phase = "waits for: " + note
    line = "  %s %s; lane %d" % (task_title(task), phase, int(task["lane"]))
    group = pointer(task["group"], "pawl_group")
    if int(group):
        line += ", in group %s#%d" % (text(group["name"].address), int(group["number"]))
    if int(task["parent"]):
        line += ", spawned by #%d" % (int(task["parent"]) & 0xffffffff)
    if word & 0x200:
        line += ", forced"
    elif word & 0x100:
        line += ", cancelled"
    return line


# ---- commands ------------------------------------------------------------------------------


class Pawl(gdb.Command):
    """Commands that know the runtime of Pawl: pawl tasks, pawl fibers, pawl fiber NUMBER."""

    def __init__(self):
        super().__init__("pawl", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)


def guarded(function):
    try:
        function()
    except Unknown as error:
        raise gdb.GdbError(str(error))
    except gdb.error as error:
        raise gdb.GdbError("Pawl's data cannot be read: " + str(error))


class PawlTasks(gdb.Command):
    """All tasks that have not ended: state, lane, what each waits for."""

    def __init__(self):
        super().__init__("pawl tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        def show():
            for runtime in runtimes():
                print("runtime %#x:" % int(runtime))
                for task, word in tasks_of(runtime):
                    line = task_line(task, word)
                    if line:
                        print(line)

        guarded(show)


class PawlFibers(gdb.Command):
    """Bodies that wait, each with its backtrace; --brief: without."""

    def __init__(self):
        super().__init__("pawl fibers", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        def show():
            for fiber in fibers():
                if not list(runs_of(fiber)) and is_body(fiber):
                    continue
                print(fiber_title(fiber))
                if argument.strip() != "--brief" and state_of(fiber) in ("PARKED", "SUSPENDED"):
                    for line in backtrace(fiber):
                        print("  " + line)

        guarded(show)


class PawlFiber(gdb.Command):
    """One fibre with its backtrace: pawl fiber NUMBER."""

    def __init__(self):
        super().__init__("pawl fiber", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        def show():
            if not argument.strip().isdigit():
                raise Unknown("which one? pawl fibers lists them")
            for fiber in fibers():
                if int(fiber["waiter"]["number"]) != int(argument):
                    continue
                print(fiber_title(fiber))
                if state_of(fiber) not in ("PARKED", "SUSPENDED"):
                    raise Unknown("it runs, or has not begun")
                for line in backtrace(fiber):
                    print("  " + line)
                return
            raise Unknown("there is no such fibre")

        guarded(show)


Pawl()
PawlTasks()
PawlFibers()
PawlFiber()
