"""Tables of the comparison, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from side_by_side import measures, reading, whole_brain
from side_by_side.alone import MEAN_FIELDS, Course, Curve
from side_by_side.figures import BANDS_HZ, PUBLISHED_HZ
from side_by_side.theory import Expected
from side_by_side.whole_brain import Kind

Array = NDArray[np.float64]


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a heading."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Array, digits: int = 2) -> str:
    """Return mean and standard deviation over seeds."""
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def rates(field: Kind, spiking: Kind) -> str:
    """Return the rates of both halves: mean and standard deviation over seeds."""
    rows = []
    for name in reading.POPULATIONS:
        mean_field, neurons = field.rates_hz[name, "R"], spiking.rates_hz[name, "R"]
        low, high = BANDS_HZ[name]
        rows.append(
            [
                name,
                spread(mean_field),
                spread(neurons),
                f"{100 * (mean_field.mean() / neurons.mean() - 1):+.0f} %",
                f"{low} to {high}",
            ]
        )
    heading = [
        "population",
        "mean field, right",
        "spiking, right",
        "mean field less spiking",
        "band",
    ]
    return table(heading, rows)


def spectra(field: Kind, spiking: Kind, band_hz: tuple[float, float] = (100.0, 400.0)) -> str:
    """Return the power of both kinds at high frequencies beside that of Poisson neurons."""
    high = (field.frequencies_hz >= band_hz[0]) & (field.frequencies_hz <= band_hz[1])
    slow = field.frequencies_hz <= 20
    rows = []
    for name in (*whole_brain.SEEN, whole_brain.TARGET):
        cells = spiking.cells.get(name)
        rate_hz = spiking.rates_hz[name, "R"].mean() if cells else np.nan
        values = [f"{measures.finite_size(float(rate_hz), cells):.3g}" if cells else ""]
        for part in (slow, high):
            values += [f"{kind.power[name][:, part].mean():.3g}" for kind in (spiking, field)]
        rows.append([name, str(cells or ""), *values])
    heading = [
        "signal",
        "neurons",
        "Poisson, same rate",
        *(
            f"{kind}, {span} Hz"
            for span in ("1 to 20", f"{band_hz[0]:g} to {band_hz[1]:g}")
            for kind in ("spiking", "mean field")
        ),
    ]
    return table(heading, rows)


def cortex(kinds: tuple[Kind, Kind], expectations: tuple[Expected, Expected]) -> str:
    """Return what the swap does to the mean rate of groups of cortical regions."""
    labels = kinds[0].labels
    reached = set(whole_brain.targets("R"))
    groups = {
        "all 76": [True] * len(labels),
        "targets of the right nuclei": [label in reached for label in labels],
        "all others": [label not in reached for label in labels],
        **{label: [one == label for one in labels] for label in sorted(reached)},
    }
    foreseen = expectations[1].rate_hz - expectations[0].rate_hz
    rows = []
    for name, members in groups.items():
        first, second = (kind.cortex_hz[:, members].mean(axis=1) for kind in kinds)
        found = measures.difference(first, second)
        values = [
            spread(first, 4),
            spread(second, 4),
            f"{found.mean:+.4f} ± {found.sd:.4f}",
            f"{foreseen[members].mean():+.4f}",
            "yes" if found.is_within_spread else "no",
        ]
        rows.append([name, *values])
    heading = ["regions", "mean field", "hybrid", "difference by seed", "expected"]
    return table([*heading, "within 2 SD of seeds"], rows)


def connectivity(first: Sequence[Array], second: Sequence[Array], goal: Expected) -> str:
    """Return how alike the connectivities of runs are that differ in seed, kind or both."""
    expected = goal.connectivity
    found = measures.likenesses(first, second)
    groups = {
        "both mean field, other seed": found.within_first,
        "both hybrid, other seed": found.within_second,
        "one of each, other seed": found.between,
        "one of each, same seed": found.paired,
        **{
            f"{name} and the expected": np.array([measures.likeness(r, expected) for r in kind])
            for name, kind in (("mean field", first), ("hybrid", second))
        },
        "the expected and the weights": np.array([measures.likeness(expected, goal.weights)]),
    }
    rows = [
        [name, str(len(r)), f"{r.mean():.4f}", f"{r.min():.4f} to {r.max():.4f}"]
        for name, r in groups.items()
        if len(r)
    ]
    return table(["compared", "pairs", "mean correlation", "range"], rows)


def correlations(first: Sequence[Array], second: Sequence[Array], goal: Expected) -> str:
    """Return how large correlations are, and by how much they change; root mean squares."""
    one, other = np.array(first), np.array(second)
    # Of two seeds both differ from the mean, hence the factor 2 of the variance.
    seeds = np.sqrt(2 * one.var(axis=0, ddof=1).mean())
    sizes = {
        "expected of an endless run": np.sqrt((goal.connectivity**2).mean()),
        "found in one run": np.sqrt((one**2).mean()),
        "change with another seed": seeds,
        "change with the swap, same seed": np.sqrt(((other - one) ** 2).mean()),
        "change with the swap, mean over seeds": np.sqrt(((other - one).mean(axis=0) ** 2).mean()),
    }
    return table(["correlations of S_e", "rms"], [[k, f"{v:.4f}"] for k, v in sizes.items()])


def transfer(curves: Sequence[Curve]) -> str:
    """Return the rates of both parameter sets and their errors against the spiking circuit."""
    rows = []
    for curve in curves:
        rows.append([curve.population, "spiking", *map(spread, curve.spiking_hz.T)])
        for name in MEAN_FIELDS:
            error = 100 * curve.error(name)
            shown = [
                f"{hz:.1f} ({e:+.0f} %)" if np.isfinite(e) else f"{hz:.1f}"
                for hz, e in zip(curve.at_hz[name], error, strict=True)
            ]
            rows.append([curve.population, name, *shown])
    inputs = [f"{f:g}" for f in curves[0].mossy_hz]
    return table(["population", "", *inputs], rows)


def transfer_errors(curves: Sequence[Curve]) -> str:
    """Return mean relative errors at the inputs from 4 to 80 spikes/s."""
    rows = []
    for curve in curves:
        driven = curve.mossy_hz > 0
        own = [f"{100 * np.abs(curve.error(name)[driven]).mean():.1f} %" for name in MEAN_FIELDS]
        published = np.array(PUBLISHED_HZ.get(curve.population, np.full(driven.sum(), np.nan)))
        against = [curve.spiking_hz.mean(axis=0), *curve.at_hz.values()]
        errors = [100 * np.abs(hz[driven] / published - 1).mean() for hz in against]
        shown = [f"{e:.1f} %" if np.isfinite(e) else "" for e in errors]
        rows.append([curve.population, *own, *shown])
    first = [f"{name} against our circuit" for name in MEAN_FIELDS]
    second = [f"{name} against published" for name in ("our circuit", *MEAN_FIELDS)]
    return table(["population", *first, *second], rows)


def bursts(courses: Sequence[Course]) -> str:
    """Return the mean rates in the 50 ms of a burst."""
    rows = []
    for course in courses:
        spiking, fields = course.during()
        values = [f"{hz:.1f} ({100 * (hz / spiking.mean() - 1):+.0f} %)" for hz in fields.values()]
        rows.append([course.burst, course.population, spread(spiking, 1), *values])
    return table(["burst on", "population", "spiking", *MEAN_FIELDS], rows)


def sections(parts: dict[str, str]) -> Iterator[str]:
    """Yield headings and tables."""
    for title, text in parts.items():
        yield f"## {title}\n\n{text}\n"
