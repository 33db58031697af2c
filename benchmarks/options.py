"""How thoroughly to measure, and pairs of timings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Row

#: Scenarios, relative to the folder of the repository.
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Options:
    """What every benchmark is told.

    Parameters
    ----------
    quick
        Whether to take smaller cases and fewer repeats.
    repeats
        Pairs of each case that has to be known well.
    folder
        For files that are thrown away.
    """

    quick: bool
    repeats: int
    folder: Path


#: Yields its lines as they are measured.
Benchmark = Callable[[Options], Iterator[Row]]


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the wall-clock time of a piece of work, the mean of some rounds."""
    begin = time.perf_counter()
    for _ in range(rounds):
        work()
    return (time.perf_counter() - begin) / rounds


def pairs(
    measured: Callable[[], object], reference: Callable[[], object], repeats: int,
    rounds: tuple[int, int] = (1, 1),
) -> tuple[list[float], list[float]]:
    """Time two pieces of work in turns, so that a machine that slows down slows both."""
    found = [
        (seconds(measured, rounds[0]), seconds(reference, rounds[1])) for _ in range(repeats)
    ]
    return [m for m, _ in found], [r for _, r in found]
