"""The typed, named ends of a simulator between which channels run.

A port says what crosses (`Signal` or `SpikeBatch`), what the columns or senders are, and on
which grid. All are plain values computed by the plan, the same on every rank.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class StateOut:
    """Coupling variables of owned regions of a mean-field simulator, for another one.

    Emits a `Signal` with columns in C order of (variable, region, mode); row i is the state
    after the step that ends at its tick.
    """

    name: str
    regions: tuple[int, ...]
    variables: tuple[str, ...]
    step: int


@dataclass(frozen=True)
class AfferentOut:
    """Delayed, weighted and summed input of one spiking region, computed by the sending side.

    Emits a `Signal` with one column: the simulator's own coupling function over the edges from
    its `sources` to `target`, for the coupling variable `variable`. The row at tick t is the
    coupling that governs the step ending at t. It is computed `lag` windows ahead: the block
    emitted after window m covers window m + lag, which the border delays allow.
    """

    name: str
    target: int
    sources: tuple[int, ...]
    variable: str
    step: int
    lag: int


@dataclass(frozen=True)
class SpikesOut:
    """Spikes of one population; emits a `SpikeBatch` whose senders count within it."""

    name: str
    population: str
    size: int
    step: int


@dataclass(frozen=True)
class ProxyIn:
    """Activity of regions that another simulator owns, written into this one's history.

    Accepts a `Signal` with columns in C order of (variable, region, mode).
    """

    name: str
    regions: tuple[int, ...]
    variables: tuple[str, ...]
    step: int


@dataclass(frozen=True)
class TrainsIn:
    """Explicit spike trains into a population, one sender a fibre; accepts a `SpikeBatch`.

    Attributes
    ----------
    fibres
        Number of fibres.
    synapse
        How fibres reach the population, as the adapter's own configuration says it: the
        `synapse` part of the `receives` entry.
    """

    name: str
    population: str
    fibres: int
    step: int
    synapse: Any = field(compare=False)


@dataclass(frozen=True)
class RatesIn:
    """Rate in spikes/s of Poisson trains drawn inside the simulator, one for each neuron.

    Accepts a `Signal` with one column on the simulator's own grid.
    """

    name: str
    population: str
    step: int
    synapse: Any = field(compare=False)


OutPort = StateOut | AfferentOut | SpikesOut
InPort = ProxyIn | TrainsIn | RatesIn
