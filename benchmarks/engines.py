"""The compiled engine for mean fields against tvb-library's own Simulator.

The same model, connectome, integrator and monitor, once as a scenario that this project runs
serially, once as a program that uses the library alone.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import jobs, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, failure, row

NAME = "TVB engine"
#: Duration for each number of regions, and what is wanted.
CASES = {76: ("500", "at least 8"), 192: ("300", ""), 1000: ("50", "at least 10")}
QUICK = {76: ("200", "at least 8")}


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each number of regions."""
    for regions, (duration_ms, limit) in (QUICK if options.quick else CASES).items():
        case = f"{regions:,} regions, reduced Wong-Wang"
        try:
            connectome = connectome_of(regions, options.folder)
            found = [_pair(connectome, options.folder, duration_ms) for _ in range(options.repeats)]
        except (jobs.JobFailed, OSError) as error:
            yield failure(NAME, case, str(error))
            continue
        compiled, library = zip(*found, strict=True)
        yield row(
            NAME, case, compiled, library, "s", limit=limit, faster=True,
            note=f"{duration_ms} ms in steps of 0.1 ms, windows of 20 or 10 ms",
        )


def _pair(connectome: Path, folder: Path, duration_ms: str) -> tuple[float, float]:
    scenario = scenarios.only_mean_field(folder, connectome)
    run_dir = folder / "compiled"
    window = "20 ms" if float(duration_ms) % 20 == 0 else "10 ms"
    jobs.command(
        "run", str(scenario), "--serial", "--run-dir", str(run_dir), "--overwrite",
        "--no-picture", "-q", "--duration", f"{duration_ms} ms", "--window", window,
    )
    compiled_s = jobs.Timeline.read(run_dir).work_s["cortex"]
    program = (sys.executable, "-m", "benchmarks.library_program", str(connectome), duration_ms)
    return compiled_s, float(json.loads(jobs.execute(program).splitlines()[-1])["seconds"])


def connectome_of(regions: int, folder: Path) -> Path:
    """Return a connectome: one of TVB's, or random with a fifth of all edges."""
    import tvb_data.connectivity

    published = Path(tvb_data.connectivity.__file__).parent / f"connectivity_{regions}.zip"
    if published.exists():
        return published
    path = folder / f"random_{regions}.zip"
    if path.exists():
        return path
    draw = np.random.default_rng(1)
    centres = draw.uniform(-70.0, 70.0, (regions, 3))
    lengths = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    weights = draw.lognormal(size=lengths.shape) * (draw.random(lengths.shape) < 0.2)
    np.fill_diagonal(weights, 0.0)
    named = [f"r{i} {x:.3f} {y:.3f} {z:.3f}" for i, (x, y, z) in enumerate(centres)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("weights.txt", _text(weights))
        file.writestr("tract_lengths.txt", _text(lengths))
        file.writestr("centres.txt", "\n".join(named) + "\n")
    return path


def _text(matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    return "\n".join(" ".join(f"{x:.4g}" for x in line) for line in matrix.tolist()) + "\n"
