"""The wall-clock account of this process: what it does at any moment, and what that took.

A process does one thing at a time, so there is one account. Turning to something ends what was
going on before: times never overlap, and together they are all the time there was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

#: Set by the launching process: when it began, in seconds since 1970.
LAUNCHED = "COSIM_LAUNCHED_S"

#: What a role does during a window.
STATES = ("wait", "receive", "convert", "compute", "send", "record", "other")

#: What a process does before its first window, in that order.
STAGES = (
    "launch", "start", "imports", "reading", "meeting", "building", "declaring", "priming",
)


class Account:
    """Adds up the time spent in each state, and in each stage before the first window."""

    def __init__(self) -> None:
        self._stages: dict[str, float] = {}
        self._stage, self._stage_since_s = "", 0.0
        #: Seconds of each stage that came before the first window.
        self.prepared: Mapping[str, float] = {}
        #: When the books settled last had been opened.
        self.settled_s = 0.0
        self._restart(time.perf_counter())

    def _restart(self, now_s: float) -> None:
        self._spent = dict.fromkeys(STATES, 0.0)
        self._state = "other"
        self._since_s = self._began_s = now_s
        self._began_cpu_s = time.process_time()

    def turn(self, state: str) -> str:
        """Turn to something else.

        Returns
        -------
        str
            What was going on before, to return to.
        """
        now_s = time.perf_counter()
        before = self._state
        self._spent[before] += now_s - self._since_s
        self._state, self._since_s = state, now_s
        return before

    def settle(self) -> tuple[float, dict[str, float]]:
        """Close the books of a window, and open those of the next.

        Returns
        -------
        began_s
            Reading of `time.perf_counter` at which the books were opened.
        spent_s
            Seconds in each of `STATES` since then; and ``cpu``, those of them, summed over all
            threads, in which the process had a core.
        """
        self.turn("other")
        began_s, spent, began_cpu_s = self._began_s, self._spent, self._began_cpu_s
        self.settled_s = began_s
        self._restart(self._since_s)
        spent["cpu"] = self._began_cpu_s - began_cpu_s
        return began_s, spent

    @property
    def born_s(self) -> float:
        """When this process began, in seconds since 1970."""
        return _born_s()

    def launched(self, environ: Mapping[str, str]) -> None:
        """Begin the preparation of a process that the command line started."""
        born_s, now_s = _born_s(), time.time()
        self._stages, self._stage = {"start": max(now_s - born_s, 0.0)}, ""
        with suppress(KeyError, ValueError):
            self._stages["launch"] = max(born_s - float(environ[LAUNCHED]), 0.0)

    def stage(self, name: str) -> None:
        """Turn to the next stage of the preparation, one of `STAGES`."""
        now_s = time.perf_counter()
        if self._stage:
            passed = now_s - self._stage_since_s
            self._stages[self._stage] = self._stages.get(self._stage, 0.0) + passed
        self._stage, self._stage_since_s = name, now_s

    def begin(self) -> None:
        """End the preparation, and open the books of the first window."""
        self.stage("")
        self.prepared, self._stages = self._stages, {}
        self._restart(time.perf_counter())

    def unix_s(self, reading_s: float) -> float:
        """Return what the clock on the wall showed at a reading of `time.perf_counter`."""
        return time.time() - (time.perf_counter() - reading_s)


def _born_s() -> float:
    """Return when this process began, in seconds since 1970; now where that cannot be known."""
    now_s = time.time()
    try:
        stat = Path("/proc/self/stat").read_text(encoding="utf-8")
        # The name of the program, in parentheses, may hold anything; the 22nd field is the start
        # in clock ticks since the machine's start (proc(5)).
        ticks = int(stat.rpartition(")")[2].split()[19])
        running_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError, ValueError, IndexError):
        return now_s
    return now_s - (running_s - ticks / os.sysconf("SC_CLK_TCK"))


#: That of this process.
ACCOUNT = Account()
