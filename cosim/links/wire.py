"""Blocks as bytes: a versioned header, then the data as it lies in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.errors import BorderError
from cosim.messages import Block, Signal, SpikeBatch
from cosim.plan.model import HEADER_BYTES, SPIKE_BYTES

VERSION = 1
SIGNAL, SPIKES = 1, 2
#: `second` is the step of a signal and the end of a spike batch.
HEADER = np.dtype([
    ("version", "<u2"), ("kind", "<u2"), ("columns", "<u4"), ("window", "<i8"),
    ("start", "<i8"), ("second", "<i8"), ("count", "<i8"), ("spare", "<i8"),
])
assert HEADER.itemsize == HEADER_BYTES

Bytes = NDArray[np.uint8]


def encode(index: int, block: Block) -> tuple[Bytes, list[Bytes]]:
    """Return the header and the parts of the payload of a block, without copying the payload."""
    if isinstance(block, Signal):
        rows, columns = block.values.shape
        fields = (VERSION, SIGNAL, columns, index, block.start, block.step, rows, 0)
        parts = [_as_bytes(block.values)]
    else:
        fields = (VERSION, SPIKES, 0, index, block.start, block.stop, len(block.ticks), 0)
        parts = [_as_bytes(block.ticks), _as_bytes(block.senders)]
    return np.array([fields], HEADER).view(np.uint8), parts


def _as_bytes(array: NDArray[Any]) -> Bytes:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def payload_bytes(header: Bytes) -> int:
    """Return the size of the payload that a header announces.

    Raises
    ------
    BorderError
        If the header is of another version or kind.
    """
    fields = header[:HEADER_BYTES].view(HEADER)[0]
    if fields["version"] != VERSION:
        raise BorderError(f"a message of version {fields['version']} came; this is {VERSION}")
    if fields["kind"] == SIGNAL:
        return 8 * int(fields["count"]) * int(fields["columns"])
    if fields["kind"] == SPIKES:
        return SPIKE_BYTES * int(fields["count"])
    raise BorderError(f"a message of unknown kind {fields['kind']} came")


def decode(header: Bytes, payload: Bytes) -> tuple[int, Block]:
    """Return window and block of a message; the block owns its data."""
    fields = header[:HEADER_BYTES].view(HEADER)[0]
    start, count = int(fields["start"]), int(fields["count"])
    if fields["kind"] == SIGNAL:
        values = payload.view(np.float64).reshape(count, int(fields["columns"])).copy()
        return int(fields["window"]), Signal(start, int(fields["second"]), values)
    ticks = payload[: 8 * count].view(np.int64).copy()
    senders = payload[8 * count :].view(np.int32).copy()
    return int(fields["window"]), SpikeBatch(start, int(fields["second"]), ticks, senders)


def pieces(parts: list[Bytes], limit: int) -> Iterator[Bytes]:
    """Yield the first `limit` bytes of some parts, then the rest, as two arrays."""
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    yield whole[:limit]
    yield whole[limit:]
