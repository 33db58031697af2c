"""Ends of channels that write and read tapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cosim.account import ACCOUNT
from cosim.clock import Clock
from cosim.errors import BorderError
from cosim.links.base import Inlet, Outlet
from cosim.messages import Block, Signal
from cosim.plan.model import ChannelPlan
from cosim.tapes.reel import Reel, Tape
from cosim.tapes.soundness import unsound

#: Takes window, block of the record, and the block that differs from it.
Listener = Callable[[int, Block, Block], None]


class TapedInlet:
    """A receiving end that first gives the blocks of an earlier tape, and tapes all it gives.

    Parameters
    ----------
    live
        The end to take from when the earlier tape is over.
    earlier
        What an earlier attempt at the same run took, if any.
    tape
        Where to write what is taken, if anywhere.
    channel
        What the earlier tape must be of.
    """

    def __init__(
        self, live: Inlet, earlier: Reel | None, tape: Tape | None, channel: ChannelPlan
    ) -> None:
        self._channel = channel
        self.name, self.peer, self.lag, self.last = live.name, live.peer, live.lag, live.last
        self._live, self._earlier, self._tape = live, earlier, tape

    def ready(self) -> bool:
        """Tell whether the next block is there; never waits."""
        return self.repeats or self._live.ready()

    def take(self, index: int) -> Block:
        """Return the next block.

        Raises
        ------
        BorderError
            If the tape has another window there, or what the channel does not carry.
        """
        if self._earlier is not None and self.repeats:
            block = _due(self._earlier, index, self._channel)
        else:
            block = self._live.take(index)
        if self._tape is not None:
            before = ACCOUNT.turn("record")
            self._tape.append(index, block)
            ACCOUNT.turn(before)
        return block

    @property
    def repeats(self) -> bool:
        """Whether the next block is on the earlier tape."""
        return self._earlier is not None and self._earlier.left > 0


class RepeatingOutlet:
    """A sending end whose receiver has the first blocks on tape: these are compared, not sent.

    Parameters
    ----------
    live
        The end to send to when the tape is over.
    known
        What the receiver has.
    differs
        Called with each block that is not what the receiver has.
    """

    def __init__(self, live: Outlet, known: Reel, differs: Listener) -> None:
        self.name, self.peer, self.lag, self.last = live.name, live.peer, live.lag, live.last
        self._live, self._known, self._differs = live, known, differs

    @property
    def repeats(self) -> bool:
        """Whether the receiver has the next block."""
        return self._known.left > 0

    def room(self) -> bool:
        """Tell whether one more block fits; never waits."""
        return self.repeats or self._live.room()

    def put(self, index: int, block: Block) -> None:
        """Compare with the tape, or send."""
        if not self.repeats:
            self._live.put(index, block)
            return
        found, record = self._known.next()
        if found != index or not same(block, record):
            self._differs(index, record, block)

    def delivered(self) -> bool:
        """Tell whether everything sent has left; never waits."""
        return self._live.delivered()


class PlayedInlet:
    """A receiving end with nobody at the other: it gives what is on tape.

    Parameters
    ----------
    channel
        The plan of the channel.
    reel
        Its tape.
    """

    def __init__(self, channel: ChannelPlan, reel: Reel) -> None:
        self.name, self.peer = channel.name, channel.source
        self.lag, self.last = channel.lag, channel.last
        self._reel, self._channel = reel, channel

    def ready(self) -> bool:
        """Tell whether there is a block left."""
        return self._reel.left > 0

    def take(self, index: int) -> Block:
        """Return the next block.

        Raises
        ------
        BorderError
            If the tape has another window there, or what the channel does not carry.
        """
        return _due(self._reel, index, self._channel)


def _due(reel: Reel, index: int, channel: ChannelPlan) -> Block:
    found, block = reel.next()
    if found != index:
        raise BorderError(f"{reel.channel}: the tape has window {found}, {index} was due")
    flaw = unsound(block, index, channel)
    if flaw:
        place = f"{reel.channel}: the tape {reel.path.name} has in window {index}"
        raise BorderError(f"{place}: {flaw}")
    return block


class Nowhere:
    """A sending end with nobody at the other."""

    def __init__(self, channel: ChannelPlan) -> None:
        self.name, self.peer = channel.name, channel.target
        self.lag, self.last = channel.lag, channel.last

    def room(self) -> bool:
        """Tell that there is always room."""
        return True

    def put(self, index: int, block: Block) -> None:
        """Forget the block."""

    def delivered(self) -> bool:
        """Tell that nothing is under way."""
        return True


def same(one: Block, other: Block) -> bool:
    """Tell whether two blocks are equal bit by bit."""
    if isinstance(one, Signal) and isinstance(other, Signal):
        heads = (one.start, one.step) == (other.start, other.step)
        return heads and np.array_equal(one.values, other.values)
    if isinstance(one, Signal) or isinstance(other, Signal):
        return False
    return (
        (one.start, one.stop) == (other.start, other.stop)
        and np.array_equal(one.ticks, other.ticks)
        and np.array_equal(one.senders, other.senders)
    )


def difference(record: Block, now: Block, clock: Clock) -> str:
    """Return in words where two blocks of a window first differ."""
    if isinstance(record, Signal) and isinstance(now, Signal):
        if record.values.shape != now.values.shape:
            return f"shape {now.values.shape} instead of {record.values.shape}"
        wrong = np.argwhere(record.values != now.values)
        if not len(wrong):
            return (f"ticks from {now.start} in steps of {now.step} instead of {record.start} in "
                    f"steps of {record.step}")
        row, column = wrong[0]
        time_ms = clock.ms(record.start + (int(row) + 1) * record.step)
        old, new = record.values[row, column], now.values[row, column]
        return f"{new:.9g} instead of {old:.9g} at {time_ms:g} ms, column {column}"
    if isinstance(record, Signal) or isinstance(now, Signal):
        return "spikes instead of a signal, or the reverse"
    old_spikes = set(zip(record.ticks.tolist(), record.senders.tolist(), strict=True))
    new_spikes = set(zip(now.ticks.tolist(), now.senders.tolist(), strict=True))
    tick, sender = min(old_spikes ^ new_spikes, default=(record.start, 0))
    what = "a spike is missing" if (tick, sender) in old_spikes else "a spike too many"
    return f"{what} at {clock.ms(tick):g} ms, sender {sender}"
