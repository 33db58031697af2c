"""Which launchers this machine has, and which of them belongs to our MPI library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cosim_launch.launcher import Family, Launcher, LaunchError

CPU_FOLDER = Path("/sys/devices/system/cpu")


def parse_version(text: str) -> tuple[Family, str]:
    """Read the answer of ``mpirun --version``.

    Returns
    -------
    tuple
        The family and the version number.

    Raises
    ------
    LaunchError
        If it is neither MPICH (Hydra) nor Open MPI 4 or later.
    """
    open_mpi = re.search(r"\((?:Open MPI|OpenRTE|PRRTE)\)\s+v?(\d+)([\w.]*)", text)
    if open_mpi:
        major = int(open_mpi[1])
        if major < 4:
            raise LaunchError(f"Open MPI {major}{open_mpi[2]} is too old; expected 4 or later")
        return (Family.OPEN_MPI_4 if major == 4 else Family.OPEN_MPI_5), open_mpi[1] + open_mpi[2]
    hydra = re.search(r"HYDRA build details:\s+Version:\s+(\S+)", text)
    if hydra:
        return Family.MPICH, hydra[1]
    said = text.strip().splitlines()[:1] or ["nothing"]
    raise LaunchError(f"mpirun says {said[0]!r}; expected MPICH or Open MPI")


def parse_mpi_types(text: str) -> frozenset[str]:
    """Read the answer of ``srun --mpi=list``: the process managers that SLURM was built with."""
    return frozenset(re.findall(r"^\s*(?:srun:\s+)?(pmix|pmi2)\s*$", text, re.MULTILINE))


def find_mpirun(prefix: str = sys.prefix, path: str | None = None) -> Launcher:
    """Return the ``mpirun`` of the MPI library that mpi4py loads.

    mpi4py looks for a library inside the Python environment first, then on the system; a
    foreign ``mpirun`` would start that many worlds of one rank each.

    Parameters
    ----------
    prefix
        Root of the Python environment.
    path
        Search path of the shell, by default that of this process.

    Raises
    ------
    LaunchError
        If there is none, or of an unknown kind.
    """
    inside = Path(prefix) / "bin" / "mpirun"
    found = str(inside) if os.access(inside, os.X_OK) else shutil.which("mpirun", path=path)
    if found is None:
        raise LaunchError(
            "no mpirun beside Python or on PATH; install MPICH or Open MPI, "
            "or the Python package mpich"
        )
    family, version = parse_version(_answer([found, "--version"]))
    return Launcher(
        family,
        found,
        version,
        packaged=Path(found) == inside,
        as_root=os.geteuid() == 0,
    )


def srun_for(mpirun: Launcher, program: str, mpi_types: Iterable[str]) -> Launcher | None:
    """Return ``srun`` set up for the MPI library of ``mpirun``, or None if SLURM cannot serve it.

    Parameters
    ----------
    mpirun
        The launcher that belongs to the MPI library.
    program
        Path of ``srun``.
    mpi_types
        Process managers that SLURM was built with.
    """
    needed = "pmi2" if mpirun.family is Family.MPICH else "pmix"
    if needed not in mpi_types:
        return None
    return replace(mpirun, family=Family.SRUN, program=program, mpi=needed)


def available_launchers(prefix: str = sys.prefix, path: str | None = None) -> tuple[Launcher, ...]:
    """Return the launchers of this machine that suit our MPI library, ``srun`` first."""
    mpirun = find_mpirun(prefix, path)
    program = shutil.which("srun", path=path)
    if program is None:
        return (mpirun,)
    srun = srun_for(mpirun, program, parse_mpi_types(_answer([program, "--mpi=list"])))
    return (mpirun,) if srun is None else (srun, mpirun)


def local_cores(cpu_folder: Path = CPU_FOLDER) -> int:
    """Return the number of physical cores that this process may use.

    Launchers count cores, the operating system counts hardware threads.
    """
    allowed = os.sched_getaffinity(0)
    siblings = {_siblings(cpu_folder, cpu) for cpu in allowed}
    return len(siblings)


def _siblings(cpu_folder: Path, cpu: int) -> str:
    try:
        return (cpu_folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _answer(argv: list[str]) -> str:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaunchError(f"{argv[0]} does not answer {argv[1]}: {error}") from error
    return done.stdout + done.stderr
