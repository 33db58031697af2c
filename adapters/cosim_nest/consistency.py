"""What must hold between the parts of a NEST configuration; needs no NEST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cosim.clock import NS_PER_MS, to_ns
from cosim_nest.rules import nearest
from cosim_nest.sections import BuiltNetwork
from cosim_nest.values import Flaw, Normal, Uniform, lower_bound

if TYPE_CHECKING:
    from cosim.scenario.fields import Named
    from cosim_nest.config import NestConfig

_NEST_TIC_NS = 1000  # NEST counts time in thousandths of a millisecond

Place = tuple[str | int, ...]


def _on_grid(time_ms: float, resolution_ms: float) -> bool:
    try:
        return to_ns(time_ms) % to_ns(resolution_ms) == 0
    except ValueError:
        return False


def _delays(config: NestConfig) -> Iterator[tuple[Place, float, object]]:
    network = config.network
    if isinstance(network, BuiltNetwork):
        shortest_ms = network.built_by.min_delay_ms(network.parameters)
        yield ("network", "builder"), shortest_ms, network.builder
    given: list[tuple[Place, float | Uniform | Normal | None]] = [
        *(
            (("network", "projections", i), p.synapse.delay)
            for i, p in enumerate(network.projections)
        ),
        *((("network", "devices", i), d.synapse.delay) for i, d in enumerate(network.devices)),
        *((("receives", i), r.synapse.delay) for i, r in enumerate(config.receives)),
    ]
    for place, delay in given:
        if delay is not None:
            yield (*place, "synapse", "delay"), lower_bound(delay), delay


def min_delay_ms(config: NestConfig) -> float:
    """Return the smallest delay of the network, of which every window must be a multiple.

    Delays of devices and of incoming fibres count as well; where they are not given they equal
    this minimum. Without any connection it is the resolution.
    """
    shortest = [to_ns(delay_ms) for _, delay_ms, _ in _delays(config)]
    return min(shortest, default=to_ns(config.resolution)) / NS_PER_MS


def _times(config: NestConfig) -> Iterator[Flaw]:
    resolution_ms = config.resolution
    if resolution_ms <= 0 or not _on_grid(resolution_ms, _NEST_TIC_NS / NS_PER_MS):
        message = f"resolution {resolution_ms:g} ms is no positive multiple of NEST's 0.001 ms"
        yield ("resolution",), message, resolution_ms
        return
    for place, delay_ms, given in _delays(config):
        if delay_ms < resolution_ms or not _on_grid(delay_ms, resolution_ms):
            whose = "the shortest delay" if isinstance(given, str) else "delay"
            message = f"{whose}, {delay_ms:g} ms, must be a positive multiple of the resolution"
            yield place, f"{message}, {resolution_ms:g} ms", delay_ms
    for i, device in enumerate(config.network.devices):
        for key, time_ms in (("start", device.start), ("stop", device.stop)):
            if time_ms is not None and not _on_grid(time_ms, resolution_ms):
                message = f"{key} {time_ms:g} ms is no multiple of the resolution"
                yield ("network", "devices", i, key), f"{message}, {resolution_ms:g} ms", time_ms


def _mentioned(config: NestConfig) -> Iterator[tuple[Place, str]]:
    for i, projection in enumerate(config.network.projections):
        for name in projection.source:
            yield ("network", "projections", i, "from"), name
        for name in projection.target:
            yield ("network", "projections", i, "to"), name
    for i, device in enumerate(config.network.devices):
        for name in device.target:
            yield ("network", "devices", i, "to"), name
    for i, receives in enumerate(config.receives):
        yield ("receives", i, "population"), receives.population
    for i, sends in enumerate(config.sends):
        yield ("sends", i, "population"), sends.population


def _populations(config: NestConfig, sizes: Mapping[str, int]) -> Iterator[Flaw]:
    for place, name in _mentioned(config):
        if name not in sizes:
            hint = nearest(name, sizes) or f"the network has: {', '.join(sizes)}"
            yield place, f"there is no population '{name}'; {hint}", name


def _unequal(rule: Named, source: int, target: int) -> bool:
    return rule.name == "one_to_one" and source != target


def _one_to_one(config: NestConfig, sizes: Mapping[str, int]) -> Iterator[Flaw]:
    for i, projection in enumerate(config.network.projections):
        for source in projection.source:
            for target in projection.target:
                n, m = sizes.get(source), sizes.get(target)
                if n is not None and m is not None and _unequal(projection.rule, n, m):
                    message = f"one_to_one cannot join {source} ({n}) and {target} ({m})"
                    yield ("network", "projections", i, "rule"), message, projection.rule.name


def flaws(config: NestConfig) -> Iterator[Flaw]:
    """Yield every time off the grid, unknown population and pair of sizes that does not fit."""
    sizes = config.populations
    yield from _times(config)
    yield from _populations(config, sizes)
    yield from _one_to_one(config, sizes)
