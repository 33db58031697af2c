"""What a planned run will take, and how it would take less."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cosim.cli.calibrating import base_ticks, default_path, digest
from cosim.cli.running import console
from cosim.costs.layouts import Option, best
from cosim.costs.model import Machine, read_costs, read_machine
from cosim.costs.predict import Prediction, predict
from cosim.errors import ScenarioInvalid
from cosim.plan.build import open_case
from cosim.plan.model import Plan
from cosim.plan.placement import placed
from cosim.scenario.load import Case

#: Windows to choose from.
WINDOWS = 5
#: With no ranks for transformers alone.
PLACEMENTS = ("simulators", "mean_fields")
_BOUNDS = {
    "rank": "the rank of '{role}' is busy all the time",
    "cores": "all cores are busy; '{role}' takes most",
    "turns": "ranks wait for each other in turn; '{role}' takes most",
}


def show_forecast(
    case: Case, plan: Plan, scenario: Path, overrides: dict[str, Any], costs_file: Path | None,
    machine_file: Path | None,
) -> None:
    """Print what a plan will take, if there are costs to tell from.

    Parameters
    ----------
    scenario, overrides
        From which the plan is.
    costs_file
        A calibration; None for that in the user's cache.
    machine_file
        The description of a machine; None for that of the calibration.

    Raises
    ------
    UsageError
        If a file cannot be read, or the costs are of another scenario.
    """
    out = console()
    path = costs_file or default_path(case)
    if costs_file is None and not path.exists():
        if machine_file is not None:
            out.print("no costs are known; 'cosim calibrate' measures them", highlight=False)
        return
    costs = read_costs(path)
    if costs.scenario != digest(case):
        out.print("[yellow]warning[/] the costs were measured with another scenario",
                  highlight=False)
    machine = costs.machine if machine_file is None else read_machine(machine_file)
    found = predict(plan, costs, machine)
    out.print(_table(plan, found, machine))
    out.print(_words(found), highlight=False, soft_wrap=True)
    _show_best(best(list(_choices(case, plan, scenario, overrides)), costs, machine), found, out)


def _table(plan: Plan, found: Prediction, machine: Machine) -> Table:
    where = f"{machine.cores_per_node} cores" + (
        f" on each of {machine.nodes} nodes" if machine.nodes > 1 else ""
    )
    table = Table(title=f"Prediction for {machine.name or 'a machine'} with {where}",
                  title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, heading in enumerate(("role", "rank", "threads", "works", "of the run")):
        table.add_column(heading, justify="left" if i == 0 else "right", overflow="fold")
    for role in found.roles:
        table.add_row(role.role, str(role.rank), str(role.threads), f"{role.busy_s:.2f} s",
                      f"{role.busy_s / found.wall_s:.0%}" if found.wall_s else "")
    biological_s = plan.clock.ms(plan.clock.duration) * 1e-3
    table.add_row("all", "", "", f"{found.wall_s:.2f} s", f"{found.wall_s / biological_s:.3g} x "
                  "real time", style="bold")
    return table


def _words(found: Prediction) -> str:
    words = _BOUNDS[found.bound].format(role=found.bottleneck)
    crowded = "; ranks and threads outnumber the cores" if found.oversubscribed else ""
    return f"{words}{crowded}"


def _show_best(option: Option, now: Prediction, out: Console) -> None:
    gain = 1 - option.prediction.wall_s / now.wall_s if now.wall_s else 0.0
    if gain < 0.02:
        out.print("no other window, ranks or threads would be faster by 2%", highlight=False)
        return
    threads = ", ".join(f"{name} {n}" for name, n in option.threads.items() if n > 1)
    out.print(
        f"best: --window \"{option.window_ms:g} ms\" {_placement(option.plan)}"
        + (f", threads: {threads}" if threads else "")
        + f"; {option.prediction.wall_s:.2f} s, {gain:.0%} less", highlight=False, soft_wrap=True,
    )


def _placement(plan: Plan) -> str:
    """Return the options that place the transformers as a plan does."""
    rank_of, every = plan.rank_of(), plan.transformers
    if every and all(t.rank == rank_of[t.home] for t in every):
        return "--placement simulators"
    if every and all(t.rank == rank_of[t.across] for t in every):
        return "--placement mean_fields"
    return f"--ranks {plan.ranks}"


def _choices(
    case: Case, plan: Plan, scenario: Path, overrides: dict[str, Any]
) -> Iterator[Plan]:
    """Yield the plan with other windows and numbers of ranks."""
    clock, base = plan.clock, base_ticks(case, plan)
    reach = min((b.shortest.reach for b in plan.borders), default=clock.window)
    legal = [w for w in range(base, reach + 1, base) if clock.duration % w == 0]
    step = max(len(legal) / WINDOWS, 1.0)
    some = {legal[int(i * step)] for i in range(min(WINDOWS, len(legal)))} if legal else set()
    for window in sorted({clock.window, *some, *legal[-1:]}):
        other = plan
        if window != clock.window:
            text = f"{clock.ms(window)!r} ms"
            try:
                _, other = open_case(scenario, {**overrides, "window": text}, None)
            except ScenarioInvalid:
                continue
        here = case.scenario.transformers
        for ranks in {plan.ranks, *_own(plan)}:
            yield placed(other, here, ranks)
        for placement in PLACEMENTS:
            wish = here.model_copy(update={"placement": placement})
            yield placed(other, wish, len(plan.simulators))


def _own(plan: Plan) -> tuple[int, ...]:
    """Return numbers of ranks with some for transformers alone."""
    few, most = len(plan.simulators), len(plan.roles())
    return tuple({min(few + 1, most), min(few + 2, most), most})
