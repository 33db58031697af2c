"""The numbers shown at the end of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.results.profile import RoleProfile, profile_of
from cosim.results.reader import Result
from cosim.results.spikes import SpikeTrains
from cosim.simulator import RateBand

FANO_BIN_MS = 100.0
#: What a run does at first shows how it was started: the first part of it, and at most so long.
SETTLING_MS, SETTLING_SHARE = 200.0, 0.2
_BORDER = "border/"
_MONITORS = ("TemporalAverage", "Raw")


@dataclass(frozen=True)
class PopulationRow:
    """Activity of one spiking population; a value is NaN where the spikes do not suffice.

    Parameters
    ----------
    region, population
        Where the neurons are.
    size
        Number of neurons.
    rate_hz
        Mean rate in spikes/s and recorded neuron.
    cv_isi
        Median over neurons with at least 3 spikes of the coefficient of variation of their
        inter-spike intervals.
    fano
        Mean over neurons that fire of the variance of their spike counts in bins of 100 ms,
        divided by their mean.
    reference
        The rates between which the population should lie, if whoever built it says so.
    """

    region: str
    population: str
    size: int
    rate_hz: float
    cv_isi: float
    fano: float
    reference: RateBand | None = None

    @property
    def verdict(self) -> str:
        """Where the rate is: ``inside``, ``above`` or ``below`` the reference; else empty."""
        band = self.reference
        if band is None or np.isnan(self.rate_hz):
            return ""
        if self.rate_hz < band.low_hz:
            return "below"
        return "above" if self.rate_hz > band.high_hz else "inside"


@dataclass(frozen=True)
class ActivityRow:
    """One state variable of a mean-field simulator, over all its regions.

    Parameters
    ----------
    signal
        Name of the recorded signal.
    variable
        What the columns have in front of ``[region]``.
    unit
        Unit of mean and standard deviation.
    regions
        Number of columns.
    mean, sd
        Mean and standard deviation over regions and time; NaN if nothing was recorded.
    """

    signal: str
    variable: str
    unit: str
    regions: int
    mean: float
    sd: float


@dataclass(frozen=True)
class RoleRow:
    """Where the wall-clock time of one role went.

    Parameters
    ----------
    role
        Name of the simulator or transformer.
    wall_s
        Time from when all ranks were ready, or from its first window, to the end of its last.
    spent_s
        Seconds by `cosim.results.profile.SUMS`; they add up to what its rank spent on it.
    wait_share
        Part of the time that it waited.
    real_time_factor
        Wall-clock time / biological time; 1 is real time, less is faster.
    """

    role: str
    wall_s: float
    spent_s: Mapping[str, float]
    wait_share: float
    real_time_factor: float


Row = PopulationRow | ActivityRow | RoleRow


def settled_ms(result: Result) -> float:
    """Return the time from which on activity is measured: 200 ms, or a fifth of a shorter run.

    Rounded down to a tick.
    """
    wanted_ms = min(SETTLING_MS, SETTLING_SHARE * result.duration_ms)
    return math.floor(wanted_ms / result.tick_ms + 1e-6) * result.tick_ms


def summary_table(result: Result, from_ms: float | None = None) -> list[Row]:
    """Return the populations, the mean-field variables and the roles of a run, in that order.

    Parameters
    ----------
    result
        An open result.
    from_ms
        Time from which on activity is measured, a multiple of the tick; by default that of
        `settled_ms`. The roles' times are always those of the whole run.
    """
    start_ms = settled_ms(result) if from_ms is None else from_ms
    return [
        *(population_row(result.spikes(*names).after(start_ms)) for names in result.populations),
        *(row for n in mean_field_signals(result) for row in activity_rows(result, n, start_ms)),
        *map(role_row, sorted(profile_of(result).roles, key=lambda role: role.role)),
    ]


def mean_field_signals(result: Result) -> tuple[str, ...]:
    """Return one signal for each mean-field simulator: its temporal average, else its raw state."""
    best: dict[str, str] = {}
    for monitor in _MONITORS:
        for name in result.signals:
            owner, _, last = name.rpartition("/")
            if last == monitor and not name.startswith(_BORDER):
                best.setdefault(owner, name)
    return tuple(best[owner] for owner in sorted(best))


def population_row(trains: SpikeTrains) -> PopulationRow:
    """Return rate and variability of a population."""
    return PopulationRow(
        trains.region,
        trains.population,
        trains.size,
        trains.mean_rate_hz,
        median_cv(trains),
        mean_fano(trains, FANO_BIN_MS),
        trains.reference,
    )


def median_cv(trains: SpikeTrains) -> float:
    """Return the median coefficient of variation of inter-spike intervals.

    Over all neurons with at least 3 spikes; standard deviation with the number of intervals as
    divisor. NaN if there is no such neuron.
    """
    order = np.lexsort((trains.time_ms, trains.sender))
    sender, time_ms = trains.sender[order], trains.time_ms[order]
    same = sender[1:] == sender[:-1]
    owner, interval = sender[1:][same], np.diff(time_ms)[same]
    count = np.bincount(owner, minlength=trains.size)
    enough = count >= 2
    if not enough.any():
        return float("nan")
    total = np.bincount(owner, interval, minlength=trains.size)
    mean = np.divide(total, count, out=np.zeros(trains.size), where=enough)
    # The deviations are taken from each neuron's mean, as sums of squares cancel badly.
    squares = np.bincount(owner, (interval - mean[owner]) ** 2, minlength=trains.size)
    return float(np.median(np.sqrt(squares[enough] / count[enough]) / mean[enough]))


def mean_fano(trains: SpikeTrains, bin_ms: float) -> float:
    """Return the mean Fano factor of the spike counts of the neurons that fire.

    NaN if fewer than 2 bins are complete, no neuron fires, or the bin is no multiple of the tick.
    """
    try:
        index, bins = trains.bin_index(bin_ms)
    except ValueError:
        return float("nan")
    inside = index < bins
    if bins < 2 or not inside.any():
        return float("nan")
    cell = trains.sender[inside].astype(np.int64) * bins + index[inside]
    cells, counts = np.unique(cell, return_counts=True)
    neuron = cells // bins
    mean = np.bincount(neuron, counts, minlength=trains.size) / bins
    square = np.bincount(neuron, counts.astype(float) ** 2, minlength=trains.size) / bins
    fires = mean > 0
    variance = (square - mean**2)[fires]
    return float(np.mean(variance / mean[fires]))


def activity_rows(result: Result, name: str, from_ms: float = 0.0) -> list[ActivityRow]:
    """Return mean and standard deviation of each variable of a signal after a time."""
    signal = result.signal(name, between_ms=(np.nextafter(from_ms, np.inf), np.inf))
    variable = np.array([c.partition("[")[0] for c in signal.column.values.tolist()])
    return [
        ActivityRow(name, v, str(signal.attrs["unit"]), part.shape[1], *_mean_sd(part))
        for v in dict.fromkeys(variable.tolist())
        for part in (signal.values[:, variable == v],)
    ]


def role_row(role: RoleProfile) -> RoleRow:
    """Return the sums of a role's account."""
    wait_s, wall_s = role.sums_s["wait"], role.wall_s
    share = wait_s / wall_s if wall_s > 0 else float("nan")
    return RoleRow(role.role, wall_s, role.sums_s, share, role.real_time_factor)


def _mean_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    if not values.size:
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std())
