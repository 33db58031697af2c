"""Ports, transformers and channels between the simulators of a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cosim.clock import Clock
from cosim.plan import borders
from cosim.plan.model import (
    Border,
    ChannelPlan,
    Cut,
    Edge,
    Front,
    SimulatorPlan,
    TransformerPlan,
)
from cosim.ports import AfferentOut, ProxyIn, RatesIn, SpikesOut, StateOut, TrainsIn
from cosim.scenario.checks import RATES
from cosim.scenario.conversions import HZ_PER_UNIT, gain_between, gain_from_hz, gain_to_hz
from cosim.scenario.load import Case
from cosim.scenario.model import ModelConfig, Named, Receives, Sends, Translation
from cosim.scenario.ownership import Owned
from cosim.simulator import Engine, engines
from cosim.transformers.base import Context, transformers


class Wiring:
    """Derives everything between the simulators.

    Parameters
    ----------
    case
        The checked scenario.
    clock
        Its clock. With the shortest possible window, only `borders` without lags is meaningful.
    """

    def __init__(self, case: Case, clock: Clock) -> None:
        self._case, self._clock = case, clock
        self._simulators = {s.name: _simulator(case, clock, s) for s in case.simulators}
        self._owned = {s.name: s for s in case.simulators}
        self._channels: list[ChannelPlan] = []
        self._into: list[TransformerPlan] = []
        self._out: list[TransformerPlan] = []

    # What may cross

    def borders(self, *, lags: bool = True) -> Iterator[Border]:
        """Yield every border that an interface carries, with its shortest edge."""
        for source in self._owned.values():
            for target in self._owned.values():
                found = self._crossing(source, target)
                if found is None or not self._carried(source, target):
                    continue
                count, edge = found
                lag = borders.lag(edge.reach, self._clock.window) if lags else 0
                yield Border(source.name, target.name, count, edge, lag)

    def cuts(self) -> Iterator[Cut]:
        """Yield the borders that have edges but no interface."""
        for source in self._owned.values():
            for target in self._owned.values():
                found = self._crossing(source, target)
                if found is not None and not self._carried(source, target):
                    yield Cut(source.name, target.name, found[0])

    def _crossing(self, source: Owned, target: Owned) -> tuple[int, Edge] | None:
        if source.name == target.name:
            return None
        # The delay is applied by the mean-field side if there is one, else by a transformer.
        keeper = target if target.kind == "mean_field" or source.kind == "spiking" else source
        step = self._simulators[keeper.name].step
        extra = 1 if keeper.kind == "mean_field" else 0
        found = borders.crossing(
            self._case.brain, source.regions, target.regions, self._clock.ms(step), extra
        )
        return found and (found[0], borders.in_ticks(found[1], step))

    def _carried(self, source: Owned, target: Owned) -> bool:
        sender, receiver = self._config(source), self._config(target)
        if target.kind == "spiking":
            heard = any(source.model in r.sources for r in receiver.receives)
            return heard and (source.kind == "mean_field" or bool(_sent(sender, target.model)))
        if source.kind == "spiking":
            return bool(_sent(sender, target.model))
        return self._same_kind(source, target) or _translation(receiver, source.model) is not None

    def _same_kind(self, source: Owned, target: Owned) -> bool:
        a, b = self._config(source), self._config(target)
        return (
            self._engine(source).signature(a) == self._engine(target).signature(b)
            and _translation(b, source.model) is None
        )

    def _config(self, owned: Owned) -> ModelConfig:
        return self._case.scenario.models[owned.model]

    def _engine(self, owned: Owned) -> Engine:
        return engines()[self._config(owned).engine]

    # Wiring

    def wire(
        self,
    ) -> tuple[tuple[SimulatorPlan, ...], tuple[TransformerPlan, ...], tuple[ChannelPlan, ...]]:
        """Return simulators with their ports, transformers (inward first), and channels."""
        carried = {(b.source, b.target): b for b in self.borders()}
        for target in self._owned.values():
            if target.kind == "spiking":
                for i, entry in enumerate(self._config(target).receives):
                    self._wire_into_spikes(target, i, entry, carried)
        for border in carried.values():
            source, target = self._owned[border.source], self._owned[border.target]
            if target.kind == "spiking":
                continue
            if source.kind == "spiking":
                for sent in _sent(self._config(source), target.model):
                    self._wire_out_of_spikes(source, target, sent, border)
            else:
                self._wire_states(source, target, border)
        return (
            tuple(self._simulators.values()), (*self._into, *self._out), tuple(self._channels)
        )

    def _channel(
        self, source: tuple[str, str], target: tuple[str, str], lag: int, shape: tuple[int, int],
        *, edge: Edge | None = None, drain: bool = False,
    ) -> str:
        """Add a channel; one that drains sends to the end although its target needs less."""
        name = f"{source[0]}:{source[1]} -> {target[0]}:{target[1]}"
        last = self._clock.windows - 1 - (0 if drain else lag)
        self._channels.append(ChannelPlan(name, *source, *target, lag, last, *shape, edge))
        return name

    def _rows(self, step: int) -> int:
        return self._clock.window // step

    def _sends_from(self, name: str, port: StateOut | AfferentOut | SpikesOut) -> tuple[str, str]:
        simulator = self._simulators[name]
        if port not in simulator.outputs:
            outputs = (*simulator.outputs, port)
            self._simulators[name] = replace(simulator, outputs=outputs)
        return name, port.name

    def _takes_in(self, name: str, port: ProxyIn | TrainsIn | RatesIn) -> tuple[str, str]:
        simulator = self._simulators[name]
        self._simulators[name] = replace(simulator, inputs=(*simulator.inputs, port))
        return name, port.name

    def _context(self, name: str, step_in: int, step_out: int, size: int) -> Context:
        seed, tick_ms = self._case.scenario.seed, self._clock.tick_ms
        return Context(name, seed, tick_ms, step_in, step_out, size)

    def _delay(self, through: Named, context: Context) -> tuple[float, int]:
        """Return delay and number of trains of a transformer, by building one."""
        kind = transformers()[through.name]
        built = kind(kind.Parameters.model_validate(through.parameters), context)
        return built.delay_ms, built.trains

    # Into a spiking region

    def _wire_into_spikes(
        self, target: Owned, index: int, entry: Receives, carried: dict[tuple[str, str], Border]
    ) -> None:
        region = self._case.brain.labels[target.regions[0]]
        name = f"{region}.{entry.population}.in{index}"
        simulator = self._simulators[target.name]
        fronts = []
        for source in self._owned.values():
            border = carried.get((source.name, target.name))
            if border is None or source.model not in entry.sources:
                continue
            if source.kind == "mean_field":
                fronts.append(self._afferent(source, target, name, border))
            else:
                fronts += self._from_spikes(source, target, name, border, entry)
        if not fronts and entry.background == 0:
            return
        sizes = self._engine(target).populations(self._config(target))
        size = sizes[entry.population]
        relayed = entry.through.name == "relay"
        direct = entry.through.name == RATES
        context = self._context(name, simulator.step, simulator.step, size)
        if relayed:
            context = replace(context, size=sum(f.size for f in fronts))
        delay_ms, trains = (0.0, 0) if direct else self._delay(entry.through, context)
        port: RatesIn | TrainsIn
        if direct:
            port = RatesIn(name, entry.population, simulator.step, entry.synapse)
        else:
            port = TrainsIn(name, entry.population, trains, simulator.step, entry.synapse)
        shape = (self._rows(simulator.step), 1) if direct else (0, trains)
        out = self._channel((name, "out"), self._takes_in(target.name, port), 0, shape)
        first = self._case.scenario.models[entry.sources[0]]
        self._into.append(TransformerPlan(
            name=name, kind="relay" if relayed else "into_spikes", rank=-1, region=region,
            population=entry.population, fronts=tuple(fronts), outputs=(out,),
            through=entry.through, step_out=simulator.step, size=context.size, trains=trains,
            columns=1, offset=entry.background,
            gain=1.0 if entry.gain is None else gain_to_hz(entry.gain, first.activity),
            maximum=entry.maximum, gating=None, unit_in=_unit(first), unit_out="spikes/s",
            delay_ms=delay_ms,
        ))

    def _afferent(self, source: Owned, target: Owned, name: str, border: Border) -> Front:
        """Coupling computed by the mean-field sender, delays and weights included."""
        activity = self._config(source).activity
        assert activity is not None
        step = self._simulators[source.name].step
        region = target.regions[0]
        weights = self._case.brain.weights
        sources = tuple(j for j in source.regions if weights[region, j] != 0)
        port = AfferentOut(
            f"coupling.{name}", region, sources, activity.variable, step, border.lag
        )
        channel = self._channel(
            self._sends_from(source.name, port), (name, f"in.{source.name}"), border.lag,
            (self._rows(step), 1), edge=border.shortest,
        )
        return Front(channel, step, lag=border.lag)

    def _from_spikes(
        self, source: Owned, target: Owned, name: str, border: Border, entry: Receives
    ) -> Iterator[Front]:
        """Spikes of another spiking region, weighted and delayed by the transformer."""
        sizes = self._engine(source).populations(self._config(source))
        step = self._simulators[source.name].step
        weight = float(self._case.brain.weights[target.regions[0], source.regions[0]])
        for sent in _sent(self._config(source), target.model):
            size = sizes[sent.population]
            port = SpikesOut(f"spikes.{sent.population}", sent.population, size, step)
            channel = self._channel(
                self._sends_from(source.name, port),
                (name, f"in.{source.name}.{sent.population}"), border.lag, (0, size),
                edge=border.shortest,
            )
            relayed = entry.through.name == "relay"
            yield Front(
                channel, step, None if relayed else sent.through, size, weight,
                border.shortest.delay, border.lag,
            )

    # Out of a spiking region

    def _wire_out_of_spikes(
        self, source: Owned, target: Owned, entry: Sends, border: Border
    ) -> None:
        region = self._case.brain.labels[source.regions[0]]
        name = f"{region}.{entry.population}.to.{target.name}"
        receiver = self._config(target)
        step_in = self._simulators[source.name].step
        step_out = self._simulators[target.name].step
        size = self._engine(source).populations(self._config(source))[entry.population]
        port = SpikesOut(f"spikes.{entry.population}", entry.population, size, step_in)
        channel = self._channel(
            self._sends_from(source.name, port), (name, "in"), border.lag, (0, size),
            edge=border.shortest, drain=True,
        )
        assert entry.variable is not None
        proxy = ProxyIn(f"proxy.{name}", source.regions, (entry.variable,), step_out)
        columns = self._engine(target).modes(receiver)
        out = self._channel(
            (name, "out"), self._takes_in(target.name, proxy), 0,
            (self._rows(step_out), columns),
        )
        context = self._context(name, step_in, step_out, size)
        delay_ms, _ = self._delay(entry.through, context)
        gain = 1.0 if entry.gain is None else gain_from_hz(entry.gain, receiver.activity)
        self._out.append(TransformerPlan(
            name=name, kind="out_of_spikes", rank=-1, region=region, population=entry.population,
            fronts=(Front(channel, step_in, entry.through, size, lag=border.lag),),
            outputs=(out,), through=entry.through, step_out=step_out, size=size, trains=0,
            columns=columns, gain=gain, offset=0.0, maximum=None, gating=entry.gating,
            unit_in="spikes/s", unit_out=_variable_unit(entry.variable, receiver),
            delay_ms=delay_ms,
        ))

    # Between mean-field simulators

    def _wire_states(self, source: Owned, target: Owned, border: Border) -> None:
        sender, receiver = self._config(source), self._config(target)
        regions = self._border_regions(source, target)
        step_in = self._simulators[source.name].step
        step_out = self._simulators[target.name].step
        entry = _translation(receiver, source.model)
        engine = self._engine(target)
        modes = engine.modes(receiver)
        if entry is None:
            variables = self._engine(source).coupling_variables(sender)
            target_variables = engine.coupling_variables(receiver)
        else:
            assert sender.activity is not None
            variables, target_variables = (sender.activity.variable,), (entry.variable,)
        modes_in = self._engine(source).modes(sender)
        port = StateOut(f"state.{target.name}", regions, variables, step_in)
        proxy = ProxyIn(f"proxy.{source.name}", regions, target_variables, step_out)
        columns_in = len(regions) * len(variables) * modes_in
        columns = len(regions) * len(target_variables) * modes
        start = self._sends_from(source.name, port)
        end = self._takes_in(target.name, proxy)
        if entry is None and step_in == step_out:
            shape = (self._rows(step_out), columns)
            self._channel(start, end, border.lag, shape, edge=border.shortest)
            return
        name = f"{source.name}.to.{target.name}"
        channel = self._channel(
            start, (name, "in"), border.lag, (self._rows(step_in), columns_in),
            edge=border.shortest,
        )
        out = self._channel((name, "out"), end, 0, (self._rows(step_out), columns))
        self._out.append(_between(
            name, self._case.brain.labels[regions[0]], Front(channel, step_in, lag=border.lag),
            out, step_out, columns, entry, sender, receiver, len(regions),
        ))

    def _border_regions(self, source: Owned, target: Owned) -> tuple[int, ...]:
        weights = self._case.brain.weights
        return tuple(j for j in source.regions if (weights[list(target.regions), j] != 0).any())


def _between(
    name: str, region: str, front: Front, out: str, step_out: int, columns: int,
    entry: Translation | None, sender: ModelConfig, receiver: ModelConfig, regions: int,
) -> TransformerPlan:
    gain, gating, unit_in, unit_out = 1.0, None, "1", "1"
    if entry is not None:
        assert sender.activity is not None
        unit_in = sender.activity.unit
        unit_out = _variable_unit(entry.variable, receiver)
        gating = entry.gating
        if entry.gain is not None:
            gain = gain_between(entry.gain, sender.activity, receiver.activity)
        else:
            gain = HZ_PER_UNIT.get(unit_in, 1.0)
    return TransformerPlan(
        name=name, kind="between", rank=-1, region=region, population="", fronts=(front,),
        outputs=(out,), through=Named(name="resample" if entry is None else "translate"), step_out=step_out, size=regions,
        trains=0, columns=columns, gain=gain, offset=0.0, maximum=None, gating=gating,
        unit_in=unit_in, unit_out=unit_out, delay_ms=0.0,
    )


def _simulator(case: Case, clock: Clock, owned: Owned) -> SimulatorPlan:
    config = case.scenario.models[owned.model]
    engine = engines()[config.engine]
    step = clock.ticks(engine.step_ms(config))
    return SimulatorPlan(
        owned.name, owned.model, config.engine, owned.kind, owned.regions, step,
        engine.threads(config), -1,
    )


def _sent(config: ModelConfig, target: str) -> list[Sends]:
    return [s for s in config.sends if target in s.targets]


def _translation(config: ModelConfig, source: str) -> Translation | None:
    return next((t for t in config.translate if source in t.sources), None)


def _unit(config: ModelConfig) -> str:
    return config.activity.unit if config.activity is not None else "spikes/s"


def _variable_unit(variable: str, config: ModelConfig) -> str:
    activity = config.activity
    return activity.unit if activity is not None and activity.variable == variable else "1"
