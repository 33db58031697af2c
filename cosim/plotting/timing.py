"""The panel that shows where the wall-clock time went."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from cosim.plotting.style import COMPUTE, EXCHANGE, GREY, WAIT, shortened
from cosim.results.reader import Result

LABEL = 30
_BELOW_POINTS = 25.0


def waiting(ax: Axes, result: Result) -> None:
    """Paint for each role how long it computed, exchanged and waited, and mostly for whom."""
    roles = result.roles
    parts = (("compute_s", "compute", COMPUTE), ("exchange_s", "exchange", EXCHANGE),
             ("wait_s", "wait, mostly for", WAIT))
    left = np.zeros(len(roles))
    rows = np.arange(len(roles))
    timings = [result.timing(role) for role in roles]
    for key, label, colour in parts:
        width = np.array([float(timing[key].sum()) for timing in timings])
        ax.barh(rows, width, left=left, height=0.66, color=colour, label=label)
        left += width
    for row, timing in enumerate(timings):
        peer = _slowest(timing.waited_for.values.tolist(), timing.wait_s.values.tolist())
        if peer:
            ax.annotate(
                shortened(peer, LABEL), (left[row], row), xytext=(3, 0), color=GREY,
                textcoords="offset points", va="center", fontsize=6.5,
            )
    ax.set_yticks(rows, [shortened(role, LABEL) for role in roles])
    ax.set_ylim(len(roles) - 0.4, -0.6)
    ax.set_xlim(right=1.02 * max(left.max(initial=0.0), 1e-3))
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("wall-clock time (s)", loc="left")
    ax.set_title("Where the time went", loc="left")
    # Below the label of the axis: the bars leave no room inside.
    below = ScaledTranslation(0, -_BELOW_POINTS / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=ax.transAxes + below, ncols=3,
        borderaxespad=0, borderpad=0, columnspacing=1.2,
    )


def _slowest(peers: list[str], wait_s: list[float]) -> str:
    """Return for whom a role waited longest; nobody if that is under a tenth of its waiting."""
    total_s: dict[str, float] = {}
    for peer, seconds in zip(peers, wait_s, strict=True):
        total_s[peer] = total_s.get(peer, 0.0) + seconds
    total_s.pop("", None)
    best = max(total_s, key=lambda p: total_s[p], default="")
    return best if best and total_s[best] > 0.1 * sum(wait_s) else ""
