"""A made-up run directory for the tests of recording, results and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cosim.clock import Clock
from cosim.messages import SpikeBatch
from cosim.recording import About, RankFile, RunDir, WindowTiming, create_result, finish_result

SCENARIO = "name: sample\nseed: 7\n"
REGIONS = tuple(f"r{side}{area}" for side in "LR" for area in ("V1", "A1", "PFC", "M1", "S1", "CC"))
POPULATIONS = (("rPFC", "exc", 400, 6.0), ("rPFC", "inh", 100, 14.0))
ABOUT = About(SCENARIO, {"name": "sample", "seed": 7}, {"ranks": 2}, {"seed": 7}, {"numpy": "x"})


def clock_of(duration_ms: int, window_ms: int = 5) -> Clock:
    """Return a clock with ticks of 0.1 ms."""
    return Clock(100_000, window_ms * 10, duration_ms * 10)


def write_sample(path: Path, duration_ms: int = 1000, status: str = "complete") -> RunDir:
    """Write a run of two ranks: a spiking one with a transformer, and a mean-field one."""
    run, clock = RunDir.create("sample", path), clock_of(duration_ms)
    with (
        RankFile(run.recording(0), 0, clock) as mean_field,
        RankFile(run.recording(1), 1, clock) as spiking,
    ):
        rng = np.random.default_rng(1)
        steps = [
            _brain(mean_field, clock, rng),
            _spikes(spiking, clock, rng),
            _timing(mean_field, "cortex", ("to_rPFC", "from_rPFC"), rng, (3.2, 0.2, 0.6)),
            _timing(spiking, "rPFC", ("to_rPFC",), rng, (2.1, 0.3, 1.6)),
            _timing(spiking, "to_rPFC", ("cortex",), rng, (0.5, 0.2, 3.3)),
            _timing(spiking, "from_rPFC", ("rPFC",), rng, (0.3, 0.2, 3.5)),
        ]
        create_result(run.result, ABOUT, clock, [*mean_field.declared, *spiking.declared])
        mean_field.begin()
        spiking.begin()
        for k in range(clock.windows):
            for step in steps:
                step(k)
    finish_result(run.result, status, {"wall_s": 1.5})
    return run


def _wave(time_ms: np.ndarray) -> np.ndarray:
    return 1 + 0.6 * np.sin(2 * np.pi * time_ms / 250) + 0.25 * np.sin(2 * np.pi * time_ms / 90)


def _brain(file: RankFile, clock: Clock, rng: np.random.Generator):
    columns = [f"S[{r}]" for r in REGIONS]
    sink = file.signal("cortex/TemporalAverage", columns, "1", variable="S")
    gain, phase = rng.uniform(0.1, 0.3, len(REGIONS)), rng.uniform(0, 200, len(REGIONS))

    def step(k: int) -> None:
        time_ms = clock.ms(clock.at(k).start) + np.arange(1, clock.window // 10 + 1)
        clean = gain * _wave(time_ms[:, None] + phase)
        sink.append(time_ms, clean + 0.01 * rng.standard_normal(clean.shape))

    return step


def _spikes(file: RankFile, clock: Clock, rng: np.random.Generator):
    sinks = [file.spikes(r, p, size) for r, p, size, _ in POPULATIONS]
    rates = [
        file.signal(f"border/{p}_of_rPFC/rate", ["rate"], "spikes/s", region=r)
        for r, p, *_ in POPULATIONS
    ]

    def step(k: int) -> None:
        window = clock.at(k)
        for sink, rate, (_, _, size, mean_hz) in zip(sinks, rates, POPULATIONS, strict=True):
            ticks = np.arange(window.start + 1, window.stop + 1)
            expected_hz = mean_hz * _wave(ticks / 10)
            fires = rng.random((len(ticks), size)) < expected_hz[:, None] * 1e-4
            when, who = np.nonzero(fires)
            sink.append(
                SpikeBatch.ordered(window.start, window.stop, ticks[when], who.astype(np.int32))
            )
            counts = fires.reshape(-1, 10, size).sum(axis=(1, 2))
            rate.append(ticks[9::10] / 10, counts[:, None] / (size * 1e-3))

    return step


def _timing(file: RankFile, role: str, peers: Sequence[str], rng, mean_ms: tuple[float, ...]):
    sink = file.timing(role, peers)

    def step(k: int) -> None:
        compute, exchange, wait = 1e-3 * rng.gamma(4, np.array(mean_ms) / 4)
        peer = int(rng.integers(len(peers)))
        sink.append(WindowTiming(k, 0.004 * k, wait, exchange, compute, peer))

    return step
