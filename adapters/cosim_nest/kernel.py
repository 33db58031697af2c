"""The one NEST kernel of a process: imported safely, used by one simulator at a time."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from cosim.clock import NS_PER_MS
from cosim.errors import CosimError
from cosim.streams import derived_seed

# By these a NEST built without MPI concludes that it runs under an MPI launcher and exits.
_LAUNCHER_VARIABLES = (
    "PMI_RANK",
    "PMIX_RANK",
    "MPI_LOCALNRANKS",
    "OMPI_COMM_WORLD_SIZE",
)


def rng_seed(seed: int, name: str) -> int:
    """Return the seed of a simulator's kernel: equal seeds would give equal spikes."""
    return derived_seed(seed, "nest", name)


class NestFailed(CosimError):
    """NEST refused something, or cannot be used here.

    Parameters
    ----------
    doing
        What was under way.
    cause
        NEST's own words, or the reason.
    """

    def __init__(self, doing: str, cause: str) -> None:
        self.doing, self.cause = doing, cause
        super().__init__(f"NEST failed while {doing}: {cause}")


def _hide_launcher() -> None:
    present = [name for name in _LAUNCHER_VARIABLES if name in os.environ]
    if not present:
        return
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_initialized():
        cause = f"MPI is not yet initialised, but would need {present[0]} which NEST must not see"
        raise NestFailed("being imported", cause)
    for name in present:
        del os.environ[name]


@contextmanager
def _quiet_stdout() -> Iterator[None]:
    # The banner comes from C++, so that only the file descriptor helps.
    sys.stdout.flush()
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
        sys.stdout.flush()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)


def load() -> Any:  # noqa: ANN401 - NEST has no types
    """Import NEST without its banner and without it taking part in MPI.

    Under an MPI launcher, MPI must have been initialised before: the variables by which the
    launcher reaches its processes are taken out of the environment, for good, since NEST looks
    for them at every reset as well.

    Raises
    ------
    NestFailed
        If MPI is still to be initialised.
    ImportError
        If NEST is not installed.
    """
    _hide_launcher()
    if "nest" in sys.modules:
        return sys.modules["nest"]
    with _quiet_stdout():
        nest: Any = importlib.import_module("nest")
    nest.verbosity = nest.VerbosityLevel.QUIET
    return nest


def reason(error: Exception) -> str:
    """Return NEST's message without its internals."""
    text = str(error).strip()
    for noise in (", in function Connect: ", ", in function NodeManager::set_status: "):
        text = text.replace(noise, ":")
    text = " ".join(text.split())
    return text.replace("Unaccessed elements in", "unknown keys in") or type(error).__name__


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn what NEST raises into a `NestFailed` that says what was under way."""
    nest = sys.modules["nest"]
    try:
        yield
    except nest.NESTError as error:
        raise NestFailed(doing, reason(error)) from error


class Kernel:
    """Exclusive use of the process's NEST kernel, from a fresh reset to `close`.

    Simulated time advances inside NEST's Prepare context, which is entered when first needed
    and may be left and entered again at any time without changing the result.

    Parameters
    ----------
    user
        Name of the simulator.
    resolution_ms
        Integration step.
    threads
        Threads of this kernel.
    seed
        NEST's seed.

    Raises
    ------
    NestFailed
        If another simulator of this process uses NEST.
    """

    _user: ClassVar[str | None] = None

    def __init__(self, user: str, resolution_ms: float, threads: int, seed: int) -> None:
        if Kernel._user is not None:
            cause = f"this process already runs NEST for '{Kernel._user}', and it has only one"
            raise NestFailed(f"starting '{user}'", cause)
        self.nest = load()
        self._prepared = False
        with explained("setting resolution, threads and seed"):
            self.nest.ResetKernel()
            self.nest.set(resolution=resolution_ms, local_num_threads=threads, rng_seed=seed)
        Kernel._user = user
        self._open = True

    @classmethod
    def busy(cls) -> bool:
        """Whether a simulator of this process uses NEST."""
        return cls._user is not None

    def run(self, time_ms: float) -> None:
        """Advance simulated time."""
        if not self._prepared:
            self.nest.Prepare()
            self._prepared = True
        self.nest.Run(time_ms)

    def now_ns(self) -> int:
        """Return NEST's own biological time, a float in ms that its integer time rounds to."""
        return round(float(self.nest.biological_time) * NS_PER_MS)

    def leave(self) -> None:
        """Leave the Prepare context, which some settings need."""
        if self._prepared:
            self.nest.Cleanup()
            self._prepared = False

    def close(self) -> None:
        """Release the kernel with all that is in it; harmless when repeated."""
        if not self._open:
            return
        self._open = False
        Kernel._user = None
        try:
            self.leave()
        finally:
            self.nest.ResetKernel()
