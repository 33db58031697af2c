"""What coupling costs: a run against its slowest simulator alone.

A scenario runs under mpirun and, right after it, its simulators one by one with the input that they
had received. With two ranks on two cores each simulator has a core to itself, and the run is
compared with its slowest simulator. With more ranks than cores it is compared with the time that
all simulators take alone divided by the number of cores, or with the slowest if that takes longer:
no schedule could be faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import jobs, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, failure, row
from cosim.patience import cores

NAME = "coupling tax"


def own_cores(scenario: Path, folder: Path, duration: str) -> tuple[float, float, str]:
    """Run with a rank for each simulator, and the slowest simulator alone.

    Returns
    -------
    together_s, alone_s, slowest
        Wall-clock times, and which simulator was the slowest.
    """
    run_dir = folder / "together"
    options = ("-n", "2", "--placement", "simulators", "--duration", duration)
    together = jobs.run(scenario, run_dir, *options)
    # At nearly the same speed, the slower one together need not be the slower one alone.
    alone_s = {name: jobs.alone(run_dir, name) for name in together.simulators}
    slowest = max(alone_s, key=lambda name: alone_s[name])
    return together.wall_s, alone_s[slowest], slowest


def oversubscribed(scenario: Path, folder: Path, duration: str) -> tuple[float, float, str]:
    """Run with all ranks that a scenario asks for, and all its simulators alone."""
    run_dir = folder / "together"
    together = jobs.run(scenario, run_dir, "--duration", duration)
    alone_s = {name: jobs.alone(run_dir, name) for name in together.simulators}
    bound_s = max(sum(alone_s.values()) / cores(), *alone_s.values())
    return together.wall_s, bound_s, max(alone_s, key=lambda name: alone_s[name])


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each scenario and layout."""
    duration = "300 ms" if options.quick else "1000 ms"
    folder = options.folder
    cases = [
        ("1,000 neurons, a core for each simulator", own_cores,
         scenarios.cortex_and_one(folder), "at most 1.05"),
        ("cerebellum, a core for each simulator", own_cores,
         scenarios.cortex_and_cerebellum(folder), "at most 1.05"),
        ("1,000 neurons twice, all ranks", oversubscribed, scenarios.DEMO, "at most 1.15"),
        ("cerebellum, all ranks", oversubscribed, scenarios.CEREBELLUM, "at most 1.15"),
    ]
    for case, measure, scenario, limit in cases:
        try:
            found = [measure(scenario, folder, duration) for _ in range(options.repeats)]
        except jobs.JobFailed as error:
            yield failure(NAME, case, str(error))
            continue
        together, reference, slowest = zip(*found, strict=True)
        note = f"{duration}; slowest: {', '.join(sorted(set(slowest)))}; {cores()} cores"
        yield row(NAME, case, together, reference, "s", limit=limit, note=note)
