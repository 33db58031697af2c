"""The roles of transformers, one class for each direction across a border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cosim.clock import NS_PER_MS, Clock, Window
from cosim.links.base import Inlet, Outlet
from cosim.messages import Signal, SpikeBatch
from cosim.plan.model import TransformerPlan
from cosim.recording.names import TRAINS
from cosim.roles.base import Role
from cosim.roles.fronts import DelayedSpikes, SampleAndHold, intake
from cosim.roles.guard import Column
from cosim.roles.simulator_guard import act
from cosim.roles.watch_rates import NegativeRates
from cosim.scenario.checks import RATES
from cosim.scenario.guards import Guards
from cosim.scenario.model import Record
from cosim.simulator import Recorder, SignalSink
from cosim.transformers.base import Context, Transformer, transformers
from cosim.transformers.borders import Clipping
from cosim.transformers.signals import Affine, Gating


class TransformerRole(Role):
    """Base of all transformer roles: knows its plan, and records both sides of the border.

    Parameters
    ----------
    plan
        The transformer's plan.
    clock
        The run's clock.
    seed
        The scenario's seed.
    inlets, outlets
        Ends of its channels by channel name.
    recorder, record
        Where and what to record.
    guards
        What to do about rates that cannot be.
    """

    def __init__(
        self, plan: TransformerPlan, clock: Clock, seed: int, inlets: Mapping[str, Inlet],
        outlets: Mapping[str, Outlet], recorder: Recorder, record: Record, guards: Guards,
    ) -> None:
        ends = [inlets[f.channel] for f in plan.fronts]
        # A sender that drains has more windows for us than the simulator behind us takes.
        extra = max((e.lag for e in ends if e.last == clock.windows - 1), default=0)
        super().__init__(
            plan.name, plan.region, clock, ends, [outlets[c] for c in plan.outputs],
            clock.windows + extra,
        )
        self.plan = plan
        self._context = Context(
            plan.name, seed, clock.tick_ms, plan.fronts[0].step if plan.fronts else plan.step_out,
            plan.step_out, plan.size,
        )
        self._recorder, self._record = recorder, record
        self._on_negative = guards.negative_rate
        way = "into" if plan.kind == "into_spikes" else "of"
        self._negative = NegativeRates(
            [Column(f"rate {way} {plan.population}", plan.region)], [0], "spikes/s",
            guards.negative_rate, clock,
        )
        self._rate_hz = 0.0

    def _converter(self) -> Transformer:
        kind = transformers()[self.plan.through.name]
        parameters = kind.Parameters.model_validate(self.plan.through.parameters)
        return kind(parameters, self._context)

    def _sink(self, name: str, unit: str, columns: Sequence[str]) -> SignalSink | None:
        if not self._record.border:
            return None
        return self._recorder.signal(
            f"border/{self.name}/{name}", columns, unit, label=self.plan.label,
            region=self.plan.region, population=self.plan.population, direction=self.plan.kind,
        )

    def _keep(self, sink: SignalSink | None, signal: Signal) -> None:
        if sink is None or signal.stop <= 0:
            return
        rows = np.arange(1, len(signal.values) + 1)
        ticks, values = signal.start + rows * signal.step, signal.values
        if signal.start < 0 or signal.stop > self.clock.duration:
            inside = (ticks > 0) & (ticks <= self.clock.duration)
            ticks, values = ticks[inside], values[inside]
        sink.append(ticks * self.clock.tick_ns / NS_PER_MS, values)

    def _judge(self, rate: Signal) -> None:
        """Look for rates below 0, unless that is of no interest."""
        if self._on_negative != "ignore":
            found = self._negative.see(rate)
            act(self.name, [found] if found else [])

    def _gateable(self, rate: Signal) -> Signal:
        """Return the rate, with 0 for what is below if it is to open gates.

        The sender's guard has told of that, or ended the run.
        """
        if self.plan.gating is None or self._on_negative == "stop" or rate.values.min() >= 0:
            return rate
        return Signal(rate.start, rate.step, np.where(rate.values < 0, 0.0, rate.values))

    def status(self) -> dict[str, float]:
        """Return the rate in the latest window."""
        return {self.name: self._rate_hz}


class IntoSpikes(TransformerRole):
    """Activity of other regions becomes spike trains, or a rate for Poisson devices."""

    def __init__(
        self, plan: TransformerPlan, clock: Clock, seed: int, inlets: Mapping[str, Inlet],
        outlets: Mapping[str, Outlet], recorder: Recorder, record: Record, guards: Guards,
    ) -> None:
        super().__init__(plan, clock, seed, inlets, outlets, recorder, record, guards)
        self._context = Context(
            plan.name, seed, clock.tick_ms, plan.step_out, plan.step_out, plan.size
        )
        self._intakes = [intake(f, plan.step_out, self._context, clock) for f in plan.fronts]
        self._affine = Affine(
            plan.gain, plan.offset, plan.maximum, name=plan.name, tick_ms=clock.tick_ms,
            tell_negative=guards.negative_rate != "ignore",
        )
        self._spikes = None if plan.through.name == RATES else self._converter()
        label = f"{plan.region}.{plan.population}"
        self._input = self._sink("input", plan.unit_in, [label])
        self._rates = self._sink("rate", "spikes/s", [label])
        self._trains = None
        if record.trains and self._spikes is not None:
            self._trains = recorder.spikes(plan.region, plan.name + TRAINS, plan.trains)

    def work(self, window: Window) -> None:
        """Add up the inputs, scale to a rate, draw."""
        total = np.zeros(((window.stop - window.start) // self.plan.step_out, 1))
        for inlet, front in zip(self.inlets, self._intakes, strict=True):
            block = self.take(inlet)
            total += front.convert(block, self.clock.at(self.window - inlet.lag)).values
        summed = Signal(window.start, self.plan.step_out, total)
        self._keep(self._input, summed)
        if self._on_negative == "stop":
            # What would be clipped must not pass.
            exact = self.plan.gain * total + self.plan.offset
            self._judge(Signal(summed.start, summed.step, exact))
        rate = self._affine.convert(summed)
        self._rate_hz = float(rate.values.mean())
        self._keep(self._rates, rate)
        out = rate if self._spikes is None else self._spikes.convert(rate, window)
        if self._trains is not None and isinstance(out, SpikeBatch):
            self._trains.append(out)
        for end in self.outlets:
            self.put(end, window.index, out)

    def notes(self) -> list[str]:
        """Return what was clipped."""
        counts = [self._affine.clipped, getattr(self._spikes, "clipped", None)]
        return [_clipped(self.name, c) for c in counts if c is not None and (c.low or c.high)]


class OutOfSpikes(TransformerRole):
    """Spikes of a population become a variable of the mean-field model."""

    def __init__(
        self, plan: TransformerPlan, clock: Clock, seed: int, inlets: Mapping[str, Inlet],
        outlets: Mapping[str, Outlet], recorder: Recorder, record: Record, guards: Guards,
    ) -> None:
        super().__init__(plan, clock, seed, inlets, outlets, recorder, record, guards)
        self._to_rate = self._converter()
        before_hz = getattr(self._to_rate, "initial_rate_hz", 0.0)
        self._map = _variable(plan, clock, before_hz)
        label = f"{plan.region}.{plan.population}"
        self._rates = self._sink("rate", "spikes/s", [label])
        self._values = self._sink("output", plan.unit_out, [label])

    def work(self, window: Window) -> None:
        """Filter the spikes, convert the rate, send it to every mode."""
        (inlet,) = self.inlets
        spikes = self.take(inlet)
        rate = self._to_rate.convert(spikes, self.clock.at(self.window - inlet.lag))
        assert isinstance(rate, Signal)
        self._rate_hz = float(rate.values.mean())
        self._keep(self._rates, rate)
        self._judge(rate)
        value = self._map.convert(self._gateable(rate))
        self._keep(self._values, value)
        columns = np.repeat(value.values, self.plan.columns, axis=1)
        for end in self.outlets:
            self.put(end, window.index, Signal(value.start, value.step, columns))

    def notes(self) -> list[str]:
        """Return how often the rate was negative."""
        note = self._negative.note()
        return [f"{self.name}: {note}"] if note else []


class RelaySpikes(TransformerRole):
    """Spikes of other spiking regions arrive on fibres after the tract's delay."""

    def __init__(
        self, plan: TransformerPlan, clock: Clock, seed: int, inlets: Mapping[str, Inlet],
        outlets: Mapping[str, Outlet], recorder: Recorder, record: Record, guards: Guards,
    ) -> None:
        super().__init__(plan, clock, seed, inlets, outlets, recorder, record, guards)
        self._relay = self._converter()
        firsts = np.cumsum([0, *(f.size for f in plan.fronts)])
        self._tracts = [
            DelayedSpikes(f.delay, int(first))
            for f, first in zip(plan.fronts, firsts[:-1], strict=True)
        ]
        self._trains = None
        if record.trains:
            self._trains = recorder.spikes(plan.region, plan.name + TRAINS, plan.trains)

    def work(self, window: Window) -> None:
        """Pass on what arrives."""
        batches = [
            tract.arriving(self.take(inlet), window)
            for inlet, tract in zip(self.inlets, self._tracts, strict=True)
        ]
        batch = SpikeBatch.ordered(
            window.start, window.stop,
            np.concatenate([b.ticks for b in batches] or [np.empty(0, np.int64)]),
            np.concatenate([b.senders for b in batches] or [np.empty(0, np.int32)]),
        )
        out = self._relay.convert(batch, window)
        seconds = (window.stop - window.start) * self.clock.tick_ms / 1e3
        self._rate_hz = len(batch.ticks) / max(self.plan.trains, 1) / seconds
        if self._trains is not None and isinstance(out, SpikeBatch):
            self._trains.append(out)
        for end in self.outlets:
            self.put(end, window.index, out)


class Between(TransformerRole):
    """A variable of one mean-field model becomes a variable of another one."""

    def __init__(
        self, plan: TransformerPlan, clock: Clock, seed: int, inlets: Mapping[str, Inlet],
        outlets: Mapping[str, Outlet], recorder: Recorder, record: Record, guards: Guards,
    ) -> None:
        super().__init__(plan, clock, seed, inlets, outlets, recorder, record, guards)
        self._hold = SampleAndHold(plan.step_out)
        self._map = None if plan.through.name == "resample" else _variable(plan, clock)

    def work(self, window: Window) -> None:
        """Resample; then average over modes, convert, and repeat for the receiver's modes."""
        (inlet,) = self.inlets
        signal = self._hold.convert(self.take(inlet), self.clock.at(self.window - inlet.lag))
        if self._map is not None:
            rows, regions = len(signal.values), self.plan.size
            mean = signal.values.reshape(rows, regions, -1).mean(axis=2)
            if isinstance(self._map, Gating):
                mean = mean * self.plan.gain
            value = self._map.convert(self._gateable(Signal(signal.start, signal.step, mean)))
            columns = np.repeat(value.values, self.plan.columns // regions, axis=1)
            signal = Signal(value.start, value.step, columns)
        for end in self.outlets:
            self.put(end, window.index, signal)

    def status(self) -> dict[str, float]:
        """Return nothing: no spiking population is at this border."""
        return {}


class Scale:
    """A gain: units of the outgoing variable per unit of the incoming activity."""

    def __init__(self, gain: float) -> None:
        self._gain = gain

    def convert(self, signal: Signal) -> Signal:
        """Return the scaled signal."""
        return Signal(signal.start, signal.step, signal.values * self._gain)


def _variable(plan: TransformerPlan, clock: Clock, initial_hz: float = 0.0) -> Scale | Gating:
    if plan.gating is not None:
        gating = plan.gating
        return Gating(
            gating.tau_S, gating.gamma, initial_rate_hz=initial_hz, tick_ms=clock.tick_ms
        )
    return Scale(plan.gain)


def _clipped(name: str, count: Clipping) -> str:
    return (
        f"{name}: the rate was clipped in {count.low} steps at 0 and in {count.high} steps at "
        "its maximum"
    )


ROLES: dict[str, type[TransformerRole]] = {
    "into_spikes": IntoSpikes,
    "out_of_spikes": OutOfSpikes,
    "relay": RelaySpikes,
    "between": Between,
}
