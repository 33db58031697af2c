"""One picture that shows a whole hybrid run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cosim.errors import UsageError
from cosim.plotting import panels
from cosim.plotting.style import STYLE
from cosim.results.reader import Result

WIDTH_IN = 7.2
_RATES_IN, _BRAIN_IN, _ROLE_IN = 1.5, 1.6, 0.26


def draw(
    result: Result,
    path: str | Path,
    neighbours: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Draw rates at the borders, mean-field activity, spikes, and who waited for whom.

    Panels for which the result holds no data are left out.

    Parameters
    ----------
    result
        An open result.
    path
        File to write; its ending says the format (png, pdf, svg).
    neighbours
        For each spiking region, labels of the mean-field regions to highlight.

    Raises
    ------
    UsageError
        If the result holds nothing to draw, or the format is unknown.
    """
    path = Path(path)
    above = _time_panels(result, neighbours or {})
    roles = result.roles
    if not above and not roles:
        raise UsageError(f"{result.path} holds nothing to draw")
    heights = [h for _, h in above] + [0.45 + _ROLE_IN * len(roles)] * bool(roles)
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, sum(heights) + 0.5), layout="constrained")
        grid = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
        axes: list[Axes] = list(grid[:, 0])
        for (paint, _), ax in zip(above, axes, strict=False):
            paint(ax)
        if above:
            panels.share_time(axes[: len(above)], result.duration_ms)
        if roles:
            panels.waiting(axes[-1], result)
        panels.letter(axes)
        panels.title(figure, result)
        _save(figure, path)


def _time_panels(
    result: Result, neighbours: Mapping[str, Sequence[str]]
) -> list[tuple[Callable[[Axes], None], float]]:
    """Return what paints each panel along time, and its height in inches."""
    found: list[tuple[Callable[[Axes], None], float]] = []
    if panels.border_rates(result):
        found.append((lambda ax: panels.rates(ax, result), _RATES_IN))
    for name in panels.widest_fields(result):
        paint = partial(panels.mean_field, result=result, name=name, neighbours=neighbours)
        found.append((paint, _BRAIN_IN))
    if result.populations:
        height = 1.0 + 0.42 * len(result.populations)
        found.append((lambda ax: panels.raster(ax, result), height))
    return found


def _save(figure: Figure, path: Path) -> None:
    try:
        figure.savefig(path)
    except ValueError as error:
        raise UsageError(f"cannot draw {path}: {error}") from error
