"""The panel that shows where the wall-clock time went."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from cosim.plotting.style import GREY, SPENT, shortened
from cosim.results.profile import SUMS, profile_of
from cosim.results.reader import Result

LABEL = 30
_BELOW_POINTS = 25.0


def waiting(ax: Axes, result: Result) -> None:
    """Paint for each role what its time went into, and for whom it mostly waited."""
    roles = sorted(profile_of(result).roles, key=lambda role: role.role)
    left = np.zeros(len(roles))
    rows = np.arange(len(roles))
    for name in SUMS:
        width = np.array([role.sums_s[name] for role in roles])
        label = "wait for" if name == "wait" else name
        ax.barh(rows, width, left=left, height=0.66, color=SPENT[name], label=label)
        left += width
    for row, role in enumerate(roles):
        if role.longest_waited_for:
            ax.annotate(
                shortened(role.longest_waited_for, LABEL), (left[row], row), xytext=(3, 0),
                color=GREY, textcoords="offset points", va="center", fontsize=6.5,
            )
    ax.set_yticks(rows, [shortened(role.role, LABEL) for role in roles])
    ax.set_ylim(len(roles) - 0.4, -0.6)
    ax.set_xlim(right=1.02 * max(left.max(initial=0.0), 1e-3))
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("wall-clock time (s)", loc="left")
    ax.set_title("Where the time went", loc="left")
    # Below the label of the axis: the bars leave no room inside.
    below = ScaledTranslation(0, -_BELOW_POINTS / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=ax.transAxes + below,
        ncols=len(SUMS), borderaxespad=0, borderpad=0, columnspacing=1.0, handlelength=1.2,
    )
