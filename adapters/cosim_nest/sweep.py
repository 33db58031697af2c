"""Rates of a single cell in NEST over a grid of presynaptic rates.

What a mean field's transfer function is fitted to: a cell with Poisson inputs, each the sum of the
trains of all presynaptic cells of one kind.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim_nest.kernel import Kernel, explained, rng_seed
from cosim_nest.models import eglif

Array = NDArray[np.float64]

_DELAY_MS = 1.0


@dataclass(frozen=True)
class Input:
    """Presynaptic cells of one kind.

    Parameters
    ----------
    name
        What they are called.
    cells
        How many of them reach the cell; need not be whole.
    weight
        As the cell's model takes it, nS for conductances.
    receptor
        Receptor at which they end; 0 if the model has only one.
    """

    name: str
    cells: float
    weight: float
    receptor: int = 0


@dataclass(frozen=True)
class Timing:
    """How long and how finely every point of a grid is simulated.

    Parameters
    ----------
    duration_ms
        Time in which spikes are counted.
    settle_ms
        Time before.
    resolution_ms
        NEST's step.
    copies
        Cells with trains of their own at each point.
    """

    duration_ms: float = 2000.0
    settle_ms: float = 300.0
    resolution_ms: float = 0.1
    copies: int = 4


def grid(axes_hz: Sequence[Sequence[float]]) -> Array:
    """Return all combinations of rates, shape (points, inputs)."""
    return np.array(list(product(*axes_hz)), dtype=np.float64)


def sweep(
    model: str,
    parameters: Mapping[str, Any],
    inputs: Sequence[Input],
    rates_hz: Array,
    timing: Timing | None = None,
    seed: int = 1,
) -> Array:
    """Return the rate of a cell at every point, in spikes/s.

    Parameters
    ----------
    model, parameters
        The cell as NEST creates it.
    inputs
        What reaches it.
    rates_hz
        Rate of one presynaptic cell of each input, shape (points, inputs).
    timing
        How long; the defaults of `Timing` if not given.
    seed
        Of the trains and of the cell's own noise.

    Returns
    -------
    Array
        Shape (points,).

    Raises
    ------
    NestFailed
        If NEST refuses the cell or its inputs, or is in use in this process.
    """
    timing = timing or Timing()
    kernel = Kernel("sweep", timing.resolution_ms, 1, rng_seed(seed, "sweep"))
    try:
        with explained("simulating single cells"):
            eglif.install_if_named(kernel.nest, [model])
            count = len(rates_hz) * timing.copies
            cells = kernel.nest.Create(model, count, dict(parameters))
            for column, one in enumerate(inputs):
                _connect(kernel.nest, cells, one, rates_hz[:, column], timing.copies)
            recorder = kernel.nest.Create("spike_recorder", {"start": timing.settle_ms})
            kernel.nest.Connect(cells, recorder, "all_to_all", {"delay": _DELAY_MS})
            kernel.run(timing.settle_ms + timing.duration_ms)
            senders = np.asarray(recorder.get("events")["senders"]) - cells[0].global_id
    finally:
        kernel.close()
    spikes = np.bincount(senders, minlength=count).reshape(-1, timing.copies)
    return np.asarray(spikes.mean(axis=1) / (timing.duration_ms / 1e3))


def _connect(
    nest: Any,  # noqa: ANN401 - NEST has no types
    cells: Any,  # noqa: ANN401
    one: Input,
    rates_hz: Array,
    copies: int,
) -> None:
    sources = nest.Create("poisson_generator", len(rates_hz))
    sources.set(rate=(one.cells * rates_hz).tolist())
    first = cells[0].global_id
    pre = np.repeat(np.array(sources.tolist()), copies)
    post = first + np.arange(len(cells))
    spec = {
        "synapse_model": "static_synapse",
        "weight": np.full(len(post), one.weight),
        "delay": np.full(len(post), _DELAY_MS),
        "receptor_type": np.full(len(post), one.receptor),
    }
    nest.Connect(pre, post, "one_to_one", spec)


def write_table(path: Path, inputs: Sequence[Input], rates_hz: Array, out_hz: Array) -> None:
    """Write a sweep as CSV: a column ``<input>_hz`` for each input, and ``rate_hz``."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow([*(f"{one.name}_hz" for one in inputs), "rate_hz"])
        for row, rate_hz in zip(rates_hz, out_hz, strict=True):
            writer.writerow([*(f"{value:.10g}" for value in row), f"{rate_hz:.10g}"])
