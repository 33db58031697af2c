"""A tiny child process that speaks for a rank that cannot: one that was killed, or that computes.

A launcher that loses one rank kills all others at once, MPICH's without a warning, so no rank
can report it. The sentinel lives in a session of its own, sees the end of its parent's pipe, and
prints one line if the parent had not said goodbye. Until then it answers other ranks that have
waited for long and ask what its parent does. It is forked before anything large is imported and
before MPI is up, and lives no longer than its parent.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

from cosim.patience import Stopwatch
from cosim.stalls import post
from cosim.stalls.chain import Statement, Wait
from cosim.stalls.processes import facts

#: Written into the run directory by whoever reports first.
FAILURE_FILE = "failure.txt"
#: How often a sentinel looks for a question, and for the next one while somebody asks.
TICK_S, NEXT_TICK_S = 1.0, 0.1
#: On the slate of a rank that is in no window.
NO_WINDOW = -1


class Slate:
    """What a rank shows its sentinel all the time: memory of both, so that nobody is woken."""

    def __init__(self) -> None:
        # Numbers of 8 bytes: the window, and when it began by `time.monotonic`.
        self._cells = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("B").cast("d")
        self.write(NO_WINDOW)

    def write(self, window: int) -> None:
        """Show a window that begins now."""
        self._cells[0], self._cells[1] = window, time.monotonic()

    def read(self) -> tuple[int, float]:
        """Return the window, and when it began."""
        return int(self._cells[0]), self._cells[1]


class Sentinel:
    """The parent's end: notes where the rank is.

    Parameters
    ----------
    pipe
        File descriptor that the child listens to.
    slate
        What the child looks at.
    """

    def __init__(self, pipe: int, slate: Slate) -> None:
        self._pipe: int | None = pipe
        self._slate = slate

    @classmethod
    def start(cls) -> Sentinel:
        """Fork the child; call it early."""
        reading, writing = os.pipe()
        slate = Slate()
        parent = _Parent(os.getpid(), slate)
        if os.fork() == 0:
            _watch(reading, parent)
        os.close(reading)
        return cls(writing, slate)

    def rank(self, rank: int, who: str) -> None:
        """Say which rank this is, and name it for people."""
        self._write(f"#{rank} {who}\n")

    def note(self, phase: str) -> None:
        """Say where the rank is when it is in no window, in one short line."""
        self._slate.write(NO_WINDOW)
        self._write(f"{phase}\n")

    def window(self, index: int) -> None:
        """Say that the rank is in a window now. It costs no system call."""
        self._slate.write(index)

    def waits(self, waits: Sequence[Wait]) -> None:
        """Say that the rank has waited for long, and for what; nothing says that it is over."""
        self._write(f"?{json.dumps([asdict(wait) for wait in waits])}\n")

    def run_dir(self, path: Path) -> None:
        """Say where to leave `FAILURE_FILE`."""
        self._write(f"@{path.resolve()}\n")

    def release(self) -> None:
        """Say goodbye: the end of this process needs no report."""
        if self._pipe is not None:
            self._write("=\n")
            os.close(self._pipe)
            self._pipe = None

    def _write(self, text: str) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):
                os.write(self._pipe, text.encode())


def report_first(run_dir: Path, text: str) -> bool:
    """Leave a failure's report in the run directory unless another rank already has.

    Returns
    -------
    bool
        Whether this report is the first.
    """
    try:
        descriptor = os.open(run_dir / FAILURE_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    except OSError:
        return True
    # On a full disk the file says at least that there was a failure.
    with contextlib.suppress(OSError), os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    return True


def first_report(run_dir: Path) -> str:
    """Return what was reported first, empty if nothing was."""
    try:
        text = (run_dir / FAILURE_FILE).read_text()
    except OSError:
        return ""
    return text.strip().removeprefix("cosim: ")


class _Parent:
    """What the child knows of its parent."""

    def __init__(self, pid: int, slate: Slate) -> None:
        self._pid, self._slate, self._window = pid, slate, NO_WINDOW
        self._rank, self._who, self._phase = -1, "", ""
        self._waits: tuple[Wait, ...] = ()
        self._run_dir: Path | None = None
        self._answered = ""
        #: How long to wait for the next look.
        self.tick_s = TICK_S
        self._watch = Stopwatch()
        self._since_s = self._waits_since_s = self._looked_s = self._seen_s = 0.0
        self.left = False

    def heed(self, line: str) -> None:
        """Take a line that the parent wrote."""
        self._look(self._watch.read())
        mark, rest = line[:1], line[1:]
        if mark == "=":
            self.left = True
        elif mark == "@":
            self._run_dir = Path(rest)
        elif mark == "#":
            rank, _, self._who = rest.partition(" ")
            self._rank = int(rank)
        elif mark == "?":
            self._waits = post.waits_of(json.loads(rest))
            self._waits_since_s = self._watch.read()
        else:
            self._phase, self._waits = line, ()
            self._since_s = self._watch.read()

    def answer(self) -> None:
        """Look whether there is a question, now and then, and answer it once."""
        now_s = self._watch.read()
        self._look(now_s)
        if self._run_dir is None or self._rank < 0 or now_s - self._looked_s < self.tick_s:
            return
        self._looked_s = now_s
        question = post.question(self._run_dir)
        self.tick_s = NEXT_TICK_S if question else TICK_S
        if question not in ("", self._answered):
            self._answered = question
            post.answer(self._run_dir, self._rank, question, self._statement(now_s))

    def _look(self, now_s: float) -> None:
        """Take notice of another window."""
        window, began_s = self._slate.read()
        if window not in (self._window, NO_WINDOW):
            self._phase, self._waits = f"window {window}", ()
            # Time in which everything was suspended does not count.
            self._since_s = max(now_s - (time.monotonic() - began_s), self._seen_s)
        self._window, self._seen_s = window, now_s

    def _statement(self, now_s: float) -> Statement:
        more_s = now_s - self._waits_since_s
        waits = tuple(replace(w, waited_s=w.waited_s + more_s) for w in self._waits)
        seen = facts(self._pid, without=os.getpid())
        return Statement(self._phase, now_s - self._since_s, waits, seen.state, seen.cpu_s)

    def report(self) -> None:
        """Tell of the parent's end, unless another rank was first to tell of one."""
        self._look(self._watch.read())
        where = f"{self._who} in {self._phase}" if self._phase else "a rank without a role yet"
        text = f"cosim: {where} was killed without a word"
        if self._run_dir is None or report_first(self._run_dir, text):
            with contextlib.suppress(OSError):
                os.write(sys.stderr.fileno(), f"\n{text}\n".encode())


def _watch(pipe: int, parent: _Parent) -> NoReturn:
    os.setsid()
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    # The launcher's own descriptors must not stay open in here; stderr is for the report.
    os.dup2(pipe, 3)
    os.closerange(4, 4096)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    try:
        for line in _lines(3, parent):
            if line:
                parent.heed(line)
            if parent.left:
                os._exit(0)
            parent.answer()
        parent.report()
    finally:
        # Whatever goes wrong, this must not return into a second life as a rank.
        os._exit(0)


def _lines(pipe: int, parent: _Parent) -> Iterator[str]:
    """Yield what the parent writes, and an empty line whenever it was silent for a while."""
    rest = b""
    while True:
        if not select.select([pipe], [], [], parent.tick_s)[0]:
            yield ""
            continue
        data = os.read(pipe, 65536)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode()
