"""What is watched at one simulator: its clock, its populations, its rates."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from cosim.clock import NS_PER_MS, Clock, Window
from cosim.errors import BorderError
from cosim.messages import Block, SpikeBatch
from cosim.plan.model import Plan, SimulatorPlan
from cosim.ports import AfferentOut, OutPort, SpikesOut, StateOut
from cosim.roles.guard import Column, check
from cosim.roles.watch import Finding, Watch, counted
from cosim.roles.watch_rates import NegativeRates, RunawayRates
from cosim.roles.watch_spikes import RunawaySpikes, SilentSpikes
from cosim.scenario.checks import recorded
from cosim.scenario.conversions import HZ_PER_UNIT
from cosim.scenario.guards import Action, Guards
from cosim.scenario.load import Case
from cosim.simulator import Simulator, Timekeeper, engines

log = logging.getLogger(__name__)


def act(role: str, findings: Sequence[Finding]) -> None:
    """Log what is a warning, and end the run with the earliest of what is not.

    Raises
    ------
    BorderError
        If a finding is to stop the run.
    """
    # The windows that brought them have no say in which of several comes first.
    for finding in sorted(findings, key=lambda f: (f.tick, f.text)):
        if finding.action == "stop":
            raise BorderError(finding.text, finding.region)
        log.warning("%s: %s", role, finding.text)


@dataclass
class ClockWatch:
    """Compares a simulator's own time with the windows that it was given.

    Parameters
    ----------
    name
        Name of the simulator, for messages.
    action
        What to do when they differ.
    clock
        The run's clock.
    """

    name: str
    action: Action
    clock: Clock
    _wrong: int = field(default=0, init=False)
    _first: str = field(default="", init=False)
    #: Whether the simulator can tell the time, once that is known: finding out takes a while.
    _tells: bool | None = field(default=None, init=False)

    def see(self, simulator: Simulator, window: Window) -> Finding | None:
        """Compare after a window; a simulator that cannot tell the time is believed."""
        now_ns = self._now_ns(simulator)
        due_ns = window.stop * self.clock.tick_ns
        if self.action == "ignore" or now_ns is None or now_ns == due_ns:
            return None
        self._wrong += 1
        if self._wrong > 1:
            return None
        off_ms = (now_ns - due_ns) / NS_PER_MS
        self._first = (
            f"simulator {self.name} is at {now_ns / NS_PER_MS:.12g} ms by its own clock after the "
            f"window that ends at {self.clock.ms(window.stop):.12g} ms, {abs(off_ms):.6g} ms "
            f"{'behind' if off_ms < 0 else 'ahead'}"
        )
        text = (
            f"{self._first}; expected no difference, as its data count for the window's times; "
            "its engine is in error, or set 'guards: off_clock'"
        )
        return Finding(window.stop, text, "", self.action)

    def _now_ns(self, simulator: Simulator) -> int | None:
        if self._tells is None:
            self._tells = isinstance(simulator, Timekeeper)
        return cast("Timekeeper", simulator).now_ns() if self._tells else None

    def note(self) -> str | None:
        """Return since when the clock was wrong."""
        if not self._wrong:
            return None
        return f"off clock: {self._first}, and so in {counted(self._wrong, 'window')}"


class SimulatorGuard:
    """Looks at what a simulator does, window by window.

    Parameters
    ----------
    name
        Name of the simulator.
    clock
        The run's clock.
    time
        Watches its clock.
    watches
        By output port; the ports named here are to be shown for every window.
    columns
        What the columns of signals are, by output port.
    """

    def __init__(
        self, name: str, clock: Clock, time: ClockWatch,
        watches: Mapping[str, Sequence[Watch]], columns: Mapping[str, Sequence[Column]],
    ) -> None:
        self._name, self._clock, self._time = name, clock, time
        self._watches = {port: tuple(found) for port, found in watches.items() if found}
        self.columns = dict(columns)
        self._found: list[Finding] = []

    def time(self, simulator: Simulator, window: Window) -> None:
        """Look at the simulator's own time after a window.

        Raises
        ------
        BorderError
            If it is wrong and that is to stop the run.
        """
        self._add(self._time.see(simulator, window))
        self.settle()

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports that are watched, whoever else wants them."""
        return tuple(self._watches)

    def see(self, port: str, block: Block) -> None:
        """Look at what a port emitted.

        Raises
        ------
        BorderError
            If a spike lies outside its window.
        """
        if isinstance(block, SpikeBatch):
            check(block, f"{self._name}:{port}", self._clock)
        for watch in self._watches.get(port, ()):
            self._add(watch.see(block))

    def settle(self) -> None:
        """Do what the scenario says about all that was found in a window.

        Raises
        ------
        BorderError
            If the run is to stop.
        """
        found, self._found = self._found, []
        act(self._name, found)

    def notes(self) -> list[str]:
        """Return what the user should know at the end."""
        every: list[Watch | ClockWatch] = [w for ws in self._watches.values() for w in ws]
        found = (watch.note() for watch in [*every, self._time])
        return [f"{self._name}: {note}" for note in found if note]

    def _add(self, finding: Finding | None) -> None:
        if finding is not None:
            self._found.append(finding)


def watched_only(case: Case, simulator: SimulatorPlan) -> tuple[SpikesOut, ...]:
    """Return ports for the populations that are recorded and watched, but cross no border."""
    rules, scenario = case.scenario.guards, case.scenario
    if rules.runaway.action == rules.silent.action == "ignore":
        return ()
    sizes = engines()[simulator.engine].populations(scenario.models[simulator.model])
    kept = recorded(scenario.record, simulator.model, sizes)
    sent = {p.population for p in simulator.outputs if isinstance(p, SpikesOut)}
    return tuple(
        SpikesOut(f"watched.{name}", name, sizes[name], simulator.step)
        for name in kept if name not in sent
    )


def guard_of(case: Case, plan: Plan, simulator: SimulatorPlan) -> SimulatorGuard:
    """Return the guard of a simulator of the plan."""
    rules, clock = case.scenario.guards, plan.clock
    columns = {p.name: _columns(case, simulator, p) for p in simulator.outputs}
    units = _rate_units(case, plan, simulator)
    watches: dict[str, list[Watch]] = {}
    seen: set[Column] = set()
    where = ", ".join(case.brain.labels[i] for i in simulator.regions[:3])
    for port in (*simulator.outputs, *watched_only(case, simulator)):
        if isinstance(port, SpikesOut):
            who = f"population {port.population} of {where}"
            watches[port.name] = _over_spikes(who, port.size, rules, clock)
        elif isinstance(port, StateOut):
            fresh = [c not in seen for c in columns[port.name]]
            seen |= set(columns[port.name])
            watches[port.name] = _over_rates(port, columns[port.name], fresh, units, rules, clock)
    time = ClockWatch(simulator.name, rules.off_clock, clock)
    return SimulatorGuard(simulator.name, clock, time, watches, columns)


def _columns(case: Case, simulator: SimulatorPlan, port: OutPort) -> tuple[Column, ...]:
    labels = case.brain.labels
    if isinstance(port, AfferentOut):
        return (Column(f"input {port.variable}", labels[port.target]),)
    if not isinstance(port, StateOut):
        return ()
    config = case.scenario.models[simulator.model]
    modes = engines()[simulator.engine].modes(config)
    return tuple(
        Column(variable, labels[region])
        for variable in port.variables
        for region in port.regions
        for _ in range(modes)
    )


def _rate_units(case: Case, plan: Plan, simulator: SimulatorPlan) -> dict[str, str]:
    """Return the units of those variables of a mean-field simulator that are rates."""
    activity = case.scenario.models[simulator.model].activity
    units: dict[str, str] = {}
    if activity is not None:
        units[activity.variable] = activity.unit
    ports = {p.name: p for p in simulator.outputs}
    sent = {c.name: ports[c.source_port] for c in plan.channels if c.source == simulator.name}
    for transformer in plan.transformers:
        for front in transformer.fronts:
            port = sent.get(front.channel)
            if transformer.through.name == "translate" and isinstance(port, StateOut):
                units[port.variables[0]] = transformer.unit_in
    return {variable: unit for variable, unit in units.items() if unit in HZ_PER_UNIT}


def _over_spikes(who: str, size: int, rules: Guards, clock: Clock) -> list[Watch]:
    watches: list[Watch] = []
    if rules.runaway.action != "ignore":
        watches.append(RunawaySpikes(who, size, rules.runaway, clock))
    if rules.silent.action != "ignore":
        watches.append(SilentSpikes(who, size, rules.silent, clock))
    return watches


def _over_rates(
    port: StateOut, columns: Sequence[Column], fresh: Sequence[bool], units: Mapping[str, str],
    rules: Guards, clock: Clock,
) -> list[Watch]:
    """Return watches over those columns that are rates and that no port before has."""
    watches: list[Watch] = []
    for variable, unit in units.items():
        which = [
            i for i, (c, new) in enumerate(zip(columns, fresh, strict=True))
            if new and c.variable == variable
        ]
        if which and rules.negative_rate != "ignore":
            watches.append(NegativeRates(columns, which, unit, rules.negative_rate, clock))
        if which and rules.runaway.action != "ignore":
            factor = HZ_PER_UNIT[unit]
            watches.append(
                RunawayRates(columns, which, unit, factor, port.step, rules.runaway, clock)
            )
    return watches
