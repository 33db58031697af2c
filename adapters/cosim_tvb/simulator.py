"""A running instance of TVB: the loop over steps, with its borders open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cosim.clock import Window
from cosim.errors import BorderError, UsageError
from cosim.messages import Block
from cosim.ports import AfferentOut, ProxyIn, StateOut
from cosim.simulator import Recorder, SimulatorSpec
from cosim_tvb.afferents import Afferents, afferent_groups
from cosim_tvb.build import build
from cosim_tvb.compiled.support import flaw, remark
from cosim_tvb.config import TvbConfig
from cosim_tvb.facts import model_facts
from cosim_tvb.outputs import States
from cosim_tvb.proxies import Proxies
from cosim_tvb.recording import Recording
from cosim_tvb.stimuli import Stimulation

if TYPE_CHECKING:
    from cosim_tvb.compiled.loop import CompiledLoop


class TvbSimulator:
    """Mean-field regions of a brain in one tvb-library simulator; see `cosim.simulator.Simulator`.

    The state of regions that it does not own is put back after every step to where it began, with
    coupling variables at zero: it must not run away, and of what others see only that is nonzero
    which a port brings.

    Parameters
    ----------
    spec
        What to build.

    Raises
    ------
    UsageError
        If ports, window and model do not fit together.

    Attributes
    ----------
    tvb
        tvb-library's own simulator.
    pinned
        State of the foreign regions, shape (state variables, foreign regions, modes).
    """

    def __init__(self, spec: SimulatorSpec) -> None:
        self.spec = spec
        config = cast("TvbConfig", spec.config)
        facts = model_facts(config.model)
        if facts is None:
            raise UsageError(f"there is no model '{config.model}'")
        self._config = config
        built = build(spec, config, facts)
        self._built = built
        if spec.clock.window % built.step_ticks:
            raise UsageError(
                f"the window of {spec.clock.ms(spec.clock.window):g} ms is no multiple of the "
                f"integration step of {config.step_ms:g} ms"
            )
        self.tvb: Any = built.sim
        self._steps = spec.clock.window // built.step_ticks
        self._executed = 0
        self._stimulation = Stimulation(built, config)
        self.pinned: NDArray[np.float64] = self.tvb.current_state[:, built.foreign].copy()
        self._loop = self._compiled() if config.compiled and not flaw(config) else None
        self._inputs = {p.name: self._input(p) for p in spec.inputs}
        self._states = {
            p.name: States(p, built, spec.clock) for p in spec.outputs if isinstance(p, StateOut)
        }
        self._afferents = {}
        wanted = [p for p in spec.outputs if isinstance(p, AfferentOut)]
        for group in afferent_groups(wanted):
            served = Afferents(group, built, config, spec.brain, spec.clock, self._loop)
            self._afferents.update({p.name: served for p in group})
        for port in spec.outputs:
            if port.name not in self._states and port.name not in self._afferents:
                raise UsageError(f"port {port.name} of {spec.name}: TVB has no spikes to send")
        self._window = spec.clock.at(-1)
        self._trace: NDArray[np.float64] = np.empty((self._steps, *self.tvb.current_state.shape))
        self._recording: Recording | None = None

    def prepare(self, recorder: Recorder) -> None:
        """Declare what the monitors record."""
        self._recording = Recording(self._built, self._config, self.spec.name, recorder)

    def prime(self, port: str, lag: int) -> Sequence[Block]:
        """Return what a port would have emitted after windows -lag to -1."""
        if port in self._states:
            return self._states[port].prime(lag)
        return self._afferents[port].prime(port, lag)

    def accept(self, port: str, block: Block) -> None:
        """Write a block of other regions' activity into the history.

        Raises
        ------
        BorderError
            If the block does not fit, or is not finite.
        """
        proxies = self._inputs[port]
        written = proxies.accept(block, self._executed)
        if self._loop is not None:
            self._loop.past_changed(written, proxies.port.regions)

    def advance(self, window: Window) -> None:
        """Integrate the steps of a window.

        Raises
        ------
        BorderError
            If data for the window are missing, or the state of an owned region is not finite.
        """
        for proxies in self._inputs.values():
            proxies.require(window)
        if self._loop is not None:
            self._run(self._loop)
        else:
            with np.errstate(all="ignore"):
                for row in range(self._steps):
                    self._step(row)
        self._window = window
        if self._recording is not None:
            self._recording.flush()
        self._require_finite()

    def now_ns(self) -> int:
        """Return the end of the last step that was integrated."""
        clock = self.spec.clock
        return self._executed * self._built.step_ticks * clock.tick_ns

    def emit(self, port: str) -> Block:
        """Return what a port has to send after the window just simulated."""
        if port in self._states:
            return self._states[port].emit(self._window, self._trace)
        return self._afferents[port].emit(port, self._window)

    def notes(self) -> list[str]:
        """Say why a compiled loop that was asked for was not used."""
        found = remark(self._config)
        return [f"{self.spec.name}: {found}"] if found else []

    def finalize(self) -> None:
        """Hand over what recording still holds."""
        if self._recording is not None:
            self._recording.flush()

    def _input(self, port: object) -> Proxies:
        if not isinstance(port, ProxyIn):
            kind = type(port).__name__
            raise UsageError(f"{self.spec.name}: a mean-field simulator has no {kind}")
        return Proxies(port, self._built, self.spec.clock)

    def _compiled(self) -> CompiledLoop:
        from cosim_tvb.compiled.loop import CompiledLoop

        brain = self.spec.brain
        return CompiledLoop(self.tvb, brain.weights, self._built.foreign, self.pinned)

    def _run(self, loop: CompiledLoop) -> None:
        """Take the steps of a window together, up to each at which parameters change."""
        inputs = np.empty((self._steps, loop.inputs, *self._trace.shape[2:]))
        before, row = self._executed, 0
        while row < self._steps:
            if self._stimulation.begin(before + row):
                loop.parameters_changed()
            end = self._stimulation.until(before + self._steps) - before
            loop.advance(self._trace[row:end], inputs[row:end])
            row = end
        self._executed = before + self._steps
        if self._recording is not None:
            self._recording.couplings(before, inputs)
            self._recording.states(before + 1, self._trace)

    def _step(self, row: int) -> None:
        sim, step = self.tvb, self._executed + 1
        self._stimulation.begin(self._executed)
        coupling = sim.coupling(step, sim.history)
        if self._recording is not None:
            self._recording.coupling(step - 1, coupling)
        state = sim.integrate_next_step(sim.current_state, sim.model, coupling, 0.0, 0.0)
        state[:, self._built.foreign] = self.pinned
        sim.history.update(step, state)
        sim.current_state, sim.current_step = state, step
        self._trace[row] = state
        self._executed = step
        if self._recording is not None:
            self._recording.state(step, state)

    def _require_finite(self) -> None:
        bad = np.argwhere(~np.isfinite(self._trace[:, :, self._built.owned]))
        if not len(bad):
            return
        row, variable, region, _ = bad[0]
        name = self._built.facts.state_variables[variable]
        label = self._built.labels[self._built.owned[region]]
        value = self._trace[row, variable, self._built.owned[region]]
        time_ms = self.spec.clock.ms(self._window.start + (int(row) + 1) * self._built.step_ticks)
        raise BorderError(f"{name} is {value.ravel()[0]} at {time_ms:g} ms", label)
