"""What may be set of the olivo-cerebellar circuit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from cosim.scenario.fields import Section
from cosim.units import Micrometres, SpikesPerSecond
from cosim_nest.cerebellum.synapses import synapse_types
from cosim_nest.models.cells import State
from cosim_nest.rules import nearest

Choice = Literal["auto", "eglif", "stand_in"]
Part = Literal["cortex", "nuclei", "olive"]
PARTS: tuple[Part, ...] = ("cortex", "nuclei", "olive")


class CerebellarParameters(Section):
    """What may be set of the circuit.

    Attributes
    ----------
    box
        Extent of the cortex along x, the parallel fibres' axis, and y. In smaller boxes than
        120 x 100 um too few Golgi cells and mossy fibres are left for the published rates. There
        is no largest one.
    parts
        What is built: the cortex, and with it the nuclei and the olive or one of them. What is
        left out leaves the others' wiring as it is.
    state
        Set of weights and excitabilities.
    neuron
        ``eglif``, a built-in ``stand_in``, or ``auto`` for the former where it can be had.
    background
        Rate of the Poisson train that each mossy fibre carries by itself.
    weight_scales
        Factors on the weights of projections by name, such as ``{golgi_granule: 0}`` to take
        Golgi inhibition off the granule cells.
    """

    box: tuple[Annotated[Micrometres, Field(ge=120)], Annotated[Micrometres, Field(ge=100)]] = (
        200.0,
        150.0,
    )
    parts: tuple[Part, ...] = PARTS
    state: State = "awake"
    neuron: Choice = "auto"
    background: Annotated[SpikesPerSecond, Field(ge=0)] = 4.0
    weight_scales: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )

    @field_validator("parts")
    @classmethod
    def _with_cortex(cls, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        if "cortex" not in parts:
            raise ValueError("the cortex is missing; expected it among the parts")
        if len(set(parts)) < len(parts):
            raise ValueError("a part stands twice; expected each once")
        return parts

    @field_validator("weight_scales")
    @classmethod
    def _known(cls, scales: dict[str, float]) -> dict[str, float]:
        known = synapse_types()
        for name in scales:
            if name not in known:
                message = f"there is no projection '{name}'; expected some of: {', '.join(known)}"
                hint = nearest(name, known)
                raise ValueError(f"{message}; {hint}" if hint else message)
        return scales
