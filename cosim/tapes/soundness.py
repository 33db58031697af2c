"""Whether a block from a tape is one that its channel carries; the file may be forged."""

from __future__ import annotations

import numpy as np

from cosim.messages import Block, Signal, SpikeBatch
from cosim.plan.borders import MAX_LAG
from cosim.plan.model import ChannelPlan


def unsound(block: Block, index: int, channel: ChannelPlan) -> str:
    """Return in words why a block cannot be that of a window of a channel; empty if it can.

    Parameters
    ----------
    block
        The block.
    index
        The window.
    channel
        The plan of the channel.
    """
    if isinstance(block, Signal) == channel.spikes:
        return f"{_kind(not channel.spikes)} where {_kind(channel.spikes)} are carried"
    length = block.stop - block.start
    # What is for a later window, or was of an earlier one, is no further away than a lag.
    if length <= 0 or block.start % length or abs(block.start // length - index) > MAX_LAG:
        return f"ticks {block.start} to {block.stop} are not those of the window"
    if isinstance(block, Signal):
        return _unsound_signal(block, channel)
    return _unsound_spikes(block, channel)


def _kind(spikes: bool) -> str:
    return "spikes" if spikes else "values"


def _unsound_signal(block: Signal, channel: ChannelPlan) -> str:
    expected = (channel.rows, channel.columns)
    if block.values.shape != expected:
        return f"{block.values.shape} values where {expected} are carried"
    return "" if np.isfinite(block.values).all() else "a value is not finite"


def _unsound_spikes(block: SpikeBatch, channel: ChannelPlan) -> str:
    ticks, senders = block.ticks, block.senders
    if not len(ticks):
        return ""
    if ticks.min() <= block.start or ticks.max() > block.stop:
        return "a spike is outside of the window"
    if senders.min() < 0 or senders.max() >= channel.columns:
        return f"a spike of sender {senders.max()} where there are {channel.columns}"
    later = np.lexsort((senders, ticks))
    return "" if (later == np.arange(len(later))).all() else "spikes are not in order"
