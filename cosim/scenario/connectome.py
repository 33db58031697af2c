"""Reading a connectome in TVB's zip format, and editing it."""

from __future__ import annotations

import bz2
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosim.errors import CosimError, Problem
from cosim.scenario.explain import nearest
from cosim.scenario.model import BrainConfig, NewRegion, Overlay, Tract
from cosim.simulator import Brain

#: Zip members beyond this size are refused: the largest published parcellations need far less.
MAX_MEMBER_BYTES = 512 * 2**20
#: ``prefix:name`` in a scenario: the Python package and its folder that hold the data.
DATA_PACKAGES = {"tvb-data": ("tvb_data", "connectivity")}


class BadConnectome(CosimError):
    """The connectome cannot be read; the message says why."""


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
    path = base / reference
    if not path.is_file():
        raise BadConnectome(f"there is no file '{path}'")
    return path


Matrix = NDArray[np.float64]


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
    except (zipfile.BadZipFile, OSError) as error:
        raise BadConnectome(f"'{path.name}' is no readable zip file: {error}") from None
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
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise BadConnectome(f"region labels stand twice: {', '.join(sorted(twice))}")
    return labels, weights, lengths, centres


def _member(archive: zipfile.ZipFile, stem: str) -> str:
    for info in archive.infolist():
        name = Path(info.filename).name
        if name not in (f"{stem}.txt", f"{stem}.txt.bz2"):
            continue
        if info.file_size > MAX_MEMBER_BYTES:
            raise BadConnectome(f"'{info.filename}' is too large ({info.file_size} bytes)")
        with archive.open(info) as raw:
            stream = bz2.open(raw) if name.endswith(".bz2") else raw
            data = stream.read(MAX_MEMBER_BYTES + 1)
        if len(data) > MAX_MEMBER_BYTES:
            raise BadConnectome(f"'{info.filename}' is too large when unpacked")
        return data.decode("utf-8", "replace")
    raise BadConnectome(f"'{stem}.txt' is missing from the zip file")


def _matrix(archive: zipfile.ZipFile, stem: str) -> NDArray[np.float64]:
    text = _member(archive, stem)
    try:
        return np.loadtxt(io.StringIO(text), ndmin=2)
    except ValueError as error:
        raise BadConnectome(f"'{stem}.txt' is no table of numbers: {error}") from None


def _centres(archive: zipfile.ZipFile) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    stem = "centres"
    if not any(Path(n).name.startswith("centres.txt") for n in archive.namelist()):
        stem = "centers"
    rows = [line.split() for line in _member(archive, stem).splitlines() if line.strip()]
    try:
        centres = np.array([[float(x) for x in row[1:4]] for row in rows])
        if centres.shape != (len(rows), 3):
            raise ValueError("expected a label and three coordinates a line")
    except ValueError as error:
        raise BadConnectome(f"'{stem}.txt' cannot be read: {error}") from None
    return tuple(row[0] for row in rows), centres


def build(config: BrainConfig, overlay: Overlay, base: Path) -> tuple[Brain, list[Problem]]:
    """Read the connectome, edit it and scale its weights.

    The edits come first, so that a scaling by the maximum sees the edited brain.

    Raises
    ------
    BadConnectome
        If the file cannot be read.
    """
    labels, weights, lengths, centres = read_zip(locate(config.connectome, base))
    problems = list(_overlay_problems(overlay, labels))
    if problems:
        overlay = Overlay()
    keep = [i for i, label in enumerate(labels) if label not in overlay.remove]
    n = len(keep) + len(overlay.add)
    labels = (*(labels[i] for i in keep), *(r.label for r in overlay.add))
    weights, lengths = (_resized(m, keep, n) for m in (weights, lengths))
    centres = np.vstack([centres[keep], *(np.array([r.centre]) for r in overlay.add)])
    index = {label: i for i, label in enumerate(labels)}
    for tract in overlay.tracts:
        for source, target in _directions(tract):
            weights[index[target], index[source]] = tract.weight
            lengths[index[target], index[source]] = tract.length
    scaled = _scaled(weights, config.weights)
    return Brain(labels, scaled, lengths, centres, config.conduction_speed), problems


def _resized(matrix: NDArray[np.float64], keep: list[int], n: int) -> NDArray[np.float64]:
    result = np.zeros((n, n))
    result[: len(keep), : len(keep)] = matrix[np.ix_(keep, keep)]
    return result


def _directions(tract: Tract) -> Iterator[tuple[str, str]]:
    yield tract.source, tract.target
    if tract.both_ways:
        yield tract.target, tract.source


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


def _overlay_problems(overlay: Overlay, labels: tuple[str, ...]) -> Iterator[Problem]:
    for i, label in enumerate(overlay.remove):
        if label not in labels:
            yield Problem(
                ("remove", i), f"there is no region '{label}' to remove", "", nearest(label, labels)
            )
    left = [label for label in labels if label not in overlay.remove]
    added: list[NewRegion] = []
    for i, region in enumerate(overlay.add):
        if region.label in (*left, *(r.label for r in added)):
            yield Problem(("add", i, "label"), f"region '{region.label}' exists already", "a new label")
        added.append(region)
    known = [*left, *(r.label for r in added)]
    for i, tract in enumerate(overlay.tracts):
        for key, label in (("from", tract.source), ("to", tract.target)):
            if label not in known:
                yield Problem(
                    ("tracts", i, key), f"there is no region '{label}'", "", nearest(label, known)
                )
