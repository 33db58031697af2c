"""Memory of every rank against the length of a run.

``python benchmarks/memory.py configs/demo.yaml -d "1 s" -d "10 s"`` runs a scenario once for each
duration and prints the most memory that each rank has held. What a rank keeps must not grow with
the length of a run: recordings go to files, and messages under way are bounded by the lag.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cosim.results import open_result


def peaks(scenario: Path, duration: str, options: Sequence[str], folder: Path) -> dict[str, float]:
    """Run a scenario under mpirun.

    Parameters
    ----------
    duration
        Replaces the scenario's, for example ``10 s``.
    options
        More options of ``cosim run``.
    folder
        Where the run directory goes.

    Returns
    -------
    dict of str to float
        Most memory that a rank has held, in MiB, by the names of its roles.

    Raises
    ------
    subprocess.CalledProcessError
        If the run fails.
    """
    run_dir = folder / duration.replace(" ", "")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "cosim",
            "run",
            str(scenario),
            "--duration",
            duration,
            "--run-dir",
            str(run_dir),
            "--no-picture",
            "--quiet",
            *options,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with open_result(run_dir) as result:
        roles: dict[int, list[str]] = {}
        for role in (*result.plan["simulators"], *result.plan["transformers"]):
            roles.setdefault(role["rank"], []).append(role["name"])
        return {
            ", ".join(roles[rank]): float(peak)
            for rank, peak in enumerate(result.summary["max_rss_mb"])
        }


def table(found: dict[str, dict[str, float]]) -> str:
    """Return the peaks as text: a line for each rank, a column for each duration."""
    durations = list(found)
    lines = ["MiB     " + "".join(f"{d:>10}" for d in durations) + f"{'growth':>10}  roles"]
    for rank, name in enumerate(found[durations[0]]):
        row = [found[d][name] for d in durations]
        cells = "".join(f"{x:10.1f}" for x in (*row, row[-1] - row[0]))
        lines.append(f"rank {rank:<3}{cells}  {name}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scenario", type=Path)
    parser.add_argument("-d", "--duration", action="append", help="may be repeated")
    parser.add_argument("--json", action="store_true", help="print numbers for programs")
    given, options = parser.parse_known_args(arguments)
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for duration in given.duration or ["1 s", "10 s"]:
            found[duration] = peaks(given.scenario, duration, options, Path(folder))
    print(json.dumps(found) if given.json else table(found))


if __name__ == "__main__":
    main()
