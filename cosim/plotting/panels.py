"""The panels of signals along time; each paints one kind of recording into given axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from cosim.plotting.style import GREY, INK, PALE, colours, shortened
from cosim.results.reader import Result
from cosim.results.summary import mean_field_signals

POINTS = 400
RATE_POINTS = 200
LINES = 6
FIELDS = 3
RATE_UNIT = "spikes/s"
#: Least distance of the baselines of two labels at the right, in points.
LABEL_POINTS = 10.0
LABEL = 26
_TO_HZ = {"Hz": 1.0, "kHz": 1e3}


@dataclass(frozen=True, eq=False)
class Trace:
    """A line along time, already averaged to what the eye resolves."""

    label: str
    time_ms: NDArray[np.float64]
    values: NDArray[np.float64]
    bin_ms: float


@dataclass(frozen=True)
class Label:
    """What is to stand to the right of a line, at the height of its end."""

    y: float
    text: str
    colour: str


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


def spread(wanted: Sequence[float], least: float) -> list[float]:
    """Move heights apart until neighbours differ by at least so much, each as little as may be.

    Heights that touch form a group, whose centre stays where those of its members were.

    Returns
    -------
    list of float
        The new heights, in the order of the old.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups: list[list[float]] = []  # number of members, sum of their wanted centres
    for i in order:
        groups.append([1.0, wanted[i]])
        while len(groups) > 1 and _overlap(groups[-2], groups[-1], least):
            count, total = groups.pop()
            groups[-1] = [groups[-1][0] + count, groups[-1][1] + total]
    heights = [
        total / count + (k - (count - 1) / 2) * least
        for count, total in groups
        for k in range(int(count))
    ]
    placed = dict(zip(order, heights, strict=True))
    return [placed[i] for i in range(len(wanted))]


def _overlap(below: list[float], above: list[float], least: float) -> bool:
    centres = above[1] / above[0] - below[1] / below[0]
    return centres < (above[0] + below[0]) / 2 * least - 1e-12 * least


def label_ends(ax: Axes, labels: Iterable[Label], height_in: float) -> None:
    """Write the labels of lines to their right, apart from each other.

    Parameters
    ----------
    ax
        Axes whose limits along y are final.
    labels
        What to write; lines of text in it count.
    height_in
        About how high the axes will be.
    """
    known = list(labels)
    low, high = ax.get_ylim()
    lines = max((label.text.count("\n") + 1 for label in known), default=1)
    least = (high - low) * LABEL_POINTS * lines / 72 / height_in
    inside = [min(max(label.y, low), high) if np.isfinite(label.y) else low for label in known]
    for label, y in zip(known, spread(inside, least), strict=True):
        ax.annotate(
            label.text, (1, y), xycoords=ax.get_yaxis_transform(), xytext=(4, 0), va="center",
            textcoords="offset points", color=label.colour, linespacing=1.05,
        )


def border_rates(result: Result) -> list[str]:
    """Return the signals that hold rates at a border."""
    return [
        name
        for name in result.signals
        if name.startswith("border/") and name.endswith("/rate")
    ]


def rates(ax: Axes, result: Result, height_in: float) -> None:
    """Paint the rates at the borders of the spiking regions, each averaged over its columns."""
    traces = [t for t in (_border_trace(result, n) for n in border_rates(result)) if len(t.time_ms)]
    highest = sorted(traces, key=lambda t: -float(np.nanmean(t.values)))[:LINES]
    shown = [t for t in traces if t in highest]
    labels = []
    for trace, colour in zip(shown, colours(), strict=False):
        ax.plot(trace.time_ms, trace.values, color=colour)
        text = shortened(trace.label, 2 * LABEL) if len(shown) > 3 else _two_lines(trace.label)
        labels.append(Label(_end(trace.values), text, colour))
    ax.set_ylim(bottom=0)
    label_ends(ax, labels, height_in)
    bin_ms = max((t.bin_ms for t in traces), default=0.0)
    ax.set_ylabel(RATE_UNIT)
    notes = [f"mean over {bin_ms:.3g} ms"] * (bin_ms > 0)
    notes += [f"{LINES} highest of {len(traces)}"] * (len(traces) > LINES)
    ax.set_title("Rates at the borders", loc="left")
    _note(ax, ", ".join(notes))


def widest_fields(result: Result) -> list[str]:
    """Return one signal each of the mean-field simulators with the most regions."""
    names = mean_field_signals(result)
    return sorted(names, key=lambda n: -len(result.columns(n)))[:FIELDS]


@dataclass(frozen=True, eq=False)
class _Field:
    """A mean-field signal by variable and region, rates in spikes/s."""

    time_ms: NDArray[np.float64]
    values: NDArray[np.float64]
    variable: NDArray[np.str_]
    region: NDArray[np.str_]
    unit: str


def _field(result: Result, name: str) -> _Field:
    signal = result.signal(name)
    parts = [str(c).partition("[") for c in signal.column.values]
    unit = str(signal.attrs["unit"])
    time_ms, values, _ = averaged(signal.time.values, signal.values * _TO_HZ.get(unit, 1.0))
    return _Field(
        time_ms, values, np.array([p[0] for p in parts]),
        np.array([p[2].removesuffix("]") or p[0] for p in parts]),
        RATE_UNIT if unit in _TO_HZ else "" if unit == "1" else unit,
    )


def mean_field(
    ax: Axes,
    result: Result,
    name: str,
    neighbours: Mapping[str, Sequence[str]],
    height_in: float,
) -> None:
    """Paint a mean-field simulator: all variables of a few regions, or one variable of many.

    Of many regions the first variable is shown, the neighbours of spiking ones in colour.
    """
    field = _field(result, name)
    title = f"Mean field: {name.rpartition('/')[0]}"
    regions = list(dict.fromkeys(field.region.tolist()))
    variables = list(dict.fromkeys(field.variable.tolist()))
    if len(regions) <= LINES and len(variables) <= LINES:
        labels = _few(ax, field, variables, regions)
        ax.set_ylabel(field.unit or "activity")
        title += f", {regions[0]}" if len(regions) == 1 else ""
    else:
        wanted = [label for group in neighbours.values() for label in group]
        labels = _many(ax, field, variables[0], list(dict.fromkeys(wanted)))
        ax.set_ylabel(f"{variables[0]} ({field.unit})" if field.unit else variables[0])
    ax.set_title(title, loc="left")
    label_ends(ax, labels, height_in)


def _few(ax: Axes, field: _Field, variables: list[str], regions: list[str]) -> list[Label]:
    """Give each variable a colour, or each region if there is but one variable."""
    by, kinds = (field.variable, variables) if len(variables) > 1 else (field.region, regions)
    labels = []
    for kind, colour in zip(kinds, colours(), strict=False):
        lines = field.values[:, by == kind]
        ax.plot(field.time_ms, lines, color=colour)
        labels.append(Label(_end(lines.mean(axis=1)), shortened(kind, LABEL), colour))
    ax.set_ylim(bottom=0)
    return labels


def _many(ax: Axes, field: _Field, variable: str, wanted: list[str]) -> list[Label]:
    ours = field.variable == variable
    regions, values = field.region[ours].tolist(), field.values[:, ours]
    lit = [label for label in wanted if label in regions][:LINES]
    rest = [i for i, region in enumerate(regions) if region not in lit]
    ax.plot(field.time_ms, values[:, rest], color=PALE, linewidth=0.5, zorder=1)
    labels = []
    for region, colour in zip(lit, colours(), strict=False):
        line = values[:, regions.index(region)]
        ax.plot(field.time_ms, line, color=colour, zorder=3)
        labels.append(Label(_end(line), shortened(region, LABEL), colour))
    mean = values.mean(axis=1)
    ax.plot(field.time_ms, mean, color=INK, linewidth=1.4, zorder=4)
    labels.append(Label(_end(mean), f"mean of {len(regions)}", INK))
    if lit:
        _note(ax, "coloured: main inputs of spiking regions")
    return labels


def share_time(axes: Sequence[Axes], duration_ms: float) -> None:
    """Give panels one time axis, labelled below the lowest."""
    for ax in axes:
        ax.set_xlim(0, duration_ms)
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        ax.tick_params(axis="x", labelbottom=ax is axes[-1])
    axes[-1].set_xlabel("time (ms)")


def letter(axes: Sequence[Axes]) -> None:
    """Put a letter at the upper left of each panel."""
    for ax, mark in zip(axes, "abcdefgh", strict=False):
        ax.annotate(
            mark,
            (0, 1),
            xycoords="axes fraction",
            xytext=(-14, 3.5),
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
        text += f" ({shortened(result.status, 90)})"
    figure.suptitle(text, fontsize=10, color=INK, x=0.008, ha="left")


def _border_trace(result: Result, name: str) -> Trace:
    signal = result.signal(name)
    mean = signal.values.mean(axis=1, keepdims=True) if signal.size else np.empty((0, 1))
    time_ms, values, bin_ms = averaged(signal.time.values, mean, RATE_POINTS)
    label = str(result.about_signal(name).get("label", name.split("/")[1]))
    return Trace(label, time_ms, values[:, 0], bin_ms)


def _end(values: NDArray[np.float64]) -> float:
    """Return where a line ends, not counting its last wiggles."""
    return float(values[-max(1, len(values) // 20) :].mean()) if len(values) else 0.0


def _two_lines(label: str) -> str:
    """Break a label at its arrow."""
    source, arrow, target = label.partition(" → ")
    if not arrow:
        return shortened(label, LABEL)
    return f"{shortened(source, LABEL)}\n→ {shortened(target, LABEL)}"


def _note(ax: Axes, text: str) -> None:
    ax.set_title(text, loc="right", fontsize=6.2, color=GREY)
