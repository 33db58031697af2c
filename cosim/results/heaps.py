"""Texts in HDF5 files stand in heaps, and the HDF5 library walks through a damaged one for ever.

So the heaps are walked through here first. Layout: HDF5 File Format Specification, version 3.0,
section III.E, global heap.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

#: A run writes its texts first. Files beyond this size are searched only so far, as a search takes
#: as long as reading.
SEARCHED_BYTES = 256 * 2**20
_BLOCK_BYTES = 2**20
#: With the version.
_SIGNATURE = b"GCOL\x01"
_HEAD, _OBJECT = struct.Struct("<8sQ"), struct.Struct("<HHIQ")
_SMALLEST = 4096


def require_sound_heaps(file: BinaryIO) -> None:
    """Make sure that each object of each heap ends before the next begins.

    Raises
    ------
    ValueError
        If one does not.
    """
    for place in _heaps(file):
        file.seek(place)
        head = file.read(_HEAD.size)
        size = _HEAD.unpack(head)[1] if len(head) == _HEAD.size else 0
        # The library itself refuses heaps of other sizes.
        if _SMALLEST <= size <= SEARCHED_BYTES:
            _walk(file.read(size - _HEAD.size), place)


def _walk(heap: bytes, place: int) -> None:
    at = 0
    while at + _OBJECT.size <= len(heap):
        index, _, _, size = _OBJECT.unpack_from(heap, at)
        # The free space, index 0, counts its own head; other objects do not, and are aligned.
        step = size if index == 0 else _OBJECT.size + (size + 7) // 8 * 8
        if not _OBJECT.size <= step <= len(heap) - at:
            raise ValueError(f"the heap of texts at byte {place} is broken")
        at += step


def _heaps(file: BinaryIO) -> Iterator[int]:
    """Yield the places where a heap begins."""
    begin, block = 0, b""
    while begin < SEARCHED_BYTES:
        file.seek(begin + len(block))
        more = file.read(_BLOCK_BYTES)
        if not more:
            return
        block += more
        found = block.find(_SIGNATURE)
        while found >= 0:
            yield begin + found
            found = block.find(_SIGNATURE, found + 1)
        kept = block[-len(_SIGNATURE) + 1 :]
        begin, block = begin + len(block) - len(kept), kept
