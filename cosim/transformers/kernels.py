"""Causal kernels that smooth spike counts, as digital filters.

A kernel k(t) with integral 1 becomes the impulse response

    h[i] = integral of k over (i * step, (i + 1) * step],   i = 0, 1, ...

so the sum of h is 1, and a spike counts as if it were spread evenly over its bin. ``h[0]`` acts
at the end of the bin in which the spike is counted: that end is the origin of the delay, which
is the mean of h, the sum of ``i * step * h[i]``. It is shorter than the mean of k by about half
a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Coefficients = tuple[NDArray[np.float64], NDArray[np.float64]]

#: Standard deviations after which a Gaussian is cut; what is lost weighs 2e-9.
GAUSSIAN_REACH = 6.0


@dataclass(frozen=True)
class Kernel:
    """A cascade of digital filters with gain 1 at frequency 0.

    Parameters
    ----------
    sections
        Numerator b and denominator a of each filter, in powers of the delay by one step.
    delay_steps
        Mean of the impulse response in steps.
    """

    sections: tuple[Coefficients, ...]
    delay_steps: float


def _finite(taps: NDArray[np.float64]) -> Kernel:
    taps = taps / math.fsum(taps)
    # The second coefficient 0 keeps lfilter from np.convolve, whose rounding depends on how
    # many rows come at once.
    section = (taps, np.array([1.0, 0.0]))
    return Kernel((section,), math.fsum(np.arange(len(taps)) * taps))


def boxcar(width_ms: float, step_ms: float) -> Kernel:
    """Return the kernel 1/width on (0, width]; a width between steps gets a smaller last tap."""
    width = width_ms / step_ms
    taps = np.clip(width - np.arange(math.ceil(width - 1e-9)), 0.0, 1.0)
    return _finite(taps)


def exponential(tau_ms: float, step_ms: float) -> Kernel:
    """Return the kernel exp(-t/tau) / tau: one pole, delay about tau - step / 2."""
    pole = math.exp(-step_ms / tau_ms)
    # 1 - pole rather than -expm1(-step/tau): the gain is 1 for the pole as rounded.
    section = (np.array([1.0 - pole]), np.array([1.0, -pole]))
    return Kernel((section,), pole / (1.0 - pole))


def alpha(tau_ms: float, step_ms: float) -> Kernel:
    """Return the kernel t exp(-t/tau) / tau**2: two poles, delay about 2 tau - step / 2."""
    x = step_ms / tau_ms
    pole = math.exp(-x)
    rest = 1.0 - pole
    # h[i] = pole**i * ((rest - x * pole) + i * x * rest), the difference of the integral
    # 1 - (1 + t/tau) exp(-t/tau), written as two cascaded poles.
    b_0 = (rest - x * pole) / rest
    first = (np.array([b_0, rest - b_0]), np.array([1.0, -pole]))
    second = (np.array([rest]), np.array([1.0, -pole]))
    return Kernel((first, second), pole / rest * (1.0 + x / rest))


def gaussian(sigma_ms: float, step_ms: float, peak_ms: float = 0.0) -> Kernel:
    """Return a Gaussian around `peak_ms`, cut at t < 0 and scaled to integral 1.

    With the peak at 0 it is the half Gaussian; with a peak several sigma away it is whole.
    """
    reach = peak_ms + GAUSSIAN_REACH * sigma_ms
    edges = np.arange(math.ceil(reach / step_ms) + 1) * step_ms
    scaled = (edges - peak_ms) / (sigma_ms * math.sqrt(2.0))
    return _finite(np.diff([math.erf(z) for z in scaled]))


BY_NAME: Mapping[str, Callable[..., Kernel]] = {
    "boxcar": boxcar,
    "exponential": exponential,
    "alpha": alpha,
    "gaussian": gaussian,
}


class KernelFilter:
    """A kernel at work: filters consecutive rows, bit for bit the same however they are cut.

    Parameters
    ----------
    kernel
        The kernel.
    initial
        Input before the first row, held for ever.
    """

    def __init__(self, kernel: Kernel, initial: float = 0.0) -> None:
        self._stages = [
            (_Pole if len(a) == 2 and len(b) <= 2 and a[1] != 0.0 else _Taps)(b, a, initial)
            for b, a in kernel.sections
        ]

    def filter(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the filtered values, shape (rows,)."""
        for stage in self._stages:
            values = stage.filter(values)
        return values


class _Taps:
    """A section of any length."""

    def __init__(
        self, b: NDArray[np.float64], a: NDArray[np.float64], initial: float
    ) -> None:
        # Most of a rank's start would go into this import, which only long kernels need.
        from scipy.signal import lfilter

        self._filter, self._b, self._a = lfilter, b, a
        self._state = _settled(b, a) * initial

    def filter(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        filtered, self._state = self._filter(self._b, self._a, values, zi=self._state)
        return np.asarray(filtered)


class _Pole:
    """A section with one pole, step by step as ``scipy.signal.lfilter`` does it.

    For the few rows of a window that is faster than a call of lfilter.
    """

    def __init__(
        self, b: NDArray[np.float64], a: NDArray[np.float64], initial: float
    ) -> None:
        self._b_0, self._b_1 = float(b[0]), float(b[1]) if len(b) > 1 else 0.0
        self._a_1 = float(a[1])
        self._state = float(_settled(b, a)[0]) * initial

    def filter(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        b_0, b_1, a_1, state = self._b_0, self._b_1, self._a_1, self._state
        out = []
        for x in values.tolist():
            y = state + b_0 * x
            state = b_1 * x - a_1 * y
            out.append(y)
        self._state = state
        return np.array(out, np.float64)


def _settled(b: NDArray[np.float64], a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lfilter's state under a constant input of 1.

    In the transposed direct form state m is the sum of b[j] * input - a[j] * output over
    j > m. Written out because ``scipy.signal.lfilter_zi`` solves a dense system, which takes
    seconds for a long finite kernel.
    """
    order = max(len(a), len(b))
    terms = np.zeros(order)
    terms[: len(b)] += b
    terms[: len(a)] -= a * (b.sum() / a.sum())
    return np.asarray(np.cumsum(terms[:0:-1])[::-1])
