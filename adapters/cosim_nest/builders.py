"""Networks given by a name and a few parameters instead of populations and projections.

A builder is an object registered in the entry-point group ``cosim_nest.builders``. Its module
must import without NEST, which is handed to `NetworkBuilder.build`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Protocol, runtime_checkable

from cosim.own_code import Provider, providers
from cosim.scenario.fields import Section
from cosim.simulator import RateBand


class NetworkBuilder(Protocol):
    """Describes a network from its parameters, and builds it in NEST.

    `parameters` is always an instance of the builder's own `Parameters`. A builder may also be a
    `KnowsRates` or a `KnowsLacks`.
    """

    #: Validates what stands beside ``builder`` in YAML.
    Parameters: ClassVar[type[Section]]

    def populations(self, parameters: Any) -> Mapping[str, int]:  # noqa: ANN401
        """Return name and size of every population."""

    def min_delay_ms(self, parameters: Any) -> float:  # noqa: ANN401
        """Return the smallest delay that the network's connections can have."""

    def build(
        self,
        nest: Any,  # noqa: ANN401
        parameters: Any,  # noqa: ANN401
        seed: int,
    ) -> Mapping[str, Any]:
        """Build the network and return the nodes of every population.

        Parameters
        ----------
        nest
            NEST's module; its kernel is empty, with resolution, threads and seed set.
        parameters
            What the user wrote.
        seed
            Seed for draws that the builder makes outside NEST.

        Returns
        -------
        mapping of str to nest.NodeCollection
            As many nodes as `populations` says, in an order that depends on nothing else.
        """


@runtime_checkable
class KnowsRates(Protocol):
    """A builder that knows between which rates its populations should lie."""

    def reference_rates(self, parameters: Any) -> Mapping[str, RateBand]:  # noqa: ANN401
        """Return the rates of those populations of which they are known."""


@runtime_checkable
class KnowsLacks(Protocol):
    """A builder that needs more than NEST."""

    def lacks(self, parameters: Any) -> str:  # noqa: ANN401
        """Return what this machine lacks for the network, and the mend; empty if nothing."""


def reference_rates(
    built_by: NetworkBuilder,
    parameters: Section,
) -> Mapping[str, RateBand]:
    """Return the rates that a builder knows; none if it is no `KnowsRates`."""
    return built_by.reference_rates(parameters) if isinstance(built_by, KnowsRates) else {}


@cache
def _entries() -> Mapping[str, Provider]:
    return providers("cosim_nest.builders")


def builder_names() -> tuple[str, ...]:
    """Return the names of all builders, installed or of the user's file."""
    return tuple(sorted(_entries()))


@cache
def builder(name: str) -> NetworkBuilder:
    """Return an installed builder.

    Raises
    ------
    KeyError
        If none of that name is installed.
    """
    loaded: NetworkBuilder = _entries()[name].load()
    return loaded
