"""Blocks as bytes: a versioned header, then the data as it lies in memory."""

from __future__ import annotations

import struct
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
_FIELDS = struct.Struct("<HHIqqqqq")
_pack, _unpack = _FIELDS.pack_into, _FIELDS.unpack_from
assert HEADER.itemsize == _FIELDS.size == HEADER_BYTES

Bytes = NDArray[np.uint8]
#: The fields of a header in their order.
Head = tuple[int, int, int, int, int, int, int, int]

#: Where the payload begins, counted in numbers of 8 and of 4 bytes.
_LONGS, _INTS = HEADER_BYTES // 8, HEADER_BYTES // 4


class Frame:
    """Memory for a message, seen as everything that it may hold.

    Views are made once, as making them for each message would cost more than the message.

    Parameters
    ----------
    size
        Bytes of the longest payload; a multiple of 8.
    shape
        Shape of the signals that are expected; those of other shapes only take longer.
    """

    __slots__ = ("_memory", "data", "doubles", "ints", "longs", "shape", "size", "values")

    def __init__(self, size: int, shape: tuple[int, int] = (0, 0)) -> None:
        self.size = size
        self.data: Bytes = np.zeros(HEADER_BYTES + size, np.uint8)
        self._memory = self.data.data
        self.doubles: NDArray[np.float64] = self.data.view(np.float64)
        self.longs: NDArray[np.int64] = self.data.view(np.int64)
        self.ints: NDArray[np.int32] = self.data.view(np.int32)
        self.shape = shape if 8 * shape[0] * shape[1] <= size else (0, 0)
        self.values = self._signal(self.shape)

    def _signal(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        return self.doubles[_LONGS : _LONGS + shape[0] * shape[1]].reshape(shape)

    def write(self, index: int, block: Block) -> int:
        """Write header and data of a block, of data that are too long the header alone.

        Returns
        -------
        int
            Size of the payload.
        """
        if isinstance(block, Signal):
            values = block.values
            rows, columns = shape = values.shape
            _pack(
                self._memory, 0, VERSION, SIGNAL, columns, index, block.start, block.step, rows, 0
            )
            size: int = 8 * rows * columns
            if size <= self.size:
                into = self.values if shape == self.shape else self._signal(shape)
                into[...] = values
            return size
        count = len(block.ticks)
        _pack(self._memory, 0, VERSION, SPIKES, 0, index, block.start, block.stop, count, 0)
        size = SPIKE_BYTES * count
        if 0 < size <= self.size:
            senders = _INTS + 2 * count
            self.longs[_LONGS : _LONGS + count] = block.ticks
            self.ints[senders : senders + count] = block.senders
        return size

    def head(self) -> Head:
        """Return the fields of the header; see `read_head`."""
        head: Head = _unpack(self._memory)
        if head[0] != VERSION or not SIGNAL <= head[1] <= SPIKES:
            _refuse(head)
        return head

    def read(self, head: Head) -> Block:
        """Return the block behind a header; it owns its data."""
        _, kind, columns, _, start, second, count, _ = head
        if kind == SIGNAL:
            shape = (count, columns)
            values = self.values if shape == self.shape else self._signal(shape)
            return Signal(start, second, values.copy())
        senders = _INTS + 2 * count
        return SpikeBatch(
            start, second, self.longs[_LONGS : _LONGS + count].copy(),
            self.ints[senders : senders + count].copy(),
        )


def _fields(index: int, block: Block) -> Head:
    if isinstance(block, Signal):
        rows, columns = block.values.shape
        return VERSION, SIGNAL, columns, index, block.start, block.step, rows, 0
    return VERSION, SPIKES, 0, index, block.start, block.stop, len(block.ticks), 0


def vacant(head: Head) -> Block:
    """Return the block that a header announces, with memory for its data, still to be filled."""
    _, kind, columns, _, start, second, count, _ = head
    if kind == SIGNAL:
        return Signal(start, second, np.empty((count, columns), np.float64))
    return SpikeBatch(start, second, np.empty(count, np.int64), np.empty(count, np.int32))


def parts_of(block: Block) -> list[Bytes]:
    """Return the data of a block as bytes: its own memory wherever that lies in C order."""
    if isinstance(block, Signal):
        return [_as_bytes(block.values)]
    return [_as_bytes(block.ticks), _as_bytes(block.senders)]


def encode(index: int, block: Block) -> tuple[Bytes, list[Bytes]]:
    """Return the header and the parts of the payload of a block, without copying the payload."""
    header: Bytes = np.frombuffer(bytearray(_FIELDS.pack(*_fields(index, block))), np.uint8)
    return header, parts_of(block)


def _as_bytes(array: NDArray[Any]) -> Bytes:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def read_head(header: Bytes) -> Head:
    """Return the fields of a header.

    Raises
    ------
    BorderError
        If it is of another version or kind.
    """
    head: Head = _unpack(header.data)
    _refuse(head)
    return head


def _refuse(head: Head) -> None:
    if head[0] != VERSION:
        raise BorderError(f"a message of version {head[0]} came; this is {VERSION}")
    if not SIGNAL <= head[1] <= SPIKES:
        raise BorderError(f"a message of unknown kind {head[1]} came")


def size_of(head: Head) -> int:
    """Return the size of the payload that the fields of a header announce."""
    return 8 * head[6] * head[2] if head[1] == SIGNAL else SPIKE_BYTES * head[6]


def payload_bytes(header: Bytes) -> int:
    """Return the size of the payload that a header announces.

    Raises
    ------
    BorderError
        If the header is of another version or kind.
    """
    return size_of(read_head(header))


def decode(header: Bytes, payload: Bytes) -> tuple[int, Block]:
    """Return window and block of a message; the block owns its data."""
    head = read_head(header)
    frame = Frame(-(-len(payload) // 8) * 8)
    frame.data[HEADER_BYTES : HEADER_BYTES + len(payload)] = payload
    return head[3], frame.read(head)
