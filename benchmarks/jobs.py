"""Whole runs: started as a user would, and read from what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.options import ROOT
from cosim.results import open_result

#: No benchmark's run takes longer.
TIME_LIMIT_S = 600
#: What `cosim run` gives its ranks; a simulator alone gets the same.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1",
}


class JobFailed(RuntimeError):
    """A command ended with an error; its last words are the message."""


def command(*arguments: str) -> None:
    """Run a command of cosim without its output.

    Raises
    ------
    JobFailed
        If it fails or takes longer than `TIME_LIMIT_S`.
    """
    execute((sys.executable, "-m", "cosim", *arguments))


def execute(argv: Sequence[str]) -> str:
    """Run a program and return what it printed.

    Raises
    ------
    JobFailed
        If it fails or takes longer than `TIME_LIMIT_S`.
    """
    with subprocess.Popen(
        argv, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as job:
        try:
            out, err = job.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            # `cosim run` ends its ranks when it is told to end.
            job.terminate()
            job.communicate()
            raise JobFailed(f"{' '.join(argv[1:4])} took longer than {TIME_LIMIT_S} s") from None
    if job.returncode != 0:
        said = (err.strip() or out.strip() or "no output").splitlines()
        raise JobFailed(f"exit {job.returncode}: {' '.join(said[-3:])[-300:]}")
    return out


def run(scenario: Path, run_dir: Path, *options: str) -> Timeline:
    """Run a scenario under mpirun and return where the time went."""
    command(
        "run", str(scenario), "--run-dir", str(run_dir), "--overwrite", "--no-picture", "-q",
        *options,
    )
    return Timeline.read(run_dir)


def alone(run_dir: Path, simulator: str) -> float:
    """Run one simulator of a run again, with what it had received, and nothing beside it.

    Returns
    -------
    float
        Seconds that the simulator took: without reading tapes, and without the transformers that
        are run again with it.
    """
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "alone"
        command("replay", str(run_dir), "--only", simulator, "--to", str(to), "-q")
        return Timeline.read(to).work_s[simulator]


@dataclass(frozen=True)
class Timeline:
    """Where the wall-clock time of a run went.

    Parameters
    ----------
    wall_s
        From the moment at which the last role began its first window to the end of the last
        window of all.
    work_s
        Time of each role that it neither waited nor exchanged, by name.
    cpu_s
        Processor time of each role in `wall_s`, waiting included.
    rank_of
        The rank of each role.
    simulators
        Names of the simulators.
    peaks_mb
        Most memory that each rank has held.
    stages_s
        What each role's rank did before its first window.
    """

    wall_s: float
    work_s: Mapping[str, float]
    cpu_s: Mapping[str, float]
    rank_of: Mapping[str, int]
    simulators: tuple[str, ...]
    peaks_mb: Mapping[str, float]
    stages_s: Mapping[str, Mapping[str, float]]

    @property
    def slowest(self) -> str:
        """The simulator that worked longest."""
        return max(self.simulators, key=lambda name: self.work_s[name])

    @classmethod
    def read(cls, run_dir: Path) -> Timeline:
        """Read what a run left behind."""
        with open_result(run_dir) as result:
            begins, ends, work, used, stages = {}, {}, {}, {}, {}
            for role in result.roles:
                timing = result.timing(role)
                parts = {
                    name: timing[f"{name}_s"].values
                    for name in ("wait", "exchange", "compute", "convert", "record", "other")
                }
                begins[role] = timing.attrs["origin_unix_s"] + timing["begin_s"].values
                ends[role] = begins[role] + sum(parts.values())
                own = [p for name, p in parts.items() if name not in ("wait", "exchange")]
                work[role] = float(np.sum(own))
                used[role] = timing["cpu_s"].values
                stages[role] = dict(timing.attrs["stages"])
            start = max(float(begin[0]) for begin in begins.values())
            # Who is ready early waits for the others, and that is no part of the run.
            cpu = {
                role: float(np.sum(used[role] * _after(start, begins[role], ends[role])))
                for role in used
            }
            simulators = tuple(str(s["name"]) for s in result.plan["simulators"])
            rank_of = {
                str(entry["name"]): int(entry["rank"])
                for entry in (*result.plan["simulators"], *result.plan["transformers"])
            }
            peaks = {
                ", ".join(r for r in rank_of if rank_of[r] == rank) or "idle": float(peak)
                for rank, peak in enumerate(result.summary.get("max_rss_mb", ()))
            }
            return cls(
                max(float(end[-1]) for end in ends.values()) - start, work, cpu, rank_of,
                tuple(s for s in simulators if s in work), peaks, stages,
            )

    def bound_s(self, cores: int) -> float:
        """Return the time that the layout's processor time takes on so many cores at least.

        It is spread evenly, unless one rank alone has more than its share.
        """
        of_rank = dict.fromkeys(self.rank_of.values(), 0.0)
        for role, seconds in self.cpu_s.items():
            of_rank[self.rank_of[role]] += seconds
        return max(sum(of_rank.values()) / cores, *of_rank.values())


Times = NDArray[np.float64]


def _after(start: float, begins: Times, ends: Times) -> Times:
    """Return which part of each window lies after a moment."""
    lengths = np.maximum(ends - begins, 1e-12)
    return np.clip((ends - start) / lengths, 0.0, 1.0)
