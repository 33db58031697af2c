"""TVB's noise, drawn from a stream that is the same for every part of a brain.

The whole brain's numbers are drawn in every instance, whichever regions it owns, so that a
region meets the same noise however the brain is split.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.streams import Stream
from cosim_tvb.config import NoiseConfig
from cosim_tvb.library import equations, noise


class Streamed:
    """Draws the numbers of TVB's n-th step from the stream's tick ``n * ticks``.

    Every scheme of TVB draws once a step. Tick 0, which no step ends at, gives coloured noise
    its initial value.
    """

    dt: float
    ntau: float
    _stream: Stream
    _ticks = 1
    _step = 0

    def draw_from(self, seed: int, step_ticks: int, shape: tuple[int, ...]) -> None:
        """Set where the numbers come from.

        Parameters
        ----------
        seed
            The scenario's seed.
        step_ticks
            Ticks in an integration step.
        shape
            Shape of the state (variables, regions, modes). It is part of the key: two models of
            different shape would otherwise meet the same numbers in different regions.
        """
        self._stream = Stream(seed, "tvb-noise", "x".join(map(str, shape)))
        self._ticks = step_ticks
        self._step = 0

    def _normal(self, step: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return self._stream.at(step * self._ticks).standard_normal(shape)

    def configure_coloured(self, dt: float, shape: tuple[int, ...]) -> None:
        """Set up exponentially correlated noise (Fox et al. 1988, as TVB does)."""
        super().configure_coloured(dt, shape)  # type: ignore[misc]
        self._eta: Any = self._normal(0, shape)

    def generate(
        self,
        shape: tuple[int, ...],
        lo: float = -1.0,
        hi: float = 1.0,
    ) -> NDArray[np.float64]:
        """Return the noise of the next step, before it is scaled by its dispersion."""
        self._step += 1
        drawn = self._normal(self._step, shape)
        if self.ntau > 0:
            self._eta = self._eta * self._E + self._sqrt_1_E2 * drawn  # type: ignore[attr-defined]
            return self._dt_sqrt_lambda * self._eta  # type: ignore[attr-defined, no-any-return]
        white: NDArray[np.float64] = np.sqrt(self.dt) * drawn
        return white

    def generate_steps(self, found: NDArray[np.float64]) -> None:
        """Write the noise of the next steps, as `generate` returns it for each.

        Parameters
        ----------
        found
            Filled; shape (steps, variables, regions, modes), contiguous.
        """
        if self.ntau > 0:
            for row in found:
                row[:] = self.generate(row.shape)
            return
        for row in found:
            self._step += 1
            self._stream.at(self._step * self._ticks).standard_normal(out=row)
        found *= np.sqrt(self.dt)


class StreamAdditive(Streamed, noise.Additive):  # type: ignore[misc]
    """TVB's additive noise from a `cosim.streams.Stream`."""


class StreamMultiplicative(Streamed, noise.Multiplicative):  # type: ignore[misc]
    """TVB's multiplicative noise from a `cosim.streams.Stream`."""


def build_noise(
    config: NoiseConfig,
    state_variables: tuple[str, ...],
    seed: int,
    step_ticks: int,
    shape: tuple[int, ...],
) -> StreamAdditive | StreamMultiplicative:
    """Return the noise of a stochastic integrator.

    Parameters
    ----------
    config
        Kind and size.
    state_variables
        Names, in the order of the state vector.
    seed, step_ticks, shape
        See `StreamAdditive.draw_from`.
    """
    given = {"nsig": config.by_variable(state_variables), "ntau": config.correlation_ms}
    if config.kind == "additive":
        built = StreamAdditive(**given)
    else:
        factor = equations.Linear(parameters={"a": config.slope, "b": config.offset})
        built = StreamMultiplicative(**given, b=factor)
    built.draw_from(seed, step_ticks, shape)
    return built
