"""One rank under mpirun or srun."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import typer

from cosim import mpi
from cosim.account import ACCOUNT
from cosim.cli.resuming import require_unchanged
from cosim.cli.running import TERMINAL, Request, conclude, console, log_to, prepared
from cosim.errors import CosimError, PeerFailed, ScenarioInvalid, UsageError
from cosim.own_code import allowed
from cosim.plan.build import open_case
from cosim.plan.model import Plan
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.scenario.load import Case
from cosim.sentinel import Sentinel
from cosim.session import Session
from cosim_launch import launched_rank, launched_size

#: How long the other ranks leave it to rank 0 to refuse a scenario.
HOLD_BACK_S = 3.0


def work(request: Request, sentinel: Sentinel) -> int:
    """Run this rank's part of the scenario.

    Returns
    -------
    int
        The exit code.
    """
    rank, size = launched_rank(os.environ), launched_size(os.environ)
    ACCOUNT.stage("reading")
    try:
        case, plan = open_case(request.scenario, request.overrides, size)
        require_unchanged(request, plan.resolved)
    except (ScenarioInvalid, UsageError):
        sentinel.release()
        if rank != 0:
            # A launcher ends all ranks when the first one fails: that must not be before rank 0
            # has told what is wrong.
            time.sleep(HOLD_BACK_S)
            return 2
        raise
    ACCOUNT.stage("meeting")
    ranks = mpi.Mpi()
    run_dir = _agree(request, case, plan, ranks, sentinel)
    if run_dir is None:
        return 2
    sentinel.run_dir(run_dir.path)
    log_to(run_dir.log(ranks.rank), "+".join(r.name for r in plan.roles_on(ranks.rank)), ranks.rank)
    shown = console() if rank == 0 and not request.quiet else None
    progress = Progress(plan.clock, shown)
    try:
        session = Session(
            case, plan, ranks, run_dir, sentinel, progress,
            wait_limit_s=request.wait_limit_s, max_wall_s=request.max_wall_s,
            advice=_advice(case, run_dir),
        )
        notes = session.run()
    except PeerFailed:
        return 1
    if rank == 0:
        conclude(request, case, plan, run_dir, notes)
    return 0


def _advice(case: Case, run_dir: RunDir) -> str:
    """Return how to go on, unless a launching process of ours will tell."""
    if TERMINAL in os.environ or not case.scenario.record.tapes:
        return ""
    return f"to go on: cosim resume {run_dir.path}"


def _agree(
    request: Request, case: Case, plan: Plan, ranks: mpi.Mpi, sentinel: Sentinel
) -> RunDir | None:
    """Compare the plans, and make one run directory; None if the user must mend something."""
    if ranks.size != plan.ranks:
        sentinel.release()
        typer.echo(
            f"cosim: the launcher says {plan.ranks} ranks but MPI says {ranks.size}: mpirun and "
            "the MPI library do not belong together; try 'cosim doctor'", err=True,
        )
        ranks.abort(2)
    code = allowed()
    if not ranks.same_everywhere(f"{plan.hash()} {code.sha256 if code else ''}"):
        sentinel.release()
        raise CosimError("the ranks read different scenarios or run different versions")
    text = ""
    if ranks.rank == 0:
        try:
            text = str(prepared(request, case, plan).path)
        except (UsageError, OSError) as error:
            typer.echo(f"cosim: {error}", err=True)
    path = ranks.from_first(text)
    if not path:
        sentinel.release()
        ranks.finalize()
        sys.stderr.flush()
        return None
    return RunDir(Path(path))
