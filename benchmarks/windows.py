"""Wall-clock time against the length of the window."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks import jobs, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, row

NAME = "window length"
ALL = ("0.5 ms", "1 ms", "2 ms", "5 ms", "10 ms", "20 ms")
FEW = ("0.5 ms", "1 ms", "5 ms", "20 ms")


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each window: the time that it takes against the window that is best."""
    scenario = scenarios.any_window(options.folder)
    duration = "200 ms" if options.quick else "1000 ms"
    windows = FEW if options.quick else ALL
    found: dict[str, list[float]] = {window: [] for window in windows}
    for _ in range(options.repeats):
        for window in windows:
            timeline = jobs.run(
                scenario, options.folder / "window", "-n", "2", "--placement", "mean_fields",
                "--duration", duration, "--window", window,
            )
            found[window].append(timeline.wall_s)
    best = min(windows, key=lambda window: statistics.median(found[window]))
    for window in windows:
        # At 0.5 ms the window is NEST's minimum delay.
        limit = "" if window == "0.5 ms" else "at most 1.15"
        note = f"{duration}; reference: windows of {best}"
        yield row(NAME, window, found[window], found[best], "s", limit=limit, note=note)
