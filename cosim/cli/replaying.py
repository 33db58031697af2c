"""Running one simulator again, alone."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from cosim.cli.checking import checked
from cosim.cli.recorded import recorded, require_own
from cosim.cli.running import console, log_to, write_inputs
from cosim.errors import UsageError
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.replay import Compared, Replay
from cosim.tapes import TapeDamaged


def replay(
    folder: Path, only: str, *, scenario: Path | None, to: Path | None, quiet: bool
) -> int:
    """Run a simulator of a run again with its transformers, and compare what leaves them.

    Parameters
    ----------
    folder
        The run.
    only
        Name of the simulator.
    scenario
        A changed scenario; None for that of the run.
    to
        Where to record; None for a folder in the run's.
    quiet
        Whether to show no progress.

    Returns
    -------
    int
        0 if everything came out as recorded, 1 if not.

    Raises
    ------
    UsageError
        If there are no tapes, or no such simulator.
    """
    old = recorded(folder, trial=scenario is not None)
    again, windows = _opened(folder, only, scenario or old.scenario, old.overrides)
    if windows < again.plan.clock.windows:
        shorter = {**old.overrides, "duration": f"{windows * old.window_ms!r} ms"}
        again, _ = _opened(folder, only, scenario or old.scenario, shorter)
    if to is None:
        require_own(folder / f"replay-{only}", folder=True)
    run_dir = RunDir.create(only, to or folder / f"replay-{only}", overwrite=to is None)
    write_inputs(run_dir, again.case, again.plan)
    log_to(run_dir.log(0), f"replay of {only}", 0)
    out = console()
    notes = again.run(run_dir, Progress(again.plan.clock, None if quiet else out))
    _show(again.compared, out)
    for note in notes:
        out.print(f"note     {note}", highlight=False, soft_wrap=True)
    out.print(f"results  {run_dir.result}", highlight=False, soft_wrap=True)
    return int(any(kept.differing for kept in again.compared))


def _opened(
    folder: Path, only: str, scenario: Path, overrides: dict[str, str]
) -> tuple[Replay, int]:
    case, plan = checked(scenario, overrides, None)
    again = Replay(case, plan, only, RunDir(folder).tapes)
    try:
        windows = again.windows()
    except TapeDamaged as error:
        raise UsageError(f"{folder} cannot be replayed: {error}") from None
    if windows == 0:
        raise UsageError(f"{folder} cannot be replayed: its tapes hold no whole window")
    return again, windows


def _show(compared: list[Compared], out: Console) -> None:
    table = Table(box=None, title="What left it, against the record", title_justify="left")
    for heading in ("channel", "blocks", "outcome"):
        table.add_column(heading, justify="right" if heading == "blocks" else "left")
    for kept in compared:
        outcome = "as recorded"
        if kept.differing:
            outcome = f"{kept.differing} differ, first in {kept.first}"
        table.add_row(kept.channel, str(kept.blocks), outcome)
    out.print(table if compared else "nothing leaves it")
