"""Runs scenarios one after another, and takes those up again that are already done."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cosim import open_result
from cosim.results import Result, ResultError
from cosim.scenario.load import load

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / "configs"
log = logging.getLogger("comparison")


@dataclass(frozen=True)
class Job:
    """One run of a scenario.

    Parameters
    ----------
    scenario
        The file.
    seed
        Takes the place of the file's.
    seconds
        Biological time.
    folder
        Where its results are, or will be.
    """

    scenario: Path
    seed: int
    seconds: float
    folder: Path

    @property
    def duration_ms(self) -> float:
        """Biological time in whole microseconds, so that it can be compared."""
        return round(self.seconds * 1e3, 3)

    def is_done(self) -> bool:
        """Return whether the folder holds this very run, complete."""
        try:
            with open_result(self.folder) as result:
                return (
                    result.status == "complete"
                    and result.duration_ms == self.duration_ms
                    and result.resolved["seed"] == self.seed
                    and result.scenario_text == load(self.scenario).text
                )
        except ResultError:
            return False

    def command(self) -> list[str]:
        """Return the command line of the run."""
        return [
            *(sys.executable, "-m", "cosim", "run", str(self.scenario)),
            *("--seed", str(self.seed), "--duration", f"{self.duration_ms:g} ms"),
            *("--run-dir", str(self.folder), "--overwrite", "--no-picture"),
        ]


def jobs(name: str, seeds: Sequence[int], seconds: float, out: Path) -> list[Job]:
    """Return the runs of ``configs/<name>.yaml`` for some seeds, in folders below `out`."""
    scenario = CONFIGS / f"{name}.yaml"
    return [Job(scenario, seed, seconds, out / f"{name}-{seed}") for seed in seeds]


def carry_out(wanted: Sequence[Job]) -> None:
    """Run what is not done yet; what each run prints goes to ``<folder>.log``.

    Raises
    ------
    subprocess.CalledProcessError
        If a run fails.
    """
    missing = [job for job in wanted if not job.is_done()]
    log.info("%d of %d runs are there", len(wanted) - len(missing), len(wanted))
    for number, job in enumerate(missing, 1):
        log.info("run %d of %d: %s for %g s", number, len(missing), job.folder.name, job.seconds)
        job.folder.parent.mkdir(parents=True, exist_ok=True)
        with job.folder.with_suffix(".log").open("wb") as text:
            subprocess.run(job.command(), stdout=text, stderr=text, check=True)


@contextmanager
def opened(job: Job) -> Iterator[Result]:
    """Open the results of a run and close them at the end."""
    with open_result(job.folder) as result:
        yield result
