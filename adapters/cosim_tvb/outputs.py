"""What leaves a mean-field simulator: its states."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Clock, Window
from cosim.errors import UsageError
from cosim.messages import Signal
from cosim.ports import StateOut
from cosim_tvb.build import Built


class States:
    """The sending end of a port that carries states of owned regions.

    Parameters
    ----------
    port
        The port.
    built
        The simulator.
    clock
        Of the run.

    Raises
    ------
    UsageError
        If the port asks for what this simulator does not have.
    """

    def __init__(self, port: StateOut, built: Built, clock: Clock) -> None:
        self.port = port
        self._clock = clock
        self._stride = stride(port.name, port.step, built.step_ticks)
        known = built.facts.state_variables
        for name in port.variables:
            if name not in known:
                raise UsageError(
                    f"port {port.name}: '{name}' is no state variable; expected {', '.join(known)}"
                )
        require_owned(port.name, port.regions, built)
        self._columns = np.ix_([known.index(v) for v in port.variables], port.regions)
        self._initial = built.sim.current_state.copy()

    def prime(self, lag: int) -> list[Signal]:
        """Return the blocks of the windows -lag to -1: the constant past."""
        rows = self._clock.window // self.port.step
        values = np.tile(self._initial[self._columns].ravel(), (rows, 1))
        starts = (self._clock.at(w).start for w in range(-lag, 0))
        return [Signal(start, self.port.step, values.copy()) for start in starts]

    def emit(self, window: Window, trace: NDArray[np.float64]) -> Signal:
        """Return the block of a window from the states after each of its steps."""
        rows = trace[self._stride - 1 :: self._stride]
        values = np.array([state[self._columns].ravel() for state in rows])
        return Signal(window.start, self.port.step, values)


def require_owned(port: str, regions: Iterable[int], built: Built) -> None:
    """Make sure that a simulator owns the regions that it is to send.

    Raises
    ------
    UsageError
        Naming the first that it does not own.
    """
    for region in regions:
        if region not in built.owned:
            raise UsageError(f"port {port}: {built.labels[region]} is not simulated here")


def stride(port: str, step: int, own: int) -> int:
    """Return how many integration steps lie between two rows of a port.

    Raises
    ------
    UsageError
        If the port's step is no multiple of the integration step.
    """
    if step % own:
        raise UsageError(
            f"port {port} wants a value every {step} ticks; the integration step is {own} ticks"
        )
    return step // own
