"""A rate into spike trains with memory: renewal processes that follow a changing rate.

Time runs for a train as the integral of its rate (operational time), in which the intervals
between spikes have mean 1 (Brown et al. 2002, Neural Comput 14:325). Equilibrium at the start
after Cox 1962, Renewal Theory; dead time after Deger et al. 2012, J Comput Neurosci 32:443.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cosim.scenario.fields import Section
from cosim.streams import Stream
from cosim.transformers.base import Context
from cosim.transformers.borders import Clipping
from cosim.transformers.rates_to_spikes import RatesToSpikes, Senders, TrainsParameters
from cosim.units import Milliseconds

#: Largest part of the time that a train may be dead, rate * refractory; rates above are clipped.
MAXIMUM_DEAD = 0.99

#: Operational time by which rounding may bring a regular spike forward.
ROUNDING = 1e-9


class GammaParameters(TrainsParameters):
    """Gamma distributed intervals.

    Parameters
    ----------
    shape
        Order k: the squared coefficient of variation of the intervals is 1/k without dead
        time; 1 gives a Poisson process, more gives more regular trains.
    refractory
        Dead time after each spike.
    """

    shape: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    refractory: Annotated[Milliseconds, Field(ge=0)] = 0.0


class Gamma(RatesToSpikes):
    """Renewal trains: a dead time t_ref, then a Gamma distributed operational time.

    After the dead time operational time runs at r / (1 - r * t_ref), so the mean interval at a
    constant rate is 1 / r. A rate that changes is followed exactly without dead time, and with
    it as far as the rate changes little within t_ref. Trains start in equilibrium: as if the
    first rate had lasted for ever.

    Attributes
    ----------
    clipped
        How many steps had rates too high for the dead time, and since when.
    """

    Parameters: ClassVar[type[Section]] = GammaParameters

    def __init__(self, parameters: Section, context: Context) -> None:
        super().__init__(parameters, context)
        given = GammaParameters.model_validate(parameters)
        self._shape = given.shape
        self._dead_ms = float(given.refractory)
        # Rounded, as 2 ms / 0.1 ms must give 20 whole steps.
        steps = round(self._dead_ms / self._step_ms, 9)
        self._dead_steps = math.floor(steps)
        self._dead_part = steps - self._dead_steps
        self._elapsed = 0.0
        #: Operational time at which each train fires next; infinite while it is dead.
        self._due: NDArray[np.float64] | None = None
        self._asleep: dict[int, list[tuple[Senders, NDArray[np.float64], NDArray[np.float64]]]] = {}
        self.clipped = Clipping(context.name, context.tick_ms)

    def _step(self, rate_hz: float, tick: int) -> Senders:
        rate_hz = self._possible(rate_hz, tick)
        number = tick // self._context.step_out
        if self._due is None:
            self._due = self._begin(rate_hz, number)
        before = self._elapsed
        speed = rate_hz / (1.0 - rate_hz * self._dead_ms / 1e3) * self._step_ms / 1e3
        after = self._elapsed = before + speed
        for trains, parts, intervals in self._asleep.pop(number, ()):
            self._due[trains] = before + parts * speed + intervals
        generator = self._stream.at(tick)
        fired = []
        firing = np.flatnonzero(self._due < after)
        while len(firing):
            fired.append(firing)
            intervals = generator.standard_gamma(self._shape, len(firing)) / self._shape
            self._rest(firing, intervals, before, speed, number)
            firing = firing[self._due[firing] < after]
        return np.sort(np.concatenate(fired)) if fired else firing

    def _possible(self, rate_hz: float, tick: int) -> float:
        if rate_hz * self._dead_ms / 1e3 <= MAXIMUM_DEAD:
            return rate_hz
        limit_hz = MAXIMUM_DEAD / self._dead_ms * 1e3
        self.clipped.count(tick, high=1, limits=f"{limit_hz:g} spikes/s by the refractory time")
        return limit_hz

    def _begin(self, rate_hz: float, number: int) -> NDArray[np.float64]:
        """Draw the time to the first spike from the equilibrium of the first rate.

        A train is dead with probability rate * t_ref, for a rest that is uniform; otherwise it
        is at a uniform place within an interval drawn in proportion to length, and Gamma(k)
        weighted by length is Gamma(k + 1).
        """
        generator = Stream(self._context.seed, self._context.name, "start").at(0)
        place = generator.random(self._trains)
        due = generator.random(self._trains)
        due *= generator.standard_gamma(self._shape + 1.0, self._trains) / self._shape
        dead = np.flatnonzero(place < rate_hz * self._dead_ms / 1e3)
        rest = place[dead] / (rate_hz * self._step_ms / 1e3) if len(dead) else place[dead]
        intervals = generator.standard_gamma(self._shape, len(dead)) / self._shape
        due[dead] = np.inf
        self._sleep(dead, rest, intervals, number)
        return due

    def _rest(
        self,
        trains: Senders,
        intervals: NDArray[np.float64],
        before: float,
        speed: float,
        number: int,
    ) -> None:
        """Set when trains that fire in this step fire next."""
        assert self._due is not None
        if self._dead_ms == 0:
            self._due[trains] += intervals
            return
        parts = (self._due[trains] - before) / speed + self._dead_part
        whole = (parts >= 1.0).astype(np.int64)
        parts -= whole
        whole += self._dead_steps
        now = whole == 0
        self._due[trains] = np.where(now, before + parts * speed + intervals, np.inf)
        later = ~now
        self._sleep(trains[later], (whole + parts)[later], intervals[later], number)

    def _sleep(
        self,
        trains: Senders,
        steps: NDArray[np.float64],
        intervals: NDArray[np.float64],
        number: int,
    ) -> None:
        """Let trains sleep for so many steps, counted from the beginning of this one."""
        whole = np.floor(steps).astype(np.int64)
        for n in np.unique(whole):
            those = whole == n
            entry = (trains[those], steps[those] - n, intervals[those])
            self._asleep.setdefault(number + int(n), []).append(entry)


class RegularParameters(TrainsParameters):
    """Equal intervals.

    Parameters
    ----------
    phases
        ``random``: trains are spread over the interval; ``aligned``: all fire together, first
        after one whole interval.
    """

    phases: Literal["random", "aligned"] = "random"


class Regular(RatesToSpikes):
    """Trains with intervals of exactly 1 / rate, in operational time if the rate changes."""

    Parameters: ClassVar[type[Section]] = RegularParameters

    def __init__(self, parameters: Section, context: Context) -> None:
        super().__init__(parameters, context)
        phases = np.ones(self._trains)
        if RegularParameters.model_validate(parameters).phases == "random":
            start = Stream(context.seed, context.name, "start").at(0)
            phases -= start.random(self._trains)
        self._order = np.argsort(phases, kind="stable")
        self._phases = phases[self._order]
        self._elapsed = ROUNDING

    def _step(self, rate_hz: float, tick: int) -> Senders:
        before = self._elapsed
        after = before + rate_hz * self._step_ms / 1e3
        self._elapsed = after % 1.0
        numbers = np.arange(self._fired(before), self._fired(after))
        return np.sort(self._order[numbers % self._trains])

    def _fired(self, elapsed: float) -> int:
        """Return the number of spikes of all trains up to an operational time."""
        whole = math.floor(elapsed)
        part = np.searchsorted(self._phases, elapsed - whole, side="right")
        return whole * self._trains + int(part)
