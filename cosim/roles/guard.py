"""What no border lets through."""

from __future__ import annotations

import numpy as np

from cosim.clock import Clock
from cosim.errors import BorderError
from cosim.messages import Block, Signal


def check(block: Block, channel: str, clock: Clock) -> None:
    """Refuse values that are not finite, and spikes outside their window.

    Raises
    ------
    BorderError
        Naming channel, time and value of the first offence.
    """
    if isinstance(block, Signal):
        if not np.isfinite(block.values).all():
            row, column = np.argwhere(~np.isfinite(block.values))[0]
            time_ms = clock.ms(block.start + (int(row) + 1) * block.step)
            raise BorderError(
                f"{channel}: value {block.values[row, column]} in column {column} at {time_ms:g} ms"
            )
        return
    outside = (block.ticks <= block.start) | (block.ticks > block.stop)
    if outside.any():
        tick = int(block.ticks[outside][0])
        raise BorderError(
            f"{channel}: a spike at {clock.ms(tick):g} ms in the window "
            f"({clock.ms(block.start):g}, {clock.ms(block.stop):g}] ms"
        )
