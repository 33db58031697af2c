"""What crosses a border: signals on a regular grid, and spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Blocks are made by the thousand in every second of a run. Nothing may assign to their fields; that
# is left to the type checker, since a frozen dataclass takes four times as long to make.


@dataclass(init=False, slots=True)
class Signal:
    """Values on a regular grid of ticks within one window.

    Parameters
    ----------
    start
        Tick at which the window begins; row ``i`` holds the value at ``start + (i + 1) * step``.
    step
        Ticks between rows.
    values
        Shape (rows, columns), float64. What the columns are is the port's to say.
    """

    start: Final[int]
    step: Final[int]
    values: Final[NDArray[np.float64]]

    def __init__(self, start: int, step: int, values: NDArray[np.float64]) -> None:
        self.start, self.step, self.values = start, step, values

    @property
    def stop(self) -> int:
        """Tick of the last row, which is the end of the window."""
        return self.start + self.step * len(self.values)


@dataclass(init=False, slots=True)
class SpikeBatch:
    """The spikes of one window (start, stop], ordered by time and then by sender.

    Parameters
    ----------
    start, stop
        Ticks that bound the window.
    ticks
        Time of each spike, int64.
    senders
        Index of the neuron or fibre within its population, counted from 0, int32.
    """

    start: Final[int]
    stop: Final[int]
    ticks: Final[NDArray[np.int64]]
    senders: Final[NDArray[np.int32]]

    def __init__(
        self, start: int, stop: int, ticks: NDArray[np.int64], senders: NDArray[np.int32]
    ) -> None:
        self.start, self.stop = start, stop
        self.ticks, self.senders = ticks, senders

    @classmethod
    def empty(cls, start: int, stop: int) -> SpikeBatch:
        """Return a batch without spikes."""
        return cls(start, stop, np.empty(0, np.int64), np.empty(0, np.int32))

    @classmethod
    def ordered(
        cls, start: int, stop: int, ticks: NDArray[np.int64], senders: NDArray[np.int32]
    ) -> SpikeBatch:
        """Return a batch of spikes given in any order."""
        order = np.lexsort((senders, ticks))
        return cls(start, stop, ticks[order], senders[order])


Block = Signal | SpikeBatch
