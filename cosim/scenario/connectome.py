"""Reading a connectome in TVB's zip format, and editing it."""

from __future__ import annotations

import bz2
import importlib.util
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosim.errors import Problem
from cosim.scenario.explain import faulty
from cosim.scenario.keys import close, nearest
from cosim.scenario.model import BrainConfig
from cosim.scenario.overlay import (
    BadConnectome,
    Matrix,
    edited,
    existing,
    overlay_problems,
    read_overlays,
)
from cosim.simulator import Brain

#: Zip members beyond this size are refused: the largest published parcellations need far less.
MAX_MEMBER_BYTES = 512 * 2**20
#: The longest delays of a human brain are some hundred ms.
MAX_DELAY_MS = 1e5
#: What the standard library raises for archives that are damaged, encrypted or too modern.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError,
)
#: ``prefix:name`` in a scenario: the Python package and its folder that hold the data.
DATA_PACKAGES = {"tvb-data": ("tvb_data", "connectivity")}


def locate(reference: str, base: Path) -> Path:
    """Return the file that a scenario's `connectome` names.

    Parameters
    ----------
    reference
        ``tvb-data:connectivity_76.zip``, or a path relative to the scenario's folder.
    base
        Folder of the scenario file.

    Raises
    ------
    BadConnectome
        If the package is not installed or the file does not exist.
    """
    prefix, separator, name = reference.partition(":")
    if separator and prefix not in DATA_PACKAGES and close(prefix, DATA_PACKAGES):
        hint = nearest(prefix, DATA_PACKAGES)
        raise BadConnectome(f"there is no data package '{prefix}'; {hint}")
    if separator and prefix in DATA_PACKAGES:
        package, folder = DATA_PACKAGES[prefix]
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise BadConnectome(f"the package '{prefix}' is not installed; pip install {prefix}")
        root = Path(spec.submodule_search_locations[0]) / folder
        available = sorted(p.name for p in root.glob("*.zip"))
        if name not in available:
            raise BadConnectome(f"{prefix} has no '{name}'; {nearest(name, available)}")
        return root / name
    return existing(reference, base)


def read_zip(path: Path) -> tuple[tuple[str, ...], Matrix, Matrix, Matrix]:
    """Read labels, weights, tract lengths (mm) and centres (mm) from a TVB connectivity zip.

    Raises
    ------
    BadConnectome
        If a member is missing, too large, not numeric, or of the wrong shape.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            weights = _matrix(archive, "weights")
            lengths = _matrix(archive, "tract_lengths")
            labels, centres = _centres(archive)
    except _UNREADABLE as error:
        raise BadConnectome(f"'{path.name}' is no readable zip file: {error}") from None
    _check(labels, weights, lengths, centres)
    return labels, weights, lengths, centres


def _check(labels: tuple[str, ...], weights: Matrix, lengths: Matrix, centres: Matrix) -> None:
    n = len(labels)
    if n == 0:
        raise BadConnectome("it has no regions")
    for name, matrix in (("weights", weights), ("tract_lengths", lengths)):
        if matrix.shape != (n, n):
            raise BadConnectome(f"{name} has shape {matrix.shape} but there are {n} regions")
        if not np.isfinite(matrix).all():
            row, column = np.argwhere(~np.isfinite(matrix))[0]
            raise BadConnectome(f"{name} of {labels[column]} -> {labels[row]} is not finite")
    if (lengths < 0).any():
        row, column = np.argwhere(lengths < 0)[0]
        raise BadConnectome(f"the tract {labels[column]} -> {labels[row]} has negative length")
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise BadConnectome(f"region labels stand twice: {', '.join(sorted(twice))}")
    if not np.isfinite(centres).all():
        row = np.argwhere(~np.isfinite(centres))[0][0]
        raise BadConnectome(f"the centre of {labels[row]} is not finite")


def _member(archive: zipfile.ZipFile, stem: str) -> str:
    for info in archive.infolist():
        name = Path(info.filename).name
        if name not in (f"{stem}.txt", f"{stem}.txt.bz2"):
            continue
        if info.file_size > MAX_MEMBER_BYTES:
            raise BadConnectome(f"'{info.filename}' is too large ({info.file_size} bytes)")
        with archive.open(info) as raw:
            packed = name.endswith(".bz2")
            data = (bz2.BZ2File(raw) if packed else raw).read(MAX_MEMBER_BYTES + 1)
        if len(data) > MAX_MEMBER_BYTES:
            raise BadConnectome(f"'{info.filename}' is too large when unpacked")
        return data.decode("utf-8", "replace")
    raise BadConnectome(f"'{stem}.txt' is missing from the zip file")


def _matrix(archive: zipfile.ZipFile, stem: str) -> NDArray[np.float64]:
    text = _member(archive, stem)
    if not text.strip():
        raise BadConnectome(f"'{stem}.txt' is empty")
    try:
        return np.loadtxt(io.StringIO(text), ndmin=2)
    except ValueError as error:
        raise BadConnectome(f"'{stem}.txt' is no table of numbers: {error}") from None


def _centres(archive: zipfile.ZipFile) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    stem = "centres"
    if not any(Path(n).name.startswith("centres.txt") for n in archive.namelist()):
        stem = "centers"
    rows = [line.split() for line in _member(archive, stem).splitlines() if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) < 4:
            raise BadConnectome(
                f"'{stem}.txt' has {len(row)} words in row {number}; expected a label and three "
                "coordinates"
            )
    try:
        centres = np.array([[float(x) for x in row[1:4]] for row in rows]).reshape(-1, 3)
    except ValueError as error:
        raise BadConnectome(f"'{stem}.txt' is no table of coordinates: {error}") from None
    return tuple(row[0] for row in rows), centres


def read_brain(config: BrainConfig, base: Path) -> tuple[Brain | None, list[Problem]]:
    """Read the connectome, edit it and scale its weights.

    The edits come first, so that a scaling by the maximum sees the edited brain.

    Parameters
    ----------
    config
        The scenario's `brain`.
    base
        Folder of the scenario file.

    Returns
    -------
    brain, problems
        No brain if there are problems.
    """
    overlays, problems = read_overlays(config, base)
    try:
        labels, weights, lengths, centres = read_zip(locate(config.connectome, base))
    except BadConnectome as error:
        return None, [*problems, faulty(("brain", "connectome"), config.connectome, str(error))]
    if problems:
        return None, problems
    for edits in overlays:
        problems = [edits.located(p) for p in overlay_problems(edits.overlay, labels)]
        if problems:
            return None, problems
        labels, weights, lengths, centres = edited(
            labels, weights, lengths, centres, edits.overlay
        )
    scaled = _scaled(weights, config.weights)
    brain = Brain(labels, scaled, lengths, centres, config.conduction_speed)
    problems = list(_endless(brain))
    return (None if problems else brain), problems


def _endless(brain: Brain) -> Iterator[Problem]:
    """Yield a delay so long that only a wrong unit explains it; its history would fill memory."""
    delays_ms = np.where(brain.weights != 0, brain.delays_ms(), 0.0)
    target, source = np.unravel_index(np.argmax(delays_ms), delays_ms.shape)
    longest_ms = float(delays_ms[target, source])
    if longest_ms > MAX_DELAY_MS:
        yield Problem(
            ("brain", "conduction_speed"),
            f"the delay from {brain.labels[source]} to {brain.labels[target]} is {longest_ms:.3g} "
            f"ms ({brain.tract_lengths_mm[target, source]:.6g} mm at "
            f"{brain.speed_m_per_s:.6g} m/s)",
            f"a speed for which it is at most {MAX_DELAY_MS:g} ms",
        )


def _scaled(weights: NDArray[np.float64], how: str | float) -> NDArray[np.float64]:
    if isinstance(how, float | int):
        return weights * how
    if how == "scaled_by_maximum":
        largest = np.abs(weights).max()
    elif how == "scaled_by_largest_row_sum":
        largest = np.abs(weights).sum(axis=1).max()
    else:
        return weights
    return weights / largest if largest > 0 else weights
