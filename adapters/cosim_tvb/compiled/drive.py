"""The loop over the steps of a window, compiled once for all models and couplings."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import boolean, float64, int64, types, void

from cosim_tvb.compiled.edges import EDGES, RING, Edges, Ring, block_sums, step_sums, write
from cosim_tvb.compiled.native import (
    EQUATIONS,
    F1,
    F2,
    F3,
    I1,
    RECEIVING,
    SENDING,
    Array,
    Indices,
    kernel,
    record,
)


class Scheme(NamedTuple):
    """How a step is made.

    Parameters
    ----------
    dt
        Length of a step in ms.
    heun
        Whether a second evaluation corrects the first.
    slope, offset
        The size of noise is ``size * (slope * state + offset)``.
    """

    dt: float
    heun: bool
    slope: float
    offset: float


class Fixed(NamedTuple):
    """Arrays that stay as they are.

    Parameters
    ----------
    low, high
        Bounds of the state variables, shape (variables,).
    size
        Size of noise, shape (variables, regions).
    seen
        Indices of the coupling variables.
    foreign
        Indices of regions that are put back after each step.
    pinned
        Their state, shape (variables, foreign regions).
    weight
        Sum of the weights into each region.
    """

    low: Array
    high: Array
    size: Array
    seen: Indices
    foreign: Indices
    pinned: Array
    weight: Array


class Work(NamedTuple):
    """Arrays to work with.

    Parameters
    ----------
    first, second, between
        Derivatives and predicted state, shape (variables, regions).
    now
        Coupling variables as TVB rounds them, shape (coupling variables, regions).
    sent, sums
        Shape (channels, regions).
    far
        Sums of a block, shape (channels, regions, block).
    held
        Three steps: the first whose sums are in `far`, the one after the last of these, and the one
        after the last whose sums can be taken already for all that others have sent.
    """

    first: Array
    second: Array
    between: Array
    now: Array
    sent: Array
    sums: Array
    far: Array
    held: Indices


_SCHEME = record(Scheme, float64, boolean, float64, float64)
_FIXED = record(Fixed, F1, F1, F2, I1, I1, F2, F1)
_WORK = record(Work, F2, F2, F2, F2, F2, F2, F3, I1)


@kernel
def copy(source: Array, target: Array) -> None:
    """Copy an array of two dimensions; compiles in a tenth of the time of an assignment."""
    for v in range(source.shape[0]):
        for r in range(source.shape[1]):
            target[v, r] = source[v, r]


@kernel
def bound(state: Array, low: Array, high: Array) -> None:
    """Put a state back between its bounds, as TVB does: what is no number passes."""
    for v in range(state.shape[0]):
        for r in range(state.shape[1]):
            if state[v, r] < low[v]:
                state[v, r] = low[v]
            if state[v, r] > high[v]:
                state[v, r] = high[v]


@kernel
def predict(state: Array, noise: Array, scheme: Scheme, fixed: Fixed, work: Work) -> None:
    """Write Euler's step of a state to `work.between`, and its noise over the noise."""
    for v in range(state.shape[0]):
        for r in range(state.shape[1]):
            x = state[v, r]
            if noise.size:
                z = noise[v, r] * (fixed.size[v, r] * (scheme.slope * x + scheme.offset))
                noise[v, r] = z
                work.between[v, r] = x + scheme.dt * work.first[v, r] + z
            else:
                work.between[v, r] = x + scheme.dt * work.first[v, r]
    bound(work.between, fixed.low, fixed.high)


@kernel
def correct(state: Array, noise: Array, scheme: Scheme, fixed: Fixed, work: Work) -> None:
    """Replace a state by that after Heun's step."""
    for v in range(state.shape[0]):
        for r in range(state.shape[1]):
            change = (work.first[v, r] + work.second[v, r]) * scheme.dt / 2.0
            if noise.size:
                state[v, r] = state[v, r] + change + noise[v, r]
            else:
                state[v, r] = state[v, r] + change
    bound(state, fixed.low, fixed.high)


@kernel
def look(state: Array, fixed: Fixed, work: Work) -> None:
    """Write the coupling variables of a state to `work.now`, as TVB rounds them."""
    for i in range(fixed.seen.size):
        for r in range(state.shape[1]):
            work.now[i, r] = np.float32(state[fixed.seen[i], r])


@kernel
def recall(
    past: Array, step: int, send: Callable[..., None], q: Array, work: Work, ring: Ring
) -> None:
    """Write to the ring what coupling variables of the past sent.

    Parameters
    ----------
    past
        Shape (steps, coupling variables, regions).
    step
        The first of them.
    send, q, work, ring
        As in `drive`.
    """
    for row in range(past.shape[0]):
        copy(past[row], work.now)
        send(work.now, q, work.sent)
        write(ring, step + row, work.sent)


@kernel
def drive(
    step: int, equations: Callable[..., None], send: Callable[..., None],
    receive: Callable[..., None], scheme: Scheme, fixed: Fixed, work: Work, ring: Ring,
    near: Edges, far: Edges, p: Array, q: Array, noise: Array, state: Array, trace: Array,
    inputs: Array,
) -> None:
    """Simulate as many steps as `trace` has rows.

    Parameters
    ----------
    step
        The first; they count from 1.
    equations, send, receive
        Kernels of the model and of the coupling; see `cosim_tvb.compiled.native`.
    scheme, fixed, work, ring
        See there.
    near, far
        Edges with a delay of less than a block less one, and the others.
    p, q
        Parameters of the model, shape (regions, parameters), and of the coupling.
    noise
        Before it is scaled; overwritten; shape (steps, variables, regions), or with no regions.
    state
        Replaced by that after the last step.
    trace
        State after each step, shape (steps, variables, regions).
    inputs
        Input that governs each step, shape (steps, inputs, regions).
    """
    held = work.held
    look(state, fixed, work)
    for row in range(trace.shape[0]):
        if step + row >= held[1]:
            # What these steps read of others has been checked to be there.
            known = max(held[2], step + trace.shape[0])
            held[0], held[1] = step + row, min(step + row + work.far.shape[2], known)
            block_sums(ring, far, held[0], held[1] - held[0], work.far)
        step_sums(ring, near, step + row, work.far, step + row - held[0], work.sums)
        receive(work.sums, work.now, fixed.weight, q, inputs[row])
        equations(state, inputs[row], p, work.first)
        predict(state, noise[row], scheme, fixed, work)
        if scheme.heun:
            equations(work.between, inputs[row], p, work.second)
            correct(state, noise[row], scheme, fixed, work)
        else:
            copy(work.between, state)
        for i in range(fixed.foreign.size):
            for v in range(state.shape[0]):
                state[v, fixed.foreign[i]] = fixed.pinned[v, i]
        copy(state, trace[row])
        look(state, fixed, work)
        send(work.now, q, work.sent)
        write(ring, step + row, work.sent)


@kernel
def ahead(
    step: int, receive: Callable[..., None], q: Array, fixed: Fixed, work: Work, ring: Ring,
    edges: Edges, far: Array, inputs: Array,
) -> None:
    """Compute the input through edges that are long enough for it to be known already.

    Parameters
    ----------
    step
        The first that the input governs.
    receive, q, fixed, work, ring
        As in `drive`; `receive` may not read the coupling variables now.
    edges
        With a delay of which no step asks for what has not been sent yet.
    far
        To work with; its shape is that of `work.far`.
    inputs
        Filled; shape (steps, inputs, regions).
    """
    block = far.shape[2]
    for row in range(inputs.shape[0]):
        k = row % block
        if k == 0:
            block_sums(ring, edges, step + row, min(block, inputs.shape[0] - row), far)
        for channel in range(work.sums.shape[0]):
            for target in range(work.sums.shape[1]):
                work.sums[channel, target] = far[channel, target, k]
        receive(work.sums, work.now, fixed.weight, q, inputs[row])


AHEAD = void(int64, types.FunctionType(RECEIVING), F1, _FIXED, _WORK, RING, EDGES, F3, F3)
DRIVE = void(
    int64, types.FunctionType(EQUATIONS), types.FunctionType(SENDING),
    types.FunctionType(RECEIVING), _SCHEME, _FIXED, _WORK, RING, EDGES, EDGES, F2, F1, F3, F2, F3,
    F3,
)
RECALL = void(F3, int64, types.FunctionType(SENDING), F1, _WORK, RING)
