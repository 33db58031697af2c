"""Opens HDF5 files in whatever state a run has left them."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import h5py

from cosim.errors import CosimError
from cosim.intake import open_ordinary
from cosim.results.heaps import require_sound_heaps

# HDF5 File Format Specification, version 3.0, section II.A: superblock of versions 2 and 3.
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = struct.Struct("<8sBBBBQQQ")
_WRITING, _SWMR = 1, 4


class ResultError(CosimError):
    """A result is missing, damaged, or not one of ours.

    Parameters
    ----------
    path
        The file at fault.
    cause
        What is wrong with it.
    """

    def __init__(self, path: Path, cause: str) -> None:
        self.path, self.cause = path, cause
        super().__init__(f"{path}: {cause}")


def open_file(path: Path) -> h5py.File:
    """Open a file for reading: closed properly, being written, or left by a killed process.

    Raises
    ------
    ResultError
        If there is none, or it cannot be read.
    """
    try:
        swmr = _left_open(path)
        with open_ordinary(path) as file:
            require_sound_heaps(file)
        # Without a lock a reader never stands in the way of the run.
        return h5py.File(path, "r", swmr=swmr, locking=False)
    except FileNotFoundError as error:
        raise ResultError(path, "does not exist") from error
    except (RuntimeError, ValueError) as error:
        raise ResultError(path, f"cannot be opened, it may be damaged: {error}") from error
    except OSError as error:
        raise ResultError(path, f"cannot be opened, it may be truncated: {error}") from error


def _left_open(path: Path) -> bool:
    """Return whether the file is in single-writer-multiple-readers mode.

    HDF5 would wait for ever for the missing end of such a file, so its length is checked here.
    The writer of a live file may be just about to lengthen it: look more than once.
    """
    for attempt in range(5):
        time.sleep(0.02 * attempt)
        flags, wanted = _superblock(path)
        if not flags & _WRITING:
            return False
        if not flags & _SWMR:
            raise ResultError(path, "its run has not begun to record, or was killed before it did")
        size = path.stat().st_size
        if size >= wanted:
            return True
    raise ResultError(path, f"is truncated: {size} bytes of {wanted}")


def _superblock(path: Path) -> tuple[int, int]:
    """Return the consistency flags and the length of the file according to its superblock."""
    with open_ordinary(path) as file:
        head = file.read(_SUPERBLOCK.size)
    if not head.startswith(_SIGNATURE):
        raise ResultError(path, "is no HDF5 file")
    if len(head) < _SUPERBLOCK.size:
        raise ResultError(path, f"is truncated: {len(head)} bytes")
    _, version, _, _, flags, _, _, end = _SUPERBLOCK.unpack(head)
    # Older superblocks have no flags, and none of our files has one.
    return (flags, end) if version in (2, 3) else (0, 0)
