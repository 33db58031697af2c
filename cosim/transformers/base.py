"""What turns one kind of activity into another on its way between two simulators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, Protocol

from cosim.clock import Window
from cosim.messages import Block
from cosim.own_code import providers
from cosim.scenario.fields import Section

Direction = Literal["rates_to_spikes", "spikes_to_rates", "spikes_to_spikes"]


@dataclass(frozen=True)
class Context:
    """Where a transformer stands.

    Parameters
    ----------
    name
        Name of the transformer in the plan; keys its random stream.
    seed
        The scenario's seed.
    tick_ms
        Length of a tick.
    step_in, step_out
        Grid of the incoming and of the outgoing side, in ticks. A `Signal` comes and leaves on
        these; spikes lie on multiples of these.
    size
        Number of neurons of the spiking population at the border.
    """

    name: str
    seed: int
    tick_ms: float
    step_in: int
    step_out: int
    size: int


class Transformer(Protocol):
    """Converts the blocks of consecutive windows, keeping its state in between.

    A class is registered under its YAML name in the entry-point group ``cosim.transformers``
    and called as ``cls(parameters, context)``.
    """

    direction: ClassVar[Direction]
    #: Validates what stands under the name in YAML.
    Parameters: ClassVar[type[Section]]

    def __init__(self, parameters: Section, context: Context) -> None: ...

    @property
    def delay_ms(self) -> float:
        """Mean delay that the conversion adds."""

    @property
    def trains(self) -> int:
        """Number of trains that leave; 0 if what leaves is a signal."""

    def convert(self, block: Block, window: Window) -> Block:
        """Convert the block of the next window.

        Windows come in order without a gap. The result must not depend on how time is cut
        into windows.
        """


@cache
def transformers() -> Mapping[str, type[Transformer]]:
    """Return all transformers, installed or of the user's file, by their YAML name."""
    return {name: p.load() for name, p in providers("cosim.transformers").items()}
