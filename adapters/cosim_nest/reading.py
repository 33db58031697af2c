"""Takes spikes out of NEST window by window, at a cost that does not grow with the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Window
from cosim.messages import SpikeBatch
from cosim_nest.kernel import Kernel

# Reading copies everything since the recorder was last cleared, about 0.1 us a spike, and
# clearing means leaving and entering NEST's Prepare context, about 0.2 us a node. Clearing once
# the spikes copied in vain have cost as much is at most twice as dear as the best choice.
_VAIN_COPIES_PER_NODE = 2


class SpikeTap:
    """One ``spike_recorder`` for all populations of interest.

    Parameters
    ----------
    kernel
        The kernel.
    populations
        Nodes of every population to read; they may overlap.
    delay_ms
        Delay of the recorder's connections. Recorders ignore it, but NEST counts it for the
        minimum delay of the network, which this makes no longer than the windows rely on.
    step
        Ticks in a NEST step.
    """

    def __init__(
        self, kernel: Kernel, populations: Mapping[str, Any], delay_ms: float, step: int
    ) -> None:
        nest = kernel.nest
        self._kernel, self._step = kernel, step
        ids = {name: np.asarray(nodes.tolist()) for name, nodes in populations.items()}
        union = np.unique(np.concatenate(list(ids.values())))
        # Steps are exact, whereas times are floats and off the grid for precise models.
        self._recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
        nest.Connect(
            nest.NodeCollection(union.tolist()),
            self._recorder,
            "all_to_all",
            {"delay": delay_ms},
        )
        self._index = {name: _index_of(nodes, int(union[-1])) for name, nodes in ids.items()}
        self._budget = _VAIN_COPIES_PER_NODE * int(nest.network_size)
        self._vain = 0
        self._ticks = np.empty(0, np.int64)
        self._senders = np.empty(0, np.int64)
        self._window = Window(-1, 0, 0)
        self._batches: dict[str, SpikeBatch] = {}
        self.held = 0

    def read(self, window: Window) -> None:
        """Fetch the spikes of the window just simulated."""
        events = self._recorder.get("events")
        ticks = np.asarray(events["times"], np.int64) * self._step
        # Threads keep lists of their own, so that the new spikes are not simply the last ones.
        fresh = ticks > window.start
        # Without any event NEST hands out floats.
        self._ticks = ticks[fresh]
        self._senders = np.asarray(events["senders"], np.int64)[fresh]
        self._window = window
        self._batches.clear()
        self.held = len(ticks)
        self._vain += self.held - len(self._ticks)
        if self._vain > self._budget:
            self._clear()

    def batch(self, population: str) -> SpikeBatch:
        """Return the spikes of one population in the window last read."""
        if population not in self._batches:
            index = self._index[population][self._senders]
            ours = index >= 0
            window = self._window
            self._batches[population] = SpikeBatch.ordered(
                window.start, window.stop, self._ticks[ours], index[ours]
            )
        return self._batches[population]

    def _clear(self) -> None:
        self._kernel.leave()
        self._recorder.set([{"n_events": 0}])
        self._vain = self.held = 0


def _index_of(ids: NDArray[np.int64], largest: int) -> NDArray[np.int32]:
    index = np.full(largest + 1, -1, np.int32)
    index[ids] = np.arange(len(ids), dtype=np.int32)
    return index
