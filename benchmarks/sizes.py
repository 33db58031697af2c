"""Wall-clock time against the number of spiking regions, and of neurons in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import jobs, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, failure, row

NAME = "size"


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each number of regions and of neurons, against the smallest number."""
    regions = (1, 2, 4) if options.quick else (1, 2, 4, 8)
    neurons = (1000, 10_000) if options.quick else (1000, 10_000, 100_000)
    by_region = [(count, 1000) for count in regions]
    yield from _against_first(options, "spiking regions", by_region, "200 ms", 0)
    by_neuron = [(1, count) for count in neurons]
    yield from _against_first(options, "neurons in a region", by_neuron, "100 ms", 1)


def _against_first(
    options: Options, what: str, sizes: Sequence[tuple[int, int]], duration: str, which: int
) -> Iterator[Row]:
    # Nothing is promised here, and a large network takes a minute to build.
    repeats = 1 if options.quick else min(options.repeats, 2)
    smallest = _walls(options, sizes[0], duration, repeats)
    for size in sizes[1:]:
        case = f"{size[which]:,} {what}"
        try:
            walls = _walls(options, size, duration, repeats)
        except jobs.JobFailed as error:
            yield failure(NAME, case, str(error))
            continue
        note = f"{duration}; reference: {sizes[0][which]:,}; {size[which] // sizes[0][which]} times"
        yield row(NAME, case, walls, smallest, "s", note=f"{note} as many")


def _walls(
    options: Options, size: tuple[int, int], duration: str, repeats: int
) -> list[float]:
    scenario = scenarios.of_size(options.folder, *size)
    return [
        jobs.run(
            scenario, options.folder / "size", "--duration", duration, "--placement", "simulators"
        ).wall_s
        for _ in range(repeats)
    ]
