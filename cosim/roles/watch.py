"""Looks for rates and silences that are hard to believe, however time is cut into windows.

Whatever a watch finds depends on the spikes or values at their ticks alone. It says so once, when
the finding is certain, and sums up at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cosim.clock import Clock, to_ns
from cosim.messages import Block
from cosim.scenario.guards import Action


@dataclass(frozen=True)
class Finding:
    """What a watch says the first time.

    Parameters
    ----------
    tick
        When it became certain.
    text
        Region, population or variable, time, value, limit, and what to do.
    region
        Label of the region, empty if it is that of the role.
    action
        What the scenario wants done.
    """

    tick: int
    text: str
    region: str
    action: Action


class Watch(Protocol):
    """Looks at the blocks of consecutive windows."""

    def see(self, block: Block) -> Finding | None:
        """Look at the next block, and return what is found for the first time."""

    def note(self) -> str | None:
        """Return all that was found, in one line; None if there was nothing."""


def in_ticks(time_ms: float, clock: Clock, shared_by: int = 1) -> int:
    """Return a time, or one that so many share, in ticks, rounded up."""
    return max(1, -(-to_ns(time_ms) // (clock.tick_ns * shared_by)))


def counted(number: int, thing: str) -> str:
    """Return ``1 pause``, ``2 pauses``, ``3 stretches``."""
    plural = "es" if thing.endswith("ch") else "s"
    return f"{number} {thing}{plural if number != 1 else ''}"
