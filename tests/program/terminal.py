# SPDX-License-Identifier: BSD-2-Clause
"""A terminal for tests: `pawl build` on one end of it, a screen of letters on the other."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from builds import LIMIT, PAWL, Failed


class Terminal:
    def __init__(self, *args, rows=24, columns=80, command="build", env=None):
        self.rows, self.columns = rows, columns
        self.lines, self.row, self.column = [""], 0, 0
        self.bytes, self.rest = b"", b""
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [PAWL, command, *args],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)

    def put(self, letter):
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + letter + line[self.column + 1 :]
        self.column += 1

    def take(self, data):
        """What it would show. Sequences that are not known are an error."""
        self.bytes += data
        data = self.rest + data
        self.rest = b""
        text = data.decode(errors="replace")
        i = 0
        while i < len(text):
            letter = text[i]
            if letter == "\r":
                self.column = 0
            elif letter == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif letter == "\x1b":
                end = i + 2
                while end < len(text) and not text[end].isalpha():
                    end += 1
                if end >= len(text):
                    self.rest = text[i:].encode()
                    return
                self.sequence(text[i + 2 : end], text[end])
                i = end
            else:
                self.put(letter)
            i += 1

    def sequence(self, number, letter):
        if letter == "A":
            self.row -= int(number)
        elif letter == "K":
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif letter == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        elif letter != "m":
            raise Failed("an unknown sequence: %s%s" % (number, letter))
        if self.row < 0:
            raise Failed("above the first line")

    def read(self, seconds):
        """What comes within that time. False: that was the end."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.ours, 65536)
        except OSError:
            data = b""
        self.take(data)
        return bool(data)

    def until(self, truth):
        """Wait until the lines are so."""
        end = time.monotonic() + LIMIT
        while not truth(self.lines):
            if not self.read(1) or time.monotonic() > end:
                raise Failed("the terminal has %r" % self.lines)

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, data):
        os.write(self.ours, data)

    def end(self):
        """All of it, and the status."""
        end = time.monotonic() + LIMIT
        while self.read(1):
            if time.monotonic() > end:
                self.process.send_signal(signal.SIGKILL)
                raise Failed("it does not end: %r" % self.lines)
        os.close(self.ours)
        return self.process.wait(LIMIT)
