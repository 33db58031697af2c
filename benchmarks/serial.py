"""A run against a loop in one process over NEST and TVB, written by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from benchmarks import jobs, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, row
from benchmarks.serial_program import NEURONS

NAME = "serial loop"


def rows(options: Options) -> Iterator[Row]:
    """Yield the line."""
    duration_ms = 300 if options.quick else 1000
    scenario = scenarios.rates_into_one(options.folder, NEURONS)
    together, serial = [], []
    for _ in range(options.repeats):
        timeline = jobs.run(
            scenario, options.folder / "serial", "-n", "2", "--placement", "mean_fields",
            "--duration", f"{duration_ms} ms", "--window", "2 ms",
        )
        together.append(timeline.wall_s)
        program = (sys.executable, "-m", "benchmarks.serial_program", str(duration_ms))
        serial.append(float(json.loads(jobs.execute(program).splitlines()[-1])["seconds"]))
    work = {name: timeline.work_s[name] for name in timeline.simulators}
    shares = ", ".join(f"{name} {s:.2f} s" for name, s in work.items())
    note = f"{duration_ms} ms, 75 mean fields and {NEURONS} neurons; work in the last run: {shares}"
    yield row(
        NAME, "two ranks against a loop over both", together, serial, "s", faster=True,
        limit="at least 1.6", note=note,
    )
