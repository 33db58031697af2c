"""Pictures of the comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import circuit
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from cosim.plotting.style import GREY, INK, PALE, PALETTE, STYLE
from side_by_side import alone, measures, reading, whole_brain
from side_by_side.alone import MEAN_FIELDS, Course, Curve
from side_by_side.whole_brain import Kind

if TYPE_CHECKING:
    from side_by_side.rest import Growth, Rested
    from side_by_side.stimulus import Response
    from side_by_side.theory import Expected

Array = NDArray[np.float64]

FIELD, SPIKING, OTHER = PALETTE[0], PALETTE[1], PALETTE[2]
#: Published rates by the names of the mean field.
PUBLISHED_HZ = dict(zip(("GrC", "GoC", "MLI", "PC"), circuit.PUBLISHED_HZ.values(), strict=True))
#: Reference bands of the isolated circuit at 4 spikes/s, by the names of the mean field.
_BAND_NAMES = {"GrC": "granule", "GoC": "golgi", "MLI": "basket", "PC": "purkinje"}
BANDS_HZ = {
    **{name: circuit.BANDS_HZ["awake"][cell] for name, cell in _BAND_NAMES.items()},
    "DCNp": circuit.BANDS_HZ["awake"]["dcn_p"],
    "DCNi": circuit.BANDS_HZ["awake"]["dcn_i"],
}


@contextmanager
def _page(
    path: Path, rows: int, columns: int, size: tuple[float, float], *, shades: bool = False
) -> Iterator[list[Axes]]:
    """Give the axes of a picture, row by row; save it at the end, if need be with all shades."""
    with mpl.rc_context({**STYLE, "text.parse_math": True}):
        figure = Figure(figsize=size, layout="constrained")
        yield list(np.ravel(figure.subplots(rows, columns)))
        figure.savefig(path, dpi=160)
    if shades:
        return
    # A third of the size, and lines look the same.
    with Image.open(path) as image:
        image.convert("RGB").quantize(192).save(path, optimize=True)


def rates(path: Path, field: Kind, spiking: Kind) -> None:
    """Draw the rates of the right half, one point a seed, in front of the reference bands."""
    kinds = (field, spiking)
    with _page(path, 1, len(reading.POPULATIONS), (7.2, 1.9)) as axes:
        for axis, population in zip(axes, reading.POPULATIONS, strict=True):
            axis.axhspan(*BANDS_HZ[population], color=PALE, alpha=0.5, lw=0)
            for x, (kind, colour) in enumerate(zip(kinds, (FIELD, SPIKING), strict=True)):
                hz = kind.rates_hz[population, "R"]
                offsets = np.linspace(-0.15, 0.15, len(hz))
                axis.plot(x + offsets, hz, "o", ms=3, color=colour, alpha=0.8)
                axis.plot([x - 0.25, x + 0.25], [hz.mean()] * 2, color=colour, lw=1.5)
            top = max(BANDS_HZ[population][1], *(k.rates_hz[population, "R"].max() for k in kinds))
            axis.set(xlim=(-0.5, 1.5), ylim=(0, 1.08 * top), title=population)
            axis.set_xticks([0, 1], ["mean\nfield", "spiking"])
        axes[0].set_ylabel("spikes/s")


def spectra(path: Path, field: Kind, spiking: Kind) -> None:
    """Draw the mean spectra over seeds, and the noise of independent neurons."""
    with _page(path, 1, len(whole_brain.SEEN) + 1, (9.0, 2.3)) as axes:
        for axis, name in zip(axes, (*whole_brain.SEEN, whole_brain.TARGET), strict=True):
            for kind, colour, label in (
                (field, FIELD, "mean field"),
                (spiking, SPIKING, "spiking"),
            ):
                mean = kind.power[name].mean(axis=0)
                axis.loglog(kind.frequencies_hz, mean, color=colour, label=label)
            cells = spiking.cells.get(name)
            if cells:
                level = measures.finite_size(float(spiking.rates_hz[name, "R"].mean()), cells)
                axis.axhline(level, color=GREY, ls="--", lw=0.8, label=f"{cells} Poisson neurons")
                axis.legend(loc="lower left")
            is_rate = name in whole_brain.SEEN
            axis.set(
                title=name if is_rate else f"cortex, S_e of {name}",
                xlabel="Hz",
                ylabel="(spikes/s)²/Hz" if is_rate else "1/Hz",
            )
        axes[-1].legend(loc="lower left")


def transfer(path: Path, curves: Sequence[Curve]) -> None:
    """Draw steady rates against mossy input."""
    with _page(path, 1, len(curves), (9.0, 2.1)) as axes:
        for axis, curve in zip(axes, curves, strict=True):
            moments = _moments(curve.spiking_hz)
            axis.errorbar(
                curve.mossy_hz, *moments, fmt="o", ms=3, color=SPIKING, lw=0.8, label="spiking"
            )
            for name, colour in zip(MEAN_FIELDS, (FIELD, OTHER), strict=True):
                label = f"mean field {name}"
                axis.plot(curve.fine_hz, curve.fields_hz[name], color=colour, label=label)
            if curve.population in PUBLISHED_HZ:
                published = PUBLISHED_HZ[curve.population]
                axis.plot(
                    circuit.FREQUENCIES_HZ, published, "--", color=INK, lw=0.8, label="published"
                )
            axis.set(title=curve.population, xlabel="mossy fibres (spikes/s)", ylim=(0, None))
        axes[0].set_ylabel("spikes/s")
        axes[-1].legend(*axes[0].get_legend_handles_labels(), loc="lower left")


def bursts(path: Path, courses: Sequence[Course]) -> None:
    """Draw the courses of bursts: one kind of burst a row, one population a column."""
    kinds = list(dict.fromkeys(course.burst for course in courses))
    columns = len(courses) // len(kinds)
    with _page(path, len(kinds), columns, (9.0, 1.6 * len(kinds) + 0.3)) as axes:
        for axis, course in zip(axes, courses, strict=True):
            axis.axvspan(0, 50, color=PALE, alpha=0.5, lw=0)
            _band(axis, course.time_ms, course.spiking_hz, SPIKING, "spiking")
            for name, colour in zip(MEAN_FIELDS, (FIELD, OTHER), strict=True):
                given = course.fields_hz[name]
                axis.plot(course.time_ms, given, color=colour, label=f"mean field {name}")
            axis.set(ylim=(0, None), xlim=course.time_ms[[0, -1]])
        for axis, course in zip(axes[:columns], courses[:columns], strict=True):
            axis.set_title(course.population)
        for axis in axes[-columns:]:
            axis.set_xlabel("ms")
        for row, kind in enumerate(kinds):
            axes[row * columns].set_ylabel(f"burst on {kind}\nspikes/s")
        axes[1].legend(loc="upper right", fontsize=5.5)


def stimulus(path: Path, response: Response) -> None:
    """Draw a burst in the whole brain: populations of both halves, and the cortex behind them."""
    columns = len(alone.SHOWN)
    with _page(path, 1, columns + 1, (9.2, 2.0)) as axes:
        panels = [
            (name, (response.field_hz[name], response.spiking_hz[name])) for name in alone.SHOWN
        ]
        change = (1e4 * response.cortex["L"], 1e4 * response.cortex["R"])
        panels.append(("cortical targets", change))
        for axis, (title, halves) in zip(axes, panels, strict=True):
            axis.axvspan(0, 50, color=PALE, alpha=0.5, lw=0)
            for values, colour, label in zip(
                halves, (FIELD, SPIKING), ("left, mean field", "right, spiking"), strict=True
            ):
                _band(axis, response.time_ms, values, colour, label)
            axis.set(title=title, xlabel="ms", xlim=response.time_ms[[0, -1]])
        for axis in axes[:-1]:
            axis.set_ylim(0, None)
        axes[0].set_ylabel("spikes/s")
        axes[-1].set_ylabel("change of S_e (0.0001)")
        axes[2].legend(loc="upper right")


def rest(path: Path, run: Rested, growths: Mapping[str, Growth]) -> None:
    """Draw BOLD, its connectivity, and what connectivities are worth by the length of runs."""
    with _page(path, 1, 3, (8.4, 2.3), shades=True) as axes:
        bold = run.rested
        change, times_s = bold / bold.mean(axis=0) - 1, run.bold_ms[-len(bold) :] / 1e3
        for label in ("lM1", "rM1", "lPFCDL", "lV1"):
            at = run.labels.index(label)
            axes[0].plot(times_s, 100 * change[:, at], ".-", ms=3, label=label)
        axes[0].set(xlabel="s", ylabel="%", title="BOLD at rest, mean field")
        axes[0].legend(ncols=2)
        matrix = _square(measures.connectivity(bold), len(run.labels))
        image = axes[1].imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
        axes[1].set(title=f"correlation of BOLD, {len(bold)} samples", xlabel="region")
        axes[1].figure.colorbar(image, ax=axes[1], shrink=0.8)
        for (signal, growth), colour in zip(growths.items(), (FIELD, OTHER), strict=True):
            for values, marker, what in (
                (growth.seeds, "o", "two seeds"),
                (growth.expected, "^", "with the expected one"),
            ):
                mean = [np.mean(v) for v in values.values()]
                axes[2].plot(
                    list(values), mean, marker + "-", ms=3, color=colour, label=f"{signal}, {what}"
                )
        axes[2].axhline(0, color=GREY, lw=0.6)
        axes[2].set(xscale="log", xlabel="length of run (s)", ylim=(-0.2, 1))
        axes[2].set(title="likeness of connectivities", ylabel="correlation")
        axes[2].legend(loc="upper left")


def _band(axis: Axes, time_ms: Array, values: Array, colour: str, label: str) -> None:
    """Draw mean and standard deviation over seeds."""
    mean, sd = _moments(values)
    axis.fill_between(time_ms, mean - sd, mean + sd, color=colour, alpha=0.25, lw=0)
    axis.plot(time_ms, mean, color=colour, label=label)


def cortex(path: Path, kinds: tuple[Kind, Kind], expectations: tuple[Expected, Expected]) -> None:
    """Draw what the swap does to connectivity and rates of the cortex, and what is expected."""
    field, spiking = kinds
    with _page(path, 1, 4, (9.4, 2.3), shades=True) as axes:
        regions = len(field.labels)
        for axis, kind, title in zip(axes, kinds, ("mean field", "hybrid"), strict=False):
            mean = _square(kind.connectivity.mean(axis=0), regions)
            image = axis.imshow(mean, vmin=-0.4, vmax=0.4, cmap="RdBu_r")
            axis.set(title=f"correlation of S_e, {title}", xlabel="region")
        axes[0].set_ylabel("region")
        axes[1].figure.colorbar(image, ax=axes[1], shrink=0.8)
        _likeness(
            axes[2], measures.likenesses(list(field.connectivity), list(spiking.connectivity))
        )
        change = spiking.cortex_hz - field.cortex_hz
        foreseen = expectations[1].rate_hz - expectations[0].rate_hz
        axes[3].errorbar(
            1e3 * foreseen, *_moments(1e3 * change), fmt="o", ms=2.5, lw=0.6, color=SPIKING
        )
        limits = 1e3 * np.array([foreseen.min(), foreseen.max()])
        axes[3].plot(limits, limits, color=INK, lw=0.6)
        axes[3].set(xlabel="expected (0.001 spikes/s)", ylabel="found (0.001 spikes/s)")
        axes[3].set_title("change of the rate of each region")


def _likeness(axis: Axes, found: measures.Likenesses) -> None:
    """Draw how alike the connectivities of single runs are."""
    groups = (
        ("seed, both\nmean field", found.within_first, FIELD),
        ("seed, both\nhybrid", found.within_second, SPIKING),
        ("seed\nand kind", found.between, GREY),
        ("kind\nonly", found.paired, INK),
    )
    for x, (_, values, colour) in enumerate(groups):
        offsets = np.linspace(-0.2, 0.2, len(values))
        axis.plot(x + offsets, values, "o", ms=2.5, color=colour, alpha=0.8)
        axis.plot([x - 0.3, x + 0.3], [values.mean()] * 2, color=colour, lw=1.2)
    axis.set_xticks(range(len(groups)), [name for name, _, _ in groups], fontsize=5.5)
    axis.set(ylabel="correlation of correlations", title="two runs that differ in ...")


def _moments(values: Array) -> tuple[Array, Array]:
    return values.mean(axis=0), values.std(axis=0, ddof=1)


def _square(upper: Array, size: int) -> Array:
    full = np.eye(size)
    full[np.triu_indices(size, 1)] = upper
    return np.asarray(full + full.T - np.eye(size))
