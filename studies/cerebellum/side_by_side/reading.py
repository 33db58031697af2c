"""What a run says of the right half of the cerebellum and of the cortex, spiking or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.results import Result

Array = NDArray[np.float64]

#: Region that each population belongs to, and its names as spiking neurons.
POPULATIONS = {
    "GrC": ("CbCtx", ("granule",)),
    "GoC": ("CbCtx", ("golgi",)),
    "MLI": ("CbCtx", ("basket", "stellate")),
    "PC": ("CbCtx", ("purkinje",)),
    "DCNp": ("CbNuc", ("dcn_p",)),
    "DCNi": ("CbNuc", ("dcn_i",)),
}
_SIMULATORS = {"CbCtx": "cerebellar_cortex", "CbNuc": "nuclei"}
SPIKING = "cerebellum_R"
SETTLE_MS = 1000.0


@dataclass(frozen=True)
class Trace:
    """Rate of a population over time.

    Parameters
    ----------
    rate_hz
        Mean over cells, shape (time,).
    step_ms
        Between values.
    cells
        Number of cells behind it; none for a mean field.
    """

    rate_hz: Array
    step_ms: float
    cells: int | None = None


def spikes(result: Result, population: str, bin_ms: float = 1.0) -> Trace:
    """Return the rate of one of `POPULATIONS` of the spiking circuit, from time 0."""
    parts = [result.spikes(SPIKING, name) for name in POPULATIONS[population][1]]
    cells = [len(part.recorded) for part in parts]
    rates = [part.rate_hz(bin_ms).values * n for part, n in zip(parts, cells, strict=True)]
    return Trace(np.sum(rates, axis=0) / sum(cells), bin_ms, sum(cells))


def mean_field(result: Result, population: str, side: str) -> Trace:
    """Return the rate of one of `POPULATIONS` of a mean field, from time 0."""
    region = POPULATIONS[population][0]
    name = f"{_SIMULATORS[region]}/TemporalAverage"
    found = result.signal(name, columns=[f"{population}[{region}_{side}]"])
    return Trace(1e3 * found.values[:, 0], _step_ms(found.time.values))


def half(result: Result, population: str, side: str) -> Trace:
    """Return the rate of a population on one side, spiking or not, after the run has settled."""
    spiking = side == "R" and (SPIKING, POPULATIONS[population][1][0]) in result.populations
    trace = spikes(result, population) if spiking else mean_field(result, population, side)
    first = round(SETTLE_MS / trace.step_ms)
    return Trace(trace.rate_hz[first:], trace.step_ms, trace.cells)


@dataclass(frozen=True)
class Cortex:
    """Gating of all cortical regions after the run has settled.

    Parameters
    ----------
    labels
        Of the regions.
    gating
        S_e, shape (time, regions).
    step_ms
        Between values.
    """

    labels: tuple[str, ...]
    gating: Array
    step_ms: float


def cortex(result: Result, settle_ms: float = SETTLE_MS) -> Cortex:
    """Return S_e of all cortical regions."""
    name = "cortex/TemporalAverage"
    columns = [c for c in result.columns(name) if c.startswith("S_e[")]
    found = result.signal(name, columns=columns, between_ms=(settle_ms, np.inf))
    labels = tuple(c.removeprefix("S_e[").removesuffix("]") for c in columns)
    return Cortex(labels, found.values, _step_ms(found.time.values))


def _step_ms(time_ms: Array) -> float:
    return float(np.median(np.diff(time_ms)))
