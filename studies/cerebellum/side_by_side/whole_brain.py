"""Measures the runs of the whole brain: rates, spectra and connectivity of both kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import yaml
from numpy.typing import NDArray

from side_by_side import measures, reading
from side_by_side.runs import CONFIGS, Job, opened

Array = NDArray[np.float64]

SEEN = ("GrC", "PC", "DCNp")
#: The target of the right nuclei whose spectrum is shown; primary motor cortex.
TARGET = "lM1"


@dataclass(frozen=True)
class Kind:
    """What all runs of one scenario gave; the first axis of arrays is the seed.

    Parameters
    ----------
    rates_hz
        By population and side, such as ``("PC", "R")``: means over time, shape (seeds,).
    cells
        By population: recorded spiking neurons on the right; none for a mean field.
    frequencies_hz
        Of all spectra, shape (frequencies,).
    power
        By population of the right half, in Hz, and of `TARGET`: shape (seeds, frequencies).
    labels
        Of the cortical regions.
    cortex_hz
        Shape (seeds, regions).
    connectivity
        Correlations of S_e, shape (seeds, pairs of regions).
    """

    rates_hz: dict[tuple[str, str], Array]
    cells: dict[str, int | None]
    frequencies_hz: Array
    power: dict[str, Array]
    labels: tuple[str, ...]
    cortex_hz: Array
    connectivity: Array


def measure(jobs: Sequence[Job]) -> Kind:
    """Measure all runs of a scenario."""
    rates_hz: dict[tuple[str, str], list[float]] = {}
    power: dict[str, list[Array]] = {}
    cells: dict[str, int | None] = {}
    cortex_hz, connectivity = [], []
    for job in jobs:
        with opened(job) as result:
            for population in reading.POPULATIONS:
                for side in "LR":
                    trace = reading.half(result, population, side)
                    rates_hz.setdefault((population, side), []).append(trace.rate_hz.mean())
                if population in SEEN:
                    found = measures.spectrum(trace.rate_hz, trace.step_ms)
                    power.setdefault(population, []).append(found[1])
                cells[population] = trace.cells
            cortex = reading.cortex(result)
        at = cortex.labels.index(TARGET)
        frequencies_hz, target = measures.spectrum(cortex.gating[:, at], cortex.step_ms)
        power.setdefault(TARGET, []).append(target)
        cortex_hz.append(measures.cortical_hz(cortex.gating))
        connectivity.append(measures.connectivity(cortex.gating))
    return Kind(
        {name: np.array(values) for name, values in rates_hz.items()},
        cells,
        frequencies_hz,
        {name: np.array(values) for name, values in power.items()},
        cortex.labels,
        np.array(cortex_hz),
        np.array(connectivity),
    )


def targets(side: str) -> tuple[str, ...]:
    """Return the cortical regions that the nuclei of a side, L or R, project to."""
    text = (CONFIGS / "overlays" / "cerebellum_76.yaml").read_text(encoding="utf-8")
    tracts = yaml.safe_load(text)["tracts"]
    return tuple(t["to"] for t in tracts if t["from"] == f"CbNuc_{side}")
