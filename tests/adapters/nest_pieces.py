"""Small pieces from which the tests of the NEST adapter build their runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cosim.clock import NS_PER_MS, Clock
from cosim.messages import Block, Signal, SpikeBatch
from cosim.ports import InPort, SpikesOut
from cosim.simulator import Brain, SimulatorSpec
from cosim_nest import ENGINE

TICK_NS = 100_000
REGION = "thalamus"


def config(network: Mapping[str, Any], **more: Any) -> Any:
    return ENGINE.config_model().model_validate({"engine": "nest", "network": network, **more})


def parrots(size: int, **populations: Any) -> dict[str, Any]:
    return {"populations": {"relay": {"model": "parrot_neuron", "size": size}, **populations}}


def balanced(size: int = 100, **parameters: Any) -> dict[str, Any]:
    return {"builder": "balanced_ei", "size": size, **parameters}


def clock(window_ms: float, duration_ms: float, tick_ns: int = TICK_NS) -> Clock:
    return Clock(
        tick_ns,
        round(window_ms * NS_PER_MS) // tick_ns,
        round(duration_ms * NS_PER_MS) // tick_ns,
    )


def spec(
    cfg: Any,
    when: Clock,
    *,
    inputs: Iterable[InPort] = (),
    outputs: Iterable[str] = (),
    record: Mapping[str, int] | None = None,
    name: str = "nest",
    seed: int = 5,
) -> SimulatorSpec:
    sizes = ENGINE.populations(cfg)
    one = np.zeros((1, 1))
    ports = tuple(SpikesOut(f"out/{p}", p, sizes[p], when.ticks(cfg.resolution)) for p in outputs)
    return SimulatorSpec(
        name=name,
        model="spiking",
        config=cfg,
        regions=(0,),
        brain=Brain((REGION,), one, one, np.zeros((1, 3)), 1.0),
        clock=when,
        seed=seed,
        inputs=tuple(inputs),
        outputs=ports,
        record_spikes=record or {},
    )


class MemorySink:
    def __init__(self) -> None:
        self.batches: list[SpikeBatch] = []

    def append(self, batch: SpikeBatch) -> None:
        self.batches.append(batch)


class MemoryRecorder:
    """Keeps what is recorded; addressed by region and population."""

    def __init__(self) -> None:
        self.sinks: dict[tuple[str, str, int, int], MemorySink] = {}
        self.bands: dict[str, Any] = {}

    def signal(self, name: str, columns: Any, unit: str, **about: Any) -> Any:
        raise AssertionError("NEST records no signals")

    def spikes(
        self, region: str, population: str, size: int, stride: int = 1, reference: Any = None
    ) -> MemorySink:
        if reference is not None:
            self.bands[population] = reference
        return self.sinks.setdefault((region, population, size, stride), MemorySink())


def cut(block: Block, start: int, stop: int) -> Block:
    """Return the part of a block that lies in (start, stop]."""
    if isinstance(block, SpikeBatch):
        ours = (block.ticks > start) & (block.ticks <= stop)
        return SpikeBatch(start, stop, block.ticks[ours], block.senders[ours])
    first, last = ((t - block.start) // block.step for t in (start, stop))
    return Signal(start, block.step, block.values[first:last])


def joined(batches: Iterable[SpikeBatch]) -> list[tuple[int, int]]:
    """Return (tick, sender) of all spikes in the order in which they came."""
    return [
        pair for b in batches for pair in zip(b.ticks.tolist(), b.senders.tolist(), strict=True)
    ]


def play(
    what: SimulatorSpec, given: Mapping[str, Block] | None = None, recorder: Any = None
) -> dict[str, list[SpikeBatch]]:
    """Run a simulator to the end, cutting the given input into its windows."""
    simulator = ENGINE.create(what)
    emitted: dict[str, list[SpikeBatch]] = {port.name: [] for port in what.outputs}
    try:
        simulator.prepare(recorder or MemoryRecorder())
        for k in range(what.clock.windows):
            window = what.clock.at(k)
            for port, block in (given or {}).items():
                simulator.accept(port, cut(block, window.start, window.stop))
            simulator.advance(window)
            for port in what.outputs:
                emitted[port.name].append(simulator.emit(port.name))
    finally:
        simulator.finalize()
    return emitted
