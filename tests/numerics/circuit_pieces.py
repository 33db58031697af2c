"""Runs of the cerebellar circuit through the NEST adapter, as its tests need them."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "adapters"))

from nest_pieces import clock, config, play, spec

from cosim.errors import UsageError
from cosim_nest import ENGINE
from cosim_nest.models import eglif

RESOLUTION_MS = 0.5
TICK_NS = 500_000
MEDIUM = ["200 um", "150 um"]
SMALL = ["150 um", "130 um"]
SMALLEST = ["120 um", "100 um"]


def require_eglif():
    """Compile the neuron unless it is, and skip where that is impossible."""
    try:
        eglif.build()
    except UsageError as error:
        pytest.skip(f"optional: {error}")


def circuit(box=SMALL, **more):
    """Return the configuration of a circuit; what NEST's entry takes beside it may be given."""
    entry = {key: more.pop(key) for key in ("receives",) if key in more}
    network = {"builder": "cerebellar_circuit", "box": box, **more}
    return config(network, resolution=f"{RESOLUTION_MS} ms", **entry)


class Activity:
    """Spikes of a run by population: times in ms and indices of cells."""

    def __init__(self, cfg, duration_ms, *, seed=5, name="cerebellum", ports=(), given=None):
        self.sizes = ENGINE.populations(cfg)
        when = clock(10.0, duration_ms, TICK_NS)
        what = spec(cfg, when, inputs=ports, outputs=self.sizes, name=name, seed=seed)
        self.times_ms, self.cells = {}, {}
        for port, batches in play(what, given).items():
            population = port.removeprefix("out/")
            ticks = np.concatenate([b.ticks for b in batches])
            self.times_ms[population] = ticks * RESOLUTION_MS
            self.cells[population] = np.concatenate([b.senders for b in batches])

    def rates_hz(self, population, *spans_ms):
        """Return each cell's mean rate over spans (start, stop]."""
        times_ms = self.times_ms[population]
        inside = np.zeros(len(times_ms), bool)
        for start, stop in spans_ms:
            inside |= (times_ms > start) & (times_ms <= stop)
        numbers = np.bincount(self.cells[population][inside], minlength=self.sizes[population])
        return numbers / sum(stop - start for start, stop in spans_ms) * 1e3

    def mean_hz(self, population, *spans_ms):
        return float(self.rates_hz(population, *spans_ms).mean())
