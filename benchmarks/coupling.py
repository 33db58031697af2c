"""What coupling costs: a run against its slowest simulator alone.

A scenario of two simulators runs under mpirun and, right after it, its slowest simulator alone with
the input that it had received: the same threads, the same spikes and rates, no transformers, and
the reading of its input not counted. Transformers are on the rank of the mean field, which waits:
a scenario whose network is the slowest is best run so.

With more ranks than cores a run is compared with the processor time of all its ranks, spread over
the cores, or that of its busiest rank if that is more: no schedule could be faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import jobs, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, failure, row
from cosim.patience import cores

NAME = "coupling tax"
RANKS = ("-n", "2", "--placement", "mean_fields")


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each scenario with a core for each simulator, and for each as it is."""
    duration = "300 ms" if options.quick else "1000 ms"
    of_two = {
        "1,000 neurons": scenarios.cortex_and_one(options.folder),
        "cerebellum": scenarios.cortex_and_cerebellum(options.folder),
    }
    for name, scenario in of_two.items():
        arguments = (*RANKS, "--duration", duration)
        yield _own_cores(f"{name}, a core for each simulator", scenario, arguments, options)
    whole = {"1,000 neurons twice": scenarios.DEMO, "cerebellum": scenarios.CEREBELLUM}
    for name, scenario in whole.items():
        yield _oversubscribed(f"{name}, all ranks", scenario, ("--duration", duration), options)


def _own_cores(case: str, scenario: Path, arguments: Sequence[str], options: Options) -> Row:
    run_dir, slowest = options.folder / "together", ""
    together, alone = [], []
    try:
        for _ in range(options.repeats):
            timeline = jobs.run(scenario, run_dir, *arguments)
            if not slowest:
                # At nearly the same speed, the slower one together need not be so alone.
                first = {name: jobs.alone(run_dir, name) for name in timeline.simulators}
                slowest = max(first, key=lambda name: first[name])
                alone.append(first[slowest])
            else:
                alone.append(jobs.alone(run_dir, slowest))
            together.append(timeline.wall_s)
    except jobs.JobFailed as error:
        return failure(NAME, case, str(error))
    note = f"{arguments[-1]}; slowest alone: {slowest}"
    return row(NAME, case, together, alone, "s", limit="at most 1.05", note=note)


def _oversubscribed(case: str, scenario: Path, arguments: Sequence[str], options: Options) -> Row:
    try:
        found = [
            jobs.run(scenario, options.folder / "all", *arguments) for _ in range(options.repeats)
        ]
    except jobs.JobFailed as error:
        return failure(NAME, case, str(error))
    ranks = 1 + max(found[0].rank_of.values())
    note = f"{arguments[-1]}; {ranks} ranks on {cores()} cores, against their processor time"
    return row(
        NAME, case, [t.wall_s for t in found], [t.bound_s(cores()) for t in found], "s",
        limit="at most 1.15", note=note,
    )
