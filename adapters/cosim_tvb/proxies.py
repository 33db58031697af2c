"""Regions that another simulator owns: their activity, written into this one's history."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Clock, Window
from cosim.errors import BorderError, UsageError
from cosim.messages import Block, Signal
from cosim.ports import ProxyIn
from cosim_tvb.build import Built, coupling_indices, shortest_edge


class Proxies:
    """The receiving end of one port.

    The history of TVB is a ring of `n_time` steps. Step s reads steps s - n_time to s - 1, and
    writes the place of s - n_time when it is done. A block is accepted after the steps that it
    covers were executed here, so it replaces what this instance wrote for regions not its own,
    and nothing writes those places again before they leave the ring. The border delays see to
    it that no step reads them earlier, which `require` checks.

    Coupling variables of the port's regions that neither this port nor another one brings are
    zero: a region that is only the source of one kind of input must not be one of another kind.

    Parameters
    ----------
    port
        The port.
    built
        The simulator that reads the history.
    clock
        Of the run.

    Raises
    ------
    UsageError
        If the port's grid, regions or variables do not fit this simulator.
    """

    def __init__(self, port: ProxyIn, built: Built, clock: Clock) -> None:
        if port.step != built.step_ticks:
            raise UsageError(
                f"port {port.name} brings a value every {clock.ms(port.step):g} ms to a model "
                f"that is integrated every {clock.ms(built.step_ticks):g} ms"
            )
        own = set(port.regions) & set(built.owned.tolist())
        if own:
            labels = ", ".join(built.labels[r] for r in sorted(own))
            raise UsageError(f"port {port.name} brings the activity of {labels}, simulated here")
        self.port = port
        self._clock = clock
        self._labels = built.labels
        self._history: Any = built.sim.history
        self._columns = np.ix_(coupling_indices(built, port.variables), port.regions)
        self._shape = (-1, len(port.variables), len(port.regions), built.facts.modes)
        weights = built.sim.connectivity.weights
        self._nearest = shortest_edge(built, weights, built.owned.tolist(), port.regions)
        self._last: int | None = None

    def accept(self, block: Block, executed: int) -> range:
        """Write a block.

        Parameters
        ----------
        block
            Rows for consecutive steps; columns in C order of (variable, region, mode).
        executed
            Number of steps that this simulator has executed.

        Returns
        -------
        range
            Steps of which the history was written; some may have left it already.

        Raises
        ------
        BorderError
            If the block is no signal of the port's grid and width, leaves a gap, reaches into
            the future, or holds what is no finite number.
        """
        values = self._read(block)
        first = block.start // self.port.step + 1
        last = first + len(values) - 1
        if last > executed:
            self._refuse(f"data up to step {last} arrive before step {executed} is over")
        oldest = executed - self._history.n_time + 1
        written = range(max(first, oldest), last + 1)
        if self._last is None:
            self._fill_past(first, executed, values[0])
            written = range(oldest, last + 1)
        elif first != self._last + 1:
            self._refuse(f"data of step {first} follow those of step {self._last}")
        buffer, n_time = self._history.buffer, self._history.n_time
        for step in range(max(first, oldest), last + 1):
            buffer[step % n_time][self._columns] = values[step - first]
        self._last = last
        return written

    def require(self, window: Window) -> None:
        """Make sure that a window can be simulated with what has arrived.

        Raises
        ------
        BorderError
            If some step of the window would read what has not arrived.
        """
        nearest = self._nearest
        if nearest is None:
            return
        last_step = window.stop // self.port.step
        needed = last_step - 1 - nearest.idelay
        if self._last is None or self._last < needed:
            has = "none have arrived" if self._last is None else f"they end at step {self._last}"
            self._refuse(
                f"step {last_step} of window {window.index} reads data of step {needed}, but "
                f"{has}: the window is longer than the {nearest.idelay} steps from "
                f"{self._labels[nearest.source]} to {self._labels[nearest.target]} allow"
            )

    def _read(self, block: Block) -> NDArray[np.float64]:
        if not isinstance(block, Signal) or block.step != self.port.step:
            self._refuse("data are no signal on the grid of the integration step")
        width = int(np.prod(self._shape[1:]))
        if block.values.ndim != 2 or block.values.shape[1] != width or not len(block.values):
            self._refuse(f"data have shape {block.values.shape}, expected {width} columns")
        bad = np.argwhere(~np.isfinite(block.values))
        if len(bad):
            row, column = bad[0]
            variable, region, _ = np.unravel_index(column, self._shape[1:])
            time_ms = self._clock.ms(block.start + (int(row) + 1) * block.step)
            raise BorderError(
                f"{self.port.variables[variable]} is {block.values[row, column]} at {time_ms:g} ms "
                f"on port {self.port.name}",
                self._labels[self.port.regions[region]],
            )
        return block.values.reshape(self._shape)

    def _fill_past(self, first: int, executed: int, values: NDArray[np.float64]) -> None:
        n_time = self._history.n_time
        for step in range(executed - n_time + 1, first):
            self._history.buffer[step % n_time][self._columns] = values

    def _refuse(self, why: str) -> NoReturn:
        labels = ", ".join(self._labels[r] for r in self.port.regions)
        raise BorderError(f"port {self.port.name}: {why}", labels)
