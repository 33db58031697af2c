"""A channel between two ranks: synchronous sends into receives that are posted ahead.

A message is one buffer, header first, of the size agreed in the plan. Spikes that do not fit
follow in a second one. Sends are synchronous and nonblocking, so that a sender cannot run ahead
of its receiver by more than the two ends hold, the depth of the channel each, however small the
messages.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

from cosim.errors import BorderError
from cosim.links import wire
from cosim.links.base import depth
from cosim.links.wire import Bytes
from cosim.messages import Block
from cosim.plan.model import HEADER_BYTES, ChannelPlan

#: Payload bytes of a spike message that travel with its header.
INLINE_SPIKE_BYTES = 16384


class Request(Protocol):
    """A nonblocking operation under way."""

    def Test(self) -> bool:
        """Tell whether it is complete; never waits."""


class Transport(Protocol):
    """What a link needs of MPI."""

    def send(self, buffer: Bytes, rank: int, tag: int) -> Request:
        """Start a synchronous send."""

    def receive(self, buffer: Bytes, rank: int, tag: int) -> Request:
        """Start a receive."""


def _capacity(channel: ChannelPlan) -> int:
    return HEADER_BYTES + (
        INLINE_SPIKE_BYTES if channel.spikes else channel.signal_bytes - HEADER_BYTES
    )


class MpiOutlet:
    """The sending end of a channel to another rank.

    Parameters
    ----------
    channel
        The plan of the channel.
    tag
        First of the channel's two tags.
    """

    def __init__(self, channel: ChannelPlan, transport: Transport, rank: int, tag: int) -> None:
        self.name, self.peer = channel.name, channel.target
        self.lag, self.last = channel.lag, channel.last
        self._transport, self._rank, self._tag = transport, rank, tag
        self._capacity = _capacity(channel)
        self._depth = depth(channel.lag)
        self._free = [np.empty(self._capacity, np.uint8) for _ in range(self._depth)]
        self._under_way: deque[tuple[list[Request], Bytes, Bytes | None]] = deque()

    def _collect(self) -> None:
        while self._under_way and all(r.Test() for r in self._under_way[0][0]):
            self._free.append(self._under_way.popleft()[1])

    def room(self) -> bool:
        """Tell whether a send buffer is free."""
        if not self._free:
            self._collect()
        return bool(self._free)

    def put(self, index: int, block: Block) -> None:
        """Start sending a block; `room` must have said yes."""
        header, parts = wire.encode(index, block)
        buffer = self._free.pop()
        first, rest = wire.pieces(parts, self._capacity - HEADER_BYTES)
        end = HEADER_BYTES + len(first)
        buffer[:HEADER_BYTES], buffer[HEADER_BYTES:end] = header, first
        requests = [self._transport.send(buffer[:end], self._rank, self._tag)]
        if len(rest):
            requests.append(self._transport.send(rest, self._rank, self._tag + 1))
        self._under_way.append((requests, buffer, rest))

    def delivered(self) -> bool:
        """Tell whether everything sent was received."""
        self._collect()
        return not self._under_way


class MpiInlet:
    """The receiving end of a channel from another rank; see `MpiOutlet`.

    Parameters
    ----------
    known
        How many blocks will not be sent, because this end has them from an earlier attempt.
    """

    def __init__(
        self, channel: ChannelPlan, transport: Transport, rank: int, tag: int, known: int = 0
    ) -> None:
        self.name, self.peer = channel.name, channel.source
        self.lag, self.last = channel.lag, channel.last
        self._transport, self._rank, self._tag = transport, rank, tag
        self._unposted = channel.last + 1 + channel.lag - known
        self._posted: deque[tuple[Request, Bytes]] = deque()
        self._rest: tuple[Request, Bytes] | None = None
        self._arrived = False
        for _ in range(depth(channel.lag)):
            self._post(np.empty(_capacity(channel), np.uint8))

    def _post(self, buffer: Bytes) -> None:
        if self._unposted > 0:
            self._unposted -= 1
            request = self._transport.receive(buffer, self._rank, self._tag)
            self._posted.append((request, buffer))

    def ready(self) -> bool:
        """Tell whether the next message has come in full."""
        if not self._posted:
            return False
        if not self._arrived:
            request, buffer = self._posted[0]
            if not request.Test():
                return False
            self._arrived = True
            beyond = wire.payload_bytes(buffer) - (len(buffer) - HEADER_BYTES)
            if beyond > 0:
                rest = np.empty(beyond, np.uint8)
                self._rest = self._transport.receive(rest, self._rank, self._tag + 1), rest
        return self._rest is None or self._rest[0].Test()

    def take(self, index: int) -> Block:
        """Return the next block; `ready` must have said yes."""
        _, buffer = self._posted.popleft()
        size = wire.payload_bytes(buffer)
        payload = buffer[HEADER_BYTES : HEADER_BYTES + size]
        if self._rest is not None:
            payload = np.concatenate((payload, self._rest[1]))
        found, block = wire.decode(buffer, payload)
        self._rest, self._arrived = None, False
        self._post(buffer)
        if found != index:
            raise BorderError(f"{self.name}: window {found} came where {index} was due")
        return block
