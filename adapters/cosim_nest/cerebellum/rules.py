"""Rules by which cells find their partners; each returns index pairs (pre, post).

Every rule works target by target or on sorted pairs, so that its result depends on positions and
generator only, and not on how a spatial tree happens to be traversed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cosim_nest.cerebellum.geometry import Box, Floats

Indices = NDArray[np.int64]
Pairs = tuple[Indices, Indices]

_SPARE_NEIGHBOURS = 64


@dataclass(frozen=True)
class Reach:
    """A rectangle around a target, as half widths in um, and the inputs that it yields."""

    inputs: float
    x_um: float
    y_um: float

    def share(self, box_um: Box) -> float:
        """Return the part of a box that the rectangle covers where no edge cuts it."""
        return min(1.0, 2 * self.x_um / box_um[0]) * min(1.0, 2 * self.y_um / box_um[1])


def joined(partners: list[Indices]) -> Pairs:
    """Return pairs from the list of each target's sources."""
    lengths = [len(sources) for sources in partners]
    post = np.repeat(np.arange(len(partners), dtype=np.int64), lengths)
    return np.concatenate(partners).astype(np.int64), post


def within(pre_um: Floats, post_um: Floats, radius_um: float) -> Pairs:
    """Return all pairs closer than a radius, sorted by target and source."""
    near = cKDTree(post_um).sparse_distance_matrix(
        cKDTree(pre_um), radius_um, output_type="ndarray"
    )
    order = np.lexsort((near["j"], near["i"]))
    return near["j"][order].astype(np.int64), near["i"][order].astype(np.int64)


def fibre_of_terminal(fibres_um: Floats, terminals_um: Floats, draw: Generator) -> Pairs:
    """Give every mossy terminal one fibre nearby, rather a near one than a far one.

    Candidates lie within 60 um along x and 20 um along y. Of n candidates sorted by distance the
    one of index floor(n u') is taken, where u' is exponentially distributed on [0, 1) with rate
    2. Without any candidate it is the nearest fibre.
    """
    uniform = draw.random(len(terminals_um))
    skewed = (np.exp(-2 * uniform) - np.exp(-2)) / (1 - np.exp(-2))
    chosen = np.empty(len(terminals_um), np.int64)
    for i, (here_um, u) in enumerate(zip(terminals_um[:, :2], skewed, strict=True)):
        apart_um = fibres_um[:, :2] - here_um
        distance_um = np.hypot(apart_um[:, 0], apart_um[:, 1])
        candidates = np.flatnonzero((np.abs(apart_um) <= (60.0, 20.0)).all(axis=1))
        if not len(candidates):
            candidates = np.array([distance_um.argmin()])
        by_distance = candidates[np.argsort(distance_um[candidates], kind="stable")]
        chosen[i] = by_distance[min(int(u * len(candidates)), len(candidates) - 1)]
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
    near = within(terminals_um, cells_um, radius_um)
    pre, post = _first_distinct(near, draw.random(len(near[0])), fibre, wanted)
    short = np.flatnonzero(np.bincount(post, minlength=len(cells_um)) < wanted)
    if not len(short):
        return pre, post
    spare = min(_SPARE_NEIGHBOURS, len(terminals_um))
    distance_um, neighbour = cKDTree(terminals_um).query(cells_um[short], spare)
    pairs = neighbour.ravel().astype(np.int64), np.repeat(short, spare)
    more = _first_distinct(pairs, distance_um.ravel(), fibre, wanted)
    enough = ~np.isin(post, short)
    pre, post = (np.concatenate((a[enough], b)) for a, b in zip((pre, post), more, strict=True))
    order = np.argsort(post, kind="stable")
    return pre[order], post[order]


def nearest_terminals(
    terminals_um: Floats, cells_um: Floats, wanted: int = 40, radius_um: float = 150.0
) -> Pairs:
    """Return each cell's nearest terminals as pairs (cell, terminal)."""
    reached = min(wanted, len(terminals_um))
    distance_um, terminal = cKDTree(terminals_um).query(cells_um, reached)
    near = (distance_um <= radius_um).ravel()
    cell = np.repeat(np.arange(len(cells_um), dtype=np.int64), reached)
    return cell[near], terminal.ravel()[near].astype(np.int64)


def strips(
    sources_um: Floats, targets_um: Floats, reach: Reach, box_um: Box, draw: Generator
) -> Pairs:
    """Connect with equal probability all sources within the reach of each target.

    The probability is such that a target far from all edges gets `Reach.inputs` on average; the
    edges of the box leave the others with less.
    """
    probability = reach.inputs / (len(sources_um) * reach.share(box_um))
    by_y = np.argsort(sources_um[:, 1], kind="stable")
    x_um, y_um = sources_um[by_y, 0], sources_um[by_y, 1]
    first = np.searchsorted(y_um, targets_um[:, 1] - reach.y_um, "left")
    last = np.searchsorted(y_um, targets_um[:, 1] + reach.y_um, "right")
    partners = []
    for here_um, low, high in zip(targets_um[:, 0], first, last, strict=True):
        near = np.abs(x_um[low:high] - here_um) <= reach.x_um
        partners.append(by_y[low:high][near & (draw.random(high - low) < probability)])
    return joined(partners)


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
    for i, (here_um, number) in enumerate(zip(targets_um, numbers, strict=True)):
        apart_um = np.abs(sources_um[:, :2] - here_um[:2])
        inside = (apart_um <= (reach.x_um, reach.y_um)).all(axis=1)
        if same:
            inside[i] = False
        partners.append(draw.permutation(np.flatnonzero(inside))[:number])
    return joined(partners)


def fixed_inputs(sources: int, targets: int, inputs: int, draw: Generator) -> Pairs:
    """Give each target a number of distinct random sources, or all if there are fewer."""
    wanted = min(inputs, sources)
    return joined([draw.permutation(sources)[:wanted] for _ in range(targets)])
