"""The spiking circuit alone: rates against mossy input, and the course of bursts."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import circuit
import numpy as np
from circuit import MEDIUM, SETTLE_MS, Run, Stimulus
from numpy.typing import NDArray

from cosim_nest.cerebellum.geometry import place
from cosim_nest.cerebellum.parameters import CerebellarParameters
from side_by_side.reading import POPULATIONS

Array = NDArray[np.float64]

FREQUENCIES_HZ = (0.0, *circuit.FREQUENCIES_HZ)
BURST_MS, EVERY_MS, BIN_MS = 50.0, 400.0, 2.0
#: First and last moment shown, from the beginning of a burst.
SHOWN_MS = (-50.0, 150.0)
#: Which fibres fire more: those of a patch, or all of them by so much that the mean over fibres is
#: the same.
BURSTS = ("patch", "all")
#: The published burst reaches 27 % of the fibres of the large box. In the smaller one it is given
#: to as many, those nearest to its middle, where the published radius would take in more.
BACKGROUND_HZ, PATCH_HZ, PATCH_SHARE = 4.0, 150.0, 0.27
log = logging.getLogger("comparison")


@dataclass(frozen=True)
class Steady:
    """Mean rate of a population at a mossy rate with one seed."""

    mossy_hz: float
    seed: int
    population: str
    rate_hz: float


@dataclass(frozen=True)
class Moment:
    """Rate of a population at a time after the begin of a burst, mean over bursts of one seed."""

    burst: str
    seed: int
    population: str
    time_ms: float
    rate_hz: float


def patch(seed: int) -> NDArray[np.int64]:
    """Return the mossy fibres nearest to the middle of the published burst."""
    fibres_um = place(MEDIUM, seed)["mossy_fibres"]
    distance_um = np.linalg.norm(fibres_um - circuit.burst_centre_um(MEDIUM), axis=1)
    return np.sort(np.argsort(distance_um)[: round(PATCH_SHARE * len(fibres_um))])


def transfer(seeds: Sequence[int], neuron: str, measured_ms: float, table: Path) -> list[Steady]:
    """Return steady rates at `FREQUENCIES_HZ`; taken from the table as far as they are there."""
    rows = [
        Steady(float(r["mossy_hz"]), int(r["seed"]), r["population"], float(r["rate_hz"]))
        for r in _read(table)
    ]
    there = {(r.mossy_hz, r.seed) for r in rows}
    for seed in seeds:
        for mossy_hz in FREQUENCIES_HZ:
            if (mossy_hz, seed) in there:
                continue
            log.info("circuit alone, seed %d, mossy fibres at %g spikes/s", seed, mossy_hz)
            rates = circuit.response(mossy_hz, seed, neuron, measured_ms=measured_ms)
            means = {row.population: row.mean_hz for row in rates}
            rows += [Steady(mossy_hz, seed, p, hz) for p, hz in _pooled(means)]
            circuit.write(table, rows)
    return [r for r in rows if r.seed in seeds]


def bursts(seeds: Sequence[int], neuron: str, repeats: int, table: Path) -> list[Moment]:
    """Return the courses of both kinds of burst; from the table as far as they are there."""
    rows = [
        Moment(
            r["burst"], int(r["seed"]), r["population"], float(r["time_ms"]), float(r["rate_hz"])
        )
        for r in _read(table)
    ]
    there = {(r.burst, r.seed) for r in rows}
    for seed in seeds:
        for kind in BURSTS:
            if (kind, seed) not in there:
                log.info("circuit alone, seed %d, bursts on %s mossy fibres", seed, kind)
                rows += _course(kind, seed, neuron, repeats)
                circuit.write(table, rows)
    return [r for r in rows if r.seed in seeds]


def _course(kind: str, seed: int, neuron: str, repeats: int) -> Iterator[Moment]:
    begins_ms = SETTLE_MS + EVERY_MS * np.arange(repeats)
    spans_ms = [(float(t), float(t + BURST_MS)) for t in begins_ms]
    parameters = CerebellarParameters.model_construct(
        box=MEDIUM, neuron=neuron, background=BACKGROUND_HZ
    )
    run = circuit.simulate(
        parameters, seed, begins_ms[-1] + SHOWN_MS[1], _stimulus(kind, seed, spans_ms)
    )
    edges = np.arange(SHOWN_MS[0], SHOWN_MS[1] + BIN_MS, BIN_MS)
    for population, (_, names) in [("mf", ("", ("mossy_fibres",))), *POPULATIONS.items()]:
        rates = _around(run, names, begins_ms, edges)
        for time_ms, rate_hz in zip(edges[:-1] + BIN_MS / 2, rates, strict=True):
            yield Moment(kind, seed, population, float(time_ms), round(float(rate_hz), 3))


def _stimulus(kind: str, seed: int, spans_ms: Sequence[tuple[float, float]]) -> Stimulus:
    if kind == "patch":
        return circuit.bursts(patch(seed), spans_ms, PATCH_HZ)
    fibres = len(place(MEDIUM, seed)["mossy_fibres"])
    mean_hz = PATCH_HZ * len(patch(seed)) / fibres
    return circuit.bursts(np.arange(fibres), spans_ms, mean_hz)


def _around(run: Run, names: Sequence[str], begins_ms: Array, edges_ms: Array) -> Array:
    """Return the rate in bins around each burst, over the cells of some populations."""
    counts = np.zeros(len(edges_ms) - 1)
    for name in names:
        for begin_ms in begins_ms:
            counts += np.histogram(run.spikes[name].times_ms - begin_ms, edges_ms)[0]
    cells = sum(run.spikes[name].size for name in names)
    return counts / (cells * len(begins_ms) * BIN_MS * 1e-3)


def _pooled(means_hz: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Yield rates by the names of the mean field; stellate cells are twice as many as basket."""
    for population, (_, names) in POPULATIONS.items():
        weights = [2.0 if name == "stellate" else 1.0 for name in names]
        yield population, float(np.average([means_hz[name] for name in names], weights=weights))


def _read(table: Path) -> list[dict[str, str]]:
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
