"""A tiny child process that says where a rank was when it was killed.

A launcher that loses one rank kills all others at once, MPICH's without a warning, so no rank
can report it. The sentinel lives in a session of its own, sees the end of its parent's pipe, and
prints one line if the parent had not said goodbye. It is forked before anything large is imported
and before MPI is up, and lives no longer than its parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

#: Written into the run directory by whoever reports first.
FAILURE_FILE = "failure.txt"


class Sentinel:
    """The parent's end: notes where the rank is.

    Parameters
    ----------
    pipe
        File descriptor that the child listens to.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe: int | None = pipe

    @classmethod
    def start(cls) -> Sentinel:
        """Fork the child; call it early."""
        reading, writing = os.pipe()
        if os.fork() == 0:
            _watch(reading)
        os.close(reading)
        return cls(writing)

    def note(self, text: str) -> None:
        """Say where the rank is, in one short line; the latest one counts."""
        self._write(f"{text}\n")

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


def _watch(pipe: int) -> NoReturn:
    os.setsid()
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    # The launcher's own descriptors must not stay open in here; stderr is for the report.
    os.dup2(pipe, 3)
    os.closerange(4, 4096)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    where, run_dir, rest = "before it had a role", None, b""
    while data := os.read(3, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            text = line.decode()
            if text == "=":
                os._exit(0)
            if text.startswith("@"):
                run_dir = Path(text[1:])
            else:
                where = text
    report = f"cosim: {where} was killed without a word"
    if run_dir is None or report_first(run_dir, report):
        with contextlib.suppress(OSError):
            os.write(sys.stderr.fileno(), f"\n{report}\n".encode())
    os._exit(0)
