"""Checks of what enters a transformer, and a count of what it had to clip."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Window
from cosim.errors import BorderError
from cosim.messages import Block, Signal, SpikeBatch
from cosim.units import format_ms

log = logging.getLogger(__name__)

#: Rates above this (spikes/s in one train) are the mark of a simulation that diverges.
MAXIMUM_RATE_HZ = 1e7


def rows(window: Window, step: int) -> int:
    """Return the number of steps of a window.

    Raises
    ------
    ValueError
        If the window is no multiple of the step.
    """
    length = window.stop - window.start
    if length % step or window.start % step:
        raise ValueError(
            f"window ({window.start}, {window.stop}] is not on the grid of {step} ticks"
        )
    return length // step


def check_spikes(block: Block, window: Window, size: int) -> SpikeBatch:
    """Return the block as spikes of that window from senders 0 to size - 1.

    Raises
    ------
    BorderError
        If it is a signal, or a spike lies outside (start, stop], before time 0, or comes from
        a sender that does not exist.
    """
    if not isinstance(block, SpikeBatch):
        raise BorderError(f"window {window.index}: expected spikes, got a signal")
    if not len(block.ticks):
        return block
    first, last = int(block.ticks.min()), int(block.ticks.max())
    if first <= max(window.start, 0) or last > window.stop:
        raise BorderError(
            f"window {window.index}: spikes at ticks {first} to {last} do not all lie in "
            f"({max(window.start, 0)}, {window.stop}]"
        )
    low, high = int(block.senders.min()), int(block.senders.max())
    if low < 0 or high >= size:
        raise BorderError(
            f"window {window.index}: senders {low} to {high} do not all lie in 0 to {size - 1}"
        )
    return block


def check_signal(block: Block, window: Window, step: int) -> Signal:
    """Return the block as a signal with one column that covers the window.

    Raises
    ------
    BorderError
        If it is a batch of spikes, covers another window, or has another grid or width.
    """
    if not isinstance(block, Signal):
        raise BorderError(f"window {window.index}: expected a signal, got spikes")
    if (block.start, block.stop, block.step) != (window.start, window.stop, step):
        raise BorderError(
            f"window {window.index}: signal covers ({block.start}, {block.stop}] in steps of "
            f"{block.step} ticks; expected ({window.start}, {window.stop}] in steps of {step}"
        )
    if block.values.shape[1:] != (1,):
        raise BorderError(
            f"window {window.index}: expected one column, got shape {block.values.shape}"
        )
    return block


def _refuse(signal: Signal, bad: NDArray[np.bool_], what: str, tick_ms: float) -> None:
    if not bad.any():
        return
    row, column = np.argwhere(bad)[0]
    tick = signal.start + (int(row) + 1) * signal.step
    value = signal.values[row, column]
    raise BorderError(f"{what} is {value:g} at {format_ms(tick * tick_ms)}, column {column}")


def check_finite(signal: Signal, what: str, tick_ms: float) -> None:
    """Raise `BorderError`, naming the time, if a value is NaN or infinite."""
    _refuse(signal, ~np.isfinite(signal.values), what, tick_ms)


def check_rates(signal: Signal, tick_ms: float) -> None:
    """Raise `BorderError`, naming the time, if a value is no rate.

    Rates are finite, not negative, and at most `MAXIMUM_RATE_HZ`.
    """
    good = (signal.values >= 0) & (signal.values <= MAXIMUM_RATE_HZ)
    _refuse(signal, ~good, "rate (spikes/s)", tick_ms)


@dataclass
class Clipping:
    """How often values had to be clipped; the first time is logged as a warning.

    Parameters
    ----------
    name
        Who clips, for the log.
    tick_ms
        Length of a tick.
    """

    name: str
    tick_ms: float
    #: Steps that were clipped from below and from above.
    low: int = field(default=0, init=False)
    high: int = field(default=0, init=False)
    #: Tick of the first clipped step.
    first_tick: int | None = field(default=None, init=False)

    def count(self, tick: int, *, low: int = 0, high: int = 0, limits: str) -> None:
        """Add clipped steps, the first of which ends at the tick."""
        if not low and not high:
            return
        if self.first_tick is None:
            self.first_tick = tick
            when = format_ms(tick * self.tick_ms)
            log.warning("%s: first value clipped to %s at %s", self.name, limits, when)
        self.low += low
        self.high += high
