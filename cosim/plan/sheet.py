"""The sheet on which a plan is drawn: simulators with their ports, and channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cosim.clock import Clock
from cosim.errors import CosimError
from cosim.plan.model import ChannelPlan, Edge, SimulatorPlan
from cosim.ports import AfferentOut, ProxyIn, RatesIn, SpikesOut, StateOut, TrainsIn
from cosim.scenario.fields import Named
from cosim.scenario.load import Case
from cosim.scenario.model import ModelConfig, Receives, Sends, Translation
from cosim.scenario.ownership import Owned, entry_region
from cosim.simulator import Engine, engines
from cosim.transformers.base import Context, transformers


class Sheet:
    """Collects ports and channels while they are found.

    Parameters
    ----------
    case
        The checked scenario.
    clock
        Its clock.
    """

    def __init__(self, case: Case, clock: Clock) -> None:
        self.case, self.clock = case, clock
        self.owned = {s.name: s for s in case.simulators}
        self.simulators = {s.name: _simulator(case, clock, s) for s in case.simulators}
        self.channels: list[ChannelPlan] = []

    def config(self, owned: Owned) -> ModelConfig:
        """Return a simulator's entry under `models`."""
        return self.case.scenario.models[owned.model]

    def engine(self, owned: Owned) -> Engine:
        """Return a simulator's engine."""
        return engines()[self.config(owned).engine]

    def step(self, name: str) -> int:
        """Return a simulator's step in ticks."""
        return self.simulators[name].step

    def rows(self, step: int) -> int:
        """Return the number of steps in a window."""
        return self.clock.window // step

    def size(self, owned: Owned, population: str) -> int:
        """Return the number of neurons of a population."""
        return self.engine(owned).populations(self.config(owned))[population]

    def channel(
        self, source: tuple[str, str], target: tuple[str, str], lag: int, shape: tuple[int, int],
        *, edge: Edge | None = None, drain: bool = False,
    ) -> str:
        """Add a channel and return its name; one that drains sends to the end of the run.

        Parameters
        ----------
        source, target
            Role and port.
        shape
            Rows and columns of a signal; 0 rows for spikes.
        """
        name = f"{source[0]}:{source[1]} -> {target[0]}:{target[1]}"
        last = self.clock.windows - 1 - (0 if drain else lag)
        self.channels.append(ChannelPlan(name, *source, *target, lag, last, *shape, edge))
        return name

    def sends_from(self, name: str, port: StateOut | AfferentOut | SpikesOut) -> tuple[str, str]:
        """Give a simulator an output port, unless it has it already."""
        simulator = self.simulators[name]
        if port not in simulator.outputs:
            self.simulators[name] = replace(simulator, outputs=(*simulator.outputs, port))
        return name, port.name

    def takes_in(self, name: str, port: ProxyIn | TrainsIn | RatesIn) -> tuple[str, str]:
        """Give a simulator an input port."""
        simulator = self.simulators[name]
        self.simulators[name] = replace(simulator, inputs=(*simulator.inputs, port))
        return name, port.name

    def context(self, name: str, step_in: int, step_out: int, size: int) -> Context:
        """Return where a transformer stands."""
        seed, tick_ms = self.case.scenario.seed, self.clock.tick_ms
        return Context(name, seed, tick_ms, step_in, step_out, size)

    def region(self, owned: Owned, entry: Receives | Sends) -> int:
        """Return the region of a spiking simulator that an entry is about."""
        return entry_region(owned, entry, self.case.brain.labels)

    def delay(self, target: int, source: int, step: int) -> int:
        """Return the delay of an edge in ticks, rounded to a step as TVB does it."""
        delay_ms = self.case.brain.delays_ms()[target, source]
        return int(np.rint(delay_ms / self.clock.ms(step))) * step

    def spikes_port(self, owned: Owned, population: str) -> SpikesOut:
        """Return the port of a population's spikes."""
        size, step = self.size(owned, population), self.step(owned.name)
        return SpikesOut(f"spikes.{population}", population, size, step)


class Unfit(CosimError):
    """A transformer refuses its place or its parameters.

    Parameters
    ----------
    through
        The entry that asks for it.
    cause
        What it says.
    """

    def __init__(self, through: Named, cause: str) -> None:
        self.through, self.cause = through, cause
        super().__init__(f"{through.name}: {cause}")


def built(through: Named, context: Context) -> tuple[float, int]:
    """Return delay (ms) and number of trains of a transformer, by building one.

    Raises
    ------
    Unfit
        If the transformer refuses.
    """
    kind = transformers()[through.name]
    parameters = kind.Parameters.model_validate(through.parameters)
    try:
        transformer = kind(parameters, context)
    except ValueError as error:
        raise Unfit(through, str(error)) from error
    return transformer.delay_ms, transformer.trains


def sent(config: ModelConfig, target: str) -> list[Sends]:
    """Return the `sends` entries towards a model."""
    return [s for s in config.sends if target in s.targets]


def translations(config: ModelConfig, source: str) -> list[Translation]:
    """Return the `translate` entries for a sending model."""
    return [t for t in config.translate if source in t.sources]


def unit_of(config: ModelConfig) -> str:
    """Return the unit of a mean-field model's coupling variables: that of its activity."""
    return config.activity.unit if config.activity is not None else "1"


def _simulator(case: Case, clock: Clock, owned: Owned) -> SimulatorPlan:
    config = case.scenario.models[owned.model]
    engine = engines()[config.engine]
    step = clock.ticks(engine.step_ms(config))
    return SimulatorPlan(
        owned.name, owned.model, config.engine, owned.kind, owned.regions, step,
        engine.threads(config), -1,
    )
