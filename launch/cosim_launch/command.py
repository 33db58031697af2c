"""The command that starts the ranks, as tokens and environment variables."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from cosim_launch.launcher import Family, Launcher, LaunchError

# Libraries below NumPy, SciPy and TVB each bring a thread pool; in a rank they only take cores
# away from other ranks. The simulators' own threads follow OMP_NUM_THREADS.
SINGLE_THREADED = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Layout:
    """How many ranks, with how many threads each, on which cores.

    Parameters
    ----------
    ranks
        Number of MPI ranks, at least 1.
    threads_per_rank
        Threads of every rank, in the order of the ranks.
    nodes
        Number of nodes, over which the ranks are spread in equal blocks.
    cores_per_node
        Physical cores that the job may use on each node.

    Raises
    ------
    LaunchError
        If a number is below 1 or the threads do not cover the ranks.
    """

    ranks: int
    threads_per_rank: tuple[int, ...]
    nodes: int = 1
    cores_per_node: int = 1

    def __post_init__(self) -> None:
        if len(self.threads_per_rank) != self.ranks:
            raise LaunchError(
                f"threads are given for {len(self.threads_per_rank)} ranks; expected {self.ranks}"
            )
        smallest = min((self.ranks, self.nodes, self.cores_per_node, *self.threads_per_rank))
        if smallest < 1:
            raise LaunchError(
                f"layout {self} holds {smallest}; expected ranks, threads, nodes and cores >= 1"
            )
        if self.nodes > self.ranks:
            raise LaunchError(f"{self.ranks} ranks cannot occupy {self.nodes} nodes")

    @property
    def ranks_per_node(self) -> int:
        """Ranks on the fullest node."""
        return -(-self.ranks // self.nodes)

    @property
    def cores_per_rank(self) -> int:
        """Cores reserved for each rank when there are enough: those of the hungriest rank."""
        return max(self.threads_per_rank)

    @property
    def pinned(self) -> bool:
        """Whether every rank can have cores of its own."""
        return self.ranks_per_node * self.cores_per_rank <= self.cores_per_node

    @property
    def oversubscribed(self) -> bool:
        """Whether threads outnumber cores on the fullest node, so that waiting must not spin."""
        blocks = range(0, self.ranks, self.ranks_per_node)
        busiest = max(sum(self.threads_per_rank[i : i + self.ranks_per_node]) for i in blocks)
        return busiest > self.cores_per_node


@dataclass(frozen=True)
class LaunchCommand:
    """A command ready to run.

    Parameters
    ----------
    argv
        Tokens, the launcher first.
    env
        Variables to add to the environment of the launcher.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return one line that a POSIX shell runs to the same effect."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.env.items()]
        return " ".join([*settings, shlex.join(self.argv)])


def launch_command(launcher: Launcher, layout: Layout, program: Sequence[str]) -> LaunchCommand:
    """Return the command that runs ``program`` on all ranks of ``layout``.

    Ranks are bound to cores when each can have its own, and left to the operating system
    otherwise. Thread variables are part of the command line, so it means the same when copied.
    Under ``srun`` all ranks see the same ``OMP_NUM_THREADS``, the largest of the layout.

    Parameters
    ----------
    launcher
        What starts the ranks.
    layout
        Ranks, threads and cores.
    program
        Tokens of the program, its executable first.
    """
    if launcher.family is Family.SRUN:
        return LaunchCommand((*_srun(launcher, layout), *program), _srun_env(launcher))
    if launcher.family is Family.MPICH:
        return LaunchCommand((launcher.program, *_hydra(layout, program)))
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    argv = (launcher.program, *_open_mpi(layout, program))
    return LaunchCommand(argv, root if launcher.as_root else {})


def thread_variables(threads: int, layout: Layout) -> dict[str, str]:
    """Return the variables that limit the thread pools of one rank.

    Parameters
    ----------
    threads
        Threads of the rank's simulator.
    layout
        The whole job: idle OpenMP threads may spin only where cores are free.
    """
    variables = {"OMP_NUM_THREADS": str(threads)}
    if layout.oversubscribed:
        variables["OMP_WAIT_POLICY"] = "PASSIVE"
    return variables | dict.fromkeys(SINGLE_THREADED, "1")


def _segments(layout: Layout) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield neighbouring ranks of equal thread count as (number of ranks, variables)."""
    for threads, group in groupby(layout.threads_per_rank):
        yield len(list(group)), thread_variables(threads, layout)


def _hydra(layout: Layout, program: Sequence[str]) -> Iterator[str]:
    if layout.nodes > 1:
        yield from ("-ppn", str(layout.ranks_per_node))
    yield from ("-bind-to", f"core:{layout.cores_per_rank}" if layout.pinned else "none")
    for index, (ranks, variables) in enumerate(_segments(layout)):
        if index:
            yield ":"
        for name, value in variables.items():
            yield from ("-env", name, value)
        yield from ("-n", str(ranks), *program)


def _open_mpi(layout: Layout, program: Sequence[str]) -> Iterator[str]:
    place = "slot" if layout.nodes == 1 else f"ppr:{layout.ranks_per_node}:node"
    how = f"PE={layout.cores_per_rank}" if layout.pinned else "OVERSUBSCRIBE"
    yield from ("--map-by", f"{place}:{how}")
    yield from ("--bind-to", "core" if layout.pinned else "none")
    for index, (ranks, variables) in enumerate(_segments(layout)):
        if index:
            yield ":"
        for name, value in variables.items():
            yield from ("-x", f"{name}={value}")
        yield from ("-n", str(ranks), *program)


def _srun(launcher: Launcher, layout: Layout) -> Iterator[str]:
    variables = thread_variables(layout.cores_per_rank, layout)
    yield launcher.program
    if launcher.mpi:
        yield f"--mpi={launcher.mpi}"
    yield from (f"--nodes={layout.nodes}", f"--ntasks={layout.ranks}")
    yield from resources(layout)
    yield "--cpu-bind=cores" if layout.pinned else "--cpu-bind=none"
    # Without it the job waits for ever when one rank is killed from outside.
    yield "--kill-on-bad-exit=1"
    yield "--export=ALL," + ",".join(f"{name}={value}" for name, value in variables.items())


def resources(layout: Layout) -> tuple[str, ...]:
    """Return the SLURM options that say how many cores a rank gets."""
    if layout.pinned:
        return (f"--cpus-per-task={layout.cores_per_rank}",)
    return ("--cpus-per-task=1", "--overcommit")


def _srun_env(launcher: Launcher) -> dict[str, str]:
    # SLURM's PMIx server offers munge before its own scheme, and the wheel was built without it.
    if launcher.packaged and launcher.mpi.startswith("pmix"):
        return {"PMIX_MCA_psec": "native"}
    return {}
