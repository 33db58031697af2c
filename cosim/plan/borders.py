"""Which edges cross a border, and how far ahead they let a simulator run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from cosim.clock import NS_PER_MS, Clock
from cosim.errors import Problem
from cosim.plan.model import Edge
from cosim.simulator import Brain
from cosim.units import format_ms

#: A longer lag would gain nothing and cost memory for messages under way.
MAX_LAG = 16
#: Longest window that `auto` chooses, in ms: progress and failures are seen once a window.
MAX_AUTO_WINDOW_MS = 20.0


@dataclass(frozen=True)
class Grid:
    """Steps of a case in ticks.

    Parameters
    ----------
    tick_ns
        Length of a tick.
    base
        Every window is a multiple of this many ticks, for the reason given.
    reason
        Which simulators make it so.
    """

    tick_ns: int
    base: int
    reason: str


def crossing(
    brain: Brain, sources: tuple[int, ...], targets: tuple[int, ...], step_ms: float, extra: int
) -> tuple[int, Edge] | None:
    """Return number and shortest of the edges from some regions to others.

    Parameters
    ----------
    sources, targets
        Region indices.
    step_ms
        Step of the simulator that applies the delay.
    extra
        Steps by which the delay exceeds itself: 1 for a mean-field simulator, whose step s
        reads the state s - 1 - delay; 0 for spikes.

    Returns
    -------
    tuple or None
        None if no edge crosses. `Edge.delay` and `Edge.reach` are in steps here.
    """
    block = np.ix_(np.array(targets, int), np.array(sources, int))
    present = brain.weights[block] != 0
    if not present.any():
        return None
    delays = np.where(present, brain.delays_ms()[block], np.inf)
    i, j = np.unravel_index(np.argmin(delays), delays.shape)
    target, source = targets[int(i)], sources[int(j)]
    # TVB rounds a delay to its step with rint, and so must the plan.
    steps = int(np.rint(delays[i, j] / step_ms))
    edge = Edge(
        brain.labels[source], brain.labels[target], float(brain.tract_lengths_mm[target, source]),
        brain.speed_m_per_s, steps, steps + extra,
    )
    return int(present.sum()), edge


def in_ticks(edge: Edge, step: int) -> Edge:
    """Return an edge whose delay and reach are in ticks instead of steps."""
    return Edge(
        edge.source, edge.target, edge.length_mm, edge.speed_m_per_s,
        edge.delay * step, edge.reach * step,
    )


def lag(reach: int, window: int) -> int:
    """Return the lag in windows that a reach in ticks allows; 0 if the window is too long."""
    return min(reach // window, MAX_LAG)


def choose_window(
    asked: int | None, duration: int, grid: Grid, shortest: Edge | None
) -> tuple[int, str, list[Problem]]:
    """Choose or check the window.

    Parameters
    ----------
    asked
        The scenario's window in ticks, None for ``auto``.
    duration
        Length of the run in ticks.
    grid
        Steps of the case.
    shortest
        The border edge with the smallest reach; None without borders.

    Returns
    -------
    window, reason, problems
        Window in ticks and why; problems when the scenario's window, or any, is illegal.
    """
    if asked is None:
        return _automatic(duration, grid, shortest)
    problems = list(_illegal(asked, duration, grid, shortest))
    return asked, "as the scenario says", problems


def _automatic(
    duration: int, grid: Grid, shortest: Edge | None
) -> tuple[int, str, list[Problem]]:
    longest = int(MAX_AUTO_WINDOW_MS * NS_PER_MS) // grid.tick_ns
    if duration % grid.base:
        return grid.base, "", list(_illegal(grid.base, duration, grid, None))
    legal = [w for w in _divisors(duration, grid.base) if w <= max(longest, grid.base)]
    if shortest is None:
        return legal[-1], "no border edges limit it", []
    for wanted in (2, 1):
        fitting = [w for w in legal if w * wanted <= shortest.reach]
        if fitting:
            limit = f"the shortest border delay, {_edge_text(shortest, grid)},"
            reason = f"the longest for which {limit} allows a lag of {wanted}"
            best = min(longest, shortest.reach // wanted) // grid.base * grid.base
            if best >= 2 * fitting[-1]:
                reason += (
                    f" and that divides the duration of {_ms(duration, grid)}; durations that are "
                    f"multiples of {_ms(best, grid)} allow {_ms(best, grid)}"
                )
            return fitting[-1], reason, []
    return grid.base, "", [_too_long(grid.base, grid, shortest)]


def _divisors(duration: int, base: int) -> list[int]:
    n = duration // base
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return [base * d for d in sorted({*small, *(n // d for d in small)})]


def _illegal(
    window: int, duration: int, grid: Grid, shortest: Edge | None
) -> Iterator[Problem]:
    if window % grid.base:
        yield Problem(
            ("window",), f"the window of {_ms(window, grid)} does not fit the simulators' steps",
            f"a multiple of {_ms(grid.base, grid)} ({grid.reason})",
        )
    elif duration % window:
        yield Problem(
            ("duration",),
            f"the duration of {_ms(duration, grid)} is no multiple of the window",
            f"a multiple of {_ms(window, grid)}",
        )
    if shortest is not None and window > shortest.reach:
        yield _too_long(window, grid, shortest)


def _too_long(window: int, grid: Grid, shortest: Edge) -> Problem:
    return Problem(
        ("window",),
        f"a window of {_ms(window, grid)} is too long for the border edge "
        f"{_edge_text(shortest, grid)}",
        f"at most {_ms(shortest.reach // grid.base * grid.base, grid)}"
        if shortest.reach >= grid.base else
        f"longer tracts or a slower conduction speed: windows are at least "
        f"{_ms(grid.base, grid)} ({grid.reason})",
    )


def _edge_text(edge: Edge, grid: Grid) -> str:
    return (
        f"{edge.source} -> {edge.target} ({edge.length_mm:.6g} mm at {edge.speed_m_per_s:.6g} m/s,"
        f" delay {_ms(edge.delay, grid)})"
    )


def _ms(ticks: int, grid: Grid) -> str:
    return format_ms(Clock(grid.tick_ns, 1, 1).ms(ticks))


def shortest_of(edges: Iterable[Edge]) -> Edge | None:
    """Return the edge with the smallest reach, None of nothing."""
    return min(edges, key=lambda e: (e.reach, e.source, e.target), default=None)
