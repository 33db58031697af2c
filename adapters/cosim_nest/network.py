"""Builds a configured network in NEST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cosim_nest.kernel import explained
from cosim_nest.models import eglif
from cosim_nest.rules import rule_spec
from cosim_nest.sections import BuiltNetwork, Device, Population, Projection, Synapse, Wiring
from cosim_nest.values import Value, as_nest

Nodes = Mapping[str, Any]


def _for_nest(nest: Any, values: Mapping[str, Value]) -> dict[str, Any]:  # noqa: ANN401
    return {key: as_nest(nest, value) for key, value in values.items()}


def synapse_spec(
    nest: Any,  # noqa: ANN401
    synapse: Synapse,
    default_delay_ms: float,
) -> dict[str, Any]:
    """Return a synapse as NEST's `Connect` takes it."""
    delay = default_delay_ms if synapse.delay is None else synapse.delay
    values = {**synapse.parameters, "weight": synapse.weight, "delay": delay}
    return {"synapse_model": synapse.model, **_for_nest(nest, values)}


def create_population(
    nest: Any,  # noqa: ANN401
    population: Population,
    size: int,
) -> Any:  # noqa: ANN401 - a NodeCollection
    """Create neurons of a population."""
    values = {**population.parameters, **population.initial}
    return nest.Create(population.model, size, _for_nest(nest, values))


def create_device(nest: Any, device: Device) -> Any:  # noqa: ANN401
    """Create the generator of a device."""
    times = {"start": device.start, "stop": device.stop}
    given = {key: time_ms for key, time_ms in times.items() if time_ms is not None}
    return nest.Create(device.device, 1, {**_for_nest(nest, device.parameters), **given})


def _project(nest: Any, nodes: Nodes, projection: Projection) -> None:  # noqa: ANN401
    rule = rule_spec(projection.rule)
    for source in projection.source:
        for target in projection.target:
            with explained(f"connecting {source} to {target}"):
                # Unused: a projection always has a delay of its own.
                spec = synapse_spec(nest, projection.synapse, nest.resolution)
                nest.Connect(nodes[source], nodes[target], rule, spec)


def _drive(nest: Any, nodes: Nodes, device: Device, delay_ms: float) -> None:  # noqa: ANN401
    with explained(f"driving {', '.join(device.target)} by a {device.device}"):
        generator = create_device(nest, device)
        for target in device.target:
            spec = synapse_spec(nest, device.synapse, delay_ms)
            nest.Connect(generator, nodes[target], rule_spec(device.rule), spec)


def build(
    nest: Any,  # noqa: ANN401
    network: Wiring,
    min_delay_ms: float,
    seed: int,
) -> dict[str, Any]:
    """Build a network into an empty kernel.

    Parameters
    ----------
    nest
        NEST's module.
    network
        The network, written out or from a builder.
    min_delay_ms
        Delay of devices that give none.
    seed
        Seed for a builder's own draws.

    Returns
    -------
    dict of str to nest.NodeCollection
        The nodes of every population.

    Raises
    ------
    NestFailed
        If NEST refuses a part, which is named.
    UsageError
        If a population's model still has to be compiled.
    """
    populations: Mapping[str, Population] = getattr(network, "populations", {})
    eglif.install_if_named(nest, {population.model for population in populations.values()})
    nodes: dict[str, Any] = {}
    if isinstance(network, BuiltNetwork):
        with explained(f"the builder {network.builder} was at work"):
            nodes.update(network.built_by.build(nest, network.parameters, seed))
    for name, population in populations.items():
        with explained(f"creating population {name}"):
            nodes[name] = create_population(nest, population, population.size)
    for projection in network.projections:
        _project(nest, nodes, projection)
    for device in network.devices:
        _drive(nest, nodes, device, min_delay_ms)
    return nodes
