"""How to wait: without burning a core that another rank needs."""

from __future__ import annotations

import os
import time

#: Tries before a wait backs off. Measured: four ranks in a ring on two busy cores took 3 to 6 ms
#: a loop when waits spin, 0.7 ms when they sleep after 20 tries. A try of a whole run takes longer
#: than one of that ring, and a run of nine roles on five ranks was faster with fewer.
SPINS = 4
#: How much longer each sleep is than the one before.
GROWTH = 1.1
SHORTEST_S, LONGEST_S = 20e-6, 1e-3
#: Longest time between two readings of a stopwatch that counts as such. A process that polls reads
#: far more often; if it does not, it could not run.
STEP_S = 2.0


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Patience:
    """Spins when each rank has cores of its own, sleeps when the node is oversubscribed.

    Parameters
    ----------
    spin
        Whether to spin for ever instead of backing off.
    """

    def __init__(self, *, spin: bool) -> None:
        self._spin = spin
        self.reset()

    def reset(self) -> None:
        """Begin a new wait."""
        self._tries = 0
        self._next_s = SHORTEST_S

    def pause(self) -> None:
        """Let a little time pass, more the longer the wait."""
        self._tries += 1
        if self._spin or self._tries <= SPINS:
            return
        # Long waits poll less often: each poll costs the core that the other side computes on.
        self._next_s = min(self._next_s * GROWTH, LONGEST_S)
        time.sleep(self._next_s)


class Stopwatch:
    """Measures how long something takes, without the time in which nothing could run.

    A batch system may stop a job and go on with it hours later, as may the lid of a laptop. It has
    to be read more often than every `STEP_S`.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin at 0."""
        self._last_s = time.perf_counter()
        self._counted_s = 0.0
        #: How many times a reading was late.
        self.jumps = 0

    def read(self) -> float:
        """Return the time so far in seconds."""
        now_s = time.perf_counter()
        step_s = now_s - self._last_s
        self._last_s = now_s
        if step_s > STEP_S:
            self.jumps += 1
            step_s = STEP_S
        self._counted_s += step_s
        return self._counted_s
