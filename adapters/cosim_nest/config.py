"""What a user may write under `models` for a region in NEST."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from cosim.scenario.model import ModelConfig
from cosim.units import Milliseconds
from cosim_nest.consistency import flaws
from cosim_nest.sections import BuiltNetwork, NestReceives, Network, read_network
from cosim_nest.values import flawed


class NestConfig(ModelConfig):
    """A spiking region in NEST."""

    engine: Literal["nest"]
    resolution: Milliseconds = 0.1
    threads: Annotated[int, Field(ge=1, strict=True)] = 1
    network: Annotated[Network | BuiltNetwork, BeforeValidator(read_network)]
    receives: tuple[NestReceives, ...] = ()

    @property
    def populations(self) -> dict[str, int]:
        """Name and size of every population."""
        if isinstance(self.network, BuiltNetwork):
            return dict(self.network.built_by.populations(self.network.parameters))
        return {name: p.size for name, p in self.network.populations.items()}

    @model_validator(mode="after")
    def _consistent(self) -> NestConfig:
        found = list(flaws(self))
        if found:
            raise flawed("nest", found)
        return self
