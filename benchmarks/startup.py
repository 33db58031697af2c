"""From the launch to the first window, by role, against the imports that the role cannot avoid."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks import jobs, scenarios
from benchmarks.options import Options, seconds
from benchmarks.rows import Row, row

NAME = "start"
IMPORTS = {
    "nest": "import nest",
    "tvb": "from tvb.simulator import simulator, models, coupling, integrators, monitors",
    "": "import numpy, h5py, pydantic, yaml; from mpi4py import MPI",
}


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each role of the demonstration with two spiking regions."""
    repeats = 1 if options.quick else min(options.repeats, 3)
    found: dict[str, list[float]] = {}
    bare: dict[str, list[float]] = {engine: [] for engine in IMPORTS}
    for _ in range(repeats):
        timeline = jobs.run(
            scenarios.DEMO, options.folder / "start", "--duration", "24 ms", "--window", "2 ms"
        )
        for role, stages in timeline.stages_s.items():
            found.setdefault(role, []).append(sum(stages.values()))
        for engine, statement in IMPORTS.items():
            program = (sys.executable, "-c", statement)
            bare[engine].append(seconds(lambda program=program: jobs.execute(program)))  # type: ignore[misc]
    for role, taken in found.items():
        engine = "" if "." in role else "tvb" if role == "cortex" else "nest"
        note = f"reference: a process that does no more than {IMPORTS[engine]}"
        yield row(NAME, role, taken, bare[engine], "s", note=note)
