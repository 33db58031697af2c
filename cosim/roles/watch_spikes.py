"""Watches over the spikes of a population: too many, or none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Clock
from cosim.messages import Block, SpikeBatch
from cosim.roles.watch import Finding, counted, in_ticks
from cosim.scenario.guards import Runaway, Silent

_RUNAWAY_MEND = "look at its weights and inputs, or set 'guards: runaway'"
_SILENT_MEND = "look at its inputs, or set 'guards: silent'"


class RunawaySpikes:
    """Judges the mean rate of a population in stretches of equal length from time 0.

    Parameters
    ----------
    who
        The population, for messages.
    size
        Number of its neurons.
    rule
        Limit, length of a stretch, action.
    clock
        The run's clock.
    """

    def __init__(self, who: str, size: int, rule: Runaway, clock: Clock) -> None:
        self._who, self._rule, self._clock = who, rule, clock
        self._length = in_ticks(rule.length, clock)
        self._neuron_seconds = size * clock.ms(self._length) / 1e3
        #: The stretch under way, and the spikes in it so far.
        self._stretch, self._count = 0, 0
        self._bad = 0
        self._first = self._last = (0, 0.0)

    def see(self, block: Block) -> Finding | None:
        """Count the spikes of the window; judge the stretches that end in it."""
        assert isinstance(block, SpikeBatch)
        over = block.stop // self._length
        if over <= self._stretch:
            self._count += len(block.ticks)
            return None
        index = (block.ticks - 1) // self._length - self._stretch
        counts = np.bincount(index, minlength=over - self._stretch + 1)
        counts[0] += self._count
        rates_hz = counts[:-1] / self._neuron_seconds
        ended, self._stretch, self._count = self._stretch, over, int(counts[-1])
        return self._judge(ended, rates_hz)

    def _judge(self, ended: int, rates_hz: NDArray[np.float64]) -> Finding | None:
        bad = np.flatnonzero(rates_hz > self._rule.above)
        if not len(bad):
            return None
        fresh = not self._bad
        self._bad += len(bad)
        self._last = ended + int(bad[-1]), float(rates_hz[bad[-1]])
        if not fresh:
            return None
        self._first = first, rate_hz = ended + int(bad[0]), float(rates_hz[bad[0]])
        text = (
            f"{self._who} fires at {rate_hz:.4g} spikes/s and neuron in {self._span(first)}; the "
            f"limit is {self._rule.above:g} Hz; {_RUNAWAY_MEND}"
        )
        return Finding((first + 1) * self._length, text, "", self._rule.action)

    def note(self) -> str | None:
        """Return how often the rate was too high."""
        if not self._bad:
            return None
        return (
            f"runaway: {self._who} fired above {self._rule.above:g} spikes/s and neuron in "
            f"{counted(self._bad, 'stretch')} of {self._clock.ms(self._length):g} ms, first in "
            f"{self._span(self._first[0])} at {self._first[1]:.4g} spikes/s, last in "
            f"{self._span(self._last[0])} at {self._last[1]:.4g} spikes/s; {_RUNAWAY_MEND}"
        )

    def _span(self, stretch: int) -> str:
        begin, end = (self._clock.ms(k * self._length) for k in (stretch, stretch + 1))
        return f"({begin:g}, {end:g}] ms"


class SilentSpikes:
    """Looks for long times without a spike of any neuron of a population.

    Parameters
    ----------
    who
        The population, for messages.
    size
        Number of its neurons.
    rule
        Lengths and action.
    clock
        The run's clock.
    """

    def __init__(self, who: str, size: int, rule: Silent, clock: Clock) -> None:
        self._who, self._size, self._action, self._clock = who, size, rule.action, clock
        self._limit = max(in_ticks(rule.length, clock), in_ticks(rule.cell_time, clock, size))
        self._latest = self._now = 0
        self._pauses = 0
        self._first: tuple[int, int | None] = (0, None)
        self._last: tuple[int, int | None] = (0, None)
        self._open = False

    def see(self, block: Block) -> Finding | None:
        """Look at the times between spikes, and at what has passed since the last one."""
        assert isinstance(block, SpikeBatch)
        before = self._pauses
        self._now = block.stop
        if len(block.ticks):
            # Only in a long window, or at its beginning, can there be a pause between spikes.
            if block.stop - self._latest > self._limit:
                times = np.sort(np.append(block.ticks, self._latest))
                for i in np.flatnonzero(np.diff(times) > self._limit).tolist():
                    self._pause(int(times[i]), int(times[i + 1]))
            self._latest, self._open = int(block.ticks.max()), False
        if self._now - self._latest >= self._limit:
            self._pause(self._latest, None)
        if before or not self._pauses:
            return None
        begin_ms = self._clock.ms(self._first[0])
        text = (
            f"{self._who}: none of {self._size} neurons fires for {self._clock.ms(self._limit):g} "
            f"ms after {begin_ms:g} ms; {_SILENT_MEND}"
        )
        return Finding(self._first[0] + self._limit, text, "", self._action)

    def _pause(self, begin: int, end: int | None) -> None:
        """Note a pause, or the end of the one that is open."""
        self._pauses += not self._open
        if self._pauses == 1:
            self._first = begin, end
        self._last = begin, end
        self._open = end is None

    def note(self) -> str | None:
        """Return when nobody fired."""
        if not self._pauses:
            return None
        text = f"silent: {self._who}, none of {self._size} neurons fired {self._span(self._first)}"
        if self._pauses > 1:
            text += (
                f", and in {counted(self._pauses - 1, 'further pause')} of at least "
                f"{self._clock.ms(self._limit):g} ms, the last {self._span(self._last)}"
            )
        return f"{text}; {_SILENT_MEND}"

    def _span(self, pause: tuple[int, int | None]) -> str:
        begin, end = pause
        if end is None:
            return f"from {self._ms(begin)} to the end at {self._ms(self._now)} ms"
        return f"from {self._ms(begin)} to {self._ms(end)} ms"

    def _ms(self, ticks: int) -> str:
        return f"{self._clock.ms(ticks):g}"
