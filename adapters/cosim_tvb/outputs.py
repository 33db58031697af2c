"""What leaves a mean-field simulator: its states, and its input into spiking regions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Clock, Window
from cosim.errors import UsageError
from cosim.messages import Signal
from cosim.ports import AfferentOut, StateOut
from cosim.simulator import Brain
from cosim_tvb import library
from cosim_tvb.build import Built, build_coupling, coupling_indices, shortest_edge
from cosim_tvb.config import TvbConfig
from cosim_tvb.facts import facts, reads_target_state

if TYPE_CHECKING:
    from cosim_tvb.compiled.loop import CompiledLoop


class States:
    """The sending end of a port that carries states of owned regions.

    Parameters
    ----------
    port
        The port.
    built
        The simulator.
    clock
        Of the run.

    Raises
    ------
    UsageError
        If the port asks for what this simulator does not have.
    """

    def __init__(self, port: StateOut, built: Built, clock: Clock) -> None:
        self.port = port
        self._clock = clock
        self._stride = stride(port.name, port.step, built.step_ticks)
        known = built.facts.state_variables
        for name in port.variables:
            if name not in known:
                raise UsageError(
                    f"port {port.name}: '{name}' is no state variable; expected {', '.join(known)}"
                )
        require_owned(port.name, port.regions, built)
        self._columns = np.ix_([known.index(v) for v in port.variables], port.regions)
        self._initial = built.sim.current_state.copy()

    def prime(self, lag: int) -> list[Signal]:
        """Return the blocks of the windows -lag to -1: the constant past."""
        rows = self._clock.window // self.port.step
        values = np.tile(self._initial[self._columns].ravel(), (rows, 1))
        starts = (self._clock.at(w).start for w in range(-lag, 0))
        return [Signal(start, self.port.step, values.copy()) for start in starts]

    def emit(self, window: Window, trace: NDArray[np.float64]) -> Signal:
        """Return the block of a window from the states after each of its steps."""
        rows = trace[self._stride - 1 :: self._stride]
        values = np.array([state[self._columns].ravel() for state in rows])
        return Signal(window.start, self.port.step, values)


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
                inputs = [
                    self._coupling(step, self._history)
                    for step in range(first + self._stride, last + 1, self._stride)
                ]
        return {
            name: np.array([[float(row[cell])] for row in inputs])
            for name, cell in self._cells.items()
        }


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


def require_owned(port: str, regions: Iterable[int], built: Built) -> None:
    """Make sure that a simulator owns the regions that it is to send.

    Raises
    ------
    UsageError
        Naming the first that it does not own.
    """
    for region in regions:
        if region not in built.owned:
            raise UsageError(f"port {port}: {built.labels[region]} is not simulated here")


def stride(port: str, step: int, own: int) -> int:
    """Return how many integration steps lie between two rows of a port.

    Raises
    ------
    UsageError
        If the port's step is no multiple of the integration step.
    """
    if step % own:
        raise UsageError(
            f"port {port} wants a value every {step} ticks; the integration step is {own} ticks"
        )
    return step // own
