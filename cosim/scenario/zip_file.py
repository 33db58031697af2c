"""Connectomes in TVB's zip format, whoever made them.

A member is unpacked line by line and only as far as a table of its shape can reach, so that
neither a few bytes that unpack to gigabytes nor a line without end fill the memory. Nothing is
ever unpacked to a file.
"""

from __future__ import annotations

import bz2
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cosim.intake import open_ordinary
from cosim.scenario.overlay import MAX_REGIONS, BadConnectome, Matrix

#: The two matrices of as many regions as are allowed, each packed to half of its text.
MAX_ZIP_BYTES = 2**29
#: Read at once: the table of contents, or a piece of a member. A connectome has ten members.
MAX_PIECE_BYTES = 2**20
#: Text that one number or coordinate takes: 25 bytes as NumPy writes it, and some to align it.
MAX_NUMBER_BYTES = 64
#: Comments and blank lines around a table.
MAX_EXTRA_BYTES = 2**16
MAX_LABEL_CHARS = 200
#: No nerve is longer than the animal; values beyond come from a wrong unit, and a simulator would
#: keep a past as long as their delay.
MAX_TRACT_MM = 1e5
#: What the standard library raises for archives that are damaged, encrypted or too modern.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError,
    ValueError, MemoryError,
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


def read_zip(path: Path) -> tuple[tuple[str, ...], Matrix, Matrix, Matrix]:
    """Read labels, weights, tract lengths (mm) and centres (mm) from a TVB connectivity zip.

    Raises
    ------
    BadConnectome
        If a member is missing, too large, not numeric, or of the wrong shape.
    """
    try:
        with open_ordinary(path) as file, zipfile.ZipFile(_Pieces(file)) as archive:
            members = _members(archive)
            labels, centres = _centres(archive, members)
            weights = _matrix(archive, members, "weights", len(labels))
            lengths = _matrix(archive, members, "tract_lengths", len(labels))
    except _UNREADABLE as error:
        raise BadConnectome(f"'{path.name}' is no readable zip file: {error}") from None
    _check(labels, weights, lengths, centres)
    return labels, weights, lengths, centres


class _Pieces(io.RawIOBase):
    """A file of which only small pieces are read at once, whatever its contents ask for."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        if file.seek(0, io.SEEK_END) > MAX_ZIP_BYTES:
            raise BadConnectome(f"it is too large; expected at most {MAX_ZIP_BYTES} bytes")
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(MAX_PIECE_BYTES + 1 if size < 0 else min(size, MAX_PIECE_BYTES + 1))
        if len(found) > MAX_PIECE_BYTES:
            raise BadConnectome("it has too long a table of contents")
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return what is in the zip file by name, without folder."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        # Nothing is unpacked to files, but other software that opens the same zip file may do so.
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[:1]:
            raise BadConnectome(f"{info.filename!r} in it leads out of its folder")
        name = path.name.removesuffix(".bz2")
        if name in found and name.endswith(".txt"):
            raise BadConnectome(f"'{name}' stands twice in the zip file; which one counts?")
        found[name] = info
    return found


@contextmanager
def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Open a member, unpacked twice if it is compressed in itself."""
    if info.compress_type not in _METHODS:
        raise BadConnectome(f"'{info.filename}' is packed by a rare method; expected 'deflate'")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadConnectome(f"'{info.filename}' is a link; expected a file")
    with archive.open(info) as raw:
        if info.filename.endswith(".bz2"):
            with bz2.BZ2File(raw) as inner:
                yield inner
        else:
            yield raw


def _lines(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], stem: str, limit: int
) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines of a member that are not blank."""
    name = f"{stem}.txt"
    if name not in members:
        raise BadConnectome(f"'{name}' is missing from the zip file")
    left, number = limit, 0
    with _unpacked(archive, members[name]) as file:
        while line := file.readline(left + 1):
            left -= len(line)
            number += 1
            if left < 0:
                raise BadConnectome(f"'{name}' is too large; expected at most {limit} bytes of it")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise BadConnectome(f"'{name}' is not UTF-8 text in line {number}") from None
            if text.strip():
                yield number, text


def _matrix(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], stem: str, n: int
) -> NDArray[np.float64]:
    limit = n * n * MAX_NUMBER_BYTES + MAX_EXTRA_BYTES
    rows = _rows(archive, members, stem, n, limit)
    first = next(rows, None)
    if first is None:
        raise BadConnectome(f"'{stem}.txt' is empty")
    try:
        return np.loadtxt(chain([first], rows), ndmin=2)
    except ValueError as error:
        raise BadConnectome(f"'{stem}.txt' is no table of numbers: {error}") from None


def _rows(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], stem: str, n: int, limit: int
) -> Iterator[str]:
    rows = 0
    for number, line in _lines(archive, members, stem, limit):
        text = line.partition("#")[0]
        columns = len(text.split())
        rows += columns > 0
        if columns > n or rows > n:
            what = f"{columns} columns in line {number}" if columns > n else f"more than {n} rows"
            raise BadConnectome(f"'{stem}.txt' has {what}, but there are {n} regions")
        if columns:
            yield text


def _centres(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    stem = "centres" if "centres.txt" in members else "centers"
    limit = MAX_REGIONS * (MAX_LABEL_CHARS + 3 * MAX_NUMBER_BYTES) + MAX_EXTRA_BYTES
    labels: list[str] = []
    places: list[list[float]] = []
    for row, (_, line) in enumerate(_lines(archive, members, stem, limit), 1):
        words = line.split()
        if row > MAX_REGIONS:
            raise BadConnectome(f"it has more than {MAX_REGIONS} regions")
        if len(words) < 4:
            raise BadConnectome(
                f"'{stem}.txt' has {len(words)} words in row {row}; expected a label and three "
                "coordinates"
            )
        if len(words[0]) > MAX_LABEL_CHARS or not words[0].isprintable():
            raise BadConnectome(f"'{stem}.txt' has no fit label in row {row}: {words[0][:60]!r}")
        labels.append(words[0])
        try:
            places.append([float(x) for x in words[1:4]])
        except ValueError as error:
            raise BadConnectome(f"'{stem}.txt' is no table of coordinates: {error}") from None
    if not labels:
        raise BadConnectome("it has no regions")
    return tuple(labels), np.array(places)


def _check(labels: tuple[str, ...], weights: Matrix, lengths: Matrix, centres: Matrix) -> None:
    n = len(labels)
    for name, matrix in (("weights", weights), ("tract_lengths", lengths)):
        if matrix.shape != (n, n):
            raise BadConnectome(f"{name} has shape {matrix.shape} but there are {n} regions")
        if not np.isfinite(matrix).all():
            row, column = np.argwhere(~np.isfinite(matrix))[0]
            raise BadConnectome(f"{name} of {labels[column]} -> {labels[row]} is not finite")
    if (lengths < 0).any():
        row, column = np.argwhere(lengths < 0)[0]
        raise BadConnectome(f"the tract {labels[column]} -> {labels[row]} has negative length")
    if (lengths > MAX_TRACT_MM).any():
        row, column = np.argwhere(lengths > MAX_TRACT_MM)[0]
        raise BadConnectome(
            f"the tract {labels[column]} -> {labels[row]} is {lengths[row, column]:g} mm long; "
            f"expected at most {MAX_TRACT_MM:g} mm"
        )
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise BadConnectome(f"region labels stand twice: {', '.join(sorted(twice))}")
    if not np.isfinite(centres).all():
        row = np.argwhere(~np.isfinite(centres))[0][0]
        raise BadConnectome(f"the centre of {labels[row]} is not finite")
