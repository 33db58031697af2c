"""The spiking circuit alone beside the mean field alone: transfer functions and bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim_tvb.cerebellum.parameters import SetName
from side_by_side import circuits, fields
from side_by_side.circuits import Moment, Steady
from side_by_side.reading import POPULATIONS

Array = NDArray[np.float64]

#: Parameter sets, that of the whole brain first.
MEAN_FIELDS: tuple[SetName, ...] = ("AWAKE26", "PLOS23")
SHOWN = ("GrC", "GoC", "MLI", "PC", "DCNp")
#: Before the part of a burst's course that is shown.
_SETTLE_MS = 300.0


@dataclass(frozen=True)
class Curve:
    """Steady rates of a population against mossy input.

    Parameters
    ----------
    population
        Its name.
    mossy_hz
        Where the spiking circuit was simulated, shape (inputs,).
    spiking_hz
        Shape (seeds, inputs).
    at_hz
        By parameter set: the mean field at the same inputs, shape (inputs,).
    fine_hz, fields_hz
        More inputs, and the mean fields there.
    """

    population: str
    mossy_hz: Array
    spiking_hz: Array
    at_hz: dict[SetName, Array]
    fine_hz: Array
    fields_hz: dict[SetName, Array]

    def error(self, name: SetName) -> Array:
        """Return the relative deviation of a mean field from the spiking circuit at each input."""
        mean = self.spiking_hz.mean(axis=0)
        # At 0 spikes/s of mossy fibres granule cells are silent and no ratio is left.
        return np.divide(
            self.at_hz[name] - mean, mean, out=np.full_like(mean, np.nan), where=mean > 0.5
        )


def curves(rows: Sequence[Steady]) -> list[Curve]:
    """Return the curves of all populations."""
    seeds = sorted({r.seed for r in rows})
    mossy_hz = np.array(circuits.FREQUENCIES_HZ)
    by = {(r.population, r.seed, r.mossy_hz): r.rate_hz for r in rows}
    fine_hz = np.linspace(0, mossy_hz[-1], 81)
    at = {name: fields.steady(name, mossy_hz) for name in MEAN_FIELDS}
    fine = {name: fields.steady(name, fine_hz) for name in MEAN_FIELDS}
    return [
        Curve(
            population,
            mossy_hz,
            np.array(
                [[by[population, seed, f] for f in circuits.FREQUENCIES_HZ] for seed in seeds]
            ),
            {name: at[name][population] for name in MEAN_FIELDS},
            fine_hz,
            {name: fine[name][population] for name in MEAN_FIELDS},
        )
        for population in POPULATIONS
    ]


@dataclass(frozen=True)
class Course:
    """Rates of a population around a burst.

    Parameters
    ----------
    burst
        Its kind.
    population
        Its name.
    time_ms
        From the begin of the burst, shape (time,).
    spiking_hz
        Shape (seeds, time).
    fields_hz
        By parameter set, shape (time,).
    """

    burst: str
    population: str
    time_ms: Array
    spiking_hz: Array
    fields_hz: dict[SetName, Array]

    def during(self) -> tuple[Array, dict[SetName, float]]:
        """Return the mean rate in the burst: of each seed, and of each mean field."""
        inside = (self.time_ms > 0) & (self.time_ms < circuits.BURST_MS)
        fields_hz = {name: float(hz[inside].mean()) for name, hz in self.fields_hz.items()}
        return self.spiking_hz[:, inside].mean(axis=1), fields_hz


def courses(rows: Sequence[Moment]) -> list[Course]:
    """Return the courses of both kinds of burst beside those of mean fields.

    The mean field has the mean rate over fibres as its input, the same for both kinds.
    """
    seeds = sorted({r.seed for r in rows})
    time_ms = np.array(sorted({r.time_ms for r in rows}))
    by = {(r.burst, r.population, r.seed, r.time_ms): r.rate_hz for r in rows}
    fields_hz = {name: _fields(name, time_ms) for name in MEAN_FIELDS}
    return [
        Course(
            burst,
            population,
            time_ms,
            np.array([[by[burst, population, s, t] for t in time_ms] for s in seeds]),
            {name: fields_hz[name][population] for name in MEAN_FIELDS},
        )
        for burst in circuits.BURSTS
        for population in SHOWN
    ]


def _fields(name: SetName, time_ms: Array) -> dict[str, Array]:
    begin = round(_SETTLE_MS / fields.STEP_MS)
    mossy_hz = np.full((begin + round(time_ms[-1] / fields.STEP_MS) + 1, 1), circuits.BACKGROUND_HZ)
    until = begin + round(circuits.BURST_MS / fields.STEP_MS)
    mossy_hz[begin:until] += circuits.PATCH_HZ * circuits.PATCH_SHARE
    found = fields.respond(name, mossy_hz)
    at = found.time_ms - _SETTLE_MS
    return {p: np.interp(time_ms, at, hz[:, 0]) for p, hz in found.rates_hz.items()}
