"""One rank's waits: when one becomes long, ask all ranks, and warn or give up."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cosim.errors import RoleFailed
from cosim.patience import Stopwatch
from cosim.stalls import post
from cosim.stalls.chain import END, Finding, Look, Statement, Verdict, Wait, judge
from cosim.stalls.limit import WaitLimit
from cosim.stalls.processes import RUNS

log = logging.getLogger(__name__)

#: A wait this long is told to the sentinel, unless the limit is even shorter.
LONG_S = 1.0
#: Time between two looks: in this time a rank that computes uses measurable processor time.
BETWEEN_S = 1.0
#: How often a rank looks whether the answers to its question have come.
COLLECT_S = 0.05
#: How many looks must agree before a job is ended, or its user told that it goes on, and after how
#: many that do not agree the question is left for later.
FATAL_LOOKS, ALIVE_LOOKS, MOST_LOOKS = 3, 2, 6
#: How long an answer may take: a sentinel looks for questions every second, and a shared file
#: system may show a new file a minute late.
ANSWER_HERE_S, ANSWER_FAR_S = 10.0, 90.0
#: Longest wait if nobody can be asked because the folder of the run cannot be written to.
BLIND_S = 1800.0
#: What a run notes of its waits at most.
_NOTES = 5

#: What a rank waits for at the moment.
Waits = Callable[[], Sequence[Wait]]


class Teller(Protocol):
    """Who speaks for this rank."""

    def waits(self, waits: Sequence[Wait]) -> None:
        """Take what the rank waits for; nothing if it goes on."""


@dataclass(frozen=True)
class Job:
    """What a rank knows about all of them.

    Parameters
    ----------
    rank
        Itself.
    rank_of
        The rank of each role.
    regions
        Labels of the regions of each role, for messages.
    run_dir
        Folder of the run, seen by all.
    one_node
        Whether all ranks are on this machine.
    """

    rank: int
    rank_of: Mapping[str, int]
    regions: Mapping[str, str]
    run_dir: Path
    one_node: bool = True

    @property
    def others(self) -> list[int]:
        """All ranks but this one."""
        return sorted({*self.rank_of.values()} - {self.rank})


class StallFinder:
    """Watches over the waits of a rank, one after the other.

    Parameters
    ----------
    job
        Who there is.
    teller
        Who is told of a long wait, and answers for this rank when it computes.
    limit
        How long a wait may last.
    """

    def __init__(self, job: Job, teller: Teller, limit: WaitLimit) -> None:
        self._job, self._teller, self.limit = job, teller, limit
        self._watch = Stopwatch()
        self._inquiry: _Inquiry | None = None
        self._told: tuple[Wait, ...] = ()
        self._asked = 0
        #: Warnings, for the summary.
        self.notes: list[str] = []
        #: Ranks that will not answer to anything any more.
        self.lost: set[int] = set()
        self.begin()

    def begin(self) -> None:
        """Begin a new wait."""
        self._watch.restart()
        self._next_s = min(LONG_S, self.limit.s / 2)
        self._due_s: float | None = None
        self._warned = 0

    def over(self) -> None:
        """Go on: the wait is over."""
        self._drop()
        if self._told:
            self._told = ()
            self._teller.waits(())

    def saw(self, window_s: float) -> None:
        """Take notice of the processor time that a window took."""
        self.limit.saw(window_s)

    def still(self, waits: Waits) -> None:
        """Wait on; called again and again.

        Parameters
        ----------
        waits
            Asked rarely.

        Raises
        ------
        RoleFailed
            If waiting longer would not help. It names who is waited for in vain.
        """
        now_s = self._watch.read()
        if now_s < self._next_s:
            return
        mine = self._tell(waits(), now_s)
        # What was learned of slow windows meanwhile counts; what was said already does not.
        due_s = self.limit.s if self._due_s is None else self._due_s
        if self._inquiry is None and mine and now_s >= due_s:
            self._inquire(mine, now_s)
        if self._inquiry is not None:
            self._look(self._inquiry, mine, now_s)
        until_due_s = due_s - now_s if due_s > now_s else LONG_S
        often_s = min(LONG_S, until_due_s) if self._inquiry is None else COLLECT_S
        self._next_s = now_s + max(often_s, COLLECT_S)

    def _tell(self, waits: Sequence[Wait], now_s: float) -> tuple[Wait, ...]:
        mine = tuple(Wait(w.role, w.window, w.channel, w.peer, now_s) for w in waits)
        if mine != self._told:
            self._told = mine
            self._teller.waits(mine)
        return mine

    # Asking

    def _inquire(self, mine: Sequence[Wait], now_s: float) -> None:
        self._asked += 1
        try:
            self._inquiry = _Inquiry.begin(self._job, self._asked, self._watch)
        except OSError as error:
            if now_s > max(self.limit.s, BLIND_S):
                waits = "; ".join(w.text() for w in mine)
                raise self._failure(mine[0].role, mine[0].window, f"{waits}; {error}") from error
            log.warning("cannot ask what others do: %s", error)
        if self._inquiry is None:
            # Another rank asks already, and looks at everybody's waits.
            self._later(now_s)

    def _look(self, inquiry: _Inquiry, mine: tuple[Wait, ...], now_s: float) -> None:
        try:
            if not inquiry.collect(mine):
                return
        except OSError as error:
            log.warning("cannot ask what others do: %s", error)
            self._drop()
            self._later(now_s)
            return
        count = len(inquiry.looks)
        found = judge(inquiry.looks, self._job.rank_of, self._job.rank, self.limit.s)
        if found is not None and count >= _enough(found.verdict):
            self._drop()
            if found.verdict.fatal:
                if found.verdict in (Verdict.STOPPED, Verdict.GONE, Verdict.IDLE):
                    self.lost.add(found.rank)
                raise self._failure(found.role, found.window, found.text())
            self._warn(found, now_s)
        elif count >= MOST_LOOKS:
            self._drop()
            self._later(now_s)

    def _drop(self) -> None:
        if self._inquiry is not None:
            self._inquiry.end()
            self._inquiry = None

    def _later(self, now_s: float) -> None:
        self._due_s = now_s + max(LONG_S, self.limit.s / 4)

    # What comes of it

    def _failure(self, role: str, window: int, text: str) -> RoleFailed:
        cause = f"waited {self._watch.read():.0f} s: {text}"
        return RoleFailed(role, self._job.rank_of[role], window, cause, self._job.regions[role])

    def _warn(self, found: Finding, now_s: float) -> None:
        """Say once for all ranks, and again after twice the time, that a wait takes long."""
        self._warned += 1
        self._due_s = 2 * now_s
        matter = f"warned-{found.rank}-{found.phase.replace(' ', '-')}-{self._warned}"
        if not post.first(self._job.run_dir, matter):
            return
        text = f"a wait takes long: {found.text()}"
        warn(text)
        self.notes = [*self.notes, text][:_NOTES]


class _Inquiry:
    """Looks at all ranks, one after the other."""

    def __init__(self, job: Job, name: str, watch: Stopwatch) -> None:
        self._job, self._name, self._watch = job, name, watch
        self._number, self._jumps = 0, watch.jumps
        self._answer_s = ANSWER_HERE_S if job.one_node else ANSWER_FAR_S
        self._asked_s: float | None = watch.read()
        self._complete_s = 0.0
        self._answers: dict[int, Statement] = {}
        self.looks: list[Look] = []

    @classmethod
    def begin(cls, job: Job, number: int, watch: Stopwatch) -> _Inquiry | None:
        """Ask, unless another rank does so at the moment."""
        name = f"{job.rank}-{number}"
        return cls(job, name, watch) if post.begin(job.run_dir, f"{name}-0") else None

    def collect(self, mine: tuple[Wait, ...]) -> bool:
        """Gather answers; tell whether there is one more look."""
        now_s = self._watch.read()
        if self._watch.jumps != self._jumps:
            # Everything was suspended; some may not run again yet.
            self.looks.clear()
            self._jumps, self._asked_s, self._complete_s = self._watch.jumps, None, now_s
        if self._asked_s is None:
            if now_s - self._complete_s >= BETWEEN_S:
                self._number += 1
                post.ask(self._job.run_dir, self._text)
                self._asked_s, self._answers = now_s, {}
            return False
        missing = [rank for rank in self._job.others if rank not in self._answers]
        self._answers.update(post.answers(self._job.run_dir, self._text, missing))
        all_there = len(self._answers) == len(self._job.others)
        if not all_there and now_s - self._asked_s < self._answer_s:
            return False
        self.looks.append({**self._answers, self._job.rank: _own(mine, now_s)})
        self._asked_s, self._complete_s = None, now_s
        return True

    @property
    def _text(self) -> str:
        return f"{self._name}-{self._number}"

    def end(self) -> None:
        """Take the question back."""
        post.end(self._job.run_dir, self._job.others)


def warn(text: str) -> None:
    """Tell the user now, and whoever reads the log later."""
    log.warning("%s", text)
    print(f"\ncosim: {text}", file=sys.stderr, flush=True)


def _own(waits: tuple[Wait, ...], waited_s: float) -> Statement:
    at_end = bool(waits) and not waits[0].channel
    phase = END if at_end else f"window {min((w.window for w in waits), default=0)}"
    return Statement(phase, waited_s, waits, RUNS)


def _enough(verdict: Verdict) -> int:
    if verdict is Verdict.UNSETTLED:
        return MOST_LOOKS + 1
    return FATAL_LOOKS if verdict.fatal else ALIVE_LOOKS
