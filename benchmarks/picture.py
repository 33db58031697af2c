"""All ratios in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import LIMITS, Row

COLOURS = {"yes": "tab:green", "no": "tab:red", "": "tab:blue"}


def draw(rows: Sequence[Row], heading: str, path: Path) -> None:
    """Draw every ratio with its spread and its limit, on a logarithmic axis."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if not row.failed]
    figure = Figure(figsize=(9, 1.4 + 0.24 * max(len(shown), 1)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(shown):
        below, above = row.ratio - row.ratio_low, row.ratio_high - row.ratio
        axes.errorbar(
            row.ratio, place, xerr=[[max(below, 0.0)], [max(above, 0.0)]], fmt="o", ms=4,
            color=COLOURS[row.verdict], elinewidth=1,
        )
        if row.limit:
            kind, bound = row.limit.rsplit(" ", 1)
            marker = "|" if kind in LIMITS else "x"
            axes.plot(float(bound), place, marker, color="black", ms=9)
    axes.set_yticks(range(len(shown)), [f"{r.benchmark}: {r.case}" for r in shown], fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1.0, color="0.7", lw=0.8, zorder=0)
    axes.set_xlabel("ratio; bar: what was wanted, green where it is met")
    axes.set_title(heading, fontsize=8)
    figure.savefig(path, dpi=120)
