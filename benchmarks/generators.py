"""Rates into spikes: our Poisson trains against those of elephant.

One window of 2 ms with a rate that changes at each of its 20 steps. Ours draws the spikes of the
population; elephant's NonStationaryPoissonProcess draws train by train, asked either for all trains
of one process at once, or, as an array a neuron, with a process for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.options import Options, pairs, seconds
from benchmarks.rows import Row, row
from cosim.clock import Window
from cosim.messages import Signal
from cosim.transformers.base import Context
from cosim.transformers.rates_to_spikes import Poisson

STEPS, STEP_MS = 20, 0.1
NAME = "rates to spikes"
#: Most trains that get a process each: more would take minutes.
MANY = 10_000


def rates_hz() -> NDArray[np.float64]:
    """Return the rate in every step of the window."""
    return 10.0 + 5.0 * np.sin(np.arange(STEPS) / 3.0)


def ours(trains: int) -> Callable[[], object]:
    """Return a call that draws the next window of so many trains."""
    parameters = Poisson.Parameters.model_validate({"trains": trains})
    transformer = Poisson(parameters, Context("benchmark", 1, STEP_MS, 1, 1, trains))
    values, windows = rates_hz().reshape(-1, 1), iter(range(10**9))

    def draw() -> object:
        index = next(windows)
        window = Window(index, index * STEPS, (index + 1) * STEPS)
        return transformer.convert(Signal(window.start, 1, values), window)

    return draw


def elephant() -> ModuleType | None:
    """Return elephant's generators if they are installed."""
    try:
        from elephant import spike_train_generation
    except ImportError:
        return None
    module: ModuleType = spike_train_generation
    return module


def batched(generation: Any, trains: int) -> Callable[[], object]:
    """Return a call that has elephant draw all trains of one process."""
    signal = _signal()
    return lambda: generation.NonStationaryPoissonProcess(signal).generate_n_spiketrains(
        trains, as_array=True
    )


def per_neuron(generation: Any, trains: int) -> Callable[[], object]:
    """Return a call that makes a process for each train and has it draw one."""
    signal = _signal()

    def draw() -> object:
        return [
            generation.NonStationaryPoissonProcess(signal).generate_spiketrain()
            for _ in range(trains)
        ]

    return draw


def _signal() -> Any:
    import neo
    import quantities as pq

    return neo.AnalogSignal(rates_hz() * pq.Hz, sampling_period=STEP_MS * pq.ms, t_start=0 * pq.ms)


def by_train(trains: int) -> Callable[[], object]:
    """Return a call that draws train by train with numpy, by the method that elephant uses."""
    generator = np.random.default_rng(1)
    hz = rates_hz()
    mean_hz, span_ms = hz.mean(), STEPS * STEP_MS
    operational = np.concatenate(([0.0], np.cumsum(hz) * STEP_MS / mean_hz))
    real = np.arange(STEPS + 1) * STEP_MS

    def draw() -> object:
        found = []
        for _ in range(trains):
            intervals = generator.exponential(1e3 / mean_hz, 1 + int(4 * mean_hz * span_ms / 1e3))
            times = np.cumsum(intervals)
            found.append(np.interp(times[times < span_ms], operational, real))
        return found

    return draw


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each number of trains and each way that elephant offers."""
    generation = elephant()
    for trains in (100, 1000, 10_000) if options.quick else (100, 1000, 10_000, 100_000):
        limit = "at least 10" if trains == 100_000 else ""
        if generation is None:
            note = "elephant is not installed; a loop over trains in numpy stands in for it"
            ways = {"train by train in numpy": by_train(trains)}
        else:
            note = "window of 2 ms, 20 steps"
            ways = {"elephant batched": batched(generation, trains)}
            if trains < MANY or (trains == MANY and not options.quick):
                ways["elephant a process for each"] = per_neuron(generation, trains)
        for name, theirs in ways.items():
            mine = ours(trains)
            mine()
            repeats = 1 if "each" in name and trains >= MANY else options.repeats
            rounds = max(1, round(0.02 / seconds(mine)))
            measured, reference = pairs(mine, theirs, repeats, (rounds, 1))
            yield row(
                NAME, f"{trains:,} trains, {name}", measured, reference, "s",
                limit=limit if name != "elephant a process for each" else "", note=note,
                faster=True,
            )
