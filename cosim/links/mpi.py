"""A channel between two ranks: synchronous sends into receives that are posted ahead.

A message is one buffer, header first. What does not fit follows straight from the sender's memory
into that of the receiver's block, without a copy. Sends are synchronous and nonblocking, so that a
sender cannot run ahead of its receiver by more than the two ends hold, the depth of the channel
each, however small the messages. Sends and receives of buffers are prepared once and started for
each message, which takes a third of the time of new ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from cosim.errors import BorderError
from cosim.links import wire
from cosim.links.base import depth
from cosim.links.wire import Bytes, Frame
from cosim.messages import Block
from cosim.plan.model import HEADER_BYTES, ChannelPlan

#: Payload bytes that travel with their header.
INLINE_BYTES = 16384
#: Payload bytes of prepared sends of spikes; a batch takes the least that holds it.
_SPIKE_SIZES = (240, 1200, 4800, INLINE_BYTES)


class Request(Protocol):
    """An operation under way."""

    def Test(self) -> bool:
        """Tell whether it is complete; never waits."""


class Prepared(Request, Protocol):
    """An operation that can be started again and again, on the same memory."""

    def Start(self) -> None:
        """Start it; it must not be under way."""


class Transport(Protocol):
    """What a link needs of MPI."""

    def send(self, buffer: Bytes, rank: int, tag: int) -> Request:
        """Start a synchronous send."""

    def receive(self, buffer: Bytes, rank: int, tag: int) -> Request:
        """Start a receive."""

    def sender(self, buffer: Bytes, rank: int, tag: int) -> Prepared:
        """Prepare a synchronous send."""

    def receiver(self, buffer: Bytes, rank: int, tag: int) -> Prepared:
        """Prepare a receive."""


def _sizes(channel: ChannelPlan) -> tuple[int, ...]:
    """Return the payload bytes of the messages that can carry a block whole."""
    if channel.spikes:
        return _SPIKE_SIZES
    size = channel.signal_bytes - HEADER_BYTES
    return (size,) if size <= INLINE_BYTES else (0,)


def _frame(channel: ChannelPlan) -> Frame:
    return Frame(_sizes(channel)[-1], (channel.rows, channel.columns))


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
        self._sizes = _sizes(channel)
        self._free = [
            _Envelope(channel, transport, rank, tag) for _ in range(depth(channel.lag))
        ]
        self._under_way: deque[_Envelope] = deque()

    def _collect(self) -> None:
        under_way = self._under_way
        while under_way and under_way[0].has_left():
            self._free.append(under_way.popleft())

    def room(self) -> bool:
        """Tell whether a send buffer is free."""
        if not self._free:
            self._collect()
        return bool(self._free)

    def put(self, index: int, block: Block) -> None:
        """Start sending a block; `room` must have said yes."""
        envelope, sizes = self._free.pop(), self._sizes
        size = envelope.frame.write(index, block)
        which = 0
        if whole := size <= sizes[-1]:
            while size > sizes[which]:
                which += 1
        envelope.sent = sent = envelope.sends[which]
        sent.Start()
        if not whole:
            envelope.block, envelope.following = block, [
                self._transport.send(part, self._rank, self._tag + 1)
                for part in wire.parts_of(block)
            ]
        # What can wait until the message is on its way comes after it.
        self._collect()
        self._under_way.append(envelope)

    def delivered(self) -> bool:
        """Tell whether everything sent was received."""
        self._collect()
        return not self._under_way


class _Envelope:
    """A frame, a send for each of its sizes, and what follows it."""

    __slots__ = ("block", "following", "frame", "sends", "sent")

    def __init__(
        self, channel: ChannelPlan, transport: Transport, rank: int, tag: int
    ) -> None:
        self.frame = _frame(channel)
        self.sends = [
            transport.sender(self.frame.data[: HEADER_BYTES + size], rank, tag)
            for size in _sizes(channel)
        ]
        self.sent = self.sends[0]
        #: What is too long for the frame: the sends, and the block, whose memory that is.
        self.following: Sequence[Request] = ()
        self.block: Block | None = None

    def has_left(self) -> bool:
        """Tell whether all of it was received, and its memory may be used again."""
        if not self.sent.Test():
            return False
        if self.following:
            if not all(request.Test() for request in self.following):
                return False
            self.block, self.following = None, ()
        return True


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
        self._posted: deque[tuple[Prepared, Frame]] = deque()
        #: What the first message holds, once it has come, and what still brings the block's data.
        self._came: tuple[int, Block, bool] | None = None
        self._more: Sequence[Request] = ()
        for _ in range(min(depth(channel.lag), self._unposted)):
            frame = _frame(channel)
            self._post(transport.receiver(frame.data, rank, tag), frame)
        #: What brought the block taken last.
        self._used: tuple[Prepared, Frame] | None = None

    def _post(self, receive: Prepared, frame: Frame) -> None:
        receive.Start()
        self._posted.append((receive, frame))
        self._unposted -= 1

    def ready(self) -> bool:
        """Tell whether the next message has come in full."""
        if self._came is None:
            if self._used:
                # Only now, so that whoever took a block has it sooner.
                if self._unposted > 0:
                    self._post(*self._used)
                self._used = None
            if not self._posted:
                return False
            receive, frame = self._posted[0]
            if not receive.Test():
                return False
            self._came = _, block, whole = frame.read()
            if not whole:
                self._more = [
                    self._transport.receive(part, self._rank, self._tag + 1)
                    for part in wire.parts_of(block)
                ]
        return not self._more or all(request.Test() for request in self._more)

    def take(self, index: int) -> Block:
        """Return the next block; `ready` must have said yes."""
        assert self._came is not None
        found, block, _ = self._came
        self._came, self._more = None, ()
        self._used = self._posted.popleft()
        if found != index:
            raise BorderError(f"{self.name}: window {found} came where {index} was due")
        return block
