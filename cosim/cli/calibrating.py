"""Measuring what a scenario costs on this machine."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from pathlib import Path

from rich.table import Table

from cosim.cli.checking import checked
from cosim.cli.options import time_ms
from cosim.cli.running import console
from cosim.cli.workshop import Measured, Workshop, messages
from cosim.clock import to_ns
from cosim.costs.fit import core_share, parallel_part, per_window_s, role_cost
from cosim.costs.model import Costs, Crowd, Machine, RoleCost, write_costs
from cosim.costs.predict import per_core, predict
from cosim.patience import cores
from cosim.plan.model import Plan
from cosim.plan.placement import placed
from cosim.scenario.load import Case
from cosim.simulator import engines

#: Keys of a scenario on which its costs do not depend.
_FREE = ("name", "duration", "window", "seed", "transformers", "record")
#: Lengths of windows at which is measured.
LENGTHS = 3


def calibrate(scenario: Path, to: Path | None, duration: str | None) -> int:
    """Measure what roles and messages of a scenario cost, and keep it.

    Parameters
    ----------
    scenario
        The scenario.
    to
        File for the costs; None for the user's cache.
    duration
        Biological time of each run, in words; None for a short one.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    ScenarioInvalid
        If the scenario has problems.
    CosimError
        If one of the runs fails.
    """
    case, plan = checked(scenario, {}, None)
    asked_ms = None if duration is None else time_ms("--duration", duration)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        workshop = Workshop(scenario, Path(temporary), asked_ms)
        roles, bytes_per_ms = _costs(case, plan, workshop)
        message_s, byte_s = messages()
        alone = Costs(
            scenario=digest(case), roles=roles, spike_bytes_per_ms=bytes_per_ms,
            machine=Machine(name=os.uname().nodename, cores_per_node=cores()),
            message_s=message_s, byte_s=byte_s, load=max(load, os.getloadavg()[0] - 1),
        )
        result = alone.model_copy(update={"crowds": _crowds(case, plan, alone, workshop)})
    path = to or default_path(case)
    write_costs(result, path)
    _show(result, path)
    return 0


def _costs(
    case: Case, plan: Plan, workshop: Workshop
) -> tuple[dict[str, RoleCost], dict[str, float]]:
    """Return the cost of each role, and the bytes of spikes on each channel in 1 ms."""
    one = {model: 1 for model in _threaded(case, plan)}
    costs: dict[str, dict[float, float]] = {}
    for window_ms in lengths_ms(case, plan):
        found = workshop.run(window_ms, one)
        for role, seconds in _per_window_s(found).items():
            costs.setdefault(role, {})[window_ms] = seconds
    parallel: dict[str, float] = {}
    if one and cores() > 1:
        twice = workshop.run(window_ms, dict.fromkeys(one, 2))
        spiking = {r.role for r in twice.account.roles if r.kind == "spiking"}
        parallel = {
            role: parallel_part(costs[role][window_ms], seconds, 2)
            for role, seconds in _per_window_s(twice).items() if role in spiking
        }
    roles = {name: role_cost(c, parallel.get(name, 0.0)) for name, c in costs.items()}
    return roles, found.bytes_per_ms


def _crowds(case: Case, plan: Plan, alone: Costs, workshop: Workshop) -> tuple[Crowd, ...]:
    """Measure how much longer work takes when ranks share the machine, few of them and many."""
    found = []
    for ranks in sorted({len(plan.simulators), plan.ranks}):
        there = placed(plan, case.scenario.transformers, ranks)
        account = workshop.run_ranks(there)
        windows = max(len(role.cpu_s) for role in account.roles)
        expected_s = sum(r.busy_s for r in predict(there, alone).roles) / there.clock.windows
        spent_s = sum(float(role.cpu_s.sum()) for role in account.roles) / windows
        factor = max(spent_s / expected_s, 1.0) if expected_s > 0 else 1.0
        found.append(Crowd(per_core=per_core(there, alone), factor=factor))
    return tuple(found)


def _per_window_s(found: Measured) -> dict[str, float]:
    share = core_share(found.account.roles)
    return {role.role: per_window_s(role, share) for role in found.account.roles}


def _show(costs: Costs, path: Path) -> None:
    out = console()
    out.print(_table(costs))
    for crowd in costs.crowds:
        out.print(f"work takes {crowd.factor:.2f} times longer with {crowd.per_core:.3g} ranks and "
                  "threads a core", highlight=False)
    out.print(
        f"a message between ranks: {1e6 * costs.message_s:.0f} us and {1e9 * costs.byte_s:.2f} ns "
        "a byte", highlight=False,
    )
    if costs.load > 0.5:
        out.print(
            f"[yellow]warning[/] others kept {costs.load:.1f} cores busy meanwhile; costs measured "
            "on an idle machine are more exact", highlight=False,
        )
    out.print(f"costs    {path}", highlight=False, soft_wrap=True)


def digest(case: Case) -> str:
    """Return a digest of all of a scenario that costs depend on: not of windows and ranks."""
    resolved = {k: v for k, v in json.loads(case.resolved()).items() if k not in _FREE}
    for model in resolved.get("models", {}).values():
        model.pop("threads", None)
    text = json.dumps(resolved, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def default_path(case: Case) -> Path:
    """Return where the costs of a scenario are kept for this user."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = given if given.is_absolute() else Path.home() / ".cache"
    return base / "cosim" / f"costs-{digest(case)}.json"


def base_ticks(case: Case, plan: Plan) -> int:
    """Return what every window is a multiple of, in ticks."""
    models = case.scenario.models
    steps = [to_ns(engines()[s.engine].exchange_step_ms(models[s.model])) // plan.clock.tick_ns
             for s in plan.simulators]
    return math.lcm(*steps, *(s.step for s in plan.simulators))


def lengths_ms(case: Case, plan: Plan) -> list[float]:
    """Return lengths of windows from the shortest legal one to the longest, in ms."""
    base = base_ticks(case, plan)
    reach = min((b.shortest.reach for b in plan.borders), default=plan.clock.window)
    most = max(min(reach, plan.clock.duration) // base, 1)
    counts = sorted({1, max(round(most**0.5), 1), most})
    return [plan.clock.ms(count * base) for count in counts[:LENGTHS]]


def _threaded(case: Case, plan: Plan) -> list[str]:
    """Return the models that can have threads."""
    models = case.scenario.models
    return [s.model for s in plan.simulators if hasattr(models[s.model], "threads")]


def _table(costs: Costs) -> Table:
    table = Table(title="What roles cost", title_justify="left", title_style="bold", box=None,
                  pad_edge=False)
    for i, heading in enumerate(("role", "each window", "each biological ms", "shared by threads")):
        table.add_column(heading, justify="left" if i == 0 else "right", overflow="fold")
    for name, cost in costs.roles.items():
        table.add_row(name, f"{1e3 * cost.window_s:.3f} ms", f"{1e3 * cost.ms_s:.3f} ms",
                      f"{cost.parallel:.0%}" if cost.parallel else "")
    return table
