"""Edges of a connectome as compiled sums want them, and the ring of what was sent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from cosim_tvb.compiled.native import F1, I1, S3, Array, Indices, Single, kernel, record

#: Lengths of a block that are tried, in steps.
_BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128)
#: Measured time in ns of an edge: in a step by itself; in a block, as a whole and for each step.
_NEAR_NS, _FAR_NS, _FAR_STEP_NS = 2.0, 8.0, 0.4


class Edges(NamedTuple):
    """Edges, ordered by target and then by source.

    Parameters
    ----------
    first
        Where those of each target begin, and where the last ones end; shape (regions + 1,).
    source, delay
        Of each edge; the delay in steps.
    weight
        Of each edge, as TVB rounds it to single precision.
    """

    first: Indices
    source: Indices
    delay: Indices
    weight: Array


EDGES = record(Edges, I1, I1, I1, F1)


def edges(weights: NDArray[np.float64], delays: Indices, wanted: NDArray[np.bool_]) -> Edges:
    """Return those edges of a matrix of weights, [target, source], that are wanted.

    Parameters
    ----------
    weights
        Zero where there is no edge.
    delays
        In steps.
    wanted
        Which of them to take.
    """
    taken = wanted & (weights != 0.0)
    target, source = np.nonzero(taken)
    first = np.searchsorted(target, np.arange(len(weights) + 1))
    return Edges(
        first.astype(np.int64),
        source.astype(np.int64),
        delays[taken].astype(np.int64),
        weights[taken].astype(np.float32).astype(np.float64),
    )


def best_block(weights: NDArray[np.float64], delays: Indices) -> int:
    """Return how many steps to take at once, from the delays of the whole brain.

    The sum over the sources of a region is made of two parts, and which edge belongs to which
    depends on this number. It must not depend on the window, nor on how a brain is split.
    """
    of_edges = np.sort(delays[weights != 0.0])

    def cost_ns(block: int) -> float:
        near = int(np.searchsorted(of_edges, block - 1))
        return near * _NEAR_NS + (len(of_edges) - near) * (_FAR_NS / block + _FAR_STEP_NS)

    return min(_BLOCKS, key=cost_ns)


class Ring(NamedTuple):
    """What every region has sent, the newest `length` steps of it.

    What was sent after step s is at place s % length. The first places are repeated behind the
    last one, so that a block of steps is never cut in two.

    Parameters
    ----------
    sent
        Shape (channels, regions, at least length + block - 1).
    length
        Number of steps.
    """

    sent: Single
    length: int


RING = record(Ring, S3, int64)


def ring(channels: int, regions: int, length: int, block: int) -> Ring:
    """Return an empty ring for blocks of some steps."""
    # Rows that are an odd number of cache lines long do not fall on each other in the cache.
    width = -(-(length + block) // 16) | 1
    return Ring(np.zeros((channels, regions, width * 16), np.float32), length)


@kernel
def write(ring: Ring, step: int, values: Array) -> None:
    """Write what was sent after a step, shape (channels, regions)."""
    place = step % ring.length
    width = ring.sent.shape[2]
    for channel in range(values.shape[0]):
        for region in range(values.shape[1]):
            value = np.float32(values[channel, region])
            for at in range(place, width, ring.length):
                ring.sent[channel, region, at] = value


@kernel
def block_sums(ring: Ring, edges: Edges, step: int, steps: int, sums: Array) -> None:
    """Sum over edges whose delay is at least `steps - 1`, for a block of steps.

    Parameters
    ----------
    ring
        What was sent, up to the step before the first.
    edges
        The edges.
    step, steps
        First of the block, and how many.
    sums
        Shape (channels, regions, at least steps).
    """
    newest = (step - 1) % ring.length
    for channel in range(sums.shape[0]):
        for target in range(sums.shape[1]):
            row = sums[channel, target]
            for k in range(steps):
                row[k] = 0.0
            for e in range(edges.first[target], edges.first[target + 1]):
                at = newest - edges.delay[e]
                if at < 0:
                    at += ring.length
                weight = edges.weight[e]
                sent = ring.sent[channel, edges.source[e], at : at + steps]
                for k in range(steps):
                    row[k] += weight * sent[k]


@kernel
def step_sums(ring: Ring, edges: Edges, step: int, far: Array, k: int, sums: Array) -> None:
    """Sum over the other edges for one step and add the sums of its block.

    Parameters
    ----------
    ring, edges, step
        As in `block_sums`.
    far, k
        Sums of the block, and the step's place in it.
    sums
        Shape (channels, regions).
    """
    newest = (step - 1) % ring.length
    for channel in range(sums.shape[0]):
        for target in range(sums.shape[1]):
            near = 0.0
            for e in range(edges.first[target], edges.first[target + 1]):
                at = newest - edges.delay[e]
                if at < 0:
                    at += ring.length
                near += edges.weight[e] * ring.sent[channel, edges.source[e], at]
            sums[channel, target] = far[channel, target, k] + near
