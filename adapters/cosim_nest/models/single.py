"""Measures single cells: spikes at rest, and when a constant current is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim_nest.kernel import Kernel
from cosim_nest.models import eglif
from cosim_nest.models.cells import Neuron, State, cell_parameters, start_values

Array = NDArray[np.float64]

_SETTLE_MS = 500.0


@dataclass(frozen=True)
class Cell:
    """A kind of cell."""

    population: str
    state: State
    neuron: Neuron


@dataclass(frozen=True)
class Response:
    """Spike rates of a kind of cell, in spikes/s, averaged over equal cells.

    Attributes
    ----------
    currents_pA
        Currents added to the cell's own, beginning with 0.
    mean_hz
        Rate over the whole time at each current.
    early_hz
        Rate by the first two intervals between spikes, before the cell adapts; NaN where no
        cell fires three times.
    """

    currents_pA: Array
    mean_hz: Array
    early_hz: Array

    @property
    def rest_hz(self) -> float:
        """Rate without a current."""
        return float(self.mean_hz[0])

    def early_slope(self, least_pA: float = 1e-9) -> float:
        """Return the slope, in spikes/s/pA, of a line through the early rates at some currents.

        Parameters
        ----------
        least_pA
            The smallest current to consider.
        """
        chosen = self.currents_pA >= least_pA
        return float(np.polyfit(self.currents_pA[chosen], self.early_hz[chosen], 1)[0])


def respond(
    kinds: Mapping[Cell, Sequence[float]],
    *,
    resolution_ms: float,
    count: int = 20,
    duration_ms: float = 1000.0,
    seed: int = 1,
) -> dict[Cell, Response]:
    """Let all cells rest, then add a constant current to each; in one run of NEST.

    Parameters
    ----------
    kinds
        Kinds of cells with the currents in pA to add, beyond none.
    resolution_ms
        NEST's integration step.
    count
        Equal cells of a kind at each current; only their noise and their start differ.
    duration_ms
        How long the current lasts.
    seed
        NEST's seed.
    """
    kernel = Kernel("single cells", resolution_ms, 1, seed)
    try:
        nest = kernel.nest
        eglif.install_if_named(nest, {cell_parameters(**vars(cell))[0] for cell in kinds})
        recorder = nest.Create("spike_recorder")
        groups = []
        for cell, currents_pA in kinds.items():
            model, values = cell_parameters(**vars(cell))
            size = count * (1 + len(currents_pA))
            start = start_values(nest, cell.population, cell.neuron)
            cells = nest.Create(model, size, {**values, **start})
            nest.Connect(cells, recorder)
            own_pA = np.repeat([0.0, *currents_pA], count) + values["I_e"]
            groups.append((cells, int(cells[0].global_id), own_pA))
        kernel.run(_SETTLE_MS)
        kernel.leave()
        for cells, _, own_pA in groups:
            cells.set(I_e=own_pA.tolist())
        recorder.n_events = 0
        kernel.run(duration_ms)
        spikes = _by_sender(recorder.events)
    finally:
        kernel.close()
    return {
        cell: _response([0.0, *currents_pA], spikes, first, count, duration_ms)
        for (cell, currents_pA), (_, first, _) in zip(kinds.items(), groups, strict=True)
    }


def _by_sender(events: Mapping[str, Array]) -> tuple[Array, Array]:
    order = np.lexsort((events["times"], events["senders"]))
    return events["senders"][order], events["times"][order]


def _response(
    currents_pA: list[float],
    spikes: tuple[Array, Array],
    first: int,
    count: int,
    duration_ms: float,
) -> Response:
    senders, times = spikes
    cells = first + np.arange(count * len(currents_pA))
    begin, end = np.searchsorted(senders, cells), np.searchsorted(senders, cells, side="right")
    rates_hz = 1000.0 * (end - begin) / duration_ms
    early_hz = np.full(len(cells), np.nan)
    thrice = end - begin >= 3
    early_hz[thrice] = 2000.0 / (times[begin[thrice] + 2] - times[begin[thrice]])
    grid = early_hz.reshape(-1, count)
    known = np.isfinite(grid).any(axis=1)
    early = np.full(len(grid), np.nan)
    early[known] = np.nanmean(grid[known], axis=1)
    return Response(np.array(currents_pA), rates_hz.reshape(-1, count).mean(axis=1), early)
