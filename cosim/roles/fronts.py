"""What happens to each input of a transformer before the inputs are added up."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from cosim.clock import Clock, Window
from cosim.messages import Block, Signal, SpikeBatch
from cosim.plan.model import Front
from cosim.transformers.base import Context, transformers
from cosim.transformers.signals import DelayLine, Resample


class Intake(Protocol):
    """Turns the block of window w - lag into the signal for window w."""

    def convert(self, block: Block, window: Window) -> Signal:
        """Convert the next block, which is that of `window`."""


class Coupled:
    """Coupling that the sender computed ahead: only its grid may differ."""

    def __init__(self, step_in: int, step_out: int) -> None:
        self._resample = Resample(step_in, step_out)

    def convert(self, block: Block, window: Window) -> Signal:
        """Return the block on the outgoing grid."""
        assert isinstance(block, Signal)
        return self._resample.convert(block)


class Weighted:
    """Spikes of another spiking region: a rate, times the edge's weight, after its delay."""

    def __init__(self, front: Front, context: Context) -> None:
        assert front.through is not None
        kind = transformers()[front.through.name]
        parameters = kind.Parameters.model_validate(front.through.parameters)
        self._rates = kind(parameters, replace(context, size=front.size))
        self._weight = front.weight
        self._delay = DelayLine(front.delay, context.step_out, lag=front.lag)

    def convert(self, block: Block, window: Window) -> Signal:
        """Return the delayed, weighted rate."""
        rate = self._rates.convert(block, window)
        assert isinstance(rate, Signal)
        return self._delay.convert(Signal(rate.start, rate.step, rate.values * self._weight))


class SampleAndHold:
    """A mean-field state on another grid: at each time the latest value that exists."""

    def __init__(self, step_out: int) -> None:
        self._step_out = step_out
        self._latest: np.ndarray[tuple[int, int], np.dtype[np.float64]] | None = None

    def convert(self, block: Block, window: Window) -> Signal:
        """Return the values on the outgoing grid."""
        assert isinstance(block, Signal)
        before = block.values[:1] if self._latest is None else self._latest
        known = np.concatenate([before, block.values])
        length = block.stop - block.start
        offsets = np.arange(self._step_out, length + 1, self._step_out)
        self._latest = block.values[-1:]
        return Signal(block.start, self._step_out, known[offsets // block.step])


class DelayedSpikes:
    """Spikes on their way along one tract, and the fibres on which they arrive.

    Parameters
    ----------
    delay
        Delay in ticks.
    first_fibre
        Fibre of the sender with index 0.
    """

    def __init__(self, delay: int, first_fibre: int) -> None:
        self._delay, self._first = delay, first_fibre
        self._ticks = np.empty(0, np.int64)
        self._fibres = np.empty(0, np.int32)

    def arriving(self, block: Block, window: Window) -> SpikeBatch:
        """Add the spikes of the next block, and return those that arrive within `window`."""
        assert isinstance(block, SpikeBatch)
        ticks = np.concatenate([self._ticks, block.ticks + self._delay])
        fibres = np.concatenate([self._fibres, block.senders + np.int32(self._first)])
        now = ticks <= window.stop
        self._ticks, self._fibres = ticks[~now], fibres[~now]
        return SpikeBatch.ordered(window.start, window.stop, ticks[now], fibres[now])


def intake(front: Front, step_out: int, context: Context, clock: Clock) -> Intake:
    """Build the intake of one input of a transformer that makes spikes."""
    if front.through is None:
        return Coupled(front.step, step_out)
    named = replace(context, name=f"{context.name}.{front.channel}", step_in=front.step)
    return Weighted(front, named)
