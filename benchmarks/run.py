"""``python -m benchmarks``: measures, and writes one table.

Every figure is a ratio of two things that were measured one after the other in the same run, so
that it holds on a machine of any speed. What a figure is compared with is part of the benchmark.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path

from benchmarks.options import Benchmark, Options
from benchmarks.picture import draw
from benchmarks.rows import Row, failure
from cosim.patience import cores

#: Names on the command line, and the modules; in the order in which they are run.
BENCHMARKS = {
    "exchange": "exchange", "generators": "generators", "engines": "engines",
    "serial": "serial", "coupling": "coupling", "windows": "windows", "sizes": "sizes",
    "memory": "memory", "startup": "startup",
}
#: Pairs that are measured, unless the command line says otherwise.
REPEATS, QUICK_REPEATS = 5, 1


def _benchmark(name: str) -> Benchmark:
    found: Benchmark = import_module(f"benchmarks.{BENCHMARKS[name]}").rows
    return found


def measure(names: Sequence[str], options: Options) -> list[Row]:
    """Run benchmarks, one after the other, and say how far they are.

    One that fails gives a line that says why; the others are run all the same.
    """
    found: list[Row] = []
    for number, name in enumerate(names, 1):
        begin = time.monotonic()
        print(f"[{number}/{len(names)}] {name}", flush=True)
        try:
            for row in _benchmark(name)(options):
                found.append(row)
                print(f"    {line(row)}", flush=True)
        except Exception as error:  # the boundary of a benchmark: the others are run all the same
            traceback.print_exc()
            found.append(failure(name, "all", f"{type(error).__name__}: {error}"))
            print(f"    {line(found[-1])}", flush=True)
        print(f"    {time.monotonic() - begin:.0f} s", flush=True)
    return found


def line(row: Row) -> str:
    """Return a row as one line of text."""
    if row.failed:
        return f"{row.benchmark}, {row.case}: FAILED, {row.note}"
    spread = f"{row.ratio:.3g} ({row.ratio_low:.3g} to {row.ratio_high:.3g}, {row.repeats} pairs)"
    limit = f"; {row.limit}: {row.verdict}" if row.limit else ""
    return f"{row.benchmark}, {row.case}: {spread}{limit}"


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write all rows with all their fields."""
    with path.open("w", newline="", encoding="utf-8") as file:
        names = [*asdict(rows[0]), "verdict"] if rows else ["benchmark"]
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({**asdict(row), "verdict": row.verdict} for row in rows)


def markdown(rows: Sequence[Row], heading: str) -> str:
    """Return the rows as a table for a page of text."""
    lines = [
        heading, "",
        "| benchmark | case | ratio | spread | pairs | measured | reference | wanted | met |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.failed:
            lines.append(f"| {row.benchmark} | {row.case} | failed: {row.note} | | | | | | |")
            continue
        lines.append(
            f"| {row.benchmark} | {row.case} | {row.ratio:.3g} | {row.ratio_low:.3g} to "
            f"{row.ratio_high:.3g} | {row.repeats} | {row.measured:.4g} {row.unit} | "
            f"{row.reference:.4g} {row.unit} | {row.limit} | {row.verdict} |"
        )
    return "\n".join(lines) + "\n"


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, measure, write.

    Returns
    -------
    int
        0; 1 if a benchmark failed. Figures outside their limit are no failure.
    """
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="small cases, one pair of each")
    parser.add_argument("--only", default="", help="names with commas: " + ", ".join(BENCHMARKS))
    parser.add_argument("--repeats", type=int, help=f"pairs of each case; {REPEATS}")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="where to write")
    given = parser.parse_args(arguments)
    names = given.only.split(",") if given.only else list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    repeats = given.repeats or (QUICK_REPEATS if given.quick else REPEATS)
    begin, before = time.monotonic(), _load()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(names, Options(given.quick, repeats, Path(folder)))
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    heading = (
        f"{when}, {cores()} cores, load before {before:.1f} and after {_load():.1f}, "
        f"{time.monotonic() - begin:.0f} s, {'quick' if given.quick else 'full'}"
    )
    given.out.mkdir(parents=True, exist_ok=True)
    write_csv(rows, given.out / "benchmarks.csv")
    (given.out / "benchmarks.md").write_text(markdown(rows, heading), encoding="utf-8")
    draw(rows, heading, given.out / "benchmarks.png")
    print(f"{heading}\nresults  {given.out}", flush=True)
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
