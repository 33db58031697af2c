"""A wait for one process of this machine."""

from __future__ import annotations

from cosim.errors import CosimError
from cosim.patience import Stopwatch
from cosim.stalls.chain import Statement, Verdict, of_one
from cosim.stalls.finder import ALIVE_LOOKS, BETWEEN_S, FATAL_LOOKS, MOST_LOOKS, warn
from cosim.stalls.limit import WaitLimit
from cosim.stalls.processes import facts


class SingleWait:
    """Waits for a process, and looks at it when that takes long.

    Parameters
    ----------
    name
        What to call the process.
    phase
        What it is asked to do.
    pid
        Its number.
    limit
        How long a wait may last.
    """

    def __init__(self, name: str, phase: str, pid: int, limit: WaitLimit) -> None:
        self._name, self._phase, self._pid, self._limit = name, phase, pid, limit
        self._watch = Stopwatch()
        self._due_s = limit.s
        self._looks: list[Statement | None] = []
        #: How long to wait before the next call of `still`.
        self.pause_s = min(BETWEEN_S, limit.s)

    def waited_s(self) -> float:
        """Return for how long."""
        return self._watch.read()

    def still(self) -> None:
        """Wait on.

        Raises
        ------
        CosimError
            If waiting longer would not help.
        """
        now_s = self._watch.read()
        if now_s < self._due_s:
            return
        self.pause_s = BETWEEN_S
        seen = facts(self._pid)
        self._looks.append(Statement(self._phase, now_s, (), seen.state, seen.cpu_s))
        verdict = of_one(self._looks, self._limit.s)
        text = verdict.value.format(role=self._name, phase=self._phase)
        if verdict.fatal and len(self._looks) >= FATAL_LOOKS:
            raise CosimError(f"waited {now_s:.0f} s: {text}")
        settled = verdict is not Verdict.UNSETTLED and not verdict.fatal
        if settled and len(self._looks) >= ALIVE_LOOKS:
            warn(f"a wait takes long: {text} ({now_s:.0f} s)")
            self._due_s = 2 * now_s
            self._looks.clear()
        elif len(self._looks) >= MOST_LOOKS:
            self._looks.clear()
