"""A configured simulator of TVB whose steps are compiled."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from cosim_tvb.compiled.couplings import coupling
from cosim_tvb.compiled.drive import (
    AHEAD,
    DRIVE,
    RECALL,
    Fixed,
    Scheme,
    Work,
    ahead,
    drive,
    recall,
)
from cosim_tvb.compiled.edges import Edges, best_block, edges, ring
from cosim_tvb.compiled.native import EQUATIONS, Array, Indices, Native, compiled
from cosim_tvb.compiled.support import MODELS
from cosim_tvb.library import Untyped
from cosim_tvb.noise import Streamed

#: Later than any step, and longer than any delay; twice it is still an integer of 64 bits.
_NEVER = 2**61


class CompiledLoop:
    """Does what tvb's `Simulator` does at each step, for many steps at a time.

    Parameters
    ----------
    sim
        tvb's configured simulator. Its state, its step and the buffer of its history are kept as
        its own loop would keep them.
    weights
        Of the whole brain, [target, source]; from these the order of summation follows, so that
        an instance that has some of the edges adds up those of a region in the same order.
    foreign, pinned
        Regions whose state is replaced after each step, and by what: shape (state variables,
        foreign regions, 1). The array is not copied.

    Attributes
    ----------
    block
        How many steps the sums over long edges are computed for at once.
    """

    def __init__(
        self, sim: Untyped, weights: NDArray[np.float64], foreign: Indices, pinned: Array
    ) -> None:
        self._sim = sim
        model, history = sim.model, sim.history
        self._kernel, self._names = _kernel(type(model).__name__)
        regions = len(weights)
        delays = np.asarray(sim.connectivity.idelays, np.int64)
        self._seen = np.asarray(model.cvar, np.int64)
        self._coupling = coupling(sim.coupling, len(self._seen))
        self.block = best_block(weights, delays)
        self._delays = delays
        own = np.asarray(sim.connectivity.weights, np.float64)
        near = delays < self.block - 1
        self._near, self._far = edges(own, delays, near), edges(own, delays, ~near)
        channels = self._coupling.channels
        self._ring = ring(channels, regions, int(history.n_time), self.block)
        state = (int(model.nvar), regions)
        now = (len(self._seen), regions)
        self._work = Work(
            np.empty(state), np.empty(state), np.empty(state), np.empty(now),
            np.empty((channels, regions)), np.empty((channels, regions)),
            np.empty((channels, regions, self.block)), np.array([0, 0, _NEVER]),
        )
        self._nearest = np.full(regions, _NEVER)
        np.minimum.at(self._nearest, self._far.source, self._far.delay)
        self._written = np.full(regions, _NEVER)
        self._ahead = np.empty_like(self._work.far)
        self._fixed = _fixed(sim, self._seen, np.asarray(foreign, np.int64), pinned[..., 0])
        self._scheme = _scheme(sim.integrator)
        self._noise = getattr(sim.integrator, "noise", None)
        self._recall, self._drive = compiled(recall, RECALL), compiled(drive, DRIVE)
        self.parameters_changed()
        past = range(sim.current_step - int(history.n_time) + 1, sim.current_step + 1)
        self.past_changed(past, ())

    def parameters_changed(self) -> None:
        """Read the model's parameters, each one number, one a region, or a list."""
        columns: list[Array] = []
        regions = len(self._fixed.weight)
        for name in self._names:
            value = np.ravel(getattr(self._sim.model, name)).astype(np.float64)
            is_list = np.size(getattr(type(self._sim.model), name).default) > 1
            spread = value if is_list else [value]
            columns.extend(np.broadcast_to(v, regions) for v in spread)
        self._p = np.ascontiguousarray(np.array(columns).T)

    def past_changed(self, steps: range, regions: Sequence[int]) -> None:
        """Read what was written into the history of tvb.

        Parameters
        ----------
        steps
            For which of its steps. What the regions do in later ones is not known yet.
        regions
            For which regions, none of which is simulated here.
        """
        history, coupling = self._sim.history, self._coupling
        places = np.arange(steps.start, steps.stop) % history.n_time
        past = history.buffer[places, :, :, 0].astype(np.float64)
        self._recall(
            past, steps.start, coupling.send, coupling.parameters, self._work, self._ring
        )
        if not len(regions):
            return
        # Step s reads s - 1 - delay.
        held, chosen = self._work.held, list(regions)
        held[1] = min(held[1], steps.start + 1 + self._nearest[chosen].min())
        self._written[chosen] = steps.stop - 1
        held[2] = (self._written + self._nearest).min() + 2

    def advance(self, trace: Array, inputs: Array) -> None:
        """Simulate steps.

        Parameters
        ----------
        trace
            Filled with the state after each step; shape (steps, variables, regions, 1).
        inputs
            Filled with the coupling that governs each; shape (steps, inputs, regions, 1).

        Raises
        ------
        ValueError
            If one of them is not contiguous.
        """
        if not (trace.flags.c_contiguous and inputs.flags.c_contiguous):
            raise ValueError("the arrays to be filled have to be contiguous")
        sim, history = self._sim, self._sim.history
        steps, first = len(trace), sim.current_step + 1
        states, couplings = trace[..., 0], inputs[..., 0]
        state = np.array(sim.current_state[..., 0])
        self._drive(
            first, self._kernel, self._coupling.send, self._coupling.receive, self._scheme,
            self._fixed, self._work, self._ring, self._near, self._far, self._p,
            self._coupling.parameters, self._drawn(steps, state.shape), state, states, couplings,
        )
        kept = min(steps, int(history.n_time))
        places = np.arange(first + steps - kept, first + steps) % history.n_time
        history.buffer[places] = trace[steps - kept :, self._seen]
        sim.current_state = state[..., np.newaxis]
        sim.current_step = first + steps - 1

    def edges(self, weights: NDArray[np.float64]) -> Edges:
        """Return edges for `ahead`: those of a matrix [target, source] that have a weight."""
        return edges(weights, self._delays, weights != 0.0)

    def ahead(self, over: Edges, first: int, steps: int) -> Array:
        """Return the input that governs coming steps, shape (steps, inputs, regions).

        Parameters
        ----------
        over
            From `edges`. They are long enough that all that the input depends on is known.
        first, steps
            The first of these steps, counted from 1, and how many.
        """
        coupling = self._coupling
        found = np.empty((steps, coupling.inputs, len(self._fixed.weight)))
        compiled(ahead, AHEAD)(
            first, coupling.receive, coupling.parameters, self._fixed, self._work, self._ring,
            over, self._ahead, found,
        )
        return found

    @property
    def inputs(self) -> int:
        """How many inputs the coupling gives a region."""
        return self._coupling.inputs

    def _drawn(self, steps: int, shape: tuple[int, int]) -> Array:
        if self._noise is None:
            return np.empty((steps, shape[0], 0))
        drawn = np.empty((steps, *shape, 1))
        if isinstance(self._noise, Streamed):
            self._noise.generate_steps(drawn)
        else:
            for row in drawn:
                row[:] = self._noise.generate(row.shape)
        return drawn[..., 0]


def _kernel(model: str) -> tuple[Native, tuple[str, ...]]:
    known = MODELS[model]
    module = import_module(f"cosim_tvb.compiled.{known.module}")
    names = (*getattr(module, "PARAMETERS", ()), *known.parameters.split())
    return Native(getattr(module, known.function), EQUATIONS), names


def _scheme(integrator: Untyped) -> Scheme:
    factor = getattr(getattr(integrator, "noise", None), "b", None)
    line = {"a": 0.0, "b": 1.0} if factor is None else factor.parameters
    heun = type(integrator).__name__.startswith("Heun")
    return Scheme(float(integrator.dt), heun, float(line["a"]), float(line["b"]))


def _fixed(sim: Untyped, seen: Indices, foreign: Indices, pinned: Array) -> Fixed:
    state = sim.current_state[..., 0]
    low, high = np.full(len(state), -np.inf), np.full(len(state), np.inf)
    if sim.integrator.state_variable_boundaries is not None:
        places = sim.integrator.bounded_state_variable_indices
        low[places], high[places] = sim.integrator.state_variable_boundaries.T
    size = np.zeros(state.shape)
    if hasattr(sim.integrator, "noise"):
        dispersion = np.broadcast_to(sim.integrator.noise.nsig, sim.current_state.shape)
        size[:] = np.sqrt(2.0 * dispersion)[..., 0]
    weight = np.asarray(sim.connectivity.weights, np.float32).sum(axis=1, dtype=np.float64)
    return Fixed(low, high, size, seen, foreign, pinned, weight)
