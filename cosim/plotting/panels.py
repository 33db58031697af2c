"""The panels of a run's picture; each paints one kind of recording into given axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from cosim.plotting.style import (
    COMPUTE,
    EXCHANGE,
    GREY,
    INK,
    NOBODY,
    PALE,
    PALETTE,
    colours,
    wait_looks,
)
from cosim.results.reader import Result
from cosim.results.spikes import SpikeTrains
from cosim.results.summary import mean_field_signals

POINTS = 400
RATE_POINTS = 200
BAND = 140
NEURONS = 200
SPIKES = 30_000
LINES = 6
FIELDS = 3
RATE_UNIT = "spikes/s"


@dataclass(frozen=True, eq=False)
class Trace:
    """A line along time, already averaged to what the eye resolves."""

    label: str
    time_ms: NDArray[np.float64]
    values: NDArray[np.float64]
    bin_ms: float


def averaged(
    time_ms: NDArray[np.float64], values: NDArray[np.float64], points: int = POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Average rows over equal blocks so that at most so many points remain.

    Returns
    -------
    tuple
        Centres of the blocks, means of shape (blocks, columns), and length of a block in ms. The
        rows after the last whole block are left out.
    """
    rows = len(time_ms)
    step_ms = float(time_ms[1] - time_ms[0]) if rows > 1 else 0.0
    block = max(1, -(-rows // points))
    whole = rows // block * block
    means = values[:whole].reshape(-1, block, values.shape[1]).mean(axis=1)
    # A row is the value at the end of its step.
    centres = time_ms[:whole].reshape(-1, block).mean(axis=1) - step_ms / 2 * (block > 1)
    return centres, means, block * step_ms


def border_rates(result: Result) -> list[str]:
    """Return the signals that hold rates at a border."""
    return [
        name
        for name in result.signals
        if name.startswith("border/") and name.endswith("/rate")
    ]


def rates(ax: Axes, result: Result) -> None:
    """Paint the rates at the borders of the spiking regions, each averaged over its columns."""
    traces = [t for t in (_border_trace(result, n) for n in border_rates(result)) if len(t.time_ms)]
    highest = sorted(traces, key=lambda t: -float(np.nanmean(t.values)))[:LINES]
    shown = [t for t in traces if t in highest]
    for trace, colour in zip(shown, colours(), strict=False):
        ax.plot(trace.time_ms, trace.values, color=colour, label=_short(trace.label, 30))
    bin_ms = max((t.bin_ms for t in traces), default=0.0)
    ax.set_ylabel(f"rate ({RATE_UNIT})")
    ax.set_ylim(bottom=0)
    notes = [f"mean over {bin_ms:.3g} ms"] * (bin_ms > 0)
    notes += [f"{LINES} highest of {len(traces)}"] * (len(traces) > LINES)
    ax.set_title("Rates at the borders", loc="left")
    _note(ax, ", ".join(notes))
    _legend(ax)


def widest_fields(result: Result) -> list[str]:
    """Return one signal each of the mean-field simulators with the most regions."""
    names = mean_field_signals(result)
    return sorted(names, key=lambda n: -len(result.columns(n)))[:FIELDS]


def mean_field(
    ax: Axes, result: Result, name: str, neighbours: Mapping[str, Sequence[str]]
) -> None:
    """Paint a mean-field simulator: all variables if there are few columns, else all regions.

    Of many regions the first variable is shown, the neighbours of spiking ones in colour.
    """
    signal = result.signal(name)
    labels = [str(c) for c in signal.column.values]
    ax.set_title(f"Mean field: {name.rpartition('/')[0]}", loc="left")
    if len(labels) <= len(PALETTE):
        _few(ax, signal, labels)
        return
    variable = labels[0].partition("[")[0]
    kept = [i for i, c in enumerate(labels) if c.partition("[")[0] == variable]
    regions = [labels[i].partition("[")[2].removesuffix("]") or labels[i] for i in kept]
    time_ms, values, _ = averaged(signal.time.values, signal.values[:, kept])
    wanted = list(dict.fromkeys(label for group in neighbours.values() for label in group))
    lit = [label for label in wanted if label in regions][: len(PALETTE)]
    for i, region in enumerate(regions):
        if region not in lit:
            ax.plot(time_ms, values[:, i], color=PALE, linewidth=0.5, zorder=1)
    for region, colour in zip(lit, colours(), strict=False):
        ax.plot(time_ms, values[:, regions.index(region)], color=colour, label=region, zorder=3)
    if len(lit) < len(regions):
        what = "other regions" if lit else "regions"
        ax.plot([], [], color=PALE, label=f"{len(regions) - len(lit)} {what}")
    unit = str(signal.attrs["unit"])
    ax.set_ylabel(variable if unit in ("", "1") else f"{variable} ({unit})")
    _legend(ax, "neighbours" if lit else "")


def _few(ax: Axes, signal: xr.DataArray, labels: Sequence[str]) -> None:
    time_ms, values, _ = averaged(signal.time.values, signal.values)
    for i, (label, colour) in enumerate(zip(labels, colours(), strict=False)):
        ax.plot(time_ms, values[:, i], color=colour, label=_short(label, 30))
    unit = str(signal.attrs["unit"])
    ax.set_ylabel("activity" if unit in ("", "1") else f"activity ({unit})")
    ax.set_ylim(bottom=0)
    _legend(ax)


def raster(ax: Axes, result: Result) -> None:
    """Paint the spikes of up to `NEURONS` neurons of each population, one band each."""
    ticks, names, top = [], [], 0.0
    for key, colour in zip(result.populations, colours(), strict=False):
        trains = result.spikes(*key)
        time_ms, row, shown = thinned(trains)
        # A band of few neurons is stretched, so that its label fits.
        height = max(shown, BAND)
        y = top + (row + 0.5) * height / shown
        ax.plot(time_ms, y, ".", color=colour, markersize=1.5, markeredgewidth=0, rasterized=True)
        ticks.append(top + height / 2)
        names.append(
            f"{trains.region} {trains.population}\n{shown} of {trains.size} neurons\n"
            f"{trains.mean_rate_hz:.3g} {RATE_UNIT}"
        )
        top += height + 14
    ax.set_yticks(ticks, names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(top, -14)
    ax.set_title("Spikes", loc="left")


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


def waiting(ax: Axes, result: Result) -> None:
    """Paint for each role how long it computed, exchanged, and waited for which other role."""
    roles = result.roles
    look_of = dict(zip(roles, wait_looks(), strict=False))
    seen: set[str] = set()

    def bar(y: int, left: float, width: float, label: str, look: dict[str, Any]) -> float:
        if width > 0:
            known = label in seen
            seen.add(label)
            ax.barh(y, width, left=left, height=0.62, label="" if known else label, **look)
        return left + width

    for y, role in enumerate(roles):
        timing = result.timing(role)
        end = bar(y, 0.0, float(timing.compute_s.sum()), "compute", {"color": COMPUTE})
        end = bar(y, end, float(timing.exchange_s.sum()), "exchange", {"color": EXCHANGE})
        peers = timing.waited_for.values
        for peer in sorted(set(peers.tolist())):
            wait_s = float(timing.wait_s.values[peers == peer].sum())
            label = f"wait for {peer}" if peer else "wait, unattributed"
            end = bar(y, end, wait_s, label, look_of.get(peer, NOBODY))
    ax.set_yticks(range(len(roles)), roles)
    ax.set_ylim(len(roles) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("wall-clock time (s)")
    ax.set_title("Who waited for whom", loc="left")
    _legend(ax)


def share_time(axes: Sequence[Axes], duration_ms: float) -> None:
    """Give panels one time axis, labelled below the lowest."""
    for ax in axes:
        ax.set_xlim(0, duration_ms)
        ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
        ax.tick_params(axis="x", labelbottom=ax is axes[-1])
    axes[-1].set_xlabel("time (ms)")


def letter(axes: Sequence[Axes]) -> None:
    """Put a letter at the upper left of each panel."""
    for ax, mark in zip(axes, "abcdef", strict=False):
        ax.annotate(
            mark,
            (0, 1),
            xycoords="axes fraction",
            xytext=(-16, 3.5),
            textcoords="offset points",
            fontsize=10,
            fontweight="bold",
        )


def title(figure: Figure, result: Result) -> None:
    """Say which run it is, and if it did not get to its end."""
    name = str(result.scenario.get("name", result.path.parent.name))
    seed = result.scenario.get("seed")
    text = name if seed is None else f"{name}, seed {seed}"
    if result.status != "complete":
        text += f" ({_short(result.status, 90)})"
    figure.suptitle(text, fontsize=9, color=INK, x=0.01, ha="left")


def _border_trace(result: Result, name: str) -> Trace:
    signal = result.signal(name)
    mean = signal.values.mean(axis=1, keepdims=True) if signal.size else np.empty((0, 1))
    time_ms, values, bin_ms = averaged(signal.time.values, mean, RATE_POINTS)
    label = str(result.about_signal(name).get("label", name.split("/")[1]))
    return Trace(label, time_ms, values[:, 0], bin_ms)


def _short(label: str, limit: int) -> str:
    """Cut a long label in its middle, as names differ at their ends."""
    if len(label) <= limit:
        return label
    head = limit // 2
    return f"{label[:head]}…{label[len(label) - (limit - head - 1) :]}"


def _note(ax: Axes, text: str) -> None:
    ax.set_title(text, loc="right", fontsize=6.5, color=GREY)


def _legend(ax: Axes, heading: str = "") -> None:
    if ax.get_legend_handles_labels()[1]:
        ax.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0, title=heading or None
        )
