"""What a simulator is to the core: an engine that describes itself, and five verbs that run it.

Engines are found through the entry-point group ``cosim.simulators``. An engine's module must
import without its simulator; only `Engine.check` and `Engine.create` may import that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cosim.clock import Clock, Window
    from cosim.errors import Problem
    from cosim.messages import Block, SpikeBatch
    from cosim.ports import InPort, OutPort
    from cosim.scenario.model import ModelConfig


@dataclass(frozen=True)
class Brain:
    """The connectome of a scenario after its edits.

    Parameters
    ----------
    labels
        Names of the regions.
    weights
        Shape (regions, regions), [target, source], scaled as the scenario says.
    tract_lengths_mm
        Shape (regions, regions), [target, source].
    centres_mm
        Shape (regions, 3).
    speed_m_per_s
        Conduction speed; a delay is tract length / speed (mm / (m/s) = ms).
    """

    labels: tuple[str, ...]
    weights: NDArray[np.float64]
    tract_lengths_mm: NDArray[np.float64]
    centres_mm: NDArray[np.float64]
    speed_m_per_s: float

    def delays_ms(self) -> NDArray[np.float64]:
        """Return the delay of every edge, shape (regions, regions), [target, source]."""
        return self.tract_lengths_mm / self.speed_m_per_s


@dataclass(frozen=True)
class RateBand:
    """The mean rates between which a population is known to lie.

    Parameters
    ----------
    low_hz, high_hz
        Ends of the band in spikes/s and neuron, which belong to it.
    source
        Where that is known from, and under what conditions.
    """

    low_hz: float
    high_hz: float
    source: str = ""


class SignalSink(Protocol):
    """Takes rows of one recorded signal as they come."""

    def append(self, time_ms: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Add rows: times of shape (rows,), values of shape (rows, columns)."""


class SpikeSink(Protocol):
    """Takes the spikes of one population as they come."""

    def append(self, batch: SpikeBatch) -> None:
        """Add the spikes of one window."""


class Recorder(Protocol):
    """Where a role declares what it records; all of it before the first window."""

    def signal(
        self, name: str, columns: Sequence[str], unit: str, **about: str | float
    ) -> SignalSink:
        """Declare a signal.

        Parameters
        ----------
        name
            Path in the result, such as ``cortex/TemporalAverage``.
        columns
            What each column is, for example ``S[rV1]``.
        unit
            Unit of the values; ``1`` when dimensionless.
        **about
            Attributes stored with the signal.
        """

    def spikes(
        self,
        region: str,
        population: str,
        size: int,
        stride: int = 1,
        reference: RateBand | None = None,
    ) -> SpikeSink:
        """Declare the spikes of one population of a spiking region.

        Parameters
        ----------
        size
            Neurons of the population, recorded or not.
        stride
            Only senders that are multiples of it will come.
        reference
            Rates with which tables compare the population's own.
        """


@dataclass(frozen=True)
class SimulatorSpec:
    """All that an engine needs to build one running simulator.

    Parameters
    ----------
    name
        Name of the simulator, unique in the plan.
    model
        Name of the entry under `models` in the scenario.
    config
        The engine's own validated configuration.
    regions
        Indices of the regions that this simulator owns.
    brain
        The whole brain.
    clock
        Ticks, window, duration.
    seed
        The scenario's seed; streams are derived from it and from names, never from ranks.
    inputs, outputs
        Ports that the plan connected.
    record_spikes
        Populations whose spikes are kept, with the stride over senders (1 keeps every neuron).
    """

    name: str
    model: str
    config: ModelConfig
    regions: tuple[int, ...]
    brain: Brain
    clock: Clock
    seed: int
    inputs: tuple[InPort, ...]
    outputs: tuple[OutPort, ...]
    record_spikes: Mapping[str, int]


class Simulator(Protocol):
    """One running simulator, driven window by window."""

    def prepare(self, recorder: Recorder) -> None:
        """Build everything up to time 0 and declare what is recorded."""

    def prime(self, port: str, lag: int) -> Sequence[Block]:
        """Return what the port would have emitted after windows -lag to -1, in that order."""

    def accept(self, port: str, block: Block) -> None:
        """Take the data that an input port needs before the coming window."""

    def advance(self, window: Window) -> None:
        """Simulate the interval (start, stop] of the window."""

    def emit(self, port: str) -> Block:
        """Return what the port has to send after the window just simulated."""

    def finalize(self) -> None:
        """Release the simulator and hand over what recording still holds."""


@runtime_checkable
class Timekeeper(Protocol):
    """What a simulator may offer besides: the time by its own account."""

    def now_ns(self) -> int | None:
        """Return the biological time that has been simulated, in nanoseconds; None if unknown.

        It must come from what the simulator really did, such as its count of steps, not from the
        windows that it was given: these are what it is compared with after each `advance`.
        """


@runtime_checkable
class Noting(Protocol):
    """What a simulator may offer besides: what the user should know at the end of a run."""

    def notes(self) -> Sequence[str]:
        """Return sentences, each with the simulator's name in front."""


class Engine(Protocol):
    """A kind of simulator: describes itself without being imported, and builds instances."""

    name: str
    kind: Literal["spiking", "mean_field"]
    #: Only one instance fits into a process (the NEST kernel is a singleton).
    exclusive: bool

    def config_model(self) -> type[ModelConfig]:
        """Return the class that validates this engine's entries under `models`."""

    def check(self, config: ModelConfig, labels: Sequence[str]) -> Iterable[Problem]:
        """Look for what only the simulator itself can know; may import it.

        Problems are addressed relative to the model's entry.
        """

    def step_ms(self, config: ModelConfig) -> float:
        """Return the integration step."""

    def exchange_step_ms(self, config: ModelConfig) -> float:
        """Return the time of which every window must be a multiple."""

    def coupling_variables(self, config: ModelConfig) -> tuple[str, ...]:
        """Return the state variables that other regions see; empty for a spiking engine."""

    def state_variables(self, config: ModelConfig) -> tuple[str, ...]:
        """Return all state variables of a mean-field model; empty for a spiking engine."""

    def modes(self, config: ModelConfig) -> int:
        """Return the number of modes of each variable; 1 for a spiking engine."""

    def populations(self, config: ModelConfig) -> Mapping[str, int]:
        """Return name and size of every population; empty for a mean-field engine."""

    def signature(self, config: ModelConfig) -> str:
        """Return what two mean-field models must share to exchange raw states."""

    def additive(self, config: ModelConfig) -> bool:
        """Tell whether the coupling of several senders may be computed apart and added up."""

    def ahead_flaw(self, config: ModelConfig, variable: str) -> str:
        """Return why this model cannot compute the input of a spiking region; empty if it can.

        Parameters
        ----------
        variable
            The coupling variable that enters the spiking region.
        """

    def threads(self, config: ModelConfig) -> int:
        """Return the number of threads that an instance uses."""

    def versions(self) -> Mapping[str, str]:
        """Return names and versions of the software that an instance uses."""

    def seeds(self, name: str, seed: int) -> Mapping[str, int]:
        """Return the seeds that a simulator of that name derives from the scenario's seed.

        Streams that are keyed by the scenario's seed itself need no mention.
        """

    def build_models(self, *, force: bool) -> Iterable[str]:
        """Compile what the engine's own models need, unless it is there.

        Parameters
        ----------
        force
            Whether to compile again.

        Returns
        -------
        iterable of str
            Lines for the user: what is about to be done, and what was. Going through it is what
            compiles. Empty if there is nothing to compile.
        """

    def probe(self) -> str:
        """Import the simulator, run it for a moment, and return a line about it."""

    def create(self, spec: SimulatorSpec) -> Simulator:
        """Build an instance; the simulator may be imported from here on."""


@runtime_checkable
class Remarker(Protocol):
    """What an engine may offer besides: what is no fault, but other than a user may expect."""

    def remarks(self, config: ModelConfig) -> Iterable[str]:
        """Return sentences about a model's entry, for the plan and the end of a run."""


@runtime_checkable
class RunChecker(Protocol):
    """What an engine may offer besides: a look at what a run makes of its models."""

    def check_run(
        self, config: ModelConfig, labels: Sequence[str], regions: Sequence[int], duration_ms: float
    ) -> Iterable[Problem]:
        """Look for what fits neither the regions that a model simulates nor the run's length.

        Parameters
        ----------
        config
            The model's entry.
        labels
            Names of all regions.
        regions
            Indices of those that simulators of this model own, at least one.
        duration_ms
            Length of the run, infinite if an option of the command changed it.
        """


@cache
def engines() -> Mapping[str, Engine]:
    """Return all installed engines by name."""
    return {e.name: e.load() for e in entry_points(group="cosim.simulators")}
