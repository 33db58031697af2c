"""The timeline of a run: roles as rows, coloured by what they did."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cosim.plotting.style import GREY, INK, PALE, SPENT, STYLE, shortened
from cosim.results.profile import Profile, RoleProfile, Seconds

LABELS = {"wait": "wait", "other": "other (control, loop)"}
#: Cells of time in the overview.
CELLS = 400
#: Windows of the zoom.
ZOOM_WINDOWS = 20
#: Below this share of the zoom's width a stretch has no room for a name.
_NAMED = 0.045
_HEIGHT = 0.78
_LABEL = 34


def draw_timeline(
    profile: Profile, path: Path, between_ms: tuple[float, float] | None = None
) -> None:
    """Draw the whole run above, and some of its windows below.

    Parameters
    ----------
    profile
        The account of a run.
    path
        File to write; its ending says in which format.
    between_ms
        First and last biological time of the part shown below; by default the middle windows.

    Raises
    ------
    ValueError
        If no role has a window between these times.
    """
    with mpl.rc_context(STYLE):
        rows = max(len(profile.roles), 1)
        figure = Figure(figsize=(7.6, 1.5 + 0.34 * rows * 2), layout="constrained")
        above, below = figure.subplots(2, 1)
        overview(above, profile)
        zoom(below, profile, between_ms or middle(profile))
        _legend(figure, profile)
        figure.savefig(path)


def middle(profile: Profile) -> tuple[float, float]:
    """Return the biological times, in ms, of some windows in the middle of what was run."""
    count = max((len(r.window) for r in profile.roles), default=0)
    window_ms = profile.roles[0].window_ms if profile.roles else 1.0
    first = max(0, (count - ZOOM_WINDOWS) // 2)
    return first * window_ms, min(first + ZOOM_WINDOWS, max(count, 1)) * window_ms


def overview(ax: Axes, profile: Profile) -> None:
    """Show the share of each state in cells of wall-clock time, however many windows there are."""
    begin_s, end_s = profile.span_s
    edges = np.linspace(begin_s, max(end_s, begin_s + 1e-9), CELLS + 1)
    for row, role in enumerate(profile.roles):
        floor = np.full(CELLS, row + _HEIGHT / 2)
        for state in _stacked(role):
            share = shares(role, state, edges)
            top = floor - _HEIGHT * share
            ax.fill_between(
                edges - begin_s, np.append(floor, floor[-1]), np.append(top, top[-1]),
                step="post", color=SPENT[state], linewidth=0,
            )
            floor = top
        _repeated(ax, role, row, begin_s)
    _rows(ax, profile)
    ax.set_xlim(0, edges[-1] - begin_s)
    ax.set_title("The whole run", loc="left")
    ax.set_xlabel("wall-clock time since the first window (s)", loc="left")


def shares(role: RoleProfile, state: str, edges: Seconds) -> Seconds:
    """Return which share of each cell of time a role spent in a state, 0 to 1."""
    if not len(role.window):
        return np.zeros(len(edges) - 1)
    begin, end = role.edges()[state]
    times = np.column_stack((begin, end)).ravel()
    spent = np.cumsum(np.column_stack((np.zeros(len(begin)), end - begin)).ravel())
    # Rounding must not let a time come before the one in front of it.
    until = np.interp(edges, np.maximum.accumulate(times), spent)
    return np.clip(np.diff(until) / np.diff(edges), 0.0, 1.0)


def zoom(ax: Axes, profile: Profile, between_ms: tuple[float, float]) -> None:
    """Show every stretch of the windows between two biological times."""
    parts = [_chosen(role, between_ms) for role in profile.roles]
    lived = [(role, part) for role, part in zip(profile.roles, parts, strict=True) if part.any()]
    if not lived:
        raise ValueError(f"no window is between {between_ms[0]:g} and {between_ms[1]:g} ms")
    zero_s = profile.span_s[0]
    begin_s = min(float(role.begin_s[part][0]) for role, part in lived)
    end_s = max(float(role.end_s[part][-1]) for role, part in lived)
    for row, role in enumerate(profile.roles):
        # What else goes on then is shown too: roles are some windows apart.
        seen = (role.end_s > begin_s) & (role.begin_s < end_s)
        for state, (begin, end) in role.edges().items():
            long = seen & (end > begin)
            bars = list(zip(begin[long] - zero_s, (end - begin)[long], strict=True))
            ax.broken_barh(bars, (row - _HEIGHT / 2, _HEIGHT), color=SPENT[state], linewidth=0)
        _marks(ax, role, row, seen, zero_s, end_s - begin_s)
        _repeated(ax, role, row, zero_s)
    _rows(ax, profile)
    ax.set_xlim(begin_s - zero_s, end_s - zero_s)
    ax.set_title(f"Windows between {between_ms[0]:g} and {between_ms[1]:g} ms", loc="left")
    ax.set_xlabel("wall-clock time since the first window (s)", loc="left")


def _chosen(role: RoleProfile, between_ms: tuple[float, float]) -> np.ndarray:
    start_ms = role.window * role.window_ms
    slack = 1e-6 * role.window_ms
    return (start_ms >= between_ms[0] - slack) & (
        start_ms + role.window_ms <= between_ms[1] + slack
    )


def _marks(
    ax: Axes, role: RoleProfile, row: int, seen: np.ndarray, zero_s: float, width_s: float
) -> None:
    """Draw where windows begin, and for whom the longest waits were."""
    starts = role.begin_s[seen] - zero_s
    if len(starts) <= 80:
        ax.vlines(starts, row - _HEIGHT / 2, row + _HEIGHT / 2, color="white", linewidth=0.5)
    for i in np.flatnonzero(seen & (role.spent_s["wait"] > _NAMED * width_s)):
        begin, end = (edge[i] - zero_s for edge in role.edges()["wait"])
        room = int(90 * (end - begin) / width_s)
        if role.waited_for[i] and room > 5:
            ax.text(
                (begin + end) / 2, row, shortened(str(role.waited_for[i]), room), fontsize=5,
                ha="center", va="center", color=GREY, clip_on=True,
            )


def _stacked(role: RoleProfile) -> list[str]:
    """Return the states from the bottom of a row to its top: waiting on top."""
    busy = [s for s in ("compute", "convert", "record", "receive", "send", "exchange", "other")
            if s in role.spent_s]
    return [*busy, "wait"]


def _repeated(ax: Axes, role: RoleProfile, row: int, zero_s: float) -> None:
    """Underline the windows that were known from tapes."""
    if not role.repeated.any():
        return
    last = int(np.flatnonzero(role.repeated)[-1])
    ax.hlines(
        row + 0.46, float(role.begin_s[0]) - zero_s, float(role.end_s[last]) - zero_s,
        color="#882255", linewidth=1.6,
    )


def _rows(ax: Axes, profile: Profile) -> None:
    names = [shortened(role.role, _LABEL) for role in profile.roles]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    # A line between ranks, and their numbers at the right.
    row = 0
    for rank, roles in profile.ranks().items():
        if row:
            ax.axhline(row - 0.5, color=PALE, linewidth=0.6, zorder=0)
        if not profile.serial:
            ax.text(
                1.006, row + (len(roles) - 1) / 2, f"rank {rank}", fontsize=6, color=INK,
                transform=ax.get_yaxis_transform(), va="center",
            )
        row += len(roles)


def _legend(figure: Figure, profile: Profile) -> None:
    shown = [s for s in _stacked_all(profile) if any(r.total_s[s] > 0 for r in profile.roles)]
    handles = [Patch(color=SPENT[s], label=LABELS.get(s, s)) for s in shown]
    if any(role.repeated.any() for role in profile.roles):
        handles.append(Patch(color="#882255", label="repeated from tapes (line below)"))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles))


def _stacked_all(profile: Profile) -> list[str]:
    return _stacked(profile.roles[0]) if profile.roles else []
