"""One line of the table: a figure, what it is compared with, and how far both wander."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

#: A limit is on the ratio, from above or from below.
LIMITS = ("at most", "at least")


@dataclass(frozen=True)
class Row:
    """A measurement beside its reference.

    Parameters
    ----------
    benchmark, case
        Which measurement.
    measured, reference
        Medians over the repeats; NaN if it failed.
    unit
        Unit of both.
    ratio, ratio_low, ratio_high
        Median, least and greatest of the ratios, each of a pair measured one after the other.
    repeats
        Number of pairs.
    limit
        What the ratio should be, such as ``at most 1.05``; empty if nothing was promised.
    note
        What has to be known, or why it failed.
    failed
        Whether there is no measurement.
    """

    benchmark: str
    case: str
    measured: float
    reference: float
    unit: str
    ratio: float
    ratio_low: float
    ratio_high: float
    repeats: int
    limit: str = ""
    note: str = ""
    failed: bool = False

    @property
    def verdict(self) -> str:
        """``yes`` or ``no``: whether the median is within the limit; empty without one."""
        if self.failed or not self.limit:
            return "failed" if self.failed else ""
        kind, bound = self.limit.rsplit(" ", 1)
        within = self.ratio <= float(bound) if kind == LIMITS[0] else self.ratio >= float(bound)
        return "yes" if within else "no"


def row(
    benchmark: str, case: str, measured: Sequence[float], reference: Sequence[float], unit: str,
    *, limit: str = "", note: str = "", faster: bool = False,
) -> Row:
    """Make a line of pairs.

    Parameters
    ----------
    measured, reference
        One number for each repeat, in the order in which they were taken.
    faster
        Whether the ratio says how many times less the measured one takes, not how much more.

    Raises
    ------
    ValueError
        If there are no pairs.
    """
    pairs = list(zip(measured, reference, strict=True))
    if not pairs:
        raise ValueError(f"{benchmark}, {case}: no pairs were measured")
    ratios = [r / m if faster else m / r for m, r in pairs]
    return Row(
        benchmark, case, statistics.median(measured), statistics.median(reference), unit,
        statistics.median(ratios), min(ratios), max(ratios), len(pairs), limit, note,
    )


def failure(benchmark: str, case: str, reason: str) -> Row:
    """Make the line of a measurement that could not be taken."""
    nan = float("nan")
    return Row(benchmark, case, nan, nan, "", nan, nan, nan, 0, note=reason, failed=True)
