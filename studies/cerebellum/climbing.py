"""What the inferior olive does in the circuit: the response to climbing fibres.

All olivary cells are made to fire together, several times a run, awake and in vitro and with
several seeds. Results go to ``climbing.csv``, ``climbing_course.csv`` and ``climbing.png``.

    python studies/cerebellum/climbing.py --out out/climbing

It takes about 300 s of one core.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from circuit import MEDIUM, Run, Spikes, Stimulus, simulate, write
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cosim.plotting.style import PALETTE, STYLE
from cosim_nest.cerebellum.circuit import neuron_kind
from cosim_nest.cerebellum.parameters import CerebellarParameters

STATES = ("awake", "vitro")
LABELS = {"awake": "awake", "vitro": "in vitro"}
#: First and last moment of the course, from the olivary spike, and its bins.
SHOWN_MS, BIN_MS = (-30.0, 120.0), 2.0
log = logging.getLogger("climbing")


@dataclass(frozen=True)
class Moment:
    """Rate of a population at a time after the olive fires, mean over the events of one seed."""

    state: str
    seed: int
    population: str
    time_ms: float
    rate_hz: float


@dataclass(frozen=True)
class Climbing:
    """What one climbing-fibre event does on average; times count from the olivary spike."""

    state: str
    neuron: str
    seed: int
    olive_rest_hz: float
    olive_spikes_an_event: float
    burst_spikes: float
    pause_ms: float
    usual_interval_ms: float
    purkinje_before_hz: float
    purkinje_burst_hz: float
    purkinje_pause_hz: float
    purkinje_50ms_hz: float
    purkinje_late_hz: float
    basket_before_hz: float
    basket_late_hz: float
    dcn_p_before_hz: float
    dcn_p_excited_hz: float
    dcn_p_silenced_hz: float
    dcn_i_before_hz: float
    dcn_i_excited_hz: float


#: Spans, in ms after the olive fires, in which `Climbing` measures.
SPANS_MS = {
    "purkinje": ((-200, 0), (4, 9), (9, 17), (0, 50), (46, 58)),
    "basket": ((-200, 0), (40, 50)),
    "dcn_p": ((-200, 0), (4, 9), (10, 18)),
    "dcn_i": ((-200, 0), (6, 20)),
}
EVENT_MS = 500.0


def kick(times_ms: NDArray[np.float64]) -> Stimulus:
    """Return a stimulus that makes all olivary cells fire once at each of some times."""

    def stimulate(nest: Any, nodes: Mapping[str, Any]) -> None:  # noqa: ANN401
        generator = nest.Create("spike_generator", params={"spike_times": times_ms.tolist()})
        synapse = {"weight": 100.0, "delay": 1.0, "receptor_type": 1}
        nest.Connect(generator, nodes["inferior_olive"], "all_to_all", synapse)

    return stimulate


def _after(spikes: Spikes, events_ms: NDArray[np.float64], start: float, stop: float) -> float:
    rates = spikes.rates_hz((t + start, t + stop) for t in events_ms)
    return round(float(rates.mean()), 2)


def _burst_and_pause(
    purkinje: Spikes, events_ms: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return spikes in the burst, the pause after it and the usual interval, in ms.

    The burst is what a cell fires in the 5 ms after the climbing fibre's arrival; the pause
    lasts from its last spike to the next.
    """
    numbers, pauses_ms, usual_ms = [], [], []
    for cell in range(purkinje.size):
        times_ms = np.sort(purkinje.times_ms[purkinje.cells == cell])
        for event_ms in events_ms:
            before = times_ms[(times_ms > event_ms - 200) & (times_ms <= event_ms)]
            usual_ms.extend(np.diff(before))
            low, high = np.searchsorted(times_ms, (event_ms + 4, event_ms + 9), "right")
            numbers.append(high - low)
            if low < high < len(times_ms):
                pauses_ms.append(times_ms[high] - times_ms[high - 1])
    number, pause, usual = (round(float(np.mean(v)), 2) for v in (numbers, pauses_ms, usual_ms))
    return number, pause, usual


def climbing(state: str, seed: int, neuron: str, *, events: int) -> tuple[Climbing, list[Moment]]:
    """Return the response to olivary spikes, all cells of the olive firing together."""
    parameters = CerebellarParameters.model_construct(state=state, box=MEDIUM, neuron=neuron)
    kicks_ms = np.array([1000.0 + EVENT_MS * k for k in range(events)])
    run = simulate(parameters, seed, kicks_ms[-1] + EVENT_MS, kick(kicks_ms))
    olive, purkinje = run.spikes["inferior_olive"], run.spikes["purkinje"]
    # Kicked cells fire within a few milliseconds.
    evoked = olive.rates_hz((t, t + 20.0) for t in kicks_ms).mean() * 0.02
    times_ms = np.array(
        [np.min(olive.times_ms[olive.times_ms > t], initial=t + 20.0) for t in kicks_ms]
    )
    spans_hz = [
        _after(run.spikes[name], times_ms, *span)
        for name, spans_ms in SPANS_MS.items()
        for span in spans_ms
    ]
    measured = Climbing(
        state,
        neuron,
        seed,
        round(float(olive.rates_hz([(200.0, 1000.0)]).mean()), 3),
        round(float(evoked), 3),
        *_burst_and_pause(purkinje, times_ms),
        *spans_hz,
    )
    return measured, list(_course(run, state, seed, times_ms))


def _course(run: Run, state: str, seed: int, events_ms: NDArray[np.float64]) -> Iterator[Moment]:
    edges = np.arange(SHOWN_MS[0], SHOWN_MS[1] + BIN_MS, BIN_MS)
    for population in SPANS_MS:
        spikes = run.spikes[population]
        counts = sum(np.histogram(spikes.times_ms - t, edges)[0] for t in events_ms)
        rates = counts / (spikes.size * len(events_ms) * BIN_MS * 1e-3)
        for middle, rate in zip(edges[:-1] + BIN_MS / 2, rates, strict=True):
            yield Moment(state, seed, population, float(middle), round(float(rate), 2))


def draw(path: Path, moments: Sequence[Moment]) -> None:
    """Draw the courses, mean and standard deviation over seeds."""
    with mpl.rc_context({**STYLE, "text.parse_math": True}):
        figure = Figure(figsize=(7.6, 2.0), layout="constrained")
        for axis, population in zip(figure.subplots(1, len(SPANS_MS)), SPANS_MS, strict=True):
            for state, colour in zip(STATES, PALETTE, strict=False):
                fitting = [m for m in moments if (m.state, m.population) == (state, population)]
                times = sorted({m.time_ms for m in fitting})
                seeds = sorted({m.seed for m in fitting})
                by = {(m.seed, m.time_ms): m.rate_hz for m in fitting}
                hz = np.array([[by[seed, t] for t in times] for seed in seeds])
                mean, sd = hz.mean(axis=0), hz.std(axis=0)
                axis.fill_between(times, mean - sd, mean + sd, color=colour, alpha=0.25, lw=0)
                axis.plot(times, mean, color=colour, label=LABELS[state])
            axis.set(title=population, xlabel="ms after the olive", ylim=(0, None))
        figure.axes[0].set_ylabel("spikes/s")
        figure.axes[0].legend()
        figure.savefig(path, dpi=160)


def main() -> None:
    """Measure, write tables and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("out/climbing"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--neuron", choices=("auto", "eglif", "stand_in"), default="auto")
    parser.add_argument("--events", type=int, default=5, help="in each run")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    neuron = neuron_kind(CerebellarParameters.model_construct(neuron=options.neuron))
    options.out.mkdir(parents=True, exist_ok=True)
    rows: list[Climbing] = []
    moments: list[Moment] = []
    for seed in range(1, options.seeds + 1):
        for state in STATES:
            log.info("seed %d, %s", seed, state)
            row, course = climbing(state, seed, neuron, events=options.events)
            rows.append(row)
            moments += course
    write(options.out / "climbing.csv", rows)
    write(options.out / "climbing_course.csv", moments)
    draw(options.out / "climbing.png", moments)


if __name__ == "__main__":
    main()
