"""What a mean-field simulator sends into spiking regions: the input that they get from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Clock, Window
from cosim.errors import UsageError
from cosim.messages import Signal
from cosim.ports import AfferentOut
from cosim.simulator import Brain
from cosim_tvb import library
from cosim_tvb.build import Built, build_coupling, coupling_indices, shortest_edge
from cosim_tvb.config import TvbConfig
from cosim_tvb.facts import facts, reads_target_state
from cosim_tvb.outputs import require_owned, stride

if TYPE_CHECKING:
    from cosim_tvb.compiled.loop import CompiledLoop


class EdgeHistory(library.SparseHistory):  # type: ignore[misc]
    """TVB's history over other edges, which reads the buffer of the main one.

    Parameters
    ----------
    main
        The history whose buffer is shared.
    weights
        Weight of every edge, zero where there is none.
    delays
        Delay of every edge of the brain in steps, so that both rings have the same length.
    cvars, n_mode
        Of the model.
    """

    main: Any = None

    def __init__(
        self,
        main: library.Untyped,
        weights: NDArray[np.float64],
        delays: NDArray[np.int64],
        cvars: NDArray[np.int64],
        n_mode: int,
    ) -> None:
        self.main = main
        super().__init__(weights, delays, cvars, n_mode)

    @property
    def buffer(self) -> library.Untyped:
        """The main history's ring of states."""
        return self.main.buffer


class Rows:
    """Edges whose past a coupling reads for several steps at once, as if these were modes.

    TVB's sparse couplings treat each mode alike, and what they cost is mostly the call.

    Parameters
    ----------
    edges
        The edges.
    steps
        The steps, in an array.
    """

    def __init__(self, edges: EdgeHistory, steps: NDArray[np.int64]) -> None:
        self.n_cvar, self.n_node, self.n_nnzw = edges.n_cvar, edges.n_node, edges.n_nnzw
        self.n_mode = len(steps)
        self.nnz_row_el_idx, self.nnz_weights = edges.nnz_row_el_idx, edges.nnz_weights
        self._edges, self._steps = edges, steps

    def query_sparse(self, _step: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return zeros for the states now, which are not known, and the delayed states."""
        edges = self._edges
        buffer, sources = edges.buffer, edges.nnz_col_el_idx
        places = (self._steps[:, np.newaxis] - 1 - edges.nnz_idelays) % edges.n_time
        now = np.zeros((self.n_cvar, self.n_node, self.n_mode), buffer.dtype)
        delayed = buffer[places, :, sources, 0]
        return now, delayed.transpose(2, 1, 0)


class Afferents:
    """The sending ends of ports that carry the input of spiking regions, for one lag and grid.

    The input that governs step s is TVB's own coupling function of the states
    x_j[s - 1 - idelay]. It is known `lag` windows ahead, because every edge is at least that
    long, and needs neither the state of the target nor of any region but the sources.

    Parameters
    ----------
    ports
        Ports with the same lag and step, and only one set of sources for each target.
    built
        The simulator.
    config
        Of the model.
    brain, clock
        Of the run.
    loop
        What computes the inputs, if it is compiled; otherwise TVB's own coupling does.

    Raises
    ------
    UsageError
        If the inputs cannot be computed ahead.
    """

    def __init__(
        self,
        ports: Sequence[AfferentOut],
        built: Built,
        config: TvbConfig,
        brain: Brain,
        clock: Clock,
        loop: CompiledLoop | None = None,
    ) -> None:
        self._clock = clock
        self._step, self._lag = ports[0].step, ports[0].lag
        self._stride = stride(ports[0].name, self._step, built.step_ticks)
        self._step_ticks = built.step_ticks
        self._coupling = build_coupling(config)
        sim = built.sim
        weights = np.zeros_like(brain.weights)
        for port in ports:
            require_ahead(port, built, config, brain, clock)
            sources = list(port.sources)
            weights[port.target, sources] = brain.weights[port.target, sources]
        self._history = EdgeHistory(
            sim.history,
            weights,
            sim.connectivity.idelays,
            sim.model.cvar,
            sim.model.number_of_modes,
        )
        self._loop = loop
        self._edges = None if loop is None else loop.edges(weights)
        self._cells = {
            port.name: (coupling_indices(built, (port.variable,))[0], port.target, 0)
            for port in ports
        }
        self._done = clock.at(-1)
        self._values: dict[str, NDArray[np.float64]] = {}

    def prime(self, port: str, lag: int) -> list[Signal]:
        """Return the blocks that follow the windows -lag to -1, from the constant past."""
        return [self._signal(port, self._clock.at(w), self._compute(w)) for w in range(-lag, 0)]

    def emit(self, port: str, window: Window) -> Signal:
        """Return the block of the window that lies `lag` windows after the one just simulated."""
        if window != self._done:
            self._values = self._compute(window.index)
            self._done = window
        return self._signal(port, window, self._values)

    def _signal(self, port: str, window: Window, values: dict[str, NDArray[np.float64]]) -> Signal:
        start = self._clock.at(window.index + self._lag).start
        return Signal(start, self._step, values[port])

    def _compute(self, index: int) -> dict[str, NDArray[np.float64]]:
        ahead = self._clock.at(index + self._lag)
        first, last = ahead.start // self._step_ticks, ahead.stop // self._step_ticks
        inputs: Iterable[NDArray[np.float64]]
        if self._loop is not None and self._edges is not None:
            every = self._loop.ahead(self._edges, first + 1, last - first)
            inputs = every[self._stride - 1 :: self._stride, ..., np.newaxis]
        else:
            with np.errstate(all="ignore"):
                inputs = self._of_steps(np.arange(first + self._stride, last + 1, self._stride))
        return {
            name: np.array([[float(row[cell])] for row in inputs])
            for name, cell in self._cells.items()
        }

    def _of_steps(self, steps: NDArray[np.int64]) -> Iterable[NDArray[np.float64]]:
        """Return TVB's coupling for some steps, each of shape (inputs, regions, 1)."""
        if isinstance(self._coupling, library.coupling.SparseCoupling):
            together = self._coupling(int(steps[0]), Rows(self._history, steps))
            return np.moveaxis(np.asarray(together, np.float64), 2, 0)[..., np.newaxis]
        return [self._coupling(int(step), self._history) for step in steps]


def afferent_groups(ports: Iterable[AfferentOut]) -> list[list[AfferentOut]]:
    """Return ports that one pass over the edges can serve together."""
    groups: list[list[AfferentOut]] = []
    for port in ports:
        for group in groups:
            same_grid = (port.step, port.lag) == (group[0].step, group[0].lag)
            if same_grid and all(
                p.sources == port.sources for p in group if p.target == port.target
            ):
                group.append(port)
                break
        else:
            groups.append([port])
    return groups


def require_ahead(
    port: AfferentOut, built: Built, config: TvbConfig, brain: Brain, clock: Clock
) -> None:
    """Make sure that an input can be computed `lag` windows ahead.

    Raises
    ------
    UsageError
        Saying why it cannot.
    """
    target = brain.labels[port.target]
    coupling = config.coupling.name
    if reads_target_state(coupling):
        raise UsageError(
            f"the input of {target} cannot be computed by the regions that send it: coupling "
            f"{coupling} reads the state of the target itself"
        )
    if built.facts.modes > 1:
        raise UsageError(
            f"the input of {target} would have {built.facts.modes} modes; models with several "
            "modes cannot drive a spiking region"
        )
    index = coupling_indices(built, (port.variable,))[0]
    if index >= facts().couplings[coupling].given(len(built.facts.coupling_variables)):
        raise UsageError(f"coupling {coupling} gives no input for variable {port.variable}")
    require_owned(port.name, port.sources, built)
    edge = shortest_edge(built, brain.weights, (port.target,), port.sources)
    if edge is not None and edge.idelay < port.lag * clock.window // built.step_ticks - 1:
        raise UsageError(
            f"the input of {target} from {brain.labels[edge.source]} cannot be computed {port.lag} "
            f"windows of {clock.ms(clock.window):g} ms ahead: the delay is {edge.idelay} steps"
        )
