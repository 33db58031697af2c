"""Measures of activity: functional connectivity and its likeness, spectra, cortical rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import signal, stats

Array = NDArray[np.float64]

#: Decay time in s of the cortex's excitatory gates, and what one spike opens (Deco et al. 2014).
TAU_E_S, GAMMA_E = 0.1, 0.641


def cortical_hz(gating: Array) -> Array:
    """Return the excitatory rate of regions from their mean gating.

    In the mean over a time much longer than that of the gates, they close as fast as they are
    opened: S / tau = (1 - S) gamma r.

    Parameters
    ----------
    gating
        S_e, shape (time, regions).

    Returns
    -------
    array
        Spikes/s, shape (regions,).
    """
    mean: Array = gating.mean(axis=0)
    return mean / (1 - mean) / (TAU_E_S * GAMMA_E)


def connectivity(signals: Array) -> Array:
    """Return the correlations between all pairs of regions.

    Parameters
    ----------
    signals
        Shape (time, regions).

    Returns
    -------
    array
        Pearson's r of the upper triangle without the diagonal, row by row.
    """
    full = np.corrcoef(signals, rowvar=False)
    return np.asarray(full[np.triu_indices_from(full, 1)])


def likeness(one: Array, other: Array) -> float:
    """Return Pearson's correlation between two lists of connections."""
    return float(stats.pearsonr(one, other).statistic)


@dataclass(frozen=True)
class Likenesses:
    """How alike the connectivities of two kinds of runs are.

    Parameters
    ----------
    within_first, within_second
        Between two seeds of one kind, all pairs.
    between
        Between one of each kind, with different seeds.
    paired
        Between one of each kind, with the same seed.
    """

    within_first: Array
    within_second: Array
    between: Array
    paired: Array


def likenesses(first: Sequence[Array], second: Sequence[Array]) -> Likenesses:
    """Compare the connectivities of two kinds of runs, in both in the order of their seeds."""
    seeds = range(len(first))
    return Likenesses(
        *(
            np.array([likeness(kind[i], kind[j]) for i, j in combinations(seeds, 2)])
            for kind in (first, second)
        ),
        np.array([likeness(first[i], second[j]) for i in seeds for j in seeds if i != j]),
        np.array([likeness(a, b) for a, b in zip(first, second, strict=True)]),
    )


def spectrum(values: Array, step_ms: float, segment_ms: float = 1000.0) -> tuple[Array, Array]:
    """Return frequencies in Hz and the one-sided power density of a signal, by Welch's method.

    Parameters
    ----------
    values
        Shape (time,).
    step_ms
        Between values.
    segment_ms
        Length of the segments, of which half overlap.
    """
    length = min(round(segment_ms / step_ms), len(values))
    found = signal.welch(values, fs=1e3 / step_ms, nperseg=length, detrend="constant")
    # The mean has been taken off, and the lowest line with it.
    frequencies, power = (np.asarray(part[1:]) for part in found)
    return frequencies, power


def finite_size(rate_hz: float, cells: int) -> float:
    """Return the power density, in Hz, of the rate of independent Poisson neurons.

    One-sided: N neurons of rate r have a flat density of 2 r / N.
    """
    return 2 * rate_hz / cells


@dataclass(frozen=True)
class Difference:
    """Second minus first, over seeds that both have.

    Parameters
    ----------
    mean, sd
        Of the differences, seed by seed.
    seeds
        Their number.
    p
        Of a paired t test.
    spread
        Standard deviation of the first kind over its seeds: what another seed changes.
    """

    mean: float
    sd: float
    seeds: int
    p: float
    spread: float

    @property
    def is_within_spread(self) -> bool:
        """Whether the mean is smaller than what changes with the seed, two standard deviations."""
        return abs(self.mean) <= 2 * self.spread


def difference(first: Array, second: Array) -> Difference:
    """Compare two lists of values, one a seed, in the same order of seeds."""
    change = second - first
    return Difference(
        float(change.mean()),
        float(change.std(ddof=1)),
        len(change),
        float(stats.ttest_rel(second, first).pvalue),
        float(first.std(ddof=1)),
    )
