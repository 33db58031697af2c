"""One picture that shows a whole hybrid run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure

from cosim.errors import UsageError
from cosim.plotting import panels
from cosim.plotting.raster import mean_rates, raster
from cosim.plotting.style import STYLE
from cosim.plotting.timing import waiting
from cosim.results.reader import Result
from cosim.results.summary import population_row, settled_ms
from cosim.units import format_ms

Neighbours = Mapping[str, Sequence[str]]

_LEFT_IN, _RIGHT_IN = 5.5, 4.9
_RATES_IN, _FIELD_IN, _ROLE_IN, _BAND_IN = 1.15, 1.15, 0.15, 0.42
_AXIS_IN, _TITLE_IN, _LOWEST_IN = 0.55, 0.35, 3.4


def draw(
    result: Result,
    path: str | Path,
    neighbours: Neighbours | None = None,
    dpi: int = 300,
) -> None:
    """Draw spikes and rates, rates at the borders, mean-field activity, and where time went.

    Panels for which the result holds no data are left out.

    Parameters
    ----------
    result
        An open result.
    path
        File to write; its ending says the format (png, pdf, svg).
    neighbours
        For each spiking region, labels of the mean-field regions to highlight.
    dpi
        Dots per inch of a png, and of the spikes in other formats.

    Raises
    ------
    UsageError
        If the result holds nothing to draw, or the format is unknown.
    """
    path = Path(path)
    signals = _signal_panels(result, neighbours or {})
    spiking, signalling = bool(result.populations), bool(signals or result.roles)
    if not spiking and not signalling:
        raise UsageError(f"{result.path} holds nothing to draw")
    widths = [_LEFT_IN] * spiking + [_RIGHT_IN] * signalling
    with rc_context(STYLE):
        height_in = _TITLE_IN + max(_left_height(result), _right_height(result, signals))
        figure = Figure(figsize=(sum(widths), height_in), layout="constrained")
        panels.title(figure, result)
        columns: list[SubFigure] = list(
            figure.subfigures(1, len(widths), squeeze=False, width_ratios=widths)[0]
        )
        axes: list[Axes] = []
        if spiking:
            axes += _draw_spiking(columns[0], result)
        if signalling:
            axes += _draw_signals(columns[-1], result, signals)
        panels.letter(axes)
        try:
            figure.savefig(path, dpi=dpi)
        except ValueError as error:
            raise UsageError(f"cannot draw {path}: {error}") from error


_Panel = tuple[Callable[[Axes], None], float]


def _signal_panels(result: Result, neighbours: Neighbours) -> list[_Panel]:
    """Return what paints each panel along time, and its height in inches."""
    found: list[_Panel] = []
    if panels.border_rates(result):
        found.append((partial(panels.rates, result=result, height_in=_RATES_IN), _RATES_IN))
    for name in panels.widest_fields(result):
        paint = partial(
            panels.mean_field, result=result, name=name, neighbours=neighbours, height_in=_FIELD_IN
        )
        found.append((paint, _FIELD_IN))
    return found


def _left_height(result: Result) -> float:
    bands = len(result.populations)
    return max(_LOWEST_IN, _AXIS_IN + _BAND_IN * bands) if bands else 0.0


def _right_height(result: Result, signals: Sequence[_Panel]) -> float:
    above = sum(height for _, height in signals) + _AXIS_IN if signals else 0.0
    return above + _below_height(result)


def _below_height(result: Result) -> float:
    roles = len(result.roles)
    return _AXIS_IN + 0.45 + _ROLE_IN * roles if roles else 0.0


def _draw_spiking(figure: FigureBase, result: Result) -> list[Axes]:
    start_ms = settled_ms(result)
    populations = [result.spikes(*names) for names in result.populations]
    left, right = figure.subplots(1, 2, width_ratios=(3.4, 1), sharey=True)
    mean_rates(
        right, [population_row(p.after(start_ms)) for p in populations],
        f"from {format_ms(start_ms)} on",
    )
    raster(left, populations, start_ms)
    panels.share_time([left], result.duration_ms)
    return [left, right]


def _draw_signals(
    figure: FigureBase, result: Result, signals: Sequence[_Panel]
) -> list[Axes]:
    # Apart, as the names of roles would push the other panels aside.
    above = sum(height for _, height in signals) + _AXIS_IN
    heights = [above] * bool(signals) + [_below_height(result)] * bool(result.roles)
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    axes: list[Axes] = []
    if signals:
        grid = parts[0].subplots(
            len(signals), 1, squeeze=False, height_ratios=[height for _, height in signals]
        )
        axes += list(grid[:, 0])
        for (paint, _), ax in zip(signals, axes, strict=True):
            paint(ax)
        panels.share_time(axes, result.duration_ms)
    if result.roles:
        axes.append(parts[-1].subplots())
        waiting(axes[-1], result)
    return axes
