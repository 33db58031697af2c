"""A balanced circuit of excitatory and inhibitory neurons with conductance-based synapses.

Neurons and synapses are those of Vogels and Abbott (2005), J Neurosci 25:10786,
doi:10.1523/JNEUROSCI.3508-05.2005, as written out for benchmark 1 of Brette et al. (2007),
J Comput Neurosci 23:349, doi:10.1007/s10827-007-0038-6: membrane of 20 ms, 80 % excitatory
neurons, sparse random connections.

That network sustains its activity by strong synapses, for which it needs some thousand neurons.
Here weaker excitation, relatively stronger inhibition and an independent Poisson background to
each neuron keep a few hundred neurons asynchronous and irregular at about 5 spikes/s, and let
the rate follow further input. Every neuron has the same number of inputs whatever the size of
the circuit, so that size does not move the rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cosim.scenario.fields import Section
from cosim.units import Milliseconds, Nanosiemens, SpikesPerSecond

NEURON = {
    "C_m": 200.0,
    "g_L": 10.0,
    "E_L": -60.0,
    "V_th": -50.0,
    "V_reset": -60.0,
    "t_ref": 5.0,
    "tau_syn_ex": 5.0,
    "tau_syn_in": 10.0,
    "E_ex": 0.0,
    "E_in": -80.0,
}
_EXCITATORY_SHARE = 0.8


class BalancedParameters(Section):
    """What may be set of the circuit."""

    size: Annotated[int, Field(ge=10, strict=True)] = 1000
    excitatory_inputs: Annotated[int, Field(ge=0, strict=True)] = 80
    inhibitory_inputs: Annotated[int, Field(ge=0, strict=True)] = 20
    excitatory_weight: Annotated[Nanosiemens, Field(ge=0)] = 0.5
    inhibitory_weight: Annotated[Nanosiemens, Field(ge=0)] = 20.0
    delay: Milliseconds = 1.0
    background_rate: Annotated[SpikesPerSecond, Field(ge=0)] = 400.0
    background_weight: Annotated[Nanosiemens, Field(ge=0)] = 1.5


class BalancedEI:
    """Builds populations ``excitatory`` and ``inhibitory`` with their own background."""

    Parameters: ClassVar[type[Section]] = BalancedParameters

    def populations(self, parameters: BalancedParameters) -> Mapping[str, int]:
        """Return the sizes: four fifths of the neurons are excitatory."""
        excitatory = round(_EXCITATORY_SHARE * parameters.size)
        return {"excitatory": excitatory, "inhibitory": parameters.size - excitatory}

    def min_delay_ms(self, parameters: BalancedParameters) -> float:
        """Return the one delay of the circuit."""
        return float(parameters.delay)

    def build(
        self,
        nest: Any,  # noqa: ANN401 - NEST has no types
        parameters: BalancedParameters,
        seed: int,
    ) -> Mapping[str, Any]:
        """Build the circuit; every draw is NEST's own."""
        sizes = self.populations(parameters)
        start_mV = nest.random.uniform(NEURON["V_reset"], NEURON["V_th"])
        neurons = nest.Create("iaf_cond_exp", parameters.size, {**NEURON, "V_m": start_mV})
        excitatory = neurons[: sizes["excitatory"]]
        inhibitory = neurons[sizes["excitatory"] :]
        inputs = (
            (excitatory, parameters.excitatory_inputs, parameters.excitatory_weight),
            (inhibitory, parameters.inhibitory_inputs, -parameters.inhibitory_weight),
        )
        for source, indegree, weight in inputs:
            rule = {"rule": "fixed_indegree", "indegree": indegree, "allow_autapses": False}
            nest.Connect(source, neurons, rule, {"weight": weight, "delay": parameters.delay})
        background = nest.Create("poisson_generator", params={"rate": parameters.background_rate})
        synapse = {"weight": parameters.background_weight, "delay": parameters.delay}
        nest.Connect(background, neurons, "all_to_all", synapse)
        return {"excitatory": excitatory, "inhibitory": inhibitory}


BALANCED_EI = BalancedEI()
