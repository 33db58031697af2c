"""Edits of the connectome, in the scenario or in a file of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosim.errors import CosimError, Problem
from cosim.intake import Unreadable, read_text
from cosim.scenario import yaml_source
from cosim.scenario.explain import faulty, validated
from cosim.scenario.keys import close, nearest
from cosim.scenario.model import BrainConfig, NewRegion, Overlay, Tract
from cosim.scenario.yaml_source import Elsewhere, Source

Matrix = NDArray[np.float64]
#: Published parcellations have at most some thousand regions; matrices grow with the square.
MAX_REGIONS = 4096


class BadConnectome(CosimError):
    """The connectome cannot be read; the message says why."""


def existing(reference: str, base: Path) -> Path:
    """Return a file that a scenario names, relative to the scenario's folder.

    Raises
    ------
    BadConnectome
        If there is none, with the nearest name of a file that there is.
    """
    path = base / reference
    try:
        if path.is_file():
            return path
        folder = path.parent
        there = sorted(p.name for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    except OSError as error:
        raise BadConnectome(f"'{path}' cannot be read: {error.strerror}") from None
    meant = close(path.name, there)
    hint = f"; did you mean '{Path(reference).with_name(meant)}'?" if meant else ""
    expected = "expected a file, its path relative to the scenario's folder"
    raise BadConnectome(f"there is no file '{path}'; {expected}{hint}")


def source_of(path: Path) -> Source:
    """Return a YAML file that a scenario names, parsed.

    Raises
    ------
    BadConnectome
        If it cannot be read, is too large, or is no text.
    """
    try:
        return yaml_source.read(read_text(path, yaml_source.MAX_FILE_BYTES), str(path))
    except Unreadable as error:
        raise BadConnectome(f"'{path}' {error}") from None


@dataclass(frozen=True)
class Edits:
    """Edits of the connectome, and where they stand.

    Attributes
    ----------
    overlay
        The edits.
    place
        Their place in the scenario.
    source
        The file they have to themselves, if any.
    """

    overlay: Overlay
    place: tuple[str | int, ...]
    source: Source | None = None

    def located(self, problem: Problem) -> Problem:
        """Return a problem of these edits with the file and place that the user has to mend."""
        if self.source is None:
            return replace(problem, path=(*self.place, *problem.path))
        return elsewhere(problem, self.source)


def read_overlays(config: BrainConfig, base: Path) -> tuple[tuple[Edits, ...], list[Problem]]:
    """Return the edits in their order, and what is wrong with them in themselves.

    Parameters
    ----------
    config
        The scenario's `brain`.
    base
        Folder of the scenario file.
    """
    given, place = config.overlay, ("brain", "overlay")
    if given is None:
        return (), []
    if not isinstance(given, tuple):
        return _read(given, place, base)
    edits: list[Edits] = []
    problems: list[Problem] = []
    for i, one in enumerate(given):
        read, found = _read(one, (*place, i), base)
        edits += read
        problems += found
    return tuple(edits), problems


def _read(
    given: str | Overlay, place: tuple[str | int, ...], base: Path
) -> tuple[tuple[Edits, ...], list[Problem]]:
    if isinstance(given, Overlay):
        return (Edits(given, place),), []
    try:
        where = source_of(existing(given, base))
    except BadConnectome as error:
        return (), [faulty(place, given, str(error))]
    found = list(where.problems)
    if where.data is not None or not found:
        verdict = validated(Overlay, {} if where.data is None else where.data)
        found += verdict.problems
    if found:
        return (), [elsewhere(p, where) for p in found]
    return (Edits(verdict.value, place, where),), []


def elsewhere(problem: Problem, source: Source) -> Problem:
    """Return a problem that is reported with the lines of another file."""
    return Elsewhere(problem.path, problem.message, problem.expected, problem.hint, source)


def edited(
    labels: tuple[str, ...], weights: Matrix, lengths: Matrix, centres: Matrix, overlay: Overlay
) -> tuple[tuple[str, ...], Matrix, Matrix, Matrix]:
    """Return labels, weights, tract lengths and centres after the edits."""
    gone = set(overlay.remove)
    keep = [i for i, label in enumerate(labels) if label not in gone]
    n = len(keep) + len(overlay.add)
    labels = (*(labels[i] for i in keep), *(r.label for r in overlay.add))
    weights, lengths = (_resized(m, keep, n) for m in (weights, lengths))
    centres = np.vstack([centres[keep], *(np.array([r.centre]) for r in overlay.add)])
    index = {label: i for i, label in enumerate(labels)}
    for tract in overlay.tracts:
        for source, target in _directions(tract):
            weights[index[target], index[source]] = tract.weight
            lengths[index[target], index[source]] = tract.length
    return labels, weights, lengths, centres


def _resized(matrix: NDArray[np.float64], keep: list[int], n: int) -> NDArray[np.float64]:
    result = np.zeros((n, n))
    result[: len(keep), : len(keep)] = matrix[np.ix_(keep, keep)]
    return result


def _directions(tract: Tract) -> Iterator[tuple[str, str]]:
    yield tract.source, tract.target
    if tract.both_ways:
        yield tract.target, tract.source


def overlay_problems(overlay: Overlay, labels: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what does not fit the connectome, addressed relative to the overlay."""
    if len(labels) + len(overlay.add) > MAX_REGIONS:
        message = f"there are {len(labels)} regions and {len(overlay.add)} more"
        yield Problem(("add",), message, f"at most {MAX_REGIONS}")
        return
    for i, label in enumerate(overlay.remove):
        if label not in labels:
            yield Problem(
                ("remove", i), f"there is no region '{label}' to remove", "", nearest(label, labels)
            )
    gone = set(overlay.remove)
    left = [label for label in labels if label not in gone]
    if not left and not overlay.add:
        yield Problem(("remove",), "no region is left", "at least one")
    added: list[NewRegion] = []
    for i, region in enumerate(overlay.add):
        if region.label in (*left, *(r.label for r in added)):
            message = f"region '{region.label}' exists already"
            yield Problem(("add", i, "label"), message, "a new label")
        added.append(region)
    known = [*left, *(r.label for r in added)]
    for i, tract in enumerate(overlay.tracts):
        for key, label in (("from", tract.source), ("to", tract.target)):
            if label not in known:
                yield Problem(
                    ("tracts", i, key), f"there is no region '{label}'", "", nearest(label, known)
                )
