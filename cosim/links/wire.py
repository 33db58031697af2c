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
_FLOAT64, _INT64, _INT32 = np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.int32)


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

    __slots__ = ("_doubles", "_ints", "_longs", "_memory", "_values", "data", "shape", "size")

    def __init__(self, size: int, shape: tuple[int, int] = (0, 0)) -> None:
        self.size = size
        self._memory = bytearray(HEADER_BYTES + size)
        self.data: Bytes = np.frombuffer(self._memory, np.uint8)
        self._doubles: NDArray[np.float64] = self.data.view(np.float64)
        # Slices of memory are cheaper than those of arrays.
        self._longs: Any = self.data.view(_INT64).data
        self._ints: Any = self.data.view(_INT32).data
        self.shape = shape if 8 * shape[0] * shape[1] <= size else (0, 0)
        self._values = self._signal(self.shape)

    def _signal(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        return self._doubles[_LONGS : _LONGS + shape[0] * shape[1]].reshape(shape)

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
            if shape == self.shape:
                self._values[...] = values
            elif size <= self.size:
                self._signal(shape)[...] = values
            return size
        count = len(block.ticks)
        _pack(self._memory, 0, VERSION, SPIKES, 0, index, block.start, block.stop, count, 0)
        size = SPIKE_BYTES * count
        if size <= self.size:
            senders = _INTS + 2 * count
            try:
                self._longs[_LONGS : _LONGS + count] = block.ticks
                self._ints[senders : senders + count] = block.senders
            except ValueError:
                # They are of other types, which NumPy converts, or it tells better what is wrong.
                np.asarray(self._longs)[_LONGS : _LONGS + count] = block.ticks
                np.asarray(self._ints)[senders : senders + count] = block.senders
        return size

    def read(self) -> tuple[int, Block, bool]:
        """Return what the message holds.

        Returns
        -------
        int, Block, bool
            Its window, its block, and whether that has its data. A block whose data are too long
            for the frame has memory for them. In either case it shares none with the frame.

        Raises
        ------
        BorderError
            If the message is of another version or kind.
        """
        version, kind, columns, index, start, second, count, _ = _unpack(self._memory)
        if version != VERSION or not SIGNAL <= kind <= SPIKES:
            _refuse(version, kind)
        if kind == SIGNAL:
            shape = count, columns
            if shape == self.shape:
                return index, Signal(start, second, self._values.copy()), True
            whole = 8 * count * columns <= self.size
            values = self._signal(shape).copy() if whole else np.empty(shape)
            return index, Signal(start, second, values), whole
        size = SPIKE_BYTES * count
        whole = size <= self.size
        # One piece of memory for both arrays is had, and given back, faster than two.
        memory = (
            self._memory[HEADER_BYTES : HEADER_BYTES + size] if whole
            else np.empty(size, np.uint8).data
        )
        ticks: NDArray[np.int64] = np.ndarray(count, _INT64, memory)
        senders: NDArray[np.int32] = np.ndarray(count, _INT32, memory, 8 * count)
        return index, SpikeBatch(start, second, ticks, senders), whole


def _fields(index: int, block: Block) -> Head:
    if isinstance(block, Signal):
        rows, columns = block.values.shape
        return VERSION, SIGNAL, columns, index, block.start, block.step, rows, 0
    return VERSION, SPIKES, 0, index, block.start, block.stop, len(block.ticks), 0


def parts_of(block: Block) -> list[Bytes]:
    """Return the data of a block as bytes: its own memory wherever that lies in C order."""
    if isinstance(block, Signal):
        return [_as_bytes(block.values, _FLOAT64)]
    return [_as_bytes(block.ticks, _INT64), _as_bytes(block.senders, _INT32)]


def encode(index: int, block: Block) -> tuple[Bytes, list[Bytes]]:
    """Return the header and the parts of the payload of a block, without copying the payload."""
    header: Bytes = np.frombuffer(bytearray(_FIELDS.pack(*_fields(index, block))), np.uint8)
    return header, parts_of(block)


def _as_bytes(array: NDArray[Any], dtype: np.dtype[Any]) -> Bytes:
    return np.ascontiguousarray(array, dtype).reshape(-1).view(np.uint8)


def _refuse(version: int, kind: int) -> None:
    if version != VERSION:
        raise BorderError(f"a message of version {version} came; this is {VERSION}")
    if not SIGNAL <= kind <= SPIKES:
        raise BorderError(f"a message of unknown kind {kind} came")


def payload_bytes(header: Bytes) -> int:
    """Return the size of the payload that a header announces.

    Raises
    ------
    BorderError
        If the header is of another version or kind.
    """
    version, kind, columns, _, _, _, count, _ = _unpack(header.data)
    _refuse(version, kind)
    size: int = 8 * count * columns if kind == SIGNAL else SPIKE_BYTES * count
    return size


def decode(header: Bytes, payload: Bytes) -> tuple[int, Block]:
    """Return window and block of a message; the block owns its data."""
    frame = Frame(-(-len(payload) // 8) * 8)
    frame.data[:HEADER_BYTES] = header
    frame.data[HEADER_BYTES : HEADER_BYTES + len(payload)] = payload
    index, block, _ = frame.read()
    return index, block
