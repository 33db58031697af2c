"""What a launcher is: its family, its program, and what it needs to be told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cosim.errors import UsageError


class LaunchError(UsageError):
    """No launcher fits, or the one that was asked refused: message, exit code 2, no traceback."""


class Family(Enum):
    """Launchers that share a command-line language."""

    MPICH = "mpich"
    OPEN_MPI_4 = "openmpi4"
    OPEN_MPI_5 = "openmpi5"
    SRUN = "srun"

    @property
    def is_open_mpi(self) -> bool:
        """Whether this is Open MPI's own ``mpirun``."""
        return self in (Family.OPEN_MPI_4, Family.OPEN_MPI_5)


@dataclass(frozen=True)
class Launcher:
    """One launcher found on this machine.

    Parameters
    ----------
    family
        The language its command line speaks.
    program
        Path or name of the executable.
    version
        What it says of itself, for the run directory.
    mpi
        For ``srun``: the value of ``--mpi``, which must suit the MPI library that mpi4py loads.
    packaged
        Whether the MPI library lives inside this Python environment, as a PyPI wheel does. Such
        an Open MPI lacks the site's security plugins.
    as_root
        Whether the job runs as root, which Open MPI must be allowed in so many words.
    """

    family: Family
    program: str
    version: str = ""
    mpi: str = ""
    packaged: bool = False
    as_root: bool = False
