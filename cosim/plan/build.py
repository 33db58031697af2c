"""From a case and a rank count to the plan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cosim.clock import Clock, common_tick_ns, to_ns
from cosim.errors import Problem
from cosim.plan import borders
from cosim.plan.borders import Grid
from cosim.plan.model import Plan
from cosim.plan.placement import place
from cosim.plan.sheet import Unfit
from cosim.plan.wiring import Wiring
from cosim.scenario.explain import faulty
from cosim.scenario.load import Case, draft_case
from cosim.scenario.ownership import place_flaw
from cosim.simulator import engines


def open_case(
    path: Path, overrides: Mapping[str, Any] | None = None, ranks: int | None = None
) -> tuple[Case, Plan]:
    """Read, check and plan a scenario.

    Parameters
    ----------
    path
        The YAML file.
    overrides
        Values from the command line that replace keys of the scenario.
    ranks
        Number of MPI ranks; None takes what the scenario asks for.

    Raises
    ------
    ScenarioInvalid
        With all problems at once, those of the plan included.
    UsageError
        If the number of ranks does not suit.
    """
    draft = draft_case(path, overrides)
    case = draft.case
    places = list(_places(case))
    problems = [*draft.problems, *places]
    grid, more = _grid(case)
    problems += more
    if problems and (grid is None or places or not case.simulators):
        raise case.invalid(problems)
    assert grid is not None
    clock, reason, more = _clock(case, grid)
    problems += more
    problems += _sums(case)
    if problems:
        raise case.invalid(problems)
    try:
        return case, _plan(case, clock, reason, ranks)
    except Unfit as error:
        raise case.invalid([_unfit(case, error)]) from error


def _grid(case: Case) -> tuple[Grid | None, list[Problem]]:
    """Find the tick, and what every window must be a multiple of."""
    steps: dict[str, tuple[int, int]] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys(s.model for s in case.simulators):
        config = case.scenario.models[name]
        engine = engines()[config.engine]
        try:
            steps[name] = to_ns(engine.step_ms(config)), to_ns(engine.exchange_step_ms(config))
        except ValueError as error:
            problems.append(Problem(("models", name), f"the step of '{name}': {error}"))
    if problems or not steps:
        return None, problems
    tick = common_tick_ns(n for pair in steps.values() for n in pair)
    for key in ("duration", "window"):
        time = getattr(case.scenario, key)
        if not isinstance(time, str) and to_ns(time) % tick:
            problems.append(Problem(
                (key,), f"'{key}' is {time:g} ms",
                f"a multiple of {tick / 1e6:g} ms, the finest step of all simulators",
            ))
    if problems:
        return None, problems
    base = math.lcm(*(n for pair in steps.values() for n in pair)) // tick
    needs = ", ".join(f"{n}: {pair[1] / 1e6:g} ms" for n, pair in steps.items())
    return Grid(tick, base, f"steps and minimum delays of {needs}"), []


def _clock(case: Case, grid: Grid) -> tuple[Clock, str, list[Problem]]:
    """Choose or check the window against the border edges."""
    scenario = case.scenario
    probe = Clock(grid.tick_ns, grid.base, grid.base)
    edges = [b.shortest for b in Wiring(case, probe).borders(lags=False)]
    asked = None if isinstance(scenario.window, str) else probe.ticks(scenario.window)
    duration = probe.ticks(scenario.duration)
    window, reason, problems = borders.choose_window(
        asked, duration, grid, borders.shortest_of(edges)
    )
    return Clock(grid.tick_ns, window, duration), reason, problems


def _places(case: Case) -> Iterator[Problem]:
    """Yield the interface entries that do not say which of a simulator's regions they mean."""
    for simulator in case.simulators:
        if simulator.kind != "spiking":
            continue
        config = case.scenario.models[simulator.model]
        for key in ("receives", "sends"):
            for i, entry in enumerate(getattr(config, key)):
                flaw = place_flaw(simulator, entry, case.brain.labels)
                if flaw:
                    yield Problem(
                        ("models", simulator.model, key, i, "region"),
                        f"in simulator '{simulator.name}' {flaw}",
                        "'region: <label or pattern>' that matches one of them",
                    )


def _sums(case: Case) -> Iterator[Problem]:
    """Yield the inputs for which the coupling of several simulators cannot be added up."""
    models = case.scenario.models
    senders = [s.model for s in case.simulators if s.kind == "mean_field"]
    for name, config in models.items():
        if not any(s.model == name for s in case.simulators):
            continue
        for i, entry in enumerate(config.receives):
            sending = [m for m in senders if m in entry.sources]
            bent = [m for m in sending if not engines()[models[m].engine].additive(models[m])]
            if len(sending) > 1 and bent:
                yield Problem(
                    ("models", name, "receives", i, "from"),
                    f"{len(sending)} simulators send here, and the coupling of '{bent[0]}' cannot "
                    "be computed for each of them apart",
                    "a coupling proportional to the sum of its inputs (Linear with b = 0, "
                    "Scaling), or all senders in one simulator",
                )


def _unfit(case: Case, error: Unfit) -> Problem:
    """Return the problem of the entry whose transformer refuses."""
    entries = (
        (("models", name, key, i, "through"), entry)
        for name, config in case.scenario.models.items()
        for key in ("receives", "sends")
        for i, entry in enumerate(getattr(config, key))
    )
    path = next(path for path, entry in entries if entry.through is error.through)
    return faulty(path, error.through.name, error.cause)


def _plan(case: Case, clock: Clock, reason: str, ranks: int | None) -> Plan:
    wiring = Wiring(case, clock)
    simulators, transformers, channels = wiring.wire()
    simulators, transformers, count = place(
        simulators, transformers, case.scenario.transformers, ranks
    )
    return Plan(
        clock, reason, simulators, transformers, channels,
        tuple(wiring.borders()), tuple(wiring.cuts()), count, case.resolved(),
    )
