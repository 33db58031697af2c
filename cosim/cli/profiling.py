"""Where the wall-clock time of a run went."""

from __future__ import annotations

import re
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cosim.account import STAGES
from cosim.cli.options import time_ms
from cosim.cli.recorded import require_own
from cosim.cli.running import console
from cosim.errors import UsageError
from cosim.results import open_result
from cosim.results.advice import advice
from cosim.results.profile import Profile, profile_of
from cosim.results.trace import Channel

#: Lines of the tables that have no natural end.
SLOWEST, WAITS = 5, 8


def profile(
    folder: Path, *, trace: Path | None, since: str | None, until: str | None, picture: bool
) -> int:
    """Show the account of a run as tables, a picture, a trace and one sentence.

    Parameters
    ----------
    folder
        The run.
    trace
        File for the trace; None for none.
    since, until
        Biological times between which the picture shows every window.
    picture
        Whether to draw.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    UsageError
        If the times are none of the run's, or a file cannot be written.
    ResultError
        If there is no result.
    """
    out = console()
    with open_result(folder) as result:
        account = profile_of(result)
        channels = _channels(result.plan.get("channels"))
        between_ms = _between_ms(since, until, result.duration_ms)
        home = result.path.parent
    for table in (_roles(account), _waits(account), _slowest(account), _preparation(account)):
        if table.row_count:
            out.print(table)
    _remarks(account, out)
    if picture and account.wall_s > 0:
        _draw(account, home, between_ms, out)
    if trace is not None:
        _trace(account, channels, trace, out)
    out.print(advice(account), highlight=False)
    return 0


def _between_ms(
    since: str | None, until: str | None, duration_ms: float
) -> tuple[float, float] | None:
    """Return the part of a run that ``--from`` and ``--to`` ask for; None if neither is given.

    Raises
    ------
    UsageError
        If it is no part of the run.
    """
    if since is None and until is None:
        return None
    # From the beginning is natural to ask for.
    zero = since is None or re.fullmatch(r"0+(\.0*)?\s*(ms|s)?", since.strip()) is not None
    begin_ms = 0.0 if zero else time_ms("--from", str(since))
    end_ms = duration_ms if until is None else time_ms("--to", until)
    if not begin_ms < min(end_ms, duration_ms):
        raise UsageError(
            f"--from {begin_ms:g} ms --to {end_ms:g} ms is no part of a run of {duration_ms:g} ms"
        )
    return begin_ms, end_ms


def _channels(found: object) -> list[Channel]:
    keys = ("source", "target", "lag", "last")
    entries = found if isinstance(found, list) else []
    return [e for e in entries if isinstance(e, dict) and all(k in e for k in keys)]


def _draw(
    account: Profile, home: Path, between_ms: tuple[float, float] | None, out: Console
) -> None:
    from cosim.plotting.timeline import draw_timeline

    path = home / "timeline.png"
    require_own(path)
    try:
        draw_timeline(account, path, between_ms)
    except ValueError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    out.print(f"picture  {path}", highlight=False, soft_wrap=True)


def _trace(
    account: Profile, channels: list[Channel], path: Path, out: Console
) -> None:
    from cosim.results.trace import write_trace

    try:
        count = write_trace(account, channels, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    out.print(f"trace    {path} ({count} events)", highlight=False, soft_wrap=True)


def _remarks(account: Profile, out: Console) -> None:
    if account.status != "complete":
        out.print(f"the run is {account.status}; this is the account up to there",
                  highlight=False, markup=False, soft_wrap=True)
    repeated = max((int(r.repeated.sum()) for r in account.roles), default=0)
    if repeated:
        out.print(f"the first {repeated} windows were repeated from tapes", highlight=False)
    if not account.detailed:
        out.print(
            "an earlier version wrote this result: computing includes converting and recording",
            highlight=False,
        )


def _roles(account: Profile) -> Table:
    states = [s for s in ("compute", "convert", "receive", "send", "exchange", "record", "wait",
                          "other") if s in account.states]
    table = _table("Where the time went, in shares of the run", "role", "rank", *states,
                   "windows", "x real time", left=1)
    for role in account.roles:
        shares = [_share(role.total_s[s], account.wall_s) for s in states]
        table.add_row(role.role, str(role.rank), *shares, str(len(role.window)),
                      f"{role.real_time_factor:.3g}")
    return table


def _waits(account: Profile) -> Table:
    table = _table("Who waits for whom", "role", "for", "seconds", "of the run", left=2)
    for (role, peer), seconds in list(account.waits().items())[:WAITS]:
        table.add_row(role, peer, f"{seconds:.2f}", _share(seconds, account.wall_s))
    return table


def _slowest(account: Profile) -> Table:
    table = _table("Slowest windows, without waiting", "role", "from", "took", "usually", "mostly",
                   left=1)
    window_ms = {role.role: role.window_ms for role in account.roles}
    for slow in account.slowest(SLOWEST):
        table.add_row(slow.role, f"{slow.window * window_ms[slow.role]:g} ms",
                      f"{1e3 * slow.length_s:.2f} ms", f"{1e3 * slow.median_s:.2f} ms", slow.state)
    return table


def _preparation(account: Profile) -> Table:
    every = [*STAGES, "others"]
    found = {
        rank: {s: roles[0].stages.get(s, 0.0) for s in STAGES}
        | {"others": sum(r.stages.get("others", 0.0) for r in roles)}
        for rank, roles in account.ranks().items() if roles[0].stages
    }
    shown = [s for s in every if any(stages[s] > 0 for stages in found.values())]
    table = _table("From launch to the first window, in seconds", "rank", *shown, "together",
                   "roles", left=0)
    for rank, stages in found.items():
        roles = account.ranks()[rank]
        cells = [f"{stages[s]:.2f}" for s in shown]
        table.add_row(str(rank), *cells, f"{sum(stages.values()):.2f}",
                      roles[0].role if len(roles) == 1 else f"{len(roles)} roles")
    return table


def _share(seconds: float, wall_s: float) -> str:
    return f"{seconds / wall_s:.1%}" if wall_s > 0 else ""


def _table(title: str, *columns: str, left: int) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        side = "left" if i < left or column in ("mostly", "roles") else "right"
        table.add_column(column, justify=side, overflow="fold")  # type: ignore[arg-type]
    return table
