"""Published parameter sets of the cerebellar mean field, each a file beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

import yaml
from pydantic import Field, model_validator

from cosim.scenario.fields import Section

SetName = Literal["PLOS23", "AWAKE26"]

#: Populations of the cerebellar cortex in the order of all arrays.
POPULATIONS: Final = ("GrC", "GoC", "MLI", "PC")

#: What each population listens to, ``<source>_<target>``; synapses of one target are neighbours.
SYNAPSES: Final = (
    "mf_GrC",
    "GoC_GrC",
    "mf_GoC",
    "GrC_GoC",
    "GoC_GoC",
    "GrC_MLI",
    "MLI_MLI",
    "GrC_PC",
    "MLI_PC",
)

_Real = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Population(Section):
    """Constants of a population's transfer function.

    Parameters
    ----------
    g_L, C, E_L
        Leak conductance in nS, capacitance in pF and leak potential in mV.
    alpha
        Factor on the rate.
    N
        Number of cells, which sets the size of fluctuations.
    P
        Coefficients P0 to P4 of the effective threshold, in V.
    """

    g_L: _Positive
    C: _Positive
    E_L: _Real
    alpha: _Positive
    N: Annotated[int, Field(gt=0)]
    P: tuple[_Real, _Real, _Real, _Real, _Real]


class Synapse(Section):
    """A kind of synapse of a population.

    Parameters
    ----------
    K
        Mean number of presynaptic cells.
    Q
        Peak conductance in nS.
    tau
        Time to the peak in ms.
    E
        Reversal potential in mV.
    """

    K: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    Q: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    tau: _Positive
    E: _Real


class ParameterSet(Section):
    """A consistent set of parameters with its provenance.

    Parameters
    ----------
    name, about
        What it is and what it is for.
    sources
        Publication and code that it comes from.
    provenance
        By quantity: where its values come from.
    T
        Time constant of all rates in ms.
    mossy_fibres
        Number of units whose rate is the external drive.
    populations
        By the names of `POPULATIONS`.
    synapses
        By the names of `SYNAPSES`.
    """

    name: SetName
    about: str
    sources: Mapping[str, str]
    provenance: Mapping[str, str]
    T: _Positive
    mossy_fibres: Annotated[int, Field(gt=0)]
    populations: dict[str, Population]
    synapses: dict[str, Synapse]

    @model_validator(mode="after")
    def _complete(self) -> ParameterSet:
        for kind, found, expected in (
            ("populations", self.populations, POPULATIONS),
            ("synapses", self.synapses, SYNAPSES),
        ):
            if set(found) != set(expected):
                odd = ", ".join(sorted(set(found) ^ set(expected)))
                raise ValueError(f"{kind} must be {', '.join(expected)}; missing or unknown: {odd}")
        return self

    def of_population(self, population: str) -> dict[str, Synapse]:
        """Return the synapses of a population by their source, in the order of `SYNAPSES`.

        Raises
        ------
        KeyError
            If there is no such population.
        """
        if population not in self.populations:
            raise KeyError(f"there is no population '{population}'")
        pairs = (name.split("_") for name in SYNAPSES)
        return {
            source: self.synapses[f"{source}_{target}"]
            for source, target in pairs
            if target == population
        }


@cache
def parameter_set(name: SetName) -> ParameterSet:
    """Return a set by its name.

    PLOS23 reproduces the published mean field; AWAKE26 follows the awake spiking network.
    """
    text = (files(__package__ or "") / f"{name.lower()}.yaml").read_text(encoding="utf-8")
    found = ParameterSet.model_validate(yaml.safe_load(text))
    if found.name != name:
        raise ValueError(f"the file of {name} holds {found.name}")
    return found
