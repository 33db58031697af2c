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
from cosim.links.wire import Bytes, Frame, Head
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


_NO_MORE: Sequence[Request] = ()


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
        #: What is under way: the envelope, what follows it, and the block, whose memory that is.
        self._under_way: deque[tuple[_Envelope, Sequence[Request], Block]] = deque()

    def _collect(self) -> None:
        while self._under_way:
            envelope, more, _ = self._under_way[0]
            if not envelope.sent.Test() or (more and not all(r.Test() for r in more)):
                return
            self._free.append(envelope)
            self._under_way.popleft()

    def room(self) -> bool:
        """Tell whether a send buffer is free."""
        if self._free:
            return True
        self._collect()
        return bool(self._free)

    def put(self, index: int, block: Block) -> None:
        """Start sending a block; `room` must have said yes."""
        envelope, sizes = self._free.pop(), self._sizes
        size = envelope.frame.write(index, block)
        which, more = 0, _NO_MORE
        if whole := size <= sizes[-1]:
            while size > sizes[which]:
                which += 1
        envelope.sent = sent = envelope.prepared[which] or envelope.prepare(which)
        sent.Start()
        if not whole:
            more = [
                self._transport.send(part, self._rank, self._tag + 1)
                for part in wire.parts_of(block)
            ]
        self._under_way.append((envelope, more, block))

    def delivered(self) -> bool:
        """Tell whether everything sent was received."""
        self._collect()
        return not self._under_way


class _Envelope:
    """A frame, and the sends that are prepared for it."""

    __slots__ = ("_address", "_sizes", "_transport", "frame", "prepared", "sent")

    def __init__(
        self, channel: ChannelPlan, transport: Transport, rank: int, tag: int
    ) -> None:
        self.frame, self._sizes = _frame(channel), _sizes(channel)
        self._transport, self._address = transport, (rank, tag)
        #: For each of the sizes, once it was needed.
        self.prepared: list[Prepared | None] = [None for _ in self._sizes]
        self.sent: Prepared

    def prepare(self, which: int) -> Prepared:
        """Prepare the send of so many bytes of the frame."""
        part = self.frame.data[: HEADER_BYTES + self._sizes[which]]
        prepared = self.prepared[which] = self._transport.sender(part, *self._address)
        return prepared


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
        self._head: Head | None = None
        #: A block whose data come by themselves, and what brings them.
        self._coming: Block | None = None
        self._more: Sequence[Request] = ()
        for _ in range(min(depth(channel.lag), self._unposted)):
            frame = _frame(channel)
            receive = transport.receiver(frame.data, rank, tag)
            receive.Start()
            self._posted.append((receive, frame))
        self._unposted -= len(self._posted)

    def ready(self) -> bool:
        """Tell whether the next message has come in full."""
        if self._head is None:
            if not self._posted:
                return False
            request, frame = self._posted[0]
            if not request.Test():
                return False
            self._head = head = frame.head()
            if wire.size_of(head) > frame.size:
                self._receive_directly(head)
        return not self._more or all(r.Test() for r in self._more)

    def _receive_directly(self, head: Head) -> None:
        self._coming = wire.vacant(head)
        self._more = [
            self._transport.receive(part, self._rank, self._tag + 1)
            for part in wire.parts_of(self._coming)
        ]

    def take(self, index: int) -> Block:
        """Return the next block; `ready` must have said yes."""
        posted, head = self._posted, self._head
        assert head is not None
        receive = posted.popleft()
        if self._coming is None:
            block = receive[1].read(head)
        else:
            block, self._coming, self._more = self._coming, None, ()
        self._head = None
        if self._unposted > 0:
            self._unposted -= 1
            receive[0].Start()
            posted.append(receive)
        if head[3] != index:
            raise BorderError(f"{self.name}: window {head[3]} came where {index} was due")
        return block
