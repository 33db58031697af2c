"""Spikes of a population into its rate."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from cosim.clock import Window
from cosim.messages import Block, Signal
from cosim.scenario.fields import Section
from cosim.transformers import kernels
from cosim.transformers.base import Context, Direction
from cosim.transformers.borders import check_spikes, rows
from cosim.units import Milliseconds, SpikesPerSecond

#: Keys that each kernel takes; all are needed except those in `OPTIONAL`.
KEYS = {
    "boxcar": ("width",),
    "exponential": ("tau",),
    "alpha": ("tau",),
    "gaussian": ("sigma", "peak"),
}
OPTIONAL = ("peak",)
DEFAULT_TAU = "10 ms"


class RateParameters(Section):
    """How spikes are smoothed: ``{kernel: exponential, tau: 10 ms}``, which is the default.

    Parameters
    ----------
    kernel
        ``boxcar`` takes `width`, ``exponential`` and ``alpha`` take `tau`, ``gaussian`` takes
        `sigma` and, unless it is the half Gaussian, `peak`: the time from spike to maximum.
    initial_rate
        Rate of every neuron before time 0.
    """

    kernel: Literal["boxcar", "exponential", "alpha", "gaussian"] = "exponential"
    width: Milliseconds | None = Field(default=None, validate_default=True)
    tau: Milliseconds | None = Field(default=None, validate_default=True)
    sigma: Milliseconds | None = Field(default=None, validate_default=True)
    peak: Milliseconds | None = Field(default=None, validate_default=True)
    initial_rate: Annotated[SpikesPerSecond, Field(ge=0)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _default_kernel(cls, value: object) -> object:
        if isinstance(value, dict) and "kernel" not in value:
            return {"kernel": "exponential", "tau": DEFAULT_TAU, **value}
        return value

    @field_validator("width", "tau", "sigma", "peak")
    @classmethod
    def _fits_kernel(cls, value: float | None, info: ValidationInfo) -> float | None:
        kernel, key = info.data.get("kernel"), info.field_name
        if kernel is None:
            return value
        takes = " and ".join(KEYS[kernel])
        if key not in KEYS[kernel]:
            if value is not None:
                raise ValueError(f"kernel '{kernel}' has no {key}; it takes {takes}")
            return None
        if value is None and key not in OPTIONAL:
            raise ValueError(f"{key} is missing; kernel '{kernel}' takes {takes}")
        if value is not None and (value < 0 or (value == 0 and key not in OPTIONAL)):
            raise ValueError(f"{key} is {value:g} ms; expected a positive time")
        return value

    def build(self, step_ms: float) -> kernels.Kernel:
        """Return the kernel on a grid."""
        arguments = {
            f"{key}_ms": getattr(self, key)
            for key in KEYS[self.kernel]
            if getattr(self, key) is not None
        }
        return kernels.BY_NAME[self.kernel](step_ms=step_ms, **arguments)


class SpikesToRates:
    """Counts the spikes of a population in steps and smooths them.

    The row at tick t counts the spikes in (t - step_out, t], divided by size and step, and
    filtered (see `kernels`): spikes/s of one neuron, one column. Blocks of windows that end at
    or before time 0 give the initial rate.

    Parameters
    ----------
    parameters
        Kernel and initial rate.
    context
        Grid of the spikes, grid of the rate, size of the population.
    """

    direction: ClassVar[Direction] = "spikes_to_rates"
    Parameters: ClassVar[type[Section]] = RateParameters

    def __init__(self, parameters: Section, context: Context) -> None:
        given = RateParameters.model_validate(parameters)
        step_ms = context.step_out * context.tick_ms
        kernel = given.build(step_ms)
        self._context = context
        self.initial_rate_hz = float(given.initial_rate)
        self._filter = kernels.KernelFilter(kernel, self.initial_rate_hz)
        self._hz_per_spike = 1e3 / (context.size * step_ms)
        self._delay_ms = kernel.delay_steps * step_ms

    @property
    def delay_ms(self) -> float:
        """Mean of the kernel, from the end of the bin that counts a spike."""
        return self._delay_ms

    @property
    def trains(self) -> int:
        """Zero: a signal leaves."""
        return 0

    def convert(self, block: Block, window: Window) -> Signal:
        """Return the rate over the window, shape (rows, 1).

        Raises
        ------
        BorderError
            If spikes lie outside the window, before time 0, or have unknown senders.
        """
        step = self._context.step_out
        count = rows(window, step)
        batch = check_spikes(block, window, self._context.size)
        if window.stop <= 0:
            return Signal(window.start, step, np.full((count, 1), self.initial_rate_hz))
        bins = (batch.ticks - window.start - 1) // step
        counts = np.bincount(bins, minlength=count).astype(np.float64)
        return Signal(window.start, step, self._filter.filter(counts * self._hz_per_spike)[:, None])
