"""Trying what a run needs, one thing after the other, and saying what to do about the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cosim.cli.running import console
from cosim.errors import CosimError
from cosim.patience import cores
from cosim.simulator import engines
from cosim_launch import (
    LaunchCommand,
    Layout,
    available_launchers,
    find_mpirun,
    launch_command,
    local_cores,
    without_launcher,
)

PROBE_S = 120.0
PROBE_RANKS = 3


@dataclass(frozen=True)
class Finding:
    """What one probe found.

    Parameters
    ----------
    name
        What was tried.
    good
        Whether it works; None for a mere fact.
    text
        What was found, or what to do.
    """

    name: str
    good: bool | None
    text: str


class ProbeFailed(CosimError):
    """A probe did not succeed; the message says what to do."""


def doctor() -> int:
    """Run all probes and print what they find.

    Returns
    -------
    int
        0 if everything works, else 1.
    """
    out = console()
    good = True
    for finding in findings():
        mark = {True: "[green]good[/]", False: "[red]BAD [/]", None: "    "}[finding.good]
        out.print(f"{mark} {finding.name:<22} {finding.text}", highlight=False, soft_wrap=True)
        good = good and finding.good is not False
    out.print("everything a run needs works" if good else "mend what is BAD, then try again")
    return 0 if good else 1


def findings() -> Iterator[Finding]:
    """Yield the findings in the order of what needs what."""
    yield Finding("Python", None, f"{sys.version.split()[0]} in {sys.prefix}")
    yield _tried("HDF5", _hdf5)
    yield _tried("launcher", _launcher)
    yield _tried("MPI", lambda: _under_mpi("world"))
    for name in sorted(engines()):
        yield _tried(name, lambda name=name: _engine(name))  # type: ignore[misc]
        yield _tried(f"{name} under MPI", lambda name=name: _under_mpi(name))  # type: ignore[misc]
    yield _cores()
    yield _slurm()


def _tried(name: str, probe: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, probe())
    except CosimError as error:
        return Finding(name, False, str(error))


def _hdf5() -> str:
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.h5"
        with h5py.File(path, "w", libver="latest") as file:
            file.create_dataset("x", (0,), "f8", maxshape=(None,))
            file.swmr_mode = True
    return f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}, reading while writing"


def _launcher() -> str:
    mpirun = find_mpirun()
    return f"{mpirun.program} ({mpirun.family.value} {mpirun.version})"


def _engine(name: str) -> str:
    versions = engines()[name].versions()
    return ", ".join(f"{k} {v}" for k, v in versions.items())


def _probe_command(what: str) -> LaunchCommand:
    layout = Layout(PROBE_RANKS, (1,) * PROBE_RANKS, 1, local_cores())
    program = (sys.executable, "-m", "cosim.cli.probe", what)
    return launch_command(find_mpirun(), layout, program)


def _under_mpi(what: str) -> str:
    """Start a few ranks that try something, and read the line of the first one."""
    command = _probe_command(what)
    environment = {**without_launcher(os.environ), **command.env}
    try:
        done = subprocess.run(
            command.argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PROBE_S, check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProbeFailed(f"{error}; try: {command.text()}") from error
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    said = [line.removeprefix("probe: ") for line in lines if line.startswith("probe: ")]
    if done.returncode or not said:
        last = next((line for line in reversed(lines) if line.strip()), "nothing")
        raise ProbeFailed(f"status {done.returncode}, '{last}'; try: {command.text()}")
    if what == "world" and f"{PROBE_RANKS} ranks" not in said[0]:
        raise ProbeFailed(
            f"{said[0]} instead of {PROBE_RANKS} ranks: mpirun and the MPI library of mpi4py do "
            "not belong together; use the mpirun of the same installation"
        )
    return said[0]


def _cores() -> Finding:
    threads, physical = cores(), local_cores()
    text = (
        f"{physical} cores ({threads} hardware threads); plans with more ranks run oversubscribed: "
        "ranks then sleep while they wait"
    )
    return Finding("cores", None, text)


def _slurm() -> Finding:
    names = [launcher.family.value for launcher in available_launchers()]
    if "srun" in names:
        return Finding("SLURM", True, "srun fits the MPI library; see 'cosim launch'")
    return Finding("SLURM", None, "no srun that fits the MPI library; mpirun is used")

