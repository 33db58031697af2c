"""Spikes into spikes: every neuron becomes a fibre."""

from __future__ import annotations

import math
from typing import ClassVar

from cosim.clock import Window
from cosim.messages import Block, SpikeBatch
from cosim.scenario.fields import Section
from cosim.transformers.base import Context, Direction
from cosim.transformers.borders import check_spikes, rows


class RelayParameters(Section):
    """A relay has nothing to choose."""


class Relay:
    """Passes spikes on: neuron i of the source is fibre i of the target.

    Spikes keep their time; where the target's grid is coarser they move to the next step, and
    those of a neuron that meet there stay as repeated entries.

    Parameters
    ----------
    parameters
        None.
    context
        Grids of both sides; the size of the population is the number of fibres.
    """

    direction: ClassVar[Direction] = "spikes_to_spikes"
    Parameters: ClassVar[type[Section]] = RelayParameters

    def __init__(self, parameters: Section, context: Context) -> None:
        RelayParameters.model_validate(parameters)
        self._context = context

    @property
    def delay_ms(self) -> float:
        """Mean of the move to the target's grid, for spikes anywhere on the source's grid."""
        common = math.gcd(self._context.step_in, self._context.step_out)
        return (self._context.step_out - common) / 2 * self._context.tick_ms

    @property
    def trains(self) -> int:
        """Number of fibres, one a neuron."""
        return self._context.size

    def convert(self, block: Block, window: Window) -> SpikeBatch:
        """Return the spikes on the target's grid.

        Raises
        ------
        BorderError
            If spikes lie outside the window, before time 0, or have unknown senders.
        """
        step = self._context.step_out
        rows(window, step)
        batch = check_spikes(block, window, self._context.size)
        ticks = -(-batch.ticks // step) * step
        return SpikeBatch.ordered(window.start, window.stop, ticks, batch.senders)
