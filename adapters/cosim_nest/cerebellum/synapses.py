"""The synapses of every projection, read from ``synapses.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml
from pydantic import Field, TypeAdapter

from cosim.scenario.fields import Section
from cosim_nest.models.cells import State


class SynapseType(Section):
    """One projection: who is connected, and by how strong and slow a synapse.

    Weights are peak conductances in nS of one synapse, the delay is in ms.
    """

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    receptor: int
    delay: float
    synapses: float
    vitro: float
    awake: float

    def pair_weight_nS(self, state: State) -> float:
        """Return the weight of the one connection that stands for all synapses of a pair."""
        return self.synapses * (self.awake if state == "awake" else self.vitro)


@cache
def synapse_types() -> Mapping[str, SynapseType]:
    """Return the synapses by the name of the projection."""
    text = files("cosim_nest.cerebellum").joinpath("synapses.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, SynapseType]).validate_python(yaml.safe_load(text))
