"""Where two runs first differ; bit by bit, whoever recorded what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.results.reader import Result

#: What takes part in a comparison: key, times in ms, and what is there at these times.
Column = tuple[NDArray[np.float64], NDArray[np.generic]]
Item = tuple[tuple[str, ...], Column]
Columns = Mapping[tuple[str, ...], Column]
_BORDER, _TRAINS = "border", "trains"


@dataclass(frozen=True)
class Difference:
    """The first place where two recordings differ.

    Parameters
    ----------
    where
        The recording.
    time_ms
        The time.
    text
        What is there in the one and in the other.
    """

    where: str
    time_ms: float
    text: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.where} at {self.time_ms:g} ms: {self.text}"


def columns(result: Result) -> Columns:
    """Return everything that a run recorded but its timing.

    States of mean-field regions go by monitor, variable and region, not by the simulator that
    computed them, so that a run can be compared with one whose brain is cut in another way.
    """
    return dict([*_signals(result), *_spikes(result)])


def inside(everything: Columns) -> Columns:
    """Leave out what crossed borders, which depends on where a brain is cut."""
    return {
        key: column for key, column in everything.items()
        if key[0] != _TRAINS and not key[0].startswith(f"{_BORDER}/")
    }


def _signals(result: Result) -> Iterator[Item]:
    for name in result.signals:
        simulator, _, rest = name.partition("/")
        signal = result.signal(name)
        time_ms = signal.time.values
        for i, column in enumerate(signal.column.values):
            place = name if simulator == _BORDER else rest
            yield (place, str(column)), (time_ms, signal.values[:, i])


def _spikes(result: Result) -> Iterator[Item]:
    for region, population in result.populations:
        spikes = result.spikes(region, population)
        yield ("spikes", region, population), (spikes.time_ms, spikes.sender)
    for region, name in result.trains:
        train = result.train(region, name)
        yield (_TRAINS, region, name), (train.time_ms, train.sender)


def first_difference(one: Columns, other: Columns, *, common: bool = False) -> Difference | None:
    """Return the earliest difference of two runs; None if they are equal bit by bit.

    Parameters
    ----------
    common
        Whether to look only at what both have recorded.
    """
    missing = sorted(set(one) ^ set(other))
    if missing and not common:
        return Difference(" ".join(missing[0]), 0.0, "recorded by one of the two only")
    found = (_compared(key, one[key], other[key]) for key in one if key in other)
    return min((d for d in found if d is not None), key=lambda d: d.time_ms, default=None)


def _compared(key: tuple[str, ...], one: Column, other: Column) -> Difference | None:
    size = min(len(one[0]), len(other[0]))
    wrong = (one[0][:size] != other[0][:size]) | (one[1][:size] != other[1][:size])
    where = " ".join(key)
    if wrong.any():
        i = int(np.argmax(wrong))
        texts = [f"{what[i]:.9g} (at {time_ms[i]:g} ms)" for time_ms, what in (one, other)]
        text = f"{texts[0]}, {texts[1]}"
        if one[0][i] == other[0][i] and np.issubdtype(one[1].dtype, np.floating):
            text += f", apart by {abs(one[1][i] - other[1][i]):.3g}"
        return Difference(where, float(min(one[0][i], other[0][i])), text)
    if len(one[0]) != len(other[0]):
        longer = one if len(one[0]) > size else other
        text = f"{len(one[0])} entries, {len(other[0])} entries"
        return Difference(where, float(longer[0][size]), text)
    return None
