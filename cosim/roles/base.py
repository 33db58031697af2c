"""A role: takes what its window needs, works, and sends what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from cosim.account import ACCOUNT
from cosim.clock import Clock, Window
from cosim.links.base import Inlet, Outlet
from cosim.messages import Block, Signal, SpikeBatch
from cosim.roles.guard import Column, check


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
        #: What the columns of signals are that leave by a channel, by its name, where it is known.
        self.columns: dict[str, Sequence[Column]] = {}
        self._ends: list[Inlet | Outlet] = [*self.inlets, *self.outlets]
        self.peers = tuple(dict.fromkeys(end.peer for end in self._ends))
        #: Whether the latest window was known from tapes of an earlier attempt, in part at least.
        self.repeated = False

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

    def step(self) -> None:
        """Run the coming window; `blocked_by` must have said None."""
        self.repeated = any(getattr(end, "repeats", False) for end in self._ends)
        ACCOUNT.turn("convert")
        self.work(self.clock.at(self.window))
        ACCOUNT.turn("other")
        self.window += 1

    def work(self, window: Window) -> None:
        """Do what the role does in a window."""
        raise NotImplementedError

    def status(self) -> dict[str, float]:
        """Return rates in spikes/s worth showing while the run goes on, by label."""
        return {}

    def take(self, inlet: Inlet) -> Block:
        """Take the block that the current window needs from a channel."""
        before = ACCOUNT.turn("receive")
        block = inlet.take(self.window - inlet.lag)
        ACCOUNT.turn(before)
        return block

    def put(self, outlet: Outlet, index: int, block: Signal | SpikeBatch) -> None:
        """Check and send a block, unless nobody needs it any more."""
        if index > outlet.last:
            return
        before = ACCOUNT.turn("send")
        check(block, outlet.name, self.clock, self.columns.get(outlet.name, ()))
        outlet.put(index, block)
        ACCOUNT.turn(before)

    def notes(self) -> list[str]:
        """Return what the user should know at the end, such as clipped rates."""
        return []

    def close(self) -> None:
        """Release what the role holds."""
