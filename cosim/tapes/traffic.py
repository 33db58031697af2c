"""Whether anything crossed a channel."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from cosim.messages import Signal
from cosim.tapes.reel import Reel


def carried(folder: Path, channel: str) -> bool:
    """Tell whether a channel carried a spike, or values that were not the same all the time.

    Parameters
    ----------
    folder
        Folder of the tapes of a run.
    channel
        Name of the channel.

    Raises
    ------
    TapeDamaged
        If there is no such tape.
    """
    with closing(Reel(folder, channel)) as reel:
        first = None
        while reel.left > 0:
            _, block = reel.next()
            if not isinstance(block, Signal):
                if len(block.ticks):
                    return True
                continue
            if len(block.values):
                first = block.values[0] if first is None else first
                if np.any(block.values != first):
                    return True
    return False
