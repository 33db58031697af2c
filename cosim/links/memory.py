"""The in-memory twin of a channel: both ends in one object."""

from __future__ import annotations

from collections import deque

from cosim.errors import BorderError, WouldHang
from cosim.links.base import depth
from cosim.messages import Block
from cosim.plan.model import ChannelPlan


class MemoryLink:
    """A bounded queue inside one process; inlet and outlet at once.

    Parameters
    ----------
    channel
        The plan of the channel.
    towards
        Whether this object stands for the outlet or for the inlet in messages; both share the
        queue when made by `pair`.
    """

    def __init__(self, channel: ChannelPlan, peer: str, queue: deque[tuple[int, Block]]) -> None:
        self.name, self.peer = channel.name, peer
        self.lag, self.last = channel.lag, channel.last
        self._queue = queue
        self._capacity = depth(channel.lag)

    def ready(self) -> bool:
        """Tell whether a block is there."""
        return bool(self._queue)

    def take(self, index: int) -> Block:
        """Return the next block."""
        if not self._queue:
            raise WouldHang(f"{self.name}: window {index} is taken before anyone has sent it")
        found, block = self._queue.popleft()
        if found != index:
            raise BorderError(f"{self.name}: window {found} came where {index} was due")
        return block

    def room(self) -> bool:
        """Tell whether one more block fits."""
        return len(self._queue) < self._capacity

    def put(self, index: int, block: Block) -> None:
        """Queue a block."""
        self._queue.append((index, block))

    def delivered(self) -> bool:
        """Tell that nothing is under way: memory is its own destination."""
        return True


def pair(channel: ChannelPlan) -> tuple[MemoryLink, MemoryLink]:
    """Return outlet and inlet of a channel inside one process."""
    queue: deque[tuple[int, Block]] = deque()
    return MemoryLink(channel, channel.target, queue), MemoryLink(channel, channel.source, queue)
