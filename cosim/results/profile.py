"""Where the wall-clock time of a run went: roles side by side on one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.results.reader import Result

#: What a role does in a window, in the order in which it is drawn; recordings are written in
#: between.
STATES = ("other", "wait", "receive", "convert", "compute", "record", "send")
#: What results of earlier versions tell apart.
COARSE = ("wait", "exchange", "compute")
#: What is summed up where there is little room, and of which states.
SUMS = {
    "compute": ("compute",), "convert": ("convert",), "exchange": ("receive", "send", "exchange"),
    "other": ("record", "other"), "wait": ("wait",),
}

Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class RoleProfile:
    """The wall-clock account of one role.

    Parameters
    ----------
    role
        Its name.
    rank
        Number of the process that it ran in.
    engine
        Engine of a simulator, conversion of a transformer; empty if unknown.
    kind
        ``spiking``, ``mean_field``, ``transformer``, or empty if unknown.
    threads
        Threads of a simulator.
    window, begin_s, waited_for, repeated
        By window: its index; when the role turned to it, in seconds on a clock that all roles
        share; for whom it waited (empty for nobody); whether it was known from tapes.
    spent_s
        By state, seconds in each window.
    window_ms
        Biological time of a window.
    stages
        Seconds of each stage before the first window; `others` is waiting for the preparation of
        other ranks.
    cores
        How many its process could use; 0 if unknown.
    cpu_s
        Processor time of its process in each window; 0 if unknown.
    ready_s
        When the last rank was through with its preparation; what a role did before that, ahead of
        the others, is no measure of the run's speed.
    """

    role: str
    rank: int
    engine: str
    kind: str
    threads: int
    window: NDArray[np.int64]
    begin_s: Seconds
    spent_s: Mapping[str, Seconds]
    waited_for: NDArray[np.str_]
    repeated: NDArray[np.bool_]
    window_ms: float
    stages: Mapping[str, float] = field(default_factory=dict)
    cores: int = 0
    cpu_s: Seconds = field(default_factory=lambda: np.zeros(0))
    ready_s: float = 0.0

    @cached_property
    def length_s(self) -> Seconds:
        """Seconds that each window took, waiting included."""
        total_s: Seconds = np.sum(list(self.spent_s.values()), axis=0)
        return total_s

    @cached_property
    def end_s(self) -> Seconds:
        """When each window was over."""
        return self.begin_s + self.length_s

    @cached_property
    def total_s(self) -> Mapping[str, float]:
        """Seconds in each state, over all windows."""
        return {state: float(spent.sum()) for state, spent in self.spent_s.items()}

    @cached_property
    def sums_s(self) -> Mapping[str, float]:
        """Seconds in each of `SUMS`, over all windows; together they are all the time there was."""
        return {
            name: sum(self.total_s.get(state, 0.0) for state in states)
            for name, states in SUMS.items()
        }

    @property
    def longest_waited_for(self) -> str:
        """For whom it waited longest; nobody if that is under a tenth of its waiting."""
        wait_s = self.spent_s["wait"]
        peers, which = np.unique(self.waited_for, return_inverse=True)
        total_s = dict(zip(peers.tolist(), np.bincount(which, wait_s).tolist(), strict=True))
        total_s.pop("", None)
        best = max(total_s, key=lambda peer: total_s[peer], default="")
        return best if best and total_s[best] > 0.1 * wait_s.sum() else ""

    @property
    def busy_s(self) -> float:
        """Seconds in which it did something for the run."""
        idle = self.total_s["wait"] + self.total_s.get("other", 0.0)
        return sum(self.total_s.values()) - idle

    @property
    def wall_s(self) -> float:
        """Seconds from when all ranks were ready, or from its first window, to its last one."""
        return self._lasted_s(np.ones(len(self.window), bool))

    @property
    def real_time_factor(self) -> float:
        """Wall-clock time / biological time over the windows that were no repetition."""
        fresh = ~self.repeated
        if not fresh.any():
            return float("nan")
        return self._lasted_s(fresh) / (int(fresh.sum()) * self.window_ms * 1e-3)

    def _lasted_s(self, which: NDArray[np.bool_]) -> float:
        if not which.any():
            return 0.0
        begin_s = max(float(self.begin_s[which][0]), self.ready_s)
        return max(float(self.end_s[which][-1]) - begin_s, 0.0)

    def edges(self) -> dict[str, tuple[Seconds, Seconds]]:
        """Return for each state where it begins and ends in each window, in drawing order."""
        at, found = self.begin_s, {}
        for state in self.spent_s:
            found[state] = at, at + self.spent_s[state]
            at = found[state][1]
        return found


@dataclass(frozen=True)
class Slow:
    """A window that took long.

    Parameters
    ----------
    role, window
        Whose, and which.
    length_s, median_s
        What it took without waiting, and what the windows of the role take.
    state
        What took most of it.
    """

    role: str
    window: int
    length_s: float
    median_s: float
    state: str


@dataclass(frozen=True)
class Profile:
    """The wall-clock account of a run.

    Parameters
    ----------
    roles
        By rank, then in the order of the plan.
    serial
        Whether all ran in one process.
    status
        How the run ended.
    ready_s
        When the last rank was through with its preparation.
    lags
        Of all borders between simulators, in windows.
    """

    roles: tuple[RoleProfile, ...]
    serial: bool
    status: str
    ready_s: float = 0.0
    lags: tuple[int, ...] = ()

    @property
    def detailed(self) -> bool:
        """Whether conversions and recording are told apart from computing."""
        return all("convert" in role.spent_s for role in self.roles)

    @property
    def states(self) -> tuple[str, ...]:
        """What is told apart."""
        return STATES if self.detailed else COARSE

    @property
    def span_s(self) -> tuple[float, float]:
        """When the last rank turned to its first window, and the last window ended."""
        lived = [role for role in self.roles if len(role.window)]
        if not lived:
            return 0.0, 0.0
        return self.ready_s, max(float(role.end_s[-1]) for role in lived)

    @property
    def wall_s(self) -> float:
        """Seconds from the first window of the last rank to the last window of all."""
        first, last = self.span_s
        return last - first

    def ranks(self) -> dict[int, list[RoleProfile]]:
        """Return the roles of each process."""
        found: dict[int, list[RoleProfile]] = {}
        for role in self.roles:
            found.setdefault(role.rank, []).append(role)
        return found

    def waits(self) -> dict[tuple[str, str], float]:
        """Return how many seconds each role waited for each other one, the longest first."""
        found: dict[tuple[str, str], float] = {}
        for role in self.roles:
            for peer in np.unique(role.waited_for):
                seconds = float(role.spent_s["wait"][role.waited_for == peer].sum())
                if peer and seconds > 0:
                    found[role.role, str(peer)] = seconds
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def slowest(self, count: int) -> list[Slow]:
        """Return the windows that took longest beyond what the windows of their role take."""
        found = []
        for role in self.roles:
            if not len(role.window):
                continue
            work_s = role.length_s - role.spent_s["wait"]
            median_s = float(np.median(work_s))
            for i in np.argsort(-work_s, kind="stable")[:count]:
                state = max(
                    (s for s in role.spent_s if s != "wait"), key=lambda s: role.spent_s[s][i]
                )
                found.append(
                    Slow(role.role, int(role.window[i]), float(work_s[i]), median_s, state)
                )
        return sorted(found, key=lambda slow: slow.median_s - slow.length_s)[:count]


def profile_of(result: Result) -> Profile:
    """Return the account of a run.

    Raises
    ------
    ResultError
        If it cannot be read.
    """
    plan = result.plan
    about = {str(entry.get("name")): entry for entry in _entries(plan, "simulators")}
    through = {str(entry.get("name")): entry for entry in _entries(plan, "transformers")}
    timings = {role: result.timing(role) for role in result.roles}
    origins = [t.attrs["origin_unix_s"] for t in timings.values()]
    known = [origin for origin in origins if origin is not None]
    first_s = min(known) if len(known) == len(origins) and known else None
    roles = []
    for role, timing in timings.items():
        states = STATES if timing.attrs["detailed"] else COARSE
        shift_s = 0.0 if first_s is None else timing.attrs["origin_unix_s"] - first_s
        roles.append(RoleProfile(
            role, result.rank_of(role), _engine(about.get(role), through.get(role)),
            _kind(about.get(role), through.get(role)), _threads(about.get(role)),
            timing.window.values, timing.begin_s.values + shift_s,
            {state: timing[f"{state}_s"].values for state in states},
            timing.waited_for.values, timing.repeated.values,
            float(timing.attrs["window_ms"]), timing.attrs["stages"], timing.attrs["cores"],
            timing.cpu_s.values,
        ))
    ready_s = _ready_s([r for r in roles if len(r.window)])
    roles = [_without_start(role, ready_s) for role in roles]
    order = {name: i for i, name in enumerate([*about, *through])}
    roles.sort(key=lambda r: (r.rank, order.get(r.role, len(order))))
    lags = tuple(int(b.get("lag", 0)) for b in _entries(plan, "borders"))
    serial = len({r.rank for r in roles}) <= 1
    return Profile(tuple(roles), serial, result.status, ready_s, lags)


def _ready_s(roles: Sequence[RoleProfile]) -> float:
    """Return when the last rank was through with its preparation."""
    first_s: dict[int, float] = {}
    for role in roles:
        begin_s = float(role.begin_s[0])
        first_s[role.rank] = min(first_s.get(role.rank, begin_s), begin_s)
    return max(first_s.values(), default=0.0)


def _without_start(role: RoleProfile, ready_s: float) -> RoleProfile:
    """Move what a role waited for other ranks to begin from its windows to its preparation."""
    before_s = np.clip(ready_s - role.begin_s, 0.0, role.spent_s["wait"])
    spent_s = {**role.spent_s, "wait": role.spent_s["wait"] - before_s}
    stages = {**role.stages, "others": float(before_s.sum())} if role.stages else {}
    return replace(
        role, begin_s=role.begin_s + before_s, spent_s=spent_s, stages=stages, ready_s=ready_s
    )


def _entries(plan: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    found = plan.get(key, ())
    return [e for e in found if isinstance(e, Mapping)] if isinstance(found, list) else []


def _engine(simulator: Mapping[str, Any] | None, transformer: Mapping[str, Any] | None) -> str:
    if simulator is not None:
        return str(simulator.get("engine", ""))
    through = (transformer or {}).get("through")
    return str(through.get("name", "")) if isinstance(through, Mapping) else ""


def _kind(simulator: Mapping[str, Any] | None, transformer: Mapping[str, Any] | None) -> str:
    if simulator is not None:
        return str(simulator.get("kind", ""))
    return "" if transformer is None else "transformer"


def _threads(simulator: Mapping[str, Any] | None) -> int:
    threads = (simulator or {}).get("threads", 1)
    return threads if isinstance(threads, int) and threads > 0 else 1
