"""What the operating system knows about a process and those that it started."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: State of a process that was stopped by a signal, and of one that a debugger holds.
STOPPED, TRACED = "T", "t"
#: Waits for a disk, or another device.
DISK = "D"
#: Runs, or would if a core were free.
RUNS = "R"


@dataclass(frozen=True)
class Facts:
    """A process at one moment.

    Parameters
    ----------
    state
        Letter of the process state as in ``proc(5)``; of a process that sleeps, the state of
        whichever process it started is busiest. Empty if there is no way to know.
    cpu_s
        Processor time that it and those it started have used; None if there is no way to know.
    """

    state: str = ""
    cpu_s: float | None = None


@dataclass(frozen=True)
class _Entry:
    pid: int
    parent: int
    state: str
    cpu_s: float


def facts(pid: int, without: int = 0, proc: Path = Path("/proc")) -> Facts:
    """Return what ``/proc`` says; nothing on systems that have none.

    Parameters
    ----------
    pid
        The process.
    without
        One that it started and that does not count.
    """
    entries = {entry.pid: entry for entry in _entries(proc)}
    if pid not in entries:
        return Facts()
    family = [e for e in entries.values() if _descends(e, pid, without, entries)]
    states = {e.state for e in family}
    state = entries[pid].state
    if state not in (STOPPED, TRACED):
        state = next((s for s in (RUNS, DISK) if s in states), state)
    return Facts(state, sum(e.cpu_s for e in family))


def _descends(entry: _Entry, pid: int, without: int, entries: dict[int, _Entry]) -> bool:
    seen = set()
    while entry.pid not in seen:
        if entry.pid == without:
            return False
        if entry.pid == pid:
            return True
        seen.add(entry.pid)
        entry = entries.get(entry.parent, entry)
    return False


def _entries(proc: Path) -> Iterable[_Entry]:
    tick_s = 1.0 / os.sysconf("SC_CLK_TCK")
    for file in proc.glob("[0-9]*/stat"):
        # Processes end while one reads of them.
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in the second field may hold anything.
            fields = file.read_text().rpartition(")")[2].split()
            used = sum(int(x) for x in fields[11:15])
            yield _Entry(int(file.parent.name), int(fields[1]), fields[0], used * tick_s)
