"""Watches over signals that are rates: below 0, or too high for too long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Clock
from cosim.messages import Block, Signal
from cosim.roles.guard import Column
from cosim.roles.watch import Finding, counted, in_ticks
from cosim.scenario.guards import Action, Runaway

_NEGATIVE_MEND = "look at its inputs, or set 'guards: negative_rate'"
_RUNAWAY_MEND = "look at its inputs and couplings, or set 'guards: runaway'"


class NegativeRates:
    """Looks for rates below 0 in columns of a signal.

    Parameters
    ----------
    columns
        What the columns are.
    which
        Indices of those that are rates.
    unit
        Their unit.
    action
        What to do.
    clock
        The run's clock.
    """

    def __init__(
        self, columns: Sequence[Column], which: Sequence[int], unit: str, action: Action,
        clock: Clock,
    ) -> None:
        self._columns = [columns[i] for i in which]
        self._which = _index(which)
        self._unit, self._action, self._clock = unit, action, clock
        self._hit = np.zeros(len(self._columns), bool)
        self._steps, self._lowest = 0, 0.0
        self._worst = self._first_column = 0
        self._first = self._last = 0

    def see(self, block: Block) -> Finding | None:
        """Look for values below 0 after time 0."""
        assert isinstance(block, Signal)
        values = block.values[:, self._which]
        # One pass without a copy, as there is hardly ever anything to find.
        if block.stop <= 0 or not values.size or values.min() >= 0:
            return None
        bad = values < 0
        steps = np.flatnonzero(bad.any(axis=1))
        if not len(steps):  # NaN, which the border refuses
            return None
        fresh = not self._steps
        self._steps += len(steps)
        self._hit |= bad.any(axis=0)
        self._last = _tick(block, int(steps[-1]))
        # Of equals the earliest, as later windows would have it.
        row, column = divmod(int(values.argmin()), values.shape[1])
        if values[row, column] < self._lowest:
            self._lowest, self._worst = float(values[row, column]), column
        if not fresh:
            return None
        self._first_column = column = int(bad[steps[0]].argmax())
        self._first = _tick(block, int(steps[0]))
        where = self._columns[column]
        text = (
            f"{where} is {values[steps[0], column]:.4g} {self._unit} at "
            f"{self._clock.ms(self._first):g} ms, but is a rate; expected at least 0; "
            f"{_NEGATIVE_MEND}"
        )
        return Finding(self._first, text, where.region, self._action)

    def note(self) -> str | None:
        """Return how often, how far and where rates were below 0."""
        if not self._steps:
            return None
        where = self._columns[self._first_column]
        return (
            f"negative rate: {where.variable} in {_share(self._hit, self._columns)} "
            f"regions was below 0 in {counted(self._steps, 'step')}, first in {where.region} at "
            f"{self._clock.ms(self._first):g} ms, last at {self._clock.ms(self._last):g} ms, at "
            f"worst {self._lowest:.4g} {self._unit} in {self._columns[self._worst].region}; "
            f"{_NEGATIVE_MEND}"
        )


class RunawayRates:
    """Looks for columns of a signal that stay above a rate.

    Parameters
    ----------
    columns
        What the columns are.
    which
        Indices of those that are rates.
    unit, hz_per_unit
        Their unit.
    step
        Ticks between rows.
    rule
        Limit, how long a column must stay above it, action.
    clock
        The run's clock.
    """

    def __init__(
        self, columns: Sequence[Column], which: Sequence[int], unit: str, hz_per_unit: float,
        step: int, rule: Runaway, clock: Clock,
    ) -> None:
        self._columns = [columns[i] for i in which]
        self._which = _index(which)
        self._unit, self._rule, self._clock = unit, rule, clock
        self._limit = rule.above / hz_per_unit
        self._rows = -(-in_ticks(rule.length, clock) // step)
        #: For how many rows each column has been above the limit.
        self._run = np.zeros(len(self._columns), np.int64)
        self._hit = np.zeros(len(self._columns), bool)
        self._first_column = self._first = self._last = 0

    def see(self, block: Block) -> Finding | None:
        """Count the rows for which each column has been above the limit."""
        assert isinstance(block, Signal)
        values = block.values[:, self._which]
        if block.stop <= 0 or not values.size:
            return None
        if values.max() <= self._limit:
            self._run[:] = 0
            return None
        found = None
        for row, above in enumerate(values > self._limit):
            self._run = (self._run + 1) * above
            long = self._run >= self._rows
            if long.any():
                self._last = _tick(block, row)
                found = found or self._new(long, values[row])
                self._hit |= long
        return found

    def _new(self, long: NDArray[np.bool_], values: NDArray[np.float64]) -> Finding | None:
        if self._hit.any():
            return None
        self._first_column, self._first = int(long.argmax()), self._last
        where = self._columns[self._first_column]
        text = (
            f"{where} has been above {self._limit:g} {self._unit} for "
            f"{self._clock.ms(in_ticks(self._rule.length, self._clock)):g} ms at "
            f"{self._clock.ms(self._first):g} ms, where it is "
            f"{values[self._first_column]:.4g} {self._unit}; {_RUNAWAY_MEND}"
        )
        return Finding(self._first, text, where.region, self._rule.action)

    def note(self) -> str | None:
        """Return which columns were too high."""
        if not self._hit.any():
            return None
        where = self._columns[self._first_column]
        return (
            f"runaway: {where.variable} in {_share(self._hit, self._columns)} regions "
            f"stayed above {self._limit:g} {self._unit}, first in {where.region} at "
            f"{self._clock.ms(self._first):g} ms, last at {self._clock.ms(self._last):g} ms; "
            f"{_RUNAWAY_MEND}"
        )


def _index(which: Sequence[int]) -> NDArray[np.int64] | slice:
    """Return an index of columns, one that copies nothing if they are side by side."""
    first, last = which[0], which[-1]
    if list(which) == list(range(first, last + 1)):
        return slice(first, last + 1)
    return np.asarray(which, np.int64)


def _tick(block: Signal, row: int) -> int:
    return block.start + (row + 1) * block.step


def _share(hit: NDArray[np.bool_], columns: Sequence[Column]) -> str:
    """Return in how many of the regions, whose modes are columns of their own."""
    found = {c.region for c, h in zip(columns, hit.tolist(), strict=True) if h}
    return f"{len(found)} of {len({c.region for c in columns})}"
