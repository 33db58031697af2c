"""A burst of mossy fibres in the whole brain: the spiking half beside the other, and the cortex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from side_by_side import figures, reading, tables, whole_brain
from side_by_side.runs import Job, carry_out, jobs, opened

Array = NDArray[np.float64]

NAME, BEGIN_MS, STOP_MS = "cerebellum_stimulus", 400.0, 450.0
SECONDS, BIN_MS = 0.7, 5.0
#: First and last moment shown, from the beginning of the burst.
SHOWN_MS = (-150.0, 250.0)


@dataclass(frozen=True)
class Response:
    """Means over time bins around the burst; the first axis of arrays is the seed.

    Parameters
    ----------
    time_ms
        Middle of the bins from the begin of the burst, shape (bins,).
    field_hz, spiking_hz
        By population, of the left and of the right half, shape (seeds, bins).
    cortex
        By side of the cerebellum: mean S_e of the regions that its nuclei project to, less that
        of a run of the same seed without a burst, shape (seeds, bins).
    """

    time_ms: Array
    field_hz: dict[str, Array]
    spiking_hz: dict[str, Array]
    cortex: dict[str, Array]


def stimulus(
    out: Path, seeds: Sequence[int], undisturbed: Sequence[Job]
) -> Iterator[tuple[str, str]]:
    """Yield the table of the stimulated brain, and draw it.

    `undisturbed` are runs of the hybrid with the same seeds, of any length that suffices.
    """
    wanted = jobs(NAME, seeds, SECONDS, out / "runs")
    carry_out([*wanted, *undisturbed])
    each = [_read(job) for job in wanted]
    cortex = {
        side: np.array([_cortex(job, side) for job in wanted])
        - np.array([_cortex(job, side) for job in undisturbed])
        for side in "LR"
    }
    halves = (
        {name: np.array([one[k][name] for one in each]) for name in reading.POPULATIONS}
        for k in range(2)
    )
    response = Response(_time_ms(), *halves, cortex)
    figures.stimulus(out / "stimulus.png", response)
    yield f"A burst in the whole brain ({len(seeds)} seeds)", _table(response)


def _read(job: Job) -> tuple[dict[str, Array], dict[str, Array]]:
    fields, neurons = {}, {}
    with opened(job) as result:
        for population in reading.POPULATIONS:
            fields[population] = _around(reading.mean_field(result, population, "L").rate_hz)
            neurons[population] = _around(reading.spikes(result, population).rate_hz)
    return fields, neurons


def _cortex(job: Job, side: str) -> Array:
    with opened(job) as result:
        cortex = reading.cortex(result, settle_ms=0.0)
    members = [cortex.labels.index(label) for label in whole_brain.targets(side)]
    return _around(cortex.gating[:, members].mean(axis=1))


def _around(values: Array) -> Array:
    """Return means over bins around the burst of a signal in steps of 1 ms from time 0."""
    first, last = (round(BEGIN_MS + t) for t in SHOWN_MS)
    return np.asarray(values[first:last].reshape(-1, round(BIN_MS)).mean(axis=1))


def _time_ms() -> Array:
    return np.arange(SHOWN_MS[0], SHOWN_MS[1], BIN_MS) + BIN_MS / 2


def _table(response: Response) -> str:
    time_ms = response.time_ms
    spans = {
        "150 ms before": time_ms < 0,
        "in the burst": (time_ms > 0) & (time_ms < STOP_MS - BEGIN_MS),
    }
    rows = []
    for population in reading.POPULATIONS:
        values = [
            half[population][:, inside].mean(axis=1)
            for inside in spans.values()
            for half in (response.spiking_hz, response.field_hz)
        ]
        rows.append([population, *(tables.spread(hz, 1) for hz in values)])
    for side, name in (("R", "spiking"), ("L", "mean field")):
        change = response.cortex[side]
        values = [tables.spread(v, 6) for v in (change[:, time_ms < 0].mean(1), change.max(axis=1))]
        rows.append([f"S_e behind the {name} half: before, peak", *values, "", ""])
    kinds = ("spiking", "mean field")
    heading = ["population", *(f"{kind}, {span}" for span in spans for kind in kinds)]
    return tables.table(heading, rows)
