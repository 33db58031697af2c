"""Running every role in this process."""

from __future__ import annotations

import typer

from cosim.account import ACCOUNT
from cosim.cli.checking import checked
from cosim.cli.recorded import resume_command
from cosim.cli.resuming import require_unchanged
from cosim.cli.running import Request, conclude, console, log_to, prepared
from cosim.lifecycle import Stopped, heed_signals
from cosim.progress import Progress
from cosim.recording.disk import Unwritable
from cosim.serial import run_serial


def run_here(request: Request) -> int:
    """Run a scenario without MPI.

    Returns
    -------
    int
        The exit code.
    """
    ACCOUNT.stage("reading")
    case, plan = checked(request.scenario, request.overrides, request.ranks)
    require_unchanged(request, plan.resolved)
    ACCOUNT.stage("meeting")
    run_dir = prepared(request, case, plan)
    log_to(run_dir.log(0), "serial", 0)
    progress = Progress(plan.clock, None if request.quiet else console())
    heed_signals()
    try:
        notes = run_serial(
            case, plan, run_dir, progress, request.max_wall_s, request.wait_limit_s
        )
    except (Stopped, Unwritable) as error:
        typer.echo(f"cosim: {error}", err=True)
        if run_dir.tapes.is_dir():
            typer.echo(f"to go on: {resume_command(run_dir)}", err=True)
        return 1
    conclude(request, case, plan, run_dir, notes)
    return 0
