"""Starting mpirun, and saying what became of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from cosim.account import ACCOUNT, LAUNCHED
from cosim.cli.checking import checked
from cosim.cli.recorded import resume_command
from cosim.cli.resuming import require_unchanged
from cosim.cli.running import TERMINAL, Request, allowing
from cosim.plan.model import Plan
from cosim.recording import RunDir, finish_result
from cosim.recording.disk import Unwritable
from cosim.results import open_result
from cosim.sentinel import FAILURE_FILE
from cosim_launch import (
    LaunchCommand,
    Layout,
    find_mpirun,
    launch_command,
    local_cores,
    without_launcher,
)

#: How long a job that was told to stop may take before it is killed.
STOP_S = 10.0


def program() -> tuple[str, ...]:
    """Return the tokens that start this command in the same Python environment."""
    beside = Path(sys.executable).parent / "cosim"
    return (str(beside),) if beside.exists() else (sys.executable, "-m", "cosim")


def layout_of(plan: Plan, nodes: int = 1, cores_per_node: int | None = None) -> Layout:
    """Return ranks, threads and cores of a plan, by default on this machine."""
    return Layout(plan.ranks, plan.threads_per_rank(), nodes, cores_per_node or local_cores())


def command_for(plan: Plan, arguments: Sequence[str]) -> LaunchCommand:
    """Return the command that runs ``cosim`` with some arguments on all ranks of a plan."""
    return launch_command(find_mpirun(), layout_of(plan), (*program(), *arguments))


def arguments_of(request: Request) -> list[str]:
    """Return the request as command-line arguments for the ranks."""
    if request.resume:
        arguments = ["resume", str(request.run_dir)]
        if "duration" in request.overrides:
            arguments += ["--duration", str(request.overrides["duration"])]
        return [*arguments, *_manner(request)]
    arguments = ["run", str(request.scenario)]
    overrides = dict(request.overrides)
    placement = overrides.pop("transformers", None)
    for key, value in overrides.items():
        arguments += [f"--{key}", str(value)]
    if placement is not None:
        arguments += ["--placement", str(placement["placement"])]
    if request.run_dir is not None:
        arguments += ["--run-dir", str(request.run_dir)]
    if request.overwrite:
        arguments.append("--overwrite")
    return [*arguments, *_manner(request)]


def _manner(request: Request) -> list[str]:
    shown = ["--no-picture"] * (not request.picture) + ["--quiet"] * request.quiet
    limits = {"--max-wall": request.max_wall_s, "--wait-limit": request.wait_limit_s}
    for option, limit_s in limits.items():
        shown += [] if limit_s is None else [option, f"{limit_s:g} s"]
    return shown + allowing()


def launch_and_wait(request: Request, *, dry_run: bool) -> int:
    """Check the scenario, start mpirun, wait for it.

    Returns
    -------
    int
        The job's exit code.
    """
    case, plan = checked(request.scenario, request.overrides, request.ranks)
    require_unchanged(request, plan.resolved)
    if dry_run:
        typer.echo(command_for(plan, arguments_of(request)).text())
        return 0
    if request.resume and request.run_dir is not None:
        run_dir = RunDir(request.run_dir)
        run_dir.require_writable()
    else:
        run_dir = RunDir.create(
            case.scenario.name, request.run_dir, overwrite=request.overwrite
        )
    ranks = replace(request, run_dir=run_dir.path, overwrite=False)
    command = command_for(plan, arguments_of(ranks))
    code = _wait(command)
    if code != 0:
        _explain(run_dir, code)
    return code if code in (0, 1, 2) else 1


def _wait(command: LaunchCommand) -> int:
    environment = {**without_launcher(os.environ), **command.env}
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    environment[TERMINAL] = str(columns)
    environment[LAUNCHED] = repr(ACCOUNT.born_s)
    # Told to end, this process must not leave its ranks behind.
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.default_int_handler)
    # Standard input stays ours: mpirun would hand it to rank 0 and stop in the background.
    with subprocess.Popen(command.argv, env=environment, stdin=subprocess.DEVNULL) as job:
        try:
            return job.wait()
        except KeyboardInterrupt:
            job.send_signal(signal.SIGTERM)
            try:
                job.wait(STOP_S)
            except subprocess.TimeoutExpired:
                job.kill()
            return 1


def _explain(run_dir: RunDir, code: int) -> None:
    """Say last, where eyes are, what the ranks said first."""
    failure = run_dir.path / FAILURE_FILE
    cause = failure.read_text().strip() if failure.exists() else ""
    cause = cause or f"mpirun ended with status {code}"
    typer.echo(f"\n{cause}", err=True)
    if run_dir.result.exists():
        _note_failure(run_dir, cause.removeprefix("cosim: "))
    found = run_dir.latest_result()
    if found is None:
        typer.echo(f"logs     {run_dir.path}", err=True)
        return
    typer.echo(f"what was recorded until then opens: {found}", err=True)
    if run_dir.tapes.is_dir() or run_dir.earlier:
        typer.echo(f"to go on: {resume_command(run_dir)}", err=True)


def _note_failure(run_dir: RunDir, cause: str) -> None:
    """Write down why the run ended, if no rank could and there is room for it."""
    with open_result(run_dir.path) as result:
        unfinished = result.status == "unfinished"
    if unfinished:
        with contextlib.suppress(Unwritable):
            finish_result(run_dir.result, f"failed: {cause}", {})
