"""A role: takes what its window needs, works, and sends what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cosim.clock import Clock, Window
from cosim.links.base import Inlet, Outlet
from cosim.messages import Block, Signal, SpikeBatch
from cosim.recording import WindowTiming
from cosim.roles.guard import check


class Role:
    """Base of all roles.

    Parameters
    ----------
    name
        The role's name in the plan.
    region
        Labels of the regions concerned, for messages.
    clock
        The run's clock.
    inlets, outlets
        Ends of its channels.
    windows
        Number of windows the role goes through: those of the run, and for a transformer that
        drains a lagging channel as many more.
    """

    def __init__(
        self, name: str, region: str, clock: Clock, inlets: Sequence[Inlet],
        outlets: Sequence[Outlet], windows: int,
    ) -> None:
        self.name, self.region, self.clock = name, region, clock
        self.inlets, self.outlets = tuple(inlets), tuple(outlets)
        self.window, self.windows = 0, windows
        self._exchange_s = 0.0
        ends: list[Inlet | Outlet] = [*self.inlets, *self.outlets]
        self.peers = tuple(dict.fromkeys(end.peer for end in ends))

    @property
    def done(self) -> bool:
        """Tell whether the last window is over."""
        return self.window >= self.windows

    def blocked_by(self) -> Inlet | Outlet | None:
        """Return the first channel that the coming window must wait for; None if it can run."""
        for inlet in self.inlets:
            if self._due(inlet) and not inlet.ready():
                return inlet
        for outlet in self.outlets:
            if self.window <= outlet.last and not outlet.room():
                return outlet
        return None

    def _due(self, inlet: Inlet) -> bool:
        return self.window - inlet.lag <= inlet.last

    def step(self) -> WindowTiming:
        """Run the coming window; `blocked_by` must have said None."""
        begin = time.perf_counter()
        self._exchange_s = 0.0
        self.work(self.clock.at(self.window))
        whole = time.perf_counter() - begin
        timing = WindowTiming(
            window=self.window, begin_s=begin, wait_s=0.0, exchange_s=self._exchange_s,
            compute_s=whole - self._exchange_s, waited_for=-1,
        )
        self.window += 1
        return timing

    def work(self, window: Window) -> None:
        """Do what the role does in a window."""
        raise NotImplementedError

    def status(self) -> dict[str, float]:
        """Return rates in spikes/s worth showing while the run goes on, by label."""
        return {}

    def take(self, inlet: Inlet) -> Block:
        """Take the block that the current window needs from a channel."""
        begin = time.perf_counter()
        block = inlet.take(self.window - inlet.lag)
        self._exchange_s += time.perf_counter() - begin
        return block

    def put(self, outlet: Outlet, index: int, block: Signal | SpikeBatch) -> None:
        """Check and send a block, unless nobody needs it any more."""
        if index > outlet.last:
            return
        begin = time.perf_counter()
        check(block, outlet.name, self.clock)
        outlet.put(index, block)
        self._exchange_s += time.perf_counter() - begin

    def notes(self) -> list[str]:
        """Return what the user should know at the end, such as clipped rates."""
        return []

    def close(self) -> None:
        """Release what the role holds."""
