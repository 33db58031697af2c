"""Memory of every rank against the length of a run.

``python -m benchmarks.memory configs/demo.yaml -d "1 s" -d "10 s"`` runs a scenario once for each
duration and prints the most memory that each rank has held. What a rank keeps must not grow with
the length of a run: recordings go to files, and messages under way are bounded by the lag.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import jobs, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, row

NAME = "memory"


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each rank of a scenario that records all it can."""
    scenario = scenarios.light(options.folder)
    short, long = ("1 s", "4 s") if options.quick else ("1 s", "20 s")
    repeats = 1 if options.quick else min(options.repeats, 2)
    found = [
        tuple(peaks(scenario, span, ("-n", "4"), options.folder) for span in (long, short))
        for _ in range(repeats)
    ]
    for rank in found[0][0]:
        longer, shorter = zip(*((a[rank], b[rank]) for a, b in found), strict=True)
        note = f"most memory of a rank in {long} against {short}"
        yield row(NAME, rank, longer, shorter, "MiB", limit="at most 1.05", note=note)


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
    JobFailed
        If the run fails.
    """
    run_dir = folder / duration.replace(" ", "")
    return dict(jobs.run(scenario, run_dir, "--duration", duration, *options).peaks_mb)


def table(found: dict[str, dict[str, float]]) -> str:
    """Return the peaks as text: a line for each rank, a column for each duration."""
    durations = list(found)
    lines = ["MiB     " + "".join(f"{d:>10}" for d in durations) + f"{'growth':>10}  roles"]
    for rank, name in enumerate(found[durations[0]]):
        line = [found[d][name] for d in durations]
        cells = "".join(f"{x:10.1f}" for x in (*line, line[-1] - line[0]))
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
