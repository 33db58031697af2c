"""Columns that grow together in an HDF5 file and stay readable if the writer is killed.

A row counts as written once its key, a float that is never NaN, is on file. All other columns are
handed to the operating system before the key is, so a reader that stops at the first NaN of the
key sees whole rows only, whatever was going on when the writer died.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

CHUNK_BYTES = 64 * 1024
BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Column:
    """Type of a column, and its width if its rows are vectors."""

    dtype: DTypeLike
    width: int | None = None

    @property
    def tail(self) -> tuple[int, ...]:
        """Shape of one row."""
        return () if self.width is None else (self.width,)

    @property
    def row_bytes(self) -> int:
        """Size of one row."""
        return np.dtype(self.dtype).itemsize * (self.width or 1)


class Table:
    """Buffers rows up to a fixed size and appends them to resizable datasets.

    Parameters
    ----------
    group
        HDF5 group in which the datasets are created.
    key
        Name of the float64 column that says whether a row is there.
    columns
        All columns but the key.
    when_full
        Called when the buffer has no room left; must write the pending rows.
    buffer_bytes
        Size of the buffer; at least one row fits in any case.
    """

    def __init__(
        self,
        group: h5py.Group,
        key: str,
        columns: Mapping[str, Column],
        when_full: Callable[[], None],
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._key = key
        self._when_full = when_full
        everything = {**columns, key: Column(np.float64)}
        row_bytes = sum(c.row_bytes for c in everything.values())
        self._capacity = max(1, buffer_bytes // row_bytes)
        self._buffers = {
            name: np.empty((self._capacity, *c.tail), c.dtype) for name, c in everything.items()
        }
        self._datasets = {name: _dataset(group, name, c) for name, c in everything.items()}
        self._pending = 0
        self._written = 0

    @property
    def buffer_bytes(self) -> int:
        """Memory that the buffer takes, full or empty."""
        return sum(b.nbytes for b in self._buffers.values())

    def append(self, rows: Mapping[str, NDArray[np.generic]]) -> None:
        """Add rows: one array a column, key included, all of the same length.

        The arrays are copied; they may be reused at once.

        Raises
        ------
        ValueError
            If lengths or widths do not fit, or a key is NaN. Nothing is added then.
        """
        arrays = {name: np.asarray(rows[name]) for name in self._buffers}
        count = len(arrays[self._key])
        for name, array in arrays.items():
            wanted = (count, *self._buffers[name].shape[1:])
            if array.shape != wanted:
                raise ValueError(f"{name} has shape {array.shape}, expected {wanted}")
        if np.isnan(arrays[self._key]).any():
            raise ValueError(f"{self._key} is NaN")
        done = 0
        while done < count:
            if self._pending == self._capacity:
                self._when_full()
            room = min(self._capacity - self._pending, count - done)
            for name, array in arrays.items():
                self._buffers[name][self._pending : self._pending + room] = array[
                    done : done + room
                ]
            self._pending += room
            done += room

    def append_row(self, row: Mapping[str, float]) -> None:
        """Add one row of numbers; quicker than `append`, and for callers that check themselves."""
        if self._pending == self._capacity:
            self._when_full()
        for name, value in row.items():
            self._buffers[name][self._pending] = value
        self._pending += 1

    def write_columns(self) -> None:
        """Append the pending rows of all columns but the key to their datasets."""
        for name in self._datasets:
            if name != self._key:
                self._write(name)

    def write_key(self) -> None:
        """Append the pending keys; to be called once the columns have been flushed."""
        self._write(self._key)
        self._written += self._pending
        self._pending = 0

    def _write(self, name: str) -> None:
        if self._pending:
            dataset = self._datasets[name]
            dataset.resize(self._written + self._pending, axis=0)
            dataset[self._written :] = self._buffers[name][: self._pending]


def _dataset(group: h5py.Group, name: str, column: Column) -> h5py.Dataset:
    rows = min(8192, max(1, CHUNK_BYTES // column.row_bytes))
    floating = np.issubdtype(np.dtype(column.dtype), np.floating)
    return group.create_dataset(
        name,
        shape=(0, *column.tail),
        maxshape=(None, *column.tail),
        chunks=(rows, *column.tail),
        dtype=column.dtype,
        fillvalue=np.nan if floating else None,
    )
