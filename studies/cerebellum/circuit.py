"""Measures the olivo-cerebellar circuit against published activity of its model.

Three experiments, each over several seeds: rates at rest in three boxes and both states; the
response to a burst on a patch of mossy fibres; and rates against the rate of all mossy fibres.
Results go to ``rates.csv`` and ``circuit.png``; references are the activity reports of the Pavia
group's canonical circuit (https://github.com/dbbs-lab/cerebellar-models).

    python studies/cerebellum/circuit.py --out out/cerebellum

The whole takes about 1600 s of one core. ``climbing.py`` measures what the olive does.
"""

from __future__ import annotations

import argparse
import csv
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cosim_nest.cerebellum.circuit import CEREBELLAR_CIRCUIT, neuron_kind
from cosim_nest.cerebellum.geometry import Box, place
from cosim_nest.cerebellum.parameters import CerebellarParameters
from cosim_nest.cerebellum.reference import reference_rates
from cosim_nest.kernel import Kernel
from cosim_nest.models.cells import State

RESOLUTION_MS = 0.5
BOXES: tuple[Box, ...] = ((300.0, 200.0), (200.0, 150.0), (150.0, 130.0))
MEDIUM: Box = (200.0, 150.0)
FREQUENCIES_HZ = (4.0, 12.0, 20.0, 40.0, 60.0, 80.0)
CELLS = ("granule", "golgi", "purkinje", "basket", "stellate", "dcn_p", "dcn_i", "inferior_olive")
EXPERIMENTS = ("rest", "burst", "response")
SETTLE_MS = 300.0
#: What every population must keep to at 4 Hz, in spikes/s.
BANDS_HZ = {
    state: {name: (b.low_hz, b.high_hz) for name, b in reference_rates(state).items()}
    for state in get_args(State)
}
#: Published rates against the mossy fibres' rate, awake.
PUBLISHED_HZ = {
    "granule": (3.8, 8.1, 12.0, 23.4, 34.7, 47.3),
    "golgi": (12.0, 18.2, 23.8, 35.7, 46.4, 56.5),
    "interneurons": (20.8, 35.9, 47.6, 75.9, 101.0, 124.0),
    "purkinje": (91.7, 102.6, 111.8, 137.6, 163.0, 187.0),
}
log = logging.getLogger("circuit")

Stimulus = Callable[[Any, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Spikes:
    """Spikes of one population: times in ms and indices of cells."""

    size: int
    times_ms: NDArray[np.float64]
    cells: NDArray[np.int64]

    def rates_hz(self, spans_ms: Iterable[tuple[float, float]]) -> NDArray[np.float64]:
        """Return each cell's mean rate over the spans (start, stop]."""
        spans = list(spans_ms)
        inside = np.zeros(len(self.times_ms), bool)
        for start, stop in spans:
            inside |= (self.times_ms > start) & (self.times_ms <= stop)
        total_ms = sum(stop - start for start, stop in spans)
        return np.bincount(self.cells[inside], minlength=self.size) / total_ms * 1e3


@dataclass(frozen=True)
class Row:
    """Rate of one population under one condition, over all its cells and over those that fire.

    The factors are seconds of wall clock and of processor for a second of activity.
    """

    experiment: str
    state: str
    neuron: str
    box: str
    mossy_hz: float
    seed: int
    population: str
    mean_hz: float
    sd_hz: float
    firing_mean_hz: float
    firing_sd_hz: float
    build_s: float
    wall_factor: float
    cpu_factor: float


@dataclass(frozen=True)
class Run:
    """What a simulation gave, and what it took."""

    parameters: CerebellarParameters
    seed: int
    spikes: Mapping[str, Spikes]
    build_s: float
    wall_factor: float
    cpu_factor: float

    def rows(self, experiment: str, spans_ms: Sequence[tuple[float, float]]) -> Iterator[Row]:
        """Yield the rates of all populations over the spans."""
        box_um, kind = self.parameters.box, self.parameters.neuron
        for population, spikes in self.spikes.items():
            hz = spikes.rates_hz(spans_ms)
            firing = hz[hz > 0] if hz.any() else np.zeros(1)
            moments = (hz.mean(), hz.std(), firing.mean(), firing.std())
            mean_hz, sd_hz, firing_mean_hz, firing_sd_hz = (round(float(m), 3) for m in moments)
            yield Row(
                experiment,
                self.parameters.state,
                kind,
                f"{box_um[0]:g}x{box_um[1]:g}",
                self.parameters.background,
                self.seed,
                population,
                mean_hz,
                sd_hz,
                firing_mean_hz,
                firing_sd_hz,
                round(self.build_s, 2),
                round(self.wall_factor, 2),
                round(self.cpu_factor, 2),
            )


def simulate(
    parameters: CerebellarParameters,
    seed: int,
    duration_ms: float,
    stimulate: Stimulus | None = None,
) -> Run:
    """Build a circuit, stimulate it and record every spike of it."""
    begun = time.perf_counter()
    kernel = Kernel("study", RESOLUTION_MS, 1, seed)
    try:
        nest = kernel.nest
        nodes = CEREBELLAR_CIRCUIT.build(nest, parameters, seed)
        if stimulate is not None:
            stimulate(nest, nodes)
        recorders = {name: nest.Create("spike_recorder") for name in ("mossy_fibres", *CELLS)}
        for name, recorder in recorders.items():
            nest.Connect(nodes[name], recorder, syn_spec={"delay": 1.0})
        build_s = time.perf_counter() - begun
        wall_s, cpu_s = -time.perf_counter(), -time.process_time()
        kernel.run(duration_ms)
        wall_s, cpu_s = wall_s + time.perf_counter(), cpu_s + time.process_time()
        spikes = {}
        for name, recorder in recorders.items():
            events, first = recorder.events, int(nodes[name][0].global_id)
            cells = events["senders"].astype(np.int64) - first
            spikes[name] = Spikes(len(nodes[name]), events["times"], cells)
    finally:
        kernel.close()
    per_s = 1e3 / duration_ms
    return Run(parameters, seed, spikes, build_s, wall_s * per_s, cpu_s * per_s)


def rest(state: str, box_um: Box, seed: int, neuron: str, *, measured_ms: float) -> Iterator[Row]:
    """Yield rates with 4 spikes/s on each mossy fibre."""
    parameters = CerebellarParameters.model_construct(state=state, box=box_um, neuron=neuron)
    stop_ms = SETTLE_MS + measured_ms
    yield from simulate(parameters, seed, stop_ms).rows("rest", [(SETTLE_MS, stop_ms)])


def burst_centre_um(box_um: Box) -> tuple[float, float, float]:
    """Return the middle of the published burst, moved with the box."""
    return box_um[0] / 2, box_um[1] * 65 / 200, 100.0


def patch(box_um: Box, seed: int) -> NDArray[np.int64]:
    """Return the mossy fibres within 90 um of a point, which the published burst is given to."""
    fibres_um = place(box_um, seed)["mossy_fibres"]
    distance_um = np.linalg.norm(fibres_um - burst_centre_um(box_um), axis=1)
    return np.flatnonzero(distance_um <= 90.0)


def bursts(
    fibres: NDArray[np.int64], spans_ms: Sequence[tuple[float, float]], rate_hz: float = 150.0
) -> Stimulus:
    """Return a stimulus: further spikes on some mossy fibres during each of the spans."""

    def stimulate(nest: Any, nodes: Mapping[str, Any]) -> None:  # noqa: ANN401
        for start_ms, stop_ms in spans_ms:
            what = {"rate": rate_hz, "start": start_ms, "stop": stop_ms}
            generator = nest.Create("poisson_generator", params=what)
            target = nodes["mossy_fibres"][fibres.tolist()]
            nest.Connect(generator, target, "all_to_all", {"weight": 1.0, "delay": 1.0})

    return stimulate


def burst(state: str, box_um: Box, seed: int, neuron: str, *, repeats: int) -> Iterator[Row]:
    """Yield rates during 50 ms of further 150 spikes/s on a patch of mossy fibres."""
    parameters = CerebellarParameters.model_construct(state=state, box=box_um, neuron=neuron)
    spans_ms = [(t, t + 50.0) for t in SETTLE_MS + 400.0 * np.arange(repeats)]
    stimulate = bursts(patch(box_um, seed), spans_ms)
    run = simulate(parameters, seed, spans_ms[-1][1] + 5.0, stimulate)
    yield from run.rows("burst", spans_ms)


def response(rate_hz: float, seed: int, neuron: str, *, measured_ms: float) -> Iterator[Row]:
    """Yield rates of the awake circuit when all mossy fibres fire at one rate."""
    parameters = CerebellarParameters.model_construct(background=rate_hz, box=MEDIUM, neuron=neuron)
    stop_ms = SETTLE_MS + measured_ms
    yield from simulate(parameters, seed, stop_ms).rows("response", [(SETTLE_MS, stop_ms)])


def write(path: Path, rows: Sequence[Any]) -> None:
    """Write dataclass rows as a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(f.name for f in fields(rows[0]))
        table.writerows(astuple(row) for row in rows)


def _of(rows: Sequence[Row], **wanted: object) -> NDArray[np.float64]:
    fitting = [r for r in rows if all(getattr(r, k) == v for k, v in wanted.items())]
    return np.array([r.mean_hz for r in fitting])


def verdicts(rows: Sequence[Row]) -> Iterator[str]:
    """Yield for each state, box and population at rest how it compares with its band."""
    seen = dict.fromkeys((r.state, r.box) for r in rows if r.experiment == "rest")
    for state, box in seen:
        for population, (low, high) in BANDS_HZ[state].items():
            hz = _of(rows, experiment="rest", state=state, box=box, population=population)
            outside = int(((hz < low) | (hz > high)).sum())
            span = f"{hz.mean():6.2f} Hz ({hz.min():.2f} to {hz.max():.2f})"
            verdict = f"{outside} of {len(hz)} seeds outside" if outside else "inside"
            yield f"{state} {box} {population:10s} {span} band {low} to {high}: {verdict}"


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw the response to mossy fibres beside what was published."""
    figure = Figure(figsize=(12, 3), layout="constrained")
    axes = figure.subplots(1, len(PUBLISHED_HZ))
    for axis, (population, published) in zip(axes, PUBLISHED_HZ.items(), strict=True):
        kinds = ("basket", "stellate") if population == "interneurons" else (population,)
        for kind in kinds:
            hz = [
                _of(rows, experiment="response", mossy_hz=f, population=kind)
                for f in FREQUENCIES_HZ
            ]
            means, sds = [values.mean() for values in hz], [values.std() for values in hz]
            axis.errorbar(FREQUENCIES_HZ, means, sds, marker="o", markersize=3, label=kind)
        axis.plot(FREQUENCIES_HZ, published, "k--", label="published")
        axis.set(xlabel="mossy fibres (spikes/s)", ylabel="spikes/s", title=population)
        axis.legend(fontsize=7, frameon=False)
    figure.savefig(path, dpi=150)


def rates(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rates of all experiments that measure rates and were asked for."""
    neuron = options.neuron
    for seed in range(1, options.seeds + 1):
        for state in ("awake", "vitro"):
            for box_um in BOXES if "rest" in options.only else ():
                log.info("seed %d, %s, box %g x %g um", seed, state, *box_um)
                yield from rest(state, box_um, seed, neuron, measured_ms=options.measured)
            if "burst" in options.only:
                log.info("seed %d, %s, bursts", seed, state)
                yield from burst(state, BOXES[0], seed, neuron, repeats=options.repeats)
        for rate_hz in FREQUENCIES_HZ if "response" in options.only else ():
            log.info("seed %d, mossy fibres at %g spikes/s", seed, rate_hz)
            yield from response(rate_hz, seed, neuron, measured_ms=options.measured / 2)


def main() -> None:
    """Measure, write tables and figure, and say what lies outside its band."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/cerebellum"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--neuron", choices=("auto", "eglif", "stand_in"), default="auto")
    parser.add_argument("--measured", type=float, default=2000.0, help="ms at rest")
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=EXPERIMENTS)
    parser.add_argument("--repeats", type=int, default=5, help="bursts per run")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # Settled once for all, so that one table never mixes two kinds of neurons.
    options.neuron = neuron_kind(CerebellarParameters.model_construct(neuron=options.neuron))
    options.out.mkdir(parents=True, exist_ok=True)
    rows = list(rates(options))
    if rows:
        write(options.out / "rates.csv", rows)
        print("\n".join(verdicts(rows)))
    if "response" in options.only:
        draw(options.out / "circuit.png", rows)


if __name__ == "__main__":
    main()
