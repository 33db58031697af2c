"""Time as an integer: ticks, steps and windows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

NS_PER_MS = 1_000_000


def to_ns(time_ms: float) -> int:
    """Convert milliseconds to whole nanoseconds.

    Raises
    ------
    ValueError
        If the time is no whole number of nanoseconds to within rounding.
    """
    exact = time_ms * NS_PER_MS
    ns = round(exact)
    if abs(ns - exact) > 1e-3:
        raise ValueError(f"{time_ms} ms is not a whole number of nanoseconds")
    return ns


@dataclass(frozen=True)
class Window:
    """The interval (start, stop] in ticks between two exchanges."""

    index: int
    start: int
    stop: int


@dataclass(frozen=True)
class Clock:
    """The common grid of all simulators: a tick is the finest step that all of them represent.

    Parameters
    ----------
    tick_ns
        Length of a tick in nanoseconds.
    window
        Length of a window in ticks.
    duration
        Length of the run in ticks, a multiple of the window.
    """

    tick_ns: int
    window: int
    duration: int

    @property
    def windows(self) -> int:
        """Number of windows of the run."""
        return self.duration // self.window

    @property
    def tick_ms(self) -> float:
        """Length of a tick in milliseconds."""
        return self.tick_ns / NS_PER_MS

    def at(self, index: int) -> Window:
        """Return the window of that index; negative ones lie before the start."""
        return Window(index, index * self.window, (index + 1) * self.window)

    def ticks(self, time_ms: float) -> int:
        """Convert a time to ticks.

        Raises
        ------
        ValueError
            If the time is no multiple of the tick.
        """
        ns = to_ns(time_ms)
        if ns % self.tick_ns:
            raise ValueError(f"{time_ms} ms is no multiple of {self.tick_ms} ms")
        return ns // self.tick_ns

    def ms(self, ticks: int) -> float:
        """Convert ticks to milliseconds, rounded once."""
        return ticks * self.tick_ns / NS_PER_MS


def common_tick_ns(steps_ns: Iterable[int]) -> int:
    """Return the longest tick of which every step is a multiple."""
    return math.gcd(*steps_ns)
