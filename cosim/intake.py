"""Reading files that anybody may have written: ordinary ones only, and of limited size.

A name may stand for a pipe that nobody writes to, or for a device without end. Neither may keep
the reader waiting, nor fill its memory.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cosim.errors import CosimError

#: What stands in the way of reading, in words.
_KINDS = (
    (stat.S_ISDIR, "Is a directory"),
    (stat.S_ISFIFO, "Is a pipe"),
    (stat.S_ISSOCK, "Is a socket"),
    (stat.S_ISCHR, "Is a device"),
    (stat.S_ISBLK, "Is a device"),
)


class Unreadable(CosimError):
    """A file cannot be read; the message says why, without the file's name."""


def open_ordinary(path: Path) -> BinaryIO:
    """Open a file for reading; never waits.

    Raises
    ------
    OSError
        If there is none, or it is a directory, a pipe or a device.
    """
    try:
        mode = path.stat().st_mode
    except ValueError:
        raise OSError(errno.EINVAL, "The name is none of a file", str(path)) from None
    for is_kind, words in _KINDS:
        if is_kind(mode):
            raise OSError(errno.EINVAL, words, str(path))
    # A pipe may have taken the file's place meanwhile.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def read_text(path: Path, limit: int) -> str:
    """Return the text of a file.

    Parameters
    ----------
    path
        The file.
    limit
        Number of bytes that it may have.

    Raises
    ------
    Unreadable
        If it cannot be read, is longer, or is not UTF-8.
    """
    try:
        with open_ordinary(path) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise Unreadable(f"is too large; expected at most {limit} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8 text") from None


def json_mapping(text: str) -> Mapping[str, Any]:
    """Return a JSON object.

    Raises
    ------
    ValueError
        If the text is no JSON, or something else than an object.
    """
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        # ValueError as for any other text that is not what was expected.
        raise ValueError("it is no mapping")  # noqa: TRY004
    return found
