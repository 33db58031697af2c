"""From what all ranks say to who waits for whom, and whether that will ever end.

Nothing here knows files, processes or MPI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from cosim.stalls.processes import DISK, RUNS, STOPPED, TRACED

#: Phases of a rank beside its windows.
PREPARATION, END = "preparation", "the end of the run"
#: Processor time between two looks that is more than that of a process which only wakes now and
#: then: two ticks of the kernel's usual clock.
COMPUTES_S = 0.02


class Verdict(Enum):
    """What a chain of waits ends in, in the order of how sure it is; the value tells people."""

    STOPPED = "{role} is stopped (SIGSTOP)"
    GONE = "nobody answers for {role}: its process or its machine is gone"
    DEADLOCK = "a deadlock"
    FINISHED = "{role} is through with all its windows, yet what is waited for has not come"
    IDLE = "{role} sleeps in {phase} and uses no processor"
    PREPARING = "{role} still prepares"
    COMPUTING = "{role} computes {phase}"
    PROGRESS = "{role} goes on and is in {phase}"
    DISK = "{role} waits for a disk in {phase}"
    TRACED = "{role} is held by a debugger"
    UNSEEN = "{role} lives, in {phase}; whether it computes cannot be seen on this system"
    UNSETTLED = "{role} may be about to go on"
    WAITING = "{role} waits"

    @property
    def fatal(self) -> bool:
        """Whether no patience would help."""
        return self in _FATAL


_FATAL = (Verdict.STOPPED, Verdict.GONE, Verdict.DEADLOCK, Verdict.FINISHED, Verdict.IDLE)


@dataclass(frozen=True)
class Wait:
    """A role that waits for another one.

    Parameters
    ----------
    role, peer
        Who waits for whom.
    window
        Index of the window that `role` cannot run.
    channel
        Name of the channel on which it waits; empty if it waits to leave at the end of the run.
    waited_s
        For how long; 0 if that is not known.
    """

    role: str
    window: int
    channel: str
    peer: str
    waited_s: float = field(default=0.0, compare=False)

    def text(self) -> str:
        """Return it in words."""
        where = f"in window {self.window}" if self.channel else f"at {END}"
        channel = f" on '{self.channel}'" if self.channel else ""
        digits = 0 if self.waited_s >= 10 else 1
        waited = f" ({self.waited_s:.{digits}f} s)" if self.waited_s else ""
        return f"{self.role} waits {where} for {self.peer}{channel}{waited}"


@dataclass(frozen=True)
class Statement:
    """What is known of a rank at one moment.

    Parameters
    ----------
    phase
        `PREPARATION`, ``window N`` with the earliest of its windows, or `END`.
    since_s
        For how long it has been in that phase.
    waits
        What its roles wait for, if all of them do and have for a while.
    state, cpu_s
        See `cosim.stalls.processes.Facts`.
    """

    phase: str
    since_s: float = 0.0
    waits: tuple[Wait, ...] = ()
    state: str = ""
    cpu_s: float | None = None

    @property
    def window(self) -> int:
        """Index of its window, -1 outside of all."""
        word, _, number = self.phase.partition(" ")
        return int(number) if word == "window" else -1


#: What all ranks say at about the same time; those that do not answer are missing.
Look = Mapping[int, Statement]


@dataclass(frozen=True)
class Finding:
    """A chain of waits and its end.

    Parameters
    ----------
    verdict
        What is at the end.
    chain
        Each waits for the next; of a deadlock, the last for the first.
    role, rank
        Who is at the end; of a deadlock, the first of the chain.
    phase
        Where that rank is; empty if nobody knows.
    window
        Its window, -1 outside of all; if nobody knows, that of who waits for it.
    """

    verdict: Verdict
    chain: tuple[Wait, ...]
    role: str
    rank: int
    phase: str = ""
    window: int = -1

    def text(self) -> str:
        """Return verdict and chain in one line."""
        said = self.verdict.value.format(role=self.role, phase=self.phase)
        return "; ".join([said, *(wait.text() for wait in self.chain)])


def judge(
    looks: Sequence[Look], rank_of: Mapping[str, int], rank: int, limit_s: float
) -> Finding | None:
    """Find out why a rank waits, and whether anybody in the job waits in vain.

    Parameters
    ----------
    looks
        What was seen, earliest first, about a second apart. Only what holds in all of them
        counts: a single look shows ranks at slightly different times.
    rank_of
        The rank of each role.
    rank
        Who wants to know.
    limit_s
        How long a wait must have lasted, or a rank slept, to be held for endless.

    Returns
    -------
    Finding or None
        The surest fatal one in the job; if there is none, how the first wait of `rank` ends. None
        if `rank` does not wait.
    """
    findings = [(start, _follow(start, looks, rank_of, limit_s)) for start in _starts(looks[-1])]
    fatal = [finding for _, finding in findings if finding.verdict.fatal]
    if fatal:
        order = list(Verdict)
        # The longest chain says most.
        return min(fatal, key=lambda f: (order.index(f.verdict), -len(f.chain)))
    mine = looks[-1].get(rank)
    first = mine.waits[0] if mine is not None and mine.waits else None
    return next((finding for start, finding in findings if start is first), None)


def _starts(look: Look) -> Iterator[Wait]:
    for rank in sorted(look):
        yield from look[rank].waits


def _follow(
    start: Wait, looks: Sequence[Look], rank_of: Mapping[str, int], limit_s: float
) -> Finding:
    """Go from one wait to the next until nobody waits, or to one that was there before."""
    chain = [start]
    while True:
        last = chain[-1]
        rank = rank_of[last.peer]
        verdict = of_one([look.get(rank) for look in looks], limit_s)
        statement = looks[-1].get(rank)
        if verdict is Verdict.WAITING and statement is not None:
            following = _next(last, statement)
            if following in chain:
                return _closed(chain[chain.index(following):], rank_of, looks, limit_s)
            if following is not None:
                chain.append(following)
                continue
            verdict = Verdict.FINISHED
        elif statement is not None and statement.phase == END and last.channel:
            # It is closing its files, or through with that.
            verdict = Verdict.FINISHED if not verdict.fatal else verdict
        if verdict is Verdict.FINISHED and last.waited_s < limit_s:
            verdict = Verdict.UNSETTLED
        # Of a rank that is gone nobody knows more than that it did not get further.
        phase, window = (statement.phase, statement.window) if statement else ("", last.window)
        return Finding(verdict, tuple(chain), last.peer, rank, phase, window)


def _next(wait: Wait, statement: Statement) -> Wait | None:
    if not wait.channel:
        return statement.waits[0]
    # Who waits to leave has sent all that it had.
    mine = [w for w in statement.waits if w.role == wait.peer and w.channel]
    return mine[0] if mine else None


def _closed(
    cycle: list[Wait], rank_of: Mapping[str, int], looks: Sequence[Look], limit_s: float
) -> Finding:
    """Return the finding of waits that lead back to the first of them."""
    # What is on its way from one to the other must have had time to arrive.
    young = min(wait.waited_s for wait in cycle) < limit_s
    first = cycle[0]
    rank = rank_of[first.role]
    verdict = Verdict.UNSETTLED if young else Verdict.DEADLOCK
    return Finding(
        verdict, tuple(cycle), first.role, rank, looks[-1][rank].phase, first.window
    )


def of_one(answers: Sequence[Statement | None], limit_s: float) -> Verdict:
    """Return what one rank does, by all that was heard of it, earliest first; None for silence."""
    statements = [answer for answer in answers if answer is not None]
    if len(statements) < len(answers):
        return Verdict.UNSETTLED if statements else Verdict.GONE
    states = {s.state for s in statements}
    if states == {STOPPED}:
        return Verdict.STOPPED
    if states == {TRACED}:
        return Verdict.TRACED
    if states & {STOPPED, TRACED}:
        return Verdict.UNSETTLED
    if len({s.phase for s in statements}) > 1:
        return Verdict.PROGRESS
    if any(s.waits for s in statements):
        same = len({frozenset(s.waits) for s in statements}) == 1
        return Verdict.WAITING if same else Verdict.UNSETTLED
    return _busy(statements, limit_s)


def _busy(statements: Sequence[Statement], limit_s: float) -> Verdict:
    """Return what a rank does that neither waits nor turns to another window."""
    first, last = statements[0], statements[-1]
    if last.phase == PREPARATION:
        return Verdict.PREPARING
    if first.cpu_s is None or last.cpu_s is None:
        return Verdict.UNSEEN
    if any(s.state == RUNS for s in statements) or last.cpu_s - first.cpu_s >= COMPUTES_S:
        return Verdict.COMPUTING
    if any(s.state == DISK for s in statements):
        return Verdict.DISK
    if len(statements) == 1 or last.since_s < limit_s:
        return Verdict.UNSETTLED
    return Verdict.IDLE
