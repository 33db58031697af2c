"""Files of blocks: a header, then one message after another as they cross between ranks.

A message carries a checksum of itself. Whatever a killed process or machine left behind its last
whole message is no part of the tape.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cosim.errors import BorderError, CosimError
from cosim.intake import open_ordinary
from cosim.links import wire
from cosim.messages import Block
from cosim.plan.model import HEADER_BYTES
from cosim.recording.disk import Unwritable, in_words, writing

_MAGIC = b"cosim tape 1\n"
_BUFFER_BYTES = 128 * 1024
#: No window of a channel comes near it; a file with holes may be large without data.
MAX_MESSAGE_BYTES = 2**30


class TapeDamaged(CosimError):
    """A tape cannot be read, or is not the one that was asked for.

    Parameters
    ----------
    path
        The file.
    cause
        What is wrong with it.
    """

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(f"{path}: {cause}")


def tape_path(folder: Path, channel: str) -> Path:
    """Return the file of a channel, whose name may not be fit for a file."""
    return folder / f"{hashlib.sha256(channel.encode()).hexdigest()[:16]}.tape"


class Tape:
    """The tape of one channel while it is written.

    Parameters
    ----------
    folder
        Folder of all tapes of a run.
    channel
        Name of the channel.

    Raises
    ------
    Unwritable
        By all methods, if the disk does not take it.
    """

    def __init__(self, folder: Path, channel: str) -> None:
        self.path = tape_path(folder, channel)
        with writing(self.path):
            self._file = self.path.open("wb", buffering=_BUFFER_BYTES)
            self._file.write(_MAGIC + channel.encode() + b"\n")

    def append(self, index: int, block: Block) -> None:
        """Add the block of a window."""
        header, parts = wire.encode(index, block)
        header.view(wire.HEADER)["spare"] = _checksum(header, *parts)
        try:
            for part in (header, *parts):
                self._file.write(part.data)
        except OSError as error:
            raise Unwritable(self.path, in_words(error)) from error

    def flush(self) -> None:
        """Hand everything appended so far to the operating system."""
        if not self._file.closed:
            with writing(self.path):
                self._file.flush()

    def close(self) -> None:
        """Flush and close; harmless when repeated."""
        with writing(self.path):
            self._file.close()


def _checksum(header: wire.Bytes, *parts: wire.Bytes) -> int:
    found = zlib.crc32(header[: HEADER_BYTES - 8].data)
    for part in parts:
        found = zlib.crc32(part.data, found)
    return found


class Reel:
    """The tape of one channel while it is read, from its first block on.

    Parameters
    ----------
    folder
        Folder of all tapes of a run.
    channel
        Name of the channel.

    Attributes
    ----------
    count
        Number of whole blocks.
    position
        Number of blocks read so far.

    Raises
    ------
    TapeDamaged
        If there is no such tape.
    """

    def __init__(self, folder: Path, channel: str) -> None:
        self.path = tape_path(folder, channel)
        self.channel = channel
        try:
            self._file = open_ordinary(self.path)
        except OSError as error:
            cause = f"the tape of '{channel}' cannot be read: {error.strerror}"
            raise TapeDamaged(self.path, cause) from error
        head = _MAGIC + channel.encode() + b"\n"
        if self._file.read(len(head)) != head:
            self._file.close()
            raise TapeDamaged(self.path, f"is no tape of '{channel}'")
        self._size = os.fstat(self._file.fileno()).st_size
        self.count = self._whole()
        self._file.seek(len(head))
        self.position = 0

    @property
    def left(self) -> int:
        """Number of blocks still to be read."""
        return self.count - self.position

    def next(self) -> tuple[int, Block]:
        """Return window and block of the next message.

        Raises
        ------
        TapeDamaged
            If there is none.
        """
        message = _message(self._file, self._size) if self.left > 0 else None
        if message is None:
            raise TapeDamaged(self.path, f"'{self.channel}' ends after {self.position} blocks")
        self.position += 1
        return wire.decode(*message)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _whole(self) -> int:
        count = 0
        while _message(self._file, self._size) is not None:
            count += 1
        return count


def _message(file: BinaryIO, end: int) -> tuple[wire.Bytes, wire.Bytes] | None:
    """Read a whole and sound message of a file of that size; None at the end of what is sound."""
    header = np.frombuffer(file.read(HEADER_BYTES), np.uint8)
    if len(header) < HEADER_BYTES:
        return None
    try:
        size = wire.payload_bytes(header)
    except BorderError:
        return None
    # Room is made for what a header announces only if it is there; rows without columns would
    # announce any number of them.
    count = header.view(wire.HEADER)[0]["count"]
    if not 0 <= count <= size <= min(end - file.tell(), MAX_MESSAGE_BYTES):
        return None
    payload = np.frombuffer(file.read(size) if size else b"", np.uint8)
    if len(payload) < size or header.view(wire.HEADER)[0]["spare"] != _checksum(header, payload):
        return None
    return header, payload
