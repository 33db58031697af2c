"""Names of recordings, and how they become paths inside an HDF5 file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

Kind = Literal["signals", "spikes", "timing"]
#: Ends the name of trains that entered a region, to tell them from spikes of its neurons.
TRAINS = ".trains"


@dataclass(frozen=True, order=True)
class Declaration:
    """One recording and the file that holds it; plain values that may travel between ranks.

    Parameters
    ----------
    file
        Name of the rank's file, without a folder.
    kind
        Top-level group of the recording.
    path
        Path of the recording below that group.
    """

    file: str
    kind: Kind
    path: str

    @property
    def group(self) -> str:
        """Absolute path of the recording inside its file."""
        return f"/{self.kind}/{self.path}"


def component(label: str) -> str:
    """Return a label as one component of an HDF5 path: no slash, and not ``.``.

    Raises
    ------
    ValueError
        If the label is empty or contains NUL.
    """
    if not label or "\0" in label:
        raise ValueError(f"{label!r} cannot name a recording")
    if set(label) == {"."}:
        return label.replace(".", "%2E")
    return label.replace("%", "%25").replace("/", "%2F")


def label_of(part: str) -> str:
    """Undo `component`."""
    return unquote(part)


def signal_path(name: str) -> str:
    """Return the path of a signal: each slash of its name opens a group.

    Raises
    ------
    ValueError
        If a part of the name is empty.
    """
    return "/".join(component(part) for part in name.split("/"))


def refuse_clashes(declared: Iterable[Declaration]) -> None:
    """Make sure that no recording bears the name of another one, or lies inside one.

    Raises
    ------
    ValueError
        Naming the two.
    """
    taken: dict[str, Declaration] = {}
    for entry in sorted(declared, key=lambda d: d.group.split("/")):
        parts = entry.group.split("/")
        for depth in range(2, len(parts) + 1):
            other = taken.get("/".join(parts[:depth]))
            if other is not None:
                raise ValueError(
                    f"{entry.group} in {entry.file} clashes with {other.group} in {other.file}"
                )
        taken[entry.group] = entry
