"""Job scripts for SLURM."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from string import Template

from cosim_launch.command import LaunchCommand, Layout, resources
from cosim_launch.launcher import LaunchError

#: Time to close files, amply.
WARNING = timedelta(seconds=60)


@dataclass(frozen=True)
class Job:
    """What a batch job asks of SLURM.

    Parameters
    ----------
    name
        Shown in the queue.
    layout
        Ranks, threads and nodes.
    time_limit
        Wall-clock time after which SLURM ends the job.
    folder
        Folder in which the job runs.
    output
        File for all that the ranks print, relative to ``folder``; ``%j`` stands for the job's
        number.
    partition
        Queue, empty for the site's default.
    account
        Whom to charge, empty for the user's default.
    prefix
        Root of the Python environment to activate.

    Before the time limit the ranks are sent SIGUSR1: `WARNING` earlier, or a quarter of the limit
    if that is less. SLURM may send it a minute earlier than that.
    """

    name: str
    layout: Layout
    time_limit: timedelta
    folder: Path
    output: str = "slurm-%j.out"
    partition: str = ""
    account: str = ""
    prefix: str = sys.prefix


@dataclass(frozen=True)
class Again:
    """What a script does that is handed in again.

    Parameters
    ----------
    begun
        A file that is there if the job has begun before.
    command
        What to run then, made for the same layout.
    """

    begun: Path
    command: LaunchCommand


def job_script(job: Job, command: LaunchCommand, again: Again | None = None) -> str:
    """Return the script to hand to ``sbatch``.

    Parameters
    ----------
    job
        What to ask SLURM for.
    command
        What to run there, made for the same layout.
    again
        What to do if the same script has run before; by default the same.

    Raises
    ------
    LaunchError
        If a value cannot stand on an ``#SBATCH`` line.
    """
    optional = {"partition": job.partition, "account": job.account}
    for value in (job.name, str(job.folder / job.output), *optional.values()):
        if not value.isprintable():
            raise LaunchError(f"SLURM option {value!r} holds a line break or control character")
    return Template(files(__package__).joinpath("job.sh.template").read_text()).substitute(
        name=shlex.quote(job.name),
        nodes=job.layout.nodes,
        ranks=job.layout.ranks,
        resources="\n".join(f"#SBATCH {option}" for option in _resources(job.layout)),
        time=slurm_time(job.time_limit),
        warning=-(-min(WARNING, job.time_limit / 4) // timedelta(seconds=1)),
        output=shlex.quote(str(job.folder / job.output)),
        optional="".join(
            f"#SBATCH --{key}={shlex.quote(value)}\n" for key, value in optional.items() if value
        ),
        activation=_activation(job.prefix),
        folder=shlex.quote(str(job.folder)),
        settings="".join(f"export {k}={shlex.quote(v)}\n" for k, v in command.env.items()),
        again="" if again is None else _if_begun(again),
        command=shlex.join(command.argv),
    )


def slurm_time(limit: timedelta) -> str:
    """Return a time limit as ``hours:minutes:seconds``, rounded up to a second.

    Raises
    ------
    LaunchError
        If it is not positive.
    """
    seconds = -(-limit // timedelta(seconds=1))
    if seconds < 1:
        raise LaunchError(f"time limit is {limit}; expected more than nothing")
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def submit(script: Path) -> int:
    """Hand a script to ``sbatch`` and return the job's number.

    Raises
    ------
    LaunchError
        If ``sbatch`` is missing or refuses; its own words are quoted.
    """
    argv = ["sbatch", "--parsable", str(script)]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaunchError(f"sbatch does not answer: {error}") from error
    number = done.stdout.partition(";")[0].strip()
    if done.returncode != 0 or not number.isdigit():
        said = (done.stderr or done.stdout).strip()
        raise LaunchError(f"sbatch refuses {script}: {said}")
    return int(number)


def _resources(layout: Layout) -> tuple[str, ...]:
    # SLURM refuses more tasks on a node than it has cores, --overcommit or not.
    if not layout.pinned or layout.nodes == 1:
        return resources(layout)
    return (f"--ntasks-per-node={layout.ranks_per_node}", *resources(layout))


def _if_begun(again: Again) -> str:
    condition = f"if [ -e {shlex.quote(str(again.begun))} ]; then\n"
    return f"{condition}    exec {shlex.join(again.command.argv)}\nfi\n"


def _activation(prefix: str) -> str:
    script = Path(prefix) / "bin" / "activate"
    if script.exists():
        return f"source {shlex.quote(str(script))}"
    return f"export PATH={shlex.quote(str(Path(prefix) / 'bin'))}:$PATH"
