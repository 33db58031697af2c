"""The brain at rest for longer: BOLD, and how long a run must be for functional connectivity."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from side_by_side import figures, measures, reading, tables, theory
from side_by_side.runs import CONFIGS, Job, carry_out, opened

Array = NDArray[np.float64]

SCENARIO = CONFIGS / "cerebellum_rest.yaml"
#: Length of TVB's haemodynamic response, before which BOLD is not of the brain at rest.
RESPONSE_MS = 20_000.0
#: Samples from which correlations are taken.
_FEWEST = 3
#: Rate of the nuclei of mean fields at rest, spikes/s.
REST_HZ = {"CbNuc_L": 48.6, "CbNuc_R": 48.6}
#: Turns the spiking half into a mean field, and is all that has to be written for it.
MEAN_FIELD = """\
base: {base}
name: brain with a cerebellum at rest, all of it mean field
regions:
  - {{match: CbCtx_R, as: cerebellar_cortex}}
  - {{match: CbNuc_R, as: nuclei}}
"""


@dataclass(frozen=True)
class Lengths:
    """How much is run.

    Parameters
    ----------
    field_s, hybrid_s
        Biological time of each run of the two kinds.
    field_seeds, hybrid_seeds
        Number of runs; the seeds begin with 1 for both.
    """

    field_s: float = 60.0
    field_seeds: int = 3
    hybrid_s: float = 26.0
    hybrid_seeds: int = 1

    @classmethod
    def quick(cls) -> Lengths:
        """Return lengths that only show that everything works."""
        return cls(field_s=26.0, field_seeds=2, hybrid_s=3.0, hybrid_seeds=1)


@dataclass(frozen=True)
class Rested:
    """What a run at rest gave.

    Parameters
    ----------
    labels
        Of the cortical regions.
    gating
        S_e after the run has settled, shape (time, regions).
    step_ms
        Between its values.
    bold
        Shape (time, regions).
    bold_ms
        Its times, shape (time,).
    """

    labels: tuple[str, ...]
    gating: Array
    step_ms: float
    bold: Array
    bold_ms: Array

    @property
    def bold_step_ms(self) -> float:
        """Between values of BOLD."""
        return float(self.bold_ms[1] - self.bold_ms[0])

    @property
    def rested(self) -> Array:
        """BOLD since it is of the brain at rest; perhaps of no time at all."""
        return self.bold[self.bold_ms >= RESPONSE_MS]


def read(job: Job) -> Rested:
    """Read a run."""
    with opened(job) as result:
        cortex = reading.cortex(result)
        bold = result.signal("cortex/Bold")
    return Rested(cortex.labels, cortex.gating, cortex.step_ms, bold.values, bold.time.values)


@dataclass(frozen=True)
class Growth:
    """How alike connectivities are, by the length of runs in s.

    Parameters
    ----------
    seeds
        Those of all pairs of runs.
    expected
        Each run's and the one that is expected of S_e.
    """

    seeds: dict[float, list[float]]
    expected: dict[float, list[float]]


def rest(out: Path, lengths: Lengths) -> Iterator[tuple[str, str]]:
    """Yield tables of the brain at rest, and draw it."""
    fields, hybrids = _jobs(out, lengths)
    carry_out([*fields, *hybrids])
    field, hybrid = ([read(job) for job in jobs] for jobs in (fields, hybrids))
    goal = theory.expected(fields[0].scenario, REST_HZ).connectivity
    length_s = len(field[0].gating) * field[0].step_ms / 1e3
    spans_s = [s for s in (1, 2, 5, 10, 20, 40, 80, 160) if s < length_s] + [length_s]
    growths = {
        "S_e": growth([(run.gating, run.step_ms) for run in field], spans_s, goal),
        "BOLD": growth(
            [(run.rested, run.bold_step_ms) for run in field], _bold_spans_s(field), goal
        ),
    }
    figures.rest(out / "bold.png", field[0], growths)
    title = f"Mean field at rest, {lengths.field_seeds} seeds of {lengths.field_s:g} s"
    yield title, _of_lengths(growths)
    title = f"Hybrid at rest for {lengths.hybrid_s:g} s beside as much of the mean field"
    yield title, _against(field, hybrid)
    yield (
        "Relative change of BOLD, root mean square over samples and regions",
        _changes(field, hybrid),
    )


def growth(runs: Sequence[tuple[Array, float]], spans_s: Sequence[float], goal: Array) -> Growth:
    """Compare the beginnings of signals, each given with its step in ms."""
    found = Growth({}, {})
    for span_s in spans_s:
        each = [
            measures.connectivity(signal[: round(span_s * 1e3 / step_ms)])
            for signal, step_ms in runs
        ]
        found.seeds[span_s] = [measures.likeness(a, b) for a, b in combinations(each, 2)]
        found.expected[span_s] = [measures.likeness(a, goal) for a in each]
    return found


def _bold_spans_s(field: Sequence[Rested]) -> list[float]:
    whole_s = len(field[0].rested) * field[0].bold_step_ms / 1e3
    return [whole_s / 2, whole_s]


def _jobs(out: Path, lengths: Lengths) -> tuple[list[Job], list[Job]]:
    folder = out / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    field = folder / "rest_mean_field.yaml"
    field.write_text(MEAN_FIELD.format(base=os.path.relpath(SCENARIO, folder)), encoding="utf-8")
    return (
        [
            Job(field, seed, lengths.field_s, folder / f"rest_mean_field-{seed}")
            for seed in range(1, lengths.field_seeds + 1)
        ],
        [
            Job(SCENARIO, seed, lengths.hybrid_s, folder / f"rest_hybrid-{seed}")
            for seed in range(1, lengths.hybrid_seeds + 1)
        ],
    )


def _of_lengths(growths: Mapping[str, Growth]) -> str:
    rows = [
        [name, f"{span_s:g} s", _mean(growth.seeds[span_s]), _mean(growth.expected[span_s])]
        for name, growth in growths.items()
        for span_s in growth.seeds
    ]
    return tables.table(["signal", "length", "two seeds", "one run and the expected"], rows)


def _against(field: Sequence[Rested], hybrid: Sequence[Rested]) -> str:
    rows = []
    signals = {"S_e": lambda run: run.gating, "BOLD": lambda run: run.rested}
    for name, signal in signals.items():
        steps = min(len(signal(run)) for run in (*field, *hybrid))
        if steps < _FEWEST:
            rows.append([name, str(steps), "", "", ""])
            continue
        first, second = (
            [measures.connectivity(signal(run)[:steps]) for run in runs] for runs in (field, hybrid)
        )
        seeds = [measures.likeness(a, b) for a, b in combinations(first, 2)]
        other = [
            measures.likeness(a, b)
            for i, a in enumerate(first)
            for j, b in enumerate(second)
            if i != j
        ]
        same = [measures.likeness(a, b) for a, b in zip(first, second, strict=False)]
        rows.append([name, str(steps), _mean(seeds), _mean(other), _mean(same)])
    heading = ["signal", "samples", "mean fields, other seed", "one of each, other seed"]
    return tables.table([*heading, "one of each, same seed"], rows)


def _changes(field: Sequence[Rested], hybrid: Sequence[Rested]) -> str:
    """Compare all samples, for what BOLD has of the time before 0 is the same in all runs."""
    samples = min(len(run.bold) for run in (*field, *hybrid))
    seeds = [_change(a, b, samples) for a, b in combinations(field, 2)]
    same = [_change(a, b, samples) for a, b in zip(field, hybrid, strict=False)]
    rows = [
        ["mean fields, other seed", _mean(seeds, 5)],
        ["one of each, same seed", _mean(same, 5)],
    ]
    return tables.table([f"{samples} samples", "change"], rows)


def _change(one: Rested, other: Rested, samples: int) -> float:
    relative = other.bold[:samples] / one.bold[:samples] - 1
    return float(np.sqrt((relative**2).mean()))


def _mean(values: Sequence[float], digits: int = 3) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
