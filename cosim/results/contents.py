"""What stands in an HDF5 file that anybody may have written.

HDF5 files can lead to other files (external and soft links, virtual datasets, raw data kept
elsewhere), announce arrays of any size that take no space, and hold types that h5py turns into
pointers of Python objects. Everything here is looked at before it is opened or read, and only what
a run writes is accepted: groups, tables of numbers and texts that lie in the file itself.
Whatever is something else raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

#: Names of signals open a group for each slash.
MAX_DEPTH = 16
#: Recordings and groups of one result; walking over them takes seconds.
MAX_ENTRIES = 100_000
#: Rows that were announced, but not yet written when a process was killed, fit many times.
UNWRITTEN_BYTES = 64 * 2**20
#: Runs write tables as they are. Somebody may have compressed them since, by as much as this.
COMPRESSION = 32
#: The summary, the plan and the scenario of the largest runs have some megabytes.
MAX_TEXT_BYTES = 64 * 2**20
#: Labels and names of columns.
MAX_LABEL_CHARS = 4096
#: Texts read at once: each entry of a small table may stand for the same huge text.
LABELS_AT_ONCE = 16
MAX_ATTRIBUTES = 1000

_FLOAT, _WHOLE, _TEXT = h5py.h5t.FLOAT, h5py.h5t.INTEGER, h5py.h5t.STRING
_Kind = TypeVar("_Kind", h5py.Group, h5py.Dataset)


def entry(group: h5py.Group, path: str, kind: type[_Kind]) -> _Kind:
    """Return a group or dataset below a group, without leaving the file.

    Raises
    ------
    KeyError
        If there is none.
    ValueError
        If a link leads elsewhere, or what is there is of another kind.
    """
    here: Any = group
    for name in path.strip("/").split("/"):
        if not isinstance(here, h5py.Group):
            raise ValueError(f"'{path}' leads through a table")  # noqa: TRY004 - see above
        if not isinstance(here.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"'{name}' is a link that leads elsewhere")  # noqa: TRY004
        here = here[name]
    if not isinstance(here, kind):
        raise ValueError(f"'{path}' is no {kind.__name__.lower()}")  # noqa: TRY004
    return here


def has(group: h5py.Group, name: str) -> bool:
    """Tell whether a group has an entry of that name, wherever it leads."""
    return name in group.keys()  # noqa: SIM118 - `in group` follows links


def external_links(group: h5py.Group) -> dict[str, h5py.ExternalLink]:
    """Return the links to other files below a group by their path; none is followed."""
    found: dict[str, h5py.ExternalLink] = {}
    left = MAX_ENTRIES

    def walk(inner: h5py.Group, parts: tuple[str, ...]) -> None:
        nonlocal left
        if len(parts) > MAX_DEPTH:
            raise ValueError("its groups are nested too deeply")
        for name in inner:
            left -= 1
            if left < 0:
                raise ValueError(f"it has more than {MAX_ENTRIES} recordings")
            link = inner.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found["/".join((*parts, name))] = link
            else:
                walk(entry(inner, name, h5py.Group), (*parts, name))

    walk(group, ())
    return found


def attributes(item: h5py.Group) -> dict[str, str | int | float]:
    """Return the attributes of a group or file."""
    if len(item.attrs) > MAX_ATTRIBUTES:
        raise ValueError(f"there are more than {MAX_ATTRIBUTES} attributes")
    return {name: _attribute(item, name) for name in item.attrs}


def _attribute(item: h5py.Group, name: str) -> str | int | float:
    stored = item.attrs.get_id(name)
    # The class of the type comes first: to ask for more would build it.
    if stored.get_type().get_class() not in (_FLOAT, _WHOLE, _TEXT) or stored.shape != ():
        raise ValueError(f"the attribute '{name}' is neither a number nor a text")
    value = item.attrs[name]
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, str | int | float):
        raise ValueError(f"the attribute '{name}' is neither a number nor a text")  # noqa: TRY004
    return value


def reals(
    group: h5py.Group, name: str, rows: slice = slice(None), *, width: int | None = None
) -> NDArray[np.float64]:
    """Return a column of 64-bit numbers, or a table of that width."""
    return _table(group, name, _FLOAT, width, rows)


def wholes(group: h5py.Group, name: str, rows: slice = slice(None)) -> NDArray[np.signedinteger]:
    """Return a column of whole numbers."""
    return _table(group, name, _WHOLE, None, rows)


def real(group: h5py.Group, name: str) -> float:
    """Return a single number."""
    stored = _stored(group, name, _FLOAT)
    _require_shape(name, stored, ())
    return float(stored[()])


def text(group: h5py.Group, name: str) -> str:
    """Return a single text."""
    stored = _stored(group, name, _TEXT)
    _require_shape(name, stored, ())
    found = str(stored.asstr()[()])
    if len(found) > MAX_TEXT_BYTES:
        raise ValueError(f"'{name}' is longer than {MAX_TEXT_BYTES} bytes")
    return found


def labels(group: h5py.Group, name: str) -> list[str]:
    """Return a column of texts."""
    stored = _stored(group, name, _TEXT)
    _require_shape(name, stored, (None,))
    _require_data(name, stored)
    found: list[str] = []
    for piece in _pieces(len(stored)):
        found.extend(stored.asstr()[piece])
        if any(len(label) > MAX_LABEL_CHARS for label in found[piece]):
            raise ValueError(f"'{name}' has a text of more than {MAX_LABEL_CHARS} characters")
    return found


def _pieces(count: int) -> Iterator[slice]:
    return (slice(i, i + LABELS_AT_ONCE) for i in range(0, count, LABELS_AT_ONCE))


def _table(
    group: h5py.Group, name: str, kind: int, width: int | None, rows: slice
) -> NDArray[Any]:
    stored = _stored(group, name, kind)
    _require_shape(name, stored, (None,) if width is None else (None, width))
    if kind == _FLOAT and stored.dtype != np.float64:
        raise ValueError(f"'{name}' has numbers of {stored.dtype}, expected float64")
    _require_data(name, stored)
    found: NDArray[Any] = stored[rows]
    return found


def _stored(group: h5py.Group, name: str, kind: int) -> h5py.Dataset:
    stored = entry(group, name, h5py.Dataset)
    # As for attributes. Then what may lie in other files, before anything asks for its extent.
    if stored.id.get_type().get_class() != kind:
        raise ValueError(f"'{name}' is of another type than a run writes")
    properties = stored.id.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL or properties.get_external_count():
        raise ValueError(f"'{name}' has its data in other files")
    return stored


def _require_shape(name: str, stored: h5py.Dataset, wanted: tuple[int | None, ...]) -> None:
    shape = stored.shape
    fits = shape is not None and len(shape) == len(wanted)
    if not fits or any(w not in (None, n) for w, n in zip(wanted, shape, strict=True)):
        words = tuple("any" if w is None else w for w in wanted)
        raise ValueError(f"'{name}' has shape {shape}, expected {words}")


def _require_data(name: str, stored: h5py.Dataset) -> None:
    """Make sure that an array is about as large as the space it takes in the file."""
    properties = stored.id.get_create_plist()
    there = min(stored.id.get_storage_size(), stored.file.id.get_filesize())
    factor = COMPRESSION if properties.get_nfilters() else 1
    if stored.nbytes > UNWRITTEN_BYTES + factor * there:
        raise ValueError(f"'{name}' announces {stored.nbytes} bytes, of which {there} are there")
    chunk = stored.chunks or ()
    if np.prod(chunk, dtype=float) * stored.dtype.itemsize > UNWRITTEN_BYTES:
        raise ValueError(f"'{name}' comes in pieces of {chunk}")
