"""What no border lets through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cosim.clock import Clock
from cosim.errors import BorderError
from cosim.messages import Block, Signal
from cosim.units import format_ms


class Column(NamedTuple):
    """What a column of a signal is."""

    variable: str
    region: str

    def __str__(self) -> str:
        """Return the column for messages."""
        return f"{self.variable} of {self.region}"


def check(block: Block, channel: str, clock: Clock, columns: Sequence[Column] = ()) -> None:
    """Refuse values that are not finite, and spikes outside their window.

    Parameters
    ----------
    block
        What is about to leave.
    channel
        Where it leaves, for messages.
    clock
        The run's clock.
    columns
        What the columns of a signal are, as far as it is known.

    Raises
    ------
    BorderError
        Naming channel, variable, region, time and value of the first offence.
    """
    if isinstance(block, Signal):
        if not np.isfinite(block.values).all():
            raise _not_finite(block, channel, clock, columns)
        return
    outside = (block.ticks <= block.start) | (block.ticks > block.stop)
    if outside.any():
        first = int(outside.argmax())
        begin, end, when = (
            clock.ms(tick) for tick in (block.start, block.stop, int(block.ticks[first]))
        )
        raise BorderError(
            f"{channel}: a spike at {when:g} ms of sender {block.senders[first]}, in the window "
            f"({begin:g}, {end:g}] ms; expected no other times; whoever made it is in error"
        )


def _not_finite(
    block: Signal, channel: str, clock: Clock, columns: Sequence[Column]
) -> BorderError:
    row, column = np.argwhere(~np.isfinite(block.values))[0].tolist()
    when = format_ms(clock.ms(block.start + (row + 1) * block.step))
    what = columns[column] if column < len(columns) else None
    where = str(what) if what else f"column {column}"
    return BorderError(
        f"{channel}: value {block.values[row, column]} in {where} at {when}; "
        "expected a finite number; a smaller step or weaker coupling may help",
        what.region if what else "",
    )
