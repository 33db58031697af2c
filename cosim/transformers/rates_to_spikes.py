"""A rate into spike trains without memory: independent, or with correlated counts.

Methods after Kuhn, Aertsen & Rotter 2003, Neural Comput 15:67 (multiple and single interaction
processes).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cosim.clock import Window
from cosim.messages import Block, SpikeBatch
from cosim.scenario.fields import Section
from cosim.streams import Stream
from cosim.transformers.base import Context, Direction
from cosim.transformers.borders import check_rates, check_signal, rows
from cosim.transformers.signals import Resample

Senders = NDArray[np.int64]

#: So many spikes of a step are drawn one by one.
FEW = 3

#: Correlations below this are drawn as independent: no run is long enough to tell.
NO_CORRELATION = 1e-9


class TrainsParameters(Section):
    """How many trains are drawn.

    Parameters
    ----------
    trains
        A number, or one for each neuron of the population.
    """

    trains: Literal["one_per_neuron"] | int = "one_per_neuron"

    @field_validator("trains", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if value == "one_per_neuron":
            return value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        raise ValueError(f"trains is {value!r}; expected one_per_neuron or a number from 1")


class CorrelatedParameters(TrainsParameters):
    """Trains whose spike counts are correlated.

    Parameters
    ----------
    correlation
        Pearson's coefficient of the counts of any two trains, 0 to 1.
    """

    correlation: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class RatesToSpikes(ABC):
    """What all generators of trains share: input, grids, order, draws at a step.

    Takes a signal with one column, the rate of every train in spikes/s: a row governs the step
    that ends at its tick. Gives spikes at multiples of `step_out`, each at the end of the step
    in which it falls, ordered by time and sender. Several spikes of a train in one step stay as
    repeated entries, which NEST's generators emit one by one. No spike comes before time 0.

    Parameters
    ----------
    parameters
        Validated parameters of the class.
    context
        Name and seed key the random stream.
    """

    direction: ClassVar[Direction] = "rates_to_spikes"
    Parameters: ClassVar[type[Section]] = TrainsParameters

    def __init__(self, parameters: Section, context: Context) -> None:
        given = TrainsParameters.model_validate(parameters)
        self._context = context
        self._trains = context.size if given.trains == "one_per_neuron" else given.trains
        self._stream = Stream(context.seed, context.name)
        self._resample = Resample(context.step_in, context.step_out)
        self._step_ms = context.step_out * context.tick_ms

    @property
    def delay_ms(self) -> float:
        """Zero: a spike is stamped at the end of the step whose rate it follows."""
        return 0.0

    @property
    def trains(self) -> int:
        """Number of trains."""
        return self._trains

    def convert(self, block: Block, window: Window) -> SpikeBatch:
        """Draw the spikes of the window.

        Raises
        ------
        BorderError
            If a rate is NaN, infinite, negative or absurdly high, naming the time.
        """
        step = self._context.step_out
        count = rows(window, step)
        signal = check_signal(block, window, self._context.step_in)
        check_rates(signal, self._context.tick_ms)
        if window.stop <= 0:
            return SpikeBatch.empty(window.start, window.stop)
        rates_hz = self._resample.convert(signal).values[:, 0].tolist()
        ticks = window.start + step * np.arange(1, count + 1)
        parts = [self._step(r, t) for r, t in zip(rates_hz, ticks.tolist(), strict=True)]
        return SpikeBatch(
            window.start,
            window.stop,
            np.repeat(ticks, [len(p) for p in parts]),
            np.concatenate(parts).astype(np.int32),
        )

    @abstractmethod
    def _step(self, rate_hz: float, tick: int) -> Senders:
        """Return the senders that fire in the step that ends at the tick, in order."""


class Poisson(RatesToSpikes):
    """Independent Poisson trains, drawn as one train whose spikes fall to senders at random."""

    def _step(self, rate_hz: float, tick: int) -> Senders:
        senders = self._independent(self._stream.at(tick), rate_hz)
        senders.sort()
        return senders

    def _independent(self, generator: np.random.Generator, rate_hz: float) -> Senders:
        count = int(generator.poisson(self._trains * rate_hz * self._step_ms / 1e3))
        if count > FEW:
            return generator.integers(self._trains, size=count)
        # The same numbers one by one: an array of them takes four times as long to ask for.
        return np.array([generator.integers(self._trains) for _ in range(count)], np.int64)


class _Correlated(Poisson):
    Parameters: ClassVar[type[Section]] = CorrelatedParameters

    def __init__(self, parameters: Section, context: Context) -> None:
        super().__init__(parameters, context)
        self._correlation = CorrelatedParameters.model_validate(parameters).correlation


class MultipleInteraction(_Correlated):
    """Poisson trains that copy each spike of a common mother with probability c.

    The mother's rate is rate / c, so that each train has the requested rate; the counts of two
    trains have correlation c.
    """

    def _step(self, rate_hz: float, tick: int) -> Senders:
        c = self._correlation
        if c < NO_CORRELATION:
            return super()._step(rate_hz, tick)
        generator = self._stream.at(tick)
        mothers = int(generator.poisson(rate_hz / c * self._step_ms / 1e3))
        return np.sort(_kept(generator, mothers * self._trains, c) % self._trains)


class SingleInteraction(_Correlated):
    """Poisson trains made of a shared train of rate c * rate and an own one of (1 - c) * rate.

    The counts of two trains have correlation c.
    """

    def _step(self, rate_hz: float, tick: int) -> Senders:
        c = self._correlation
        generator = self._stream.at(tick)
        shared = int(generator.poisson(c * rate_hz * self._step_ms / 1e3))
        own = self._independent(generator, (1.0 - c) * rate_hz)
        return np.sort(np.concatenate([np.tile(np.arange(self._trains), shared), own]))


def _kept(generator: np.random.Generator, length: int, probability: float) -> Senders:
    """Return which of `length` things are kept, each with that probability, in order.

    Draws the gaps between those that are kept, so the work follows their number.
    """
    parts = [np.empty(0, np.int64)]
    last = -1
    while last < length - 1:
        expected = (length - 1 - last) * probability
        gaps = generator.geometric(probability, math.ceil(expected + 4 * math.sqrt(expected) + 4))
        kept = last + np.cumsum(gaps)
        parts.append(kept[kept < length])
        last = int(kept[-1])
    return np.concatenate(parts)
