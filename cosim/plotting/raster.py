"""The panels of spiking populations: spikes and rates along time, and mean rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from cosim.plotting.style import GREY, INK, PALE, WASH, colours, shortened
from cosim.results.spikes import SpikeTrains
from cosim.results.summary import PopulationRow

NEURONS = 200
SPIKES = 30_000
BINS = 200
RATE_UNIT = "spikes/s"
LABEL = 30
#: Parts of a population's band, from its top: dots, and below them the area of its rate.
_DOTS, _AREA = (0.07, 0.63), (0.68, 0.95)


def raster(ax: Axes, populations: Sequence[SpikeTrains], settled_ms: float) -> None:
    """Paint a band for each population: spikes of up to `NEURONS` neurons, below them its rate.

    Parameters
    ----------
    ax
        Where to paint.
    populations
        Recorded spikes, in order from the top.
    settled_ms
        Up to then the background is shaded.
    """
    regions = {p.region for p in populations}
    for top, (trains, colour) in enumerate(zip(populations, colours(), strict=False)):
        shown = _dots(ax, trains, top, colour)
        _area(ax, trains, top, colour)
        middle = top + sum(_DOTS) / 2
        name = trains.population if len(regions) == 1 else f"{trains.region} {trains.population}"
        size = f"{trains.size:,}" if shown == trains.size else f"{shown} of {trains.size:,}"
        _beside(ax, middle, shortened(name, LABEL), colour, 1.0, weight="bold")
        _beside(ax, middle, f"{size} neurons", GREY, -8.0, fontsize=6.2)
    if settled_ms:
        ax.axvspan(0, settled_ms, color=WASH, zorder=0, linewidth=0)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_ylim(len(populations), 0)
    where = f" of {regions.pop()}" if len(regions) == 1 else ""
    ax.set_title(f"Spikes{where}", loc="left")
    ax.set_title("areas: rate, up to its peak", loc="right", fontsize=6.2, color=GREY)


def _dots(ax: Axes, trains: SpikeTrains, top: float, colour: str) -> int:
    time_ms, row, shown = thinned(trains)
    if not len(time_ms):
        ax.annotate("silent", (0.5, top + 0.5), xycoords=ax.get_yaxis_transform(), color=GREY,
                    ha="center", va="center", style="italic")
    y = top + _DOTS[0] + (row + 0.5) / shown * (_DOTS[1] - _DOTS[0])
    ax.plot(time_ms, y, ".", color=colour, markersize=1.6, markeredgewidth=0, rasterized=True)
    return shown


def _area(ax: Axes, trains: SpikeTrains, top: float, colour: str) -> None:
    """Paint the rate as an area, as high as there is room at its highest."""
    ticks = max(1, round(trains.stop_ms / trains.tick_ms) // BINS)
    rate = trains.rate_hz(ticks * trains.tick_ms)
    if rate.size and rate.max() > 0:
        base, height = top + _AREA[1], _AREA[1] - _AREA[0]
        y = base - rate.values / float(rate.max()) * height
        ax.fill_between(rate.time.values, base, y, color=colour, alpha=0.55, linewidth=0)


def _beside(
    ax: Axes, y: float, text: str, colour: str, up: float, **more: str | float
) -> None:
    ax.annotate(
        text, (0, y), xycoords=ax.get_yaxis_transform(), xytext=(-5, up), ha="right", va="center",
        textcoords="offset points", color=colour, **more,  # type: ignore[arg-type]
    )


def thinned(trains: SpikeTrains) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Return times and rows of the spikes of evenly chosen neurons, and how many those are.

    Of more than `SPIKES` spikes every n-th is returned: the eye sees the same cloud.
    """
    chosen = trains.recorded[:: max(1, -(-len(trains.recorded) // NEURONS))]
    row_of = np.full(trains.size, -1)
    row_of[chosen] = np.arange(len(chosen))
    row = row_of[trains.sender]
    kept = np.flatnonzero(row >= 0)
    kept = kept[:: max(1, -(-len(kept) // SPIKES))]
    return trains.time_ms[kept], row[kept], len(chosen)


def mean_rates(ax: Axes, rows: Sequence[PopulationRow], since: str) -> None:
    """Paint the mean rate of each population as a dot on the band where it should lie.

    Parameters
    ----------
    ax
        Where to paint; its rows are those of `raster`.
    rows
        The populations, in order from the top.
    since
        From when on the rates were measured, in words.
    """
    banded = [r.reference for r in rows if r.reference is not None]
    values = [r.rate_hz for r in rows] + [e for b in banded for e in (b.low_hz, b.high_hz)]
    positive = [v for v in values if v > 0]
    if positive and max(positive) > 10 * min(positive):
        ax.set_xscale("log")
        ax.set_xlim(min(positive) / 1.5, max(positive) * 1.5)
    else:
        ax.set_xlim(0, 1.15 * max(positive, default=1.0))
    at_right = blended_transform_factory(ax.transAxes, ax.transData)
    for top, (row, colour) in enumerate(zip(rows, colours(), strict=False)):
        y = top + 0.5
        if row.reference is not None:
            low_hz, high_hz = row.reference.low_hz, row.reference.high_hz
            ax.barh(y, high_hz - low_hz, left=low_hz, height=0.42, color=PALE, zorder=2)
        ax.plot(row.rate_hz, y, "o", color=colour, markersize=4.5, zorder=3)
        outside = f" {row.verdict}" if row.verdict in ("above", "below") else ""
        ax.text(1.03, y, f"{row.rate_hz:.3g}{outside}", transform=at_right, va="center", color=INK)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=WASH, linewidth=0.8, zorder=0)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel(f"{RATE_UNIT}, {since}" + ("\ngrey: reference" if banded else ""))
    ax.set_title("Mean rate", loc="left")
