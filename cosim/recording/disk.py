"""What can go wrong with a disk, in words; and files that are there as a whole or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cosim.errors import CosimError

_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "it would be larger than this process or file system allows",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "its folder is gone",
    errno.ESTALE: "its folder is gone",
    errno.EIO: "the device reports an error",
}
#: How HDF5 passes on what the operating system said.
_HDF5 = re.compile(r"errno = (\d+)")


class Unwritable(CosimError):
    """A file of a run cannot be written.

    Parameters
    ----------
    path
        The file.
    cause
        What stands in the way.
    """

    def __init__(self, path: Path, cause: str) -> None:
        self.path, self.cause = path, cause
        super().__init__(f"{path} cannot be written: {cause}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file and the cause in what goes wrong with writing it.

    Raises
    ------
    Unwritable
        In place of errors of the operating system and of HDF5.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise Unwritable(path, in_words(error)) from error


def in_words(error: BaseException) -> str:
    """Return why a file cannot be written; also for what HDF5 raises."""
    number = getattr(error, "errno", None)
    if number is None:
        found = _HDF5.search(str(error))
        number = int(found[1]) if found else 0
    return _WORDS.get(number) or (os.strerror(number) if number else " ".join(str(error).split()))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or leave what was there before.

    Raises
    ------
    Unwritable
        If it cannot be written. Nothing is left of the attempt.
    """
    # In the same folder, as only then one takes the place of the other in one step.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path):
        try:
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
