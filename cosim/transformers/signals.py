"""Signal into signal: scale, gate, resample, delay. None depends on how time is cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosim.messages import Signal
from cosim.transformers.borders import Clipping, check_finite, check_rates


class Affine:
    """gain * x + offset, clipped to [0, maximum]: coupling into a rate in spikes/s, or back.

    Parameters
    ----------
    gain, offset
        Coefficients; the result has the offset's unit.
    maximum
        Upper limit, none if None.
    name
        Who this is, for messages.
    tick_ms
        Length of a tick, for messages.
    tell_negative
        Whether clipping at 0 counts.

    Attributes
    ----------
    clipped
        How many rows were clipped, and since when.
    """

    def __init__(
        self,
        gain: float,
        offset: float = 0.0,
        maximum: float | None = None,
        *,
        name: str,
        tick_ms: float,
        tell_negative: bool = True,
    ) -> None:
        self._gain, self._offset = gain, offset
        self._lowest = 0.0 if tell_negative else -math.inf
        self._maximum = math.inf if maximum is None else maximum
        self._tick_ms = tick_ms
        self._name = name
        self.clipped = Clipping(name, tick_ms)

    def convert(self, signal: Signal) -> Signal:
        """Return the scaled signal.

        Raises
        ------
        BorderError
            If a value is NaN or infinite, naming the time.
        """
        check_finite(signal, self._name, self._tick_ms)
        exact = self._gain * signal.values + self._offset
        low = (exact < self._lowest).any(axis=1)
        high = (exact > self._maximum).any(axis=1)
        bad = low | high
        if bad.any():
            self.clipped.count(
                signal.start + (int(bad.argmax()) + 1) * signal.step,
                low=int(low.sum()),
                high=int(high.sum()),
                limits=f"[0, {self._maximum:g}]",
            )
        return Signal(signal.start, signal.step, np.clip(exact, 0.0, self._maximum))


class Gating:
    """Fraction S of open NMDA receptors under a presynaptic rate r, the Wong-Wang gating.

        dS/dt = -S / tau_S + (1 - S) * gamma * r

    (Deco et al. 2013, J Neurosci 33:11239; 2014, J Neurosci 34:7886). The step is exact for a
    rate held over it. Before and at time 0 S rests at the steady state of the rates before time 0,
    or of the initial rate where none come.

    Parameters
    ----------
    tau_S_ms
        Decay time of the receptors, 100 ms in the reference.
    gamma
        Dimensionless: the fraction of closed receptors that a spike opens, 0.641 in the
        reference. Multiplied with the rate in spikes/ms; TVB's `gamma_e` is this / 1000.
    initial_rate_hz
        Rate before time 0.
    tick_ms
        Length of a tick.
    """

    def __init__(
        self, tau_S_ms: float, gamma: float, *, initial_rate_hz: float = 0.0, tick_ms: float
    ) -> None:
        if not (tau_S_ms > 0 and gamma >= 0 and initial_rate_hz >= 0):
            raise ValueError(
                f"tau_S {tau_S_ms} ms, gamma {gamma}, initial rate {initial_rate_hz} spikes/s: "
                "expected a positive time and no negative numbers"
            )
        self._tau_ms, self._gamma, self._tick_ms = tau_S_ms, gamma, tick_ms
        self._initial_hz = initial_rate_hz
        self._initial = self.steady_state(initial_rate_hz)
        self._state: list[float] = []

    def steady_state(self, rate_hz: float) -> float:
        """Return S after a long time at a rate in spikes/s."""
        return self._gamma * rate_hz / 1e3 * self.time_constant_ms(rate_hz)

    def time_constant_ms(self, rate_hz: float) -> float:
        """Return the time in which S approaches its steady state, shorter for higher rates."""
        return 1.0 / (1.0 / self._tau_ms + self._gamma * rate_hz / 1e3)

    @property
    def delay_ms(self) -> float:
        """Mean delay of small changes around the initial rate: its time constant."""
        return self.time_constant_ms(self._initial_hz)

    def convert(self, signal: Signal) -> Signal:
        """Return S, column by column, from rates in spikes/s.

        Raises
        ------
        BorderError
            If a rate is NaN, infinite or negative, naming the time.
        """
        check_rates(signal, self._tick_ms)
        columns = signal.values.shape[1]
        if signal.stop <= 0:
            rest = [[self.steady_state(r) for r in rates] for rates in signal.values.tolist()]
            self._state = rest[-1]
            return Signal(signal.start, signal.step, np.array(rest))
        self._state = self._state or [self._initial] * columns
        step_ms = signal.step * self._tick_ms
        out = [self._after(rates, step_ms) for rates in signal.values.tolist()]
        return Signal(signal.start, signal.step, np.array(out))

    def _after(self, rates_hz: Sequence[float], step_ms: float) -> list[float]:
        """Return the state after one step; the equations of `steady_state`, written out."""
        leak, gamma, states = 1.0 / self._tau_ms, self._gamma, self._state
        after = []
        for state, rate_hz in zip(states, rates_hz, strict=True):
            opening = gamma * rate_hz / 1e3
            tau_ms = 1.0 / (leak + opening)
            target = opening * tau_ms
            # math.exp, as the vectorised one may round differently by position in the array.
            after.append(target + (state - target) * math.exp(-step_ms / tau_ms))
        self._state = after
        return after


class Resample:
    """From one grid to another. Windows must be multiples of both steps.

    A row governs the interval of a step that ends at its tick. Towards a finer grid it is
    repeated; towards a coarser one the values are averaged, each by the time that it governs,
    or sampled.

    Parameters
    ----------
    step_in, step_out
        Steps in ticks.
    how
        ``mean`` keeps the integral and is right for rates; ``sample`` takes the value that
        governs the end of the step.
    """

    def __init__(
        self, step_in: int, step_out: int, how: Literal["mean", "sample"] = "mean"
    ) -> None:
        common = math.gcd(step_in, step_out)
        self._step_in, self._step_out, self._how = step_in, step_out, how
        self._repeats, self._group = step_in // common, step_out // common

    def convert(self, signal: Signal) -> Signal:
        """Return the signal on the other grid.

        Raises
        ------
        ValueError
            If the signal is not on the grid of `step_in`, or its window not on `step_out`.
        """
        length = signal.stop - signal.start
        if signal.step != self._step_in or length % self._step_out:
            raise ValueError(
                f"signal of {length} ticks in steps of {signal.step} cannot go from steps of "
                f"{self._step_in} to steps of {self._step_out} ticks"
            )
        fine = np.repeat(signal.values, self._repeats, axis=0)
        return Signal(signal.start, self._step_out, self._reduce(fine))

    def _reduce(self, fine: NDArray[np.float64]) -> NDArray[np.float64]:
        last = self._group - 1
        if last == 0 or self._how == "sample":
            return fine[last :: self._group]
        # Added up in a fixed order: numpy's own sum may group terms by the shape of the array.
        total: NDArray[np.float64] = fine[:: self._group].copy()
        for i in range(1, self._group):
            total += fine[i :: self._group]
        total /= self._group
        return total


class DelayLine:
    """Delays a signal by whole steps.

    Parameters
    ----------
    delay_ticks
        Delay, a multiple of the step.
    step
        Step of the signal in ticks.
    lag
        Windows by which blocks come early: given the block of window w - lag the line returns
        the block of window w. The delay must then be at least lag windows.
    initial
        Value before the first block, one for all columns or one for each.
    """

    def __init__(
        self, delay_ticks: int, step: int, *, lag: int = 0, initial: ArrayLike = 0.0
    ) -> None:
        if delay_ticks < 0 or delay_ticks % step or lag < 0:
            raise ValueError(
                f"delay of {delay_ticks} ticks with lag {lag}: expected a multiple of "
                f"{step} ticks and no negative number"
            )
        self._delay, self._step, self._lag, self._initial = delay_ticks, step, lag, initial
        self._ahead: int | None = None
        self._waiting = np.empty((0, 0))

    def convert(self, signal: Signal) -> Signal:
        """Return the delayed block, `lag` windows later than the given one.

        Raises
        ------
        ValueError
            If the delay is shorter than the lag, or with a lag the window changes.
        """
        ahead = self._lag * (signal.stop - signal.start)
        if signal.step != self._step or ahead > self._delay or self._ahead not in (None, ahead):
            raise ValueError(
                f"block of {signal.stop - signal.start} ticks in steps of {signal.step} with lag "
                f"{self._lag} does not fit a delay of {self._delay} ticks in steps of {self._step}"
            )
        if self._ahead is None:
            self._ahead = ahead
            shape = ((self._delay - ahead) // self._step, signal.values.shape[1])
            self._waiting = np.broadcast_to(np.asarray(self._initial, np.float64), shape)
        known = np.concatenate([self._waiting, signal.values])
        count = len(signal.values)
        self._waiting = known[count:]
        return Signal(signal.start + ahead, self._step, known[:count])
