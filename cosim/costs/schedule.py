"""How long windows take when roles share ranks, ranks share cores, and blocks take their time.

A small simulation of the loop with times in place of work: a rank runs the role with the earliest
window that can run; a role can run when its blocks have come and its channels have room; ranks that
are at work on one node share its cores evenly when their threads are more than the cores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Windows that are gone through beyond those that fill the channels.
SETTLED = 24


@dataclass(frozen=True)
class Task:
    """A role, as far as its time is concerned.

    Parameters
    ----------
    name
        Its name.
    rank, node
        Where it runs.
    threads
        Cores that it keeps busy.
    work_s
        Seconds of a window with all these cores.
    """

    name: str
    rank: int
    node: int
    threads: int
    work_s: float


@dataclass(frozen=True)
class Pipe:
    """A channel, as far as its time is concerned.

    Parameters
    ----------
    source, target
        Names of the tasks.
    lag
        Windows between emission and use.
    room
        How many blocks may be under way.
    transfer_s
        How long a block is under way.
    """

    source: str
    target: str
    lag: int
    room: int
    transfer_s: float = 0.0


def window_s(tasks: Sequence[Task], pipes: Sequence[Pipe], cores: int) -> float:
    """Return the time from one window to the next once all is under way.

    Cores may stay unused, so that more of them are never slower; without this, the order in which
    roles come could make them so.

    Raises
    ------
    ValueError
        If tasks wait for each other in a ring without a lag.
    """
    nodes = {task.node for task in tasks}
    wanted = max((sum(_widest(tasks, node).values()) for node in nodes), default=1)
    if cores >= wanted:
        return min(_simulated(tasks, pipes, count) for count in {wanted, *_fewer(wanted)})
    return min(_simulated(tasks, pipes, count) for count in {*_fewer(cores + 1), 1})


def _fewer(limit: int) -> list[int]:
    """Return some numbers of cores below a limit, those above 8 apart by an eighth or more."""
    found, count = [], 1
    while count < limit:
        found.append(count)
        count += max(count // 8, 1)
    # Far fewer cores than there are will not be faster.
    return found[-8:]


def _widest(tasks: Sequence[Task], node: int) -> dict[int, int]:
    """Return how many cores each rank of a node keeps busy at most."""
    found: dict[int, int] = {}
    for task in tasks:
        if task.node == node:
            found[task.rank] = max(found.get(task.rank, 0), task.threads)
    return found


def _simulated(tasks: Sequence[Task], pipes: Sequence[Pipe], cores: int) -> float:
    count = SETTLED + 2 * max((pipe.lag for pipe in pipes), default=0)
    state = _State(tasks, pipes, cores, count)
    while not state.over:
        state.advance()
    half = count // 2
    return max((ends[-1] - ends[half - 1]) / (count - half) for ends in state.ends.values())


class _State:
    """Where all ranks are at a moment."""

    def __init__(
        self, tasks: Sequence[Task], pipes: Sequence[Pipe], cores: int, count: int
    ) -> None:
        self._tasks, self._cores, self._count = tasks, cores, count
        self._into = {t.name: [p for p in pipes if p.target == t.name] for t in tasks}
        self._out = {t.name: [p for p in pipes if p.source == t.name] for t in tasks}
        #: When each task was through with each window.
        self.ends: Mapping[str, list[float]] = {t.name: [] for t in tasks}
        self._now_s = 0.0
        #: By rank: its task and what is left of it.
        self._busy: dict[int, tuple[Task, float]] = {}

    @property
    def over(self) -> bool:
        """Whether all tasks are through."""
        return all(len(ends) == self._count for ends in self.ends.values())

    def advance(self) -> None:
        """Start what can start, and go to the next moment at which something ends or comes."""
        for rank in {t.rank for t in self._tasks} - self._busy.keys():
            ready = [t for t in self._tasks if t.rank == rank and self._ready_s(t) <= self._now_s]
            if ready:
                first = min(ready, key=lambda t: len(self.ends[t.name]))
                self._busy[rank] = first, first.work_s
        speed = self._speeds()
        over = {
            rank: self._now_s + left / speed[task.node]
            for rank, (task, left) in self._busy.items()
        }
        come = [
            at for t in self._tasks if t.rank not in self._busy
            if self._now_s < (at := self._ready_s(t)) < float("inf")
        ]
        if not over and not come:
            raise ValueError("roles wait for each other in a ring without a lag")
        before_s, self._now_s = self._now_s, min([*over.values(), *come])
        for rank, (task, left) in list(self._busy.items()):
            # Moments that differ by rounding alone are the same.
            if over[rank] <= self._now_s * (1 + 1e-12):
                del self._busy[rank]
                self.ends[task.name].append(self._now_s)
            else:
                passed = (self._now_s - before_s) * speed[task.node]
                self._busy[rank] = task, max(left - passed, 0.0)

    def _speeds(self) -> dict[int, float]:
        wanted: dict[int, int] = {}
        for task, _ in self._busy.values():
            wanted[task.node] = wanted.get(task.node, 0) + task.threads
        return {node: min(1.0, self._cores / threads) for node, threads in wanted.items()}

    def _ready_s(self, task: Task) -> float:
        """Return from when on a task can run its next window; infinite if that is not known."""
        k = len(self.ends[task.name])
        if k == self._count:
            return float("inf")
        at_s = 0.0
        for pipe in self._into[task.name]:
            index, ends = k - pipe.lag, self.ends[pipe.source]
            if index >= len(ends):
                return float("inf")
            if index >= 0:
                at_s = max(at_s, ends[index] + pipe.transfer_s)
        for pipe in self._out[task.name]:
            index, ends = k - pipe.room + pipe.lag, self.ends[pipe.target]
            if index >= len(ends):
                return float("inf")
            if index >= 0:
                at_s = max(at_s, ends[index])
        return at_s
