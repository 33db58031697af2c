"""The runs by which a scenario is verified."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosim.clock import to_ns
from cosim.plan.model import Plan, SimulatorPlan
from cosim.scenario.load import Case
from cosim.simulator import engines

#: Stand for paths in the arguments of a trial.
SCENARIO, RUN, REFERENCE = "<scenario>", "<run>", "<reference>"
#: Shortest run that is worth comparing, if the scenario is as long.
LEAST_MS = 60.0
#: So many times the longest border delay lets activity go round a loop.
ROUNDS = 2.5


@dataclass(frozen=True)
class Trial:
    """One run.

    Parameters
    ----------
    check, what
        What is to be shown, and how, in words.
    arguments
        Of the command line, with `SCENARIO`, `RUN` and `REFERENCE` for paths.
    changes
        What differs in the scenario.
    borders
        Whether what crosses borders is the same, too.
    part
        Whether only a part of the brain runs.
    impossible
        Why it cannot be done; empty if it can.
    """

    check: str
    what: str
    arguments: tuple[str, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    borders: bool = True
    part: bool = False
    impossible: str = ""

    @property
    def one_process(self) -> bool:
        """Whether it needs one core only."""
        return bool(self.impossible) or "--serial" in self.arguments or "replay" in self.arguments


@dataclass(frozen=True)
class Programme:
    """All runs, the reference first, how long each is, and whether that is the whole scenario."""

    duration_ms: float
    trials: tuple[Trial, ...]
    whole: bool


def trials(case: Case, plan: Plan, asked_ms: float | None) -> Programme:
    """Choose durations, windows, placements and cuts for a scenario.

    Parameters
    ----------
    case, plan
        The scenario.
    asked_ms
        Biological time of each run; None for one that lets activity go round.
    """
    clock = plan.clock
    base = _base(case, plan)
    reach = min((b.shortest.reach for b in plan.borders), default=clock.duration)
    wanted = clock.ticks(asked_ms) if asked_ms is not None else _wanted(plan)
    duration = _divisible(min(wanted, clock.duration), base, reach, clock.duration)
    windows = _windows(duration, base, reach)
    first = windows[len(windows) // 2]
    common = ("--duration", f"{clock.ms(duration)!r} ms", "--no-picture", "-q")
    kept = {"record": {"trains": True, "border": True, "tapes": True}}

    def run(window: int, *more: str) -> tuple[str, ...]:
        length = ("--window", f"{clock.ms(window)!r} ms")
        return ("run", SCENARIO, "--run-dir", RUN, *common, *length, *more)

    text = f"windows of {clock.ms(first):g} ms"
    programme = [Trial("", f"reference: serial, {text}", run(first, "--serial"), kept)]
    programme.append(Trial("mpi", f"ranks under mpirun, {text}", run(first), kept))
    for window in sorted({windows[0], windows[-1], windows[len(windows) // 3]} - {first}):
        what = f"serial, windows of {clock.ms(window):g} ms"
        programme.append(Trial("window", what, run(window, "--serial"), kept))
    if len(windows) == 1:
        why = f"{clock.ms(first):g} ms is the only legal window"
        programme.append(Trial("window", "another window", impossible=why))
    programme.append(_placement(case, run(first), kept))
    programme += _alone(plan)
    programme += _splits(case, plan, run(base, "--serial"), kept, base)
    return Programme(clock.ms(duration), tuple(programme), duration == clock.duration)


def _base(case: Case, plan: Plan) -> int:
    """Return what every window is a multiple of, in ticks."""
    steps = [to_ns(engines()[s.engine].exchange_step_ms(case.scenario.models[s.model]))
             // plan.clock.tick_ns for s in plan.simulators]
    return math.lcm(*steps, *(s.step for s in plan.simulators))


def _wanted(plan: Plan) -> int:
    clock = plan.clock
    longest = max((b.shortest.delay for b in plan.borders), default=0)
    return max(int(ROUNDS * longest), clock.ticks(LEAST_MS))


def _divisible(wanted: int, base: int, reach: int, limit: int) -> int:
    """Return a duration near the wanted one with many legal windows."""
    least = max(math.ceil(wanted / base), 1) * base
    if least > limit:
        return limit
    choices = range(least, min(limit, least + least // 2) + 1, base)
    return max(choices, key=lambda d: (len(_windows(d, base, reach)), -d))


def _windows(duration: int, base: int, reach: int) -> list[int]:
    top = min(duration, max(reach, base))
    return [w for w in range(base, top + 1, base) if duration % w == 0] or [base]


def _placement(case: Case, arguments: Sequence[str], kept: Mapping[str, Any]) -> Trial:
    here = case.scenario.transformers.placement
    other = "simulators" if here == "own_ranks" else "own_ranks"
    words = {"simulators": "beside simulators", "own_ranks": "on ranks of their own"}
    moved = (*arguments, "--placement", other)
    return Trial("placement", f"mpirun, transformers {words[other]}", moved, kept)


def _alone(plan: Plan) -> Iterator[Trial]:
    for simulator in plan.simulators:
        if simulator.kind == "spiking":
            yield Trial(
                "alone", f"{simulator.name} by itself, fed with what was recorded",
                ("replay", REFERENCE, "--only", simulator.name, "--to", RUN, "-q"),
                part=True,
            )


def _splits(
    case: Case, plan: Plan, arguments: Sequence[str], kept: Mapping[str, Any], window: int
) -> Iterator[Trial]:
    for simulator in plan.simulators:
        if simulator.kind != "mean_field" or len(simulator.regions) < 2:
            continue
        what = f"{simulator.name} as two simulators"
        part = _part(case, plan, simulator, window)
        if not part:
            why = "no tracts are long enough, or all regions drive a spiking one"
            yield Trial("split", what, impossible=why)
            continue
        labels = [case.brain.labels[i] for i in part]
        rule = {"match": labels, "as": simulator.model, "simulator": f"{simulator.name}.2"}
        yield Trial("split", what, tuple(arguments), {**kept, "regions": [rule]}, borders=False)


def _part(case: Case, plan: Plan, simulator: SimulatorPlan, window: int) -> list[int]:
    """Return regions that can be simulated apart.

    Tracts to the others must last a window. None may drive a spiking region: the input of such
    a region is added up where it comes from, and sums of sums are rounded differently.
    """
    brain, clock = case.brain, plan.clock
    delays = np.rint(brain.delays_ms() / clock.ms(simulator.step)) + 1
    near = (brain.weights != 0) & (delays * simulator.step < window)
    spiking = [r for s in plan.simulators if s.kind == "spiking" for r in s.regions]
    drives = (brain.weights[spiking] != 0).any(axis=0) if spiking else np.zeros(len(near), bool)
    free = [r for r in simulator.regions if not drives[r]]
    part = set(free[: len(free) // 2 + 1] if len(free) == len(simulator.regions) else free)
    while True:
        rest = [r for r in simulator.regions if r not in part]
        bound = {r for r in part if near[r, rest].any() or near[rest, r].any()}
        if not bound:
            return sorted(part) if rest else []
        part -= bound
