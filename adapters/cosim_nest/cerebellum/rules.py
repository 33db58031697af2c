"""Rules by which cells find their partners; each returns index pairs (pre, post).

Every rule works target by target or on sorted pairs, so that its result depends on positions and
generator only, and not on how a spatial tree happens to be traversed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cosim_nest.cerebellum.geometry import Box, Floats

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Indices = NDArray[np.int64]
Pairs = tuple[Indices, Indices]

_SPARE_NEIGHBOURS = 64
#: Targets that are looked after at a time, which bounds memory.
_CHUNK = 1024
#: Sources are looked through in columns of this width, so that the cost of a target does not grow
#: with the box. Boxes of up to this width are one column.
_COLUMN_UM = 400.0


@dataclass(frozen=True)
class Reach:
    """A rectangle around a target, as half widths in um, and the inputs that it yields.

    Attributes
    ----------
    inputs
        Mean number of inputs of a target whose rectangle no edge of the box cuts.
    x_um, y_um
        Half widths.
    even
        Whether targets near the edges along x get as many inputs as others: then they meet more
        of the sources within their reach.
    """

    inputs: float
    x_um: float
    y_um: float
    even: bool = False

    def share(self, box_um: Box) -> float:
        """Return the part of a box that the rectangle covers where no edge cuts it."""
        return min(1.0, 2 * self.x_um / box_um[0]) * min(1.0, 2 * self.y_um / box_um[1])

    def evened(self, x_um: Floats, box_um: Box) -> Floats:
        """Return by what the inputs of targets at `x_um` are multiplied because of edges."""
        if not self.even or self.x_um >= box_um[0]:
            return np.ones(len(x_um))
        covered_um = np.minimum(x_um + self.x_um, box_um[0]) - np.maximum(x_um - self.x_um, 0.0)
        return min(2 * self.x_um, box_um[0]) / covered_um


def joined(partners: list[Indices]) -> Pairs:
    """Return pairs from the list of each target's sources."""
    lengths = [len(sources) for sources in partners]
    post = np.repeat(np.arange(len(partners), dtype=np.int64), lengths)
    return np.concatenate(partners).astype(np.int64), post


def _tree(points_um: Floats) -> cKDTree:
    # Every rank reads scenarios, which needs this module; few ranks look for neighbours.
    from scipy.spatial import cKDTree

    return cKDTree(points_um)


def within(pre_um: Floats, post_um: Floats, radius_um: float) -> Pairs:
    """Return all pairs closer than a radius, sorted by target and source."""
    near = _tree(post_um).sparse_distance_matrix(
        _tree(pre_um), radius_um, output_type="ndarray"
    )
    pair = np.sort(near["i"].astype(np.int64) * len(pre_um) + near["j"])
    return pair % len(pre_um), pair // len(pre_um)


class _Band:
    """Sources sorted by y, from which those near a target are cut out."""

    def __init__(self, sources_um: Floats, y_um: float) -> None:
        self._by_y = np.argsort(sources_um[:, 1], kind="stable")
        self._sorted_um = sources_um[self._by_y, 1]
        self._reach_um = y_um

    def near(self, here_um: Floats) -> Indices:
        """Return the sources that are within reach along y, in their own order."""
        # A little more than the reach: whoever asks compares again.
        reach_um = self._reach_um + 1.0
        low, high = np.searchsorted(self._sorted_um, (here_um[1] - reach_um, here_um[1] + reach_um))
        return np.sort(self._by_y[low:high])


def fibre_of_terminal(fibres_um: Floats, terminals_um: Floats, draw: Generator) -> Pairs:
    """Give every mossy terminal one fibre nearby, rather a near one than a far one.

    Candidates lie within 60 um along x and 20 um along y. Of n candidates sorted by distance the
    one of index floor(n u') is taken, where u' is exponentially distributed on [0, 1) with rate
    2. Without any candidate it is the nearest fibre.
    """
    uniform = draw.random(len(terminals_um))
    skewed = (np.exp(-2 * uniform) - np.exp(-2)) / (1 - np.exp(-2))
    band = _Band(fibres_um, 20.0)
    chosen = np.empty(len(terminals_um), np.int64)
    for i, (here_um, u) in enumerate(zip(terminals_um[:, :2], skewed, strict=True)):
        candidates = band.near(here_um)
        apart_um = fibres_um[candidates, :2] - here_um
        inside = (np.abs(apart_um) <= (60.0, 20.0)).all(axis=1)
        if not inside.any():
            candidates, apart_um = np.arange(len(fibres_um)), fibres_um[:, :2] - here_um
            inside = np.zeros(len(fibres_um), bool)
            inside[np.hypot(apart_um[:, 0], apart_um[:, 1]).argmin()] = True
        candidates, apart_um = candidates[inside], apart_um[inside]
        order = np.argsort(np.hypot(apart_um[:, 0], apart_um[:, 1]), kind="stable")
        chosen[i] = candidates[order[min(int(u * len(order)), len(order) - 1)]]
    return chosen, np.arange(len(terminals_um), dtype=np.int64)


def _first_distinct(pairs: Pairs, key: Floats, family: Indices, wanted: int) -> Pairs:
    """Keep each target's first sources, in the order of a key, that are of distinct families."""
    pre, post = pairs
    order = np.lexsort((key, post))
    pre, post = pre[order], post[order]
    new = np.zeros(len(pre), bool)
    new[np.unique(post * (int(family.max()) + 1) + family[pre], return_index=True)[1]] = True
    pre, post = pre[new], post[new]
    rank = np.arange(len(post)) - np.searchsorted(post, post)
    return pre[rank < wanted], post[rank < wanted]


def dendrites(
    terminals_um: Floats,
    cells_um: Floats,
    fibre: Indices,
    draw: Generator,
    wanted: int = 4,
    radius_um: float = 40.0,
) -> Pairs:
    """Give every granule cell four random terminals within reach, each of another mossy fibre.

    Cells that find too few take the nearest ones beyond their reach.
    """
    tree = _tree(terminals_um)
    parts = []
    for first in range(0, len(cells_um), _CHUNK):
        some_um = cells_um[first : first + _CHUNK]
        near = within(terminals_um, some_um, radius_um)
        pre, post = _first_distinct(near, draw.random(len(near[0])), fibre, wanted)
        short = np.flatnonzero(np.bincount(post, minlength=len(some_um)) < wanted)
        if len(short):
            pre, post = _completed((pre, post), short, some_um, tree, fibre, wanted)
        parts.append((pre, post + first))
    return np.concatenate([p for p, _ in parts]), np.concatenate([p for _, p in parts])


def _completed(
    pairs: Pairs, short: Indices, cells_um: Floats, tree: cKDTree, fibre: Indices, wanted: int
) -> Pairs:
    """Give the cells that are short of terminals the nearest ones instead."""
    spare = min(_SPARE_NEIGHBOURS, tree.n)
    distance_um, neighbour = tree.query(cells_um[short], spare)
    near = neighbour.ravel().astype(np.int64), np.repeat(short, spare)
    more = _first_distinct(near, distance_um.ravel(), fibre, wanted)
    enough = ~np.isin(pairs[1], short)
    pre, post = (np.concatenate((a[enough], b)) for a, b in zip(pairs, more, strict=True))
    order = np.argsort(post, kind="stable")
    return pre[order], post[order]


def nearest_terminals(
    terminals_um: Floats, cells_um: Floats, wanted: int = 40, radius_um: float = 150.0
) -> Pairs:
    """Return each cell's nearest terminals as pairs (cell, terminal)."""
    reached = min(wanted, len(terminals_um))
    distance_um, terminal = _tree(terminals_um).query(cells_um, reached)
    near = (distance_um <= radius_um).ravel()
    cell = np.repeat(np.arange(len(cells_um), dtype=np.int64), reached)
    return cell[near], terminal.ravel()[near].astype(np.int64)


def strips(
    sources_um: Floats, targets_um: Floats, reach: Reach, box_um: Box, draw: Generator
) -> Pairs:
    """Connect with equal probability all sources within the reach of each target.

    The probability is such that a target far from all edges gets `Reach.inputs` on average; the
    edges of the box leave the others with less, unless the reach is even.
    """
    probability = reach.inputs / (len(sources_um) * reach.share(box_um))
    chances = probability * reach.evened(targets_um[:, 0], box_um)
    columns = list(_columns(sources_um, targets_um, reach, box_um))
    partners = []
    for i, (here_um, chance) in enumerate(zip(targets_um[:, 0], chances, strict=True)):
        found = []
        for cells, x_um, first, last in columns:
            low, high = first[i], last[i]
            if low < high:
                near = np.abs(x_um[low:high] - here_um) <= reach.x_um
                found.append(cells[low:high][near & (draw.random(high - low) < chance)])
        partners.append(np.concatenate(found) if found else np.empty(0, np.int64))
    return joined(partners)


def _columns(
    sources_um: Floats, targets_um: Floats, reach: Reach, box_um: Box
) -> Iterator[tuple[Indices, Floats, Indices, Indices]]:
    """Yield the sources of each column of the box and their x, both sorted by y.

    With them comes for each target the span of those within its reach along y, which is empty
    if no part of the column is within its reach along x.
    """
    number = math.ceil(box_um[0] / _COLUMN_UM)
    column = np.minimum((sources_um[:, 0] * (number / box_um[0])).astype(int), number - 1)
    width_um = box_um[0] / number
    by_y = np.argsort(sources_um[:, 1], kind="stable")
    for k in range(number):
        cells = by_y[column[by_y] == k]
        x_um, y_um = sources_um[cells, 0], sources_um[cells, 1]
        first = np.searchsorted(y_um, targets_um[:, 1] - reach.y_um, "left")
        last = np.searchsorted(y_um, targets_um[:, 1] + reach.y_um, "right")
        apart_um = np.abs(targets_um[:, 0] - (k + 0.5) * width_um) - width_um / 2
        yield cells, x_um, first, np.where(apart_um <= reach.x_um + 1.0, last, first)


def neighbours(
    sources_um: Floats, targets_um: Floats, reach: Reach, draw: Generator, *, same: bool = False
) -> Pairs:
    """Give each target a Poisson-distributed number of distinct sources within its reach.

    Parameters
    ----------
    sources_um, targets_um
        Positions.
    reach
        Mean number of inputs and half widths.
    draw
        Source of randomness.
    same
        Whether sources and targets are the same cells, of which none connects to itself.
    """
    numbers = draw.poisson(reach.inputs, len(targets_um))
    partners = []
    band = _Band(sources_um, reach.y_um)
    for i, (here_um, number) in enumerate(zip(targets_um, numbers, strict=True)):
        candidates = band.near(here_um)
        apart_um = np.abs(sources_um[candidates, :2] - here_um[:2])
        inside = (apart_um <= (reach.x_um, reach.y_um)).all(axis=1)
        if same:
            inside &= candidates != i
        partners.append(draw.permutation(candidates[inside])[:number])
    return joined(partners)


def fixed_inputs(sources: int, targets: int, inputs: int, draw: Generator) -> Pairs:
    """Give each target a number of distinct random sources, or all if there are fewer."""
    wanted = min(inputs, sources)
    return joined([draw.permutation(sources)[:wanted] for _ in range(targets)])
