"""The two ends of a channel."""

from __future__ import annotations

from typing import Protocol

from cosim.messages import Block


class Inlet(Protocol):
    """The receiving end: blocks come out in the order of their windows."""

    name: str
    peer: str
    lag: int
    last: int

    def ready(self) -> bool:
        """Tell whether the next block is there; never waits."""

    def take(self, index: int) -> Block:
        """Return the next block, whose window must be `index`."""


class Outlet(Protocol):
    """The sending end: blocks go in in the order of their windows."""

    name: str
    peer: str
    lag: int
    last: int

    def room(self) -> bool:
        """Tell whether one more block fits; never waits."""

    def put(self, index: int, block: Block) -> None:
        """Send the block of window `index`."""

    def delivered(self) -> bool:
        """Tell whether everything sent has left; never waits."""


def depth(lag: int) -> int:
    """Return how many blocks a channel holds: its lag, one in work, and one ahead."""
    return lag + 2
