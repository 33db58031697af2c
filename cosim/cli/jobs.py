"""Job scripts for clusters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import typer

from cosim.cli.checking import checked
from cosim.cli.launching import layout_of, program
from cosim.cli.running import allowing
from cosim.errors import UsageError
from cosim.recording import RunDir
from cosim.recording.run_dir import slug
from cosim_launch import Again, Family, Job, available_launchers, job_script, launch_command
from cosim_launch import submit as hand_in


@dataclass(frozen=True)
class JobRequest:
    """What the user asked for on the command line."""

    scenario: Path
    on: str
    nodes: int
    cores_per_node: int | None
    time: str
    partition: str
    account: str
    ranks: int | None
    run_dir: Path | None
    wait_limit_s: float | None = None


def make_job(request: JobRequest, *, submit: bool, dry_run: bool) -> int:
    """Check the scenario, write the job script, and submit it if asked.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    UsageError
        If the cluster or the time limit is not understood, or SLURM does not serve our MPI.
    """
    if request.on != "slurm":
        raise UsageError(f"--on is '{request.on}'; expected slurm")
    limit = _duration(request.time)
    case, plan = checked(request.scenario, {}, request.ranks)
    layout = layout_of(plan, request.nodes, request.cores_per_node)
    name = slug(case.scenario.name)
    # A folder that is known beforehand is what the same script goes on with.
    run_dir = request.run_dir or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    srun = next((x for x in available_launchers() if x.family is Family.SRUN), None)
    if srun is None:
        raise UsageError(
            "there is no srun that starts ranks of the MPI library installed here; "
            "'srun --mpi=list' shows what SLURM offers: MPICH needs pmi2, Open MPI pmix"
        )
    manner = allowing()
    if request.wait_limit_s is not None:
        manner += ["--wait-limit", f"{request.wait_limit_s:g} s"]
    begins, goes_on = (
        launch_command(srun, layout, (*program(), *arguments, *manner))
        for arguments in (
            ("run", str(request.scenario), "--run-dir", str(run_dir)), ("resume", str(run_dir)),
        )
    )
    job = Job(
        name, layout, limit, Path.cwd(), partition=request.partition, account=request.account
    )
    script = job_script(job, begins, Again(RunDir(run_dir).request, goes_on))
    if dry_run:
        typer.echo(script, nl=False)
        return 0
    path = Path(f"{name}.slurm")
    path.write_text(script, encoding="utf-8")
    typer.echo(f"job script  {path}")
    typer.echo(f"results     {run_dir}; to go on after a time limit, submit the script again")
    if submit:
        number = hand_in(path)
        typer.echo(f"submitted as job {number}; output in {job.output.replace('%j', str(number))}")
    return 0


def _duration(text: str) -> timedelta:
    """Read ``hours:minutes:seconds``, as SLURM writes it."""
    match = re.fullmatch(r"(\d+):([0-5]?\d):([0-5]?\d)", text)
    if match is None:
        raise UsageError(f"--time is '{text}'; expected hours:minutes:seconds, such as 0:10:00")
    hours, minutes, seconds = map(int, match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
