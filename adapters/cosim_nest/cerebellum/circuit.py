"""Builds the olivo-cerebellar circuit in NEST."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from cosim.scenario.fields import Section
from cosim.simulator import RateBand
from cosim_nest.cerebellum.geometry import built, sizes
from cosim_nest.cerebellum.parameters import CerebellarParameters
from cosim_nest.cerebellum.reference import reference_rates
from cosim_nest.cerebellum.synapses import synapse_types
from cosim_nest.cerebellum.wiring import Wiring, wire
from cosim_nest.models import eglif
from cosim_nest.models.cells import Neuron, cell_parameters

_RELAYS = ("mossy_fibres", "glomeruli")

log = logging.getLogger(__name__)


def neuron_kind(parameters: CerebellarParameters) -> Neuron:
    """Return ``eglif`` or ``stand_in``: what is asked for, or what this machine offers."""
    if parameters.neuron != "auto":
        return parameters.neuron
    kind: Neuron = "eglif" if eglif.available() else "stand_in"
    log.info("the cells of the cerebellar circuit are %s neurons", kind)
    return kind


def create_cells(
    nest: Any,  # noqa: ANN401 - NEST has no types
    counts: Mapping[str, int],
    parameters: CerebellarParameters,
) -> dict[str, Any]:
    """Create all populations; membranes start anywhere between rest and threshold.

    Equal starting potentials would make the circuit fire in step for a while. Olivary cells,
    which oscillate without loss and are silent at rest, all start there.
    """
    kind = neuron_kind(parameters)
    if kind == "eglif":
        eglif.install(nest)
    nodes: dict[str, Any] = {}
    for name, count in counts.items():
        if name in _RELAYS:
            nodes[name] = nest.Create("parrot_neuron", count)
            continue
        model, values = cell_parameters(name, parameters.state, kind)
        start_mV: Any = values["E_L"]
        if name != "inferior_olive":
            start_mV = nest.random.uniform(start_mV, values["V_th"])
        nodes[name] = nest.Create(model, count, {**values, "V_m": start_mV})
    return nodes


def connect_cells(
    nest: Any,  # noqa: ANN401
    nodes: Mapping[str, Any],
    wiring: Wiring,
    parameters: CerebellarParameters,
) -> None:
    """Make one connection of each pair of cells that there are, by arrays."""
    first = {name: int(population[0].global_id) for name, population in nodes.items()}
    for name, synapse in synapse_types().items():
        pairs = wiring.projections[name]
        if not len(pairs) or not {synapse.source, synapse.target} <= set(nodes):
            continue
        scale = parameters.weight_scales.get(name, 1.0)
        weights_nS = scale * synapse.pair_weight_nS(parameters.state) * pairs.multiplicity
        spec = {
            "synapse_model": "static_synapse",
            "weight": weights_nS,
            "delay": np.full(len(pairs), synapse.delay),
            "receptor_type": np.full(len(pairs), synapse.receptor),
        }
        pre, post = first[synapse.source] + pairs.pre, first[synapse.target] + pairs.post
        nest.Connect(pre, post, "one_to_one", spec)


class CerebellarCircuit:
    """Builds a box of cerebellar cortex, with its nuclear and olivary cells unless left out.

    Mossy fibres and glomeruli relay spikes; input from outside goes to ``mossy_fibres`` at
    weight 1, or by a ``receptor_type`` to the other populations: 1 excites, 2 inhibits.
    """

    Parameters: ClassVar[type[Section]] = CerebellarParameters

    def populations(self, parameters: CerebellarParameters) -> Mapping[str, int]:
        """Return name and size of every population."""
        return built(sizes(parameters.box), parameters.parts)

    def min_delay_ms(self, parameters: CerebellarParameters) -> float:
        """Return the delay of the fastest synapses."""
        return min(synapse.delay for synapse in synapse_types().values())

    def reference_rates(self, parameters: CerebellarParameters) -> Mapping[str, RateBand]:
        """Return the rates of the isolated circuit at rest."""
        return reference_rates(parameters.state)

    def lacks(self, parameters: CerebellarParameters) -> str:
        """Return whether the neuron that is asked for is still to be compiled."""
        return eglif.absence() if parameters.neuron == "eglif" else ""

    def build(
        self,
        nest: Any,  # noqa: ANN401
        parameters: CerebellarParameters,
        seed: int,
    ) -> Mapping[str, Any]:
        """Wire the circuit from the seed and build it, with the background of its fibres."""
        wiring = wire(parameters.box, seed)
        nodes = create_cells(nest, self.populations(parameters), parameters)
        connect_cells(nest, nodes, wiring, parameters)
        if parameters.background:
            generator = nest.Create("poisson_generator", params={"rate": parameters.background})
            synapse = {"weight": 1.0, "delay": self.min_delay_ms(parameters)}
            nest.Connect(generator, nodes["mossy_fibres"], "all_to_all", synapse)
        return nodes


CEREBELLAR_CIRCUIT = CerebellarCircuit()
