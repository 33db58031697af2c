"""Measuring what a scenario costs on this machine."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from cosim.cli.checking import checked
from cosim.cli.launching import program
from cosim.cli.options import time_ms
from cosim.cli.running import allowing, console
from cosim.clock import to_ns
from cosim.costs.fit import core_share, message_cost, parallel_part, per_window_s, role_cost
from cosim.costs.model import Costs, Machine, RoleCost, write_costs
from cosim.errors import CosimError
from cosim.patience import cores
from cosim.plan.model import Plan
from cosim.results import open_result
from cosim.results.profile import Profile, profile_of
from cosim.scenario.load import Case
from cosim.simulator import engines
from cosim.tapes.reel import tape_path
from cosim_launch import Layout, find_mpirun, launch_command, without_launcher

#: Keys of a scenario on which its costs do not depend.
_FREE = ("name", "duration", "window", "seed", "transformers", "record")
#: Windows that a run has at least, and how long it is at least.
WINDOWS, LEAST_MS = 16, 60.0
#: Lengths of windows at which is measured.
LENGTHS = 3


@dataclass(frozen=True)
class _Measured:
    """What came of one run: its account, and bytes that crossed channels with spikes, by name."""

    account: Profile
    bytes_per_ms: dict[str, float]


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
        roles, bytes_per_ms = _costs(case, plan, _Workshop(scenario, Path(temporary), asked_ms))
    message_s, byte_s = _messages()
    result = Costs(
        scenario=digest(case), machine=Machine(name=os.uname().nodename, cores_per_node=cores()),
        roles=roles, spike_bytes_per_ms=bytes_per_ms, message_s=message_s, byte_s=byte_s,
        load=max(load, os.getloadavg()[0] - 1),
    )
    path = to or default_path(case)
    write_costs(result, path)
    _show(result, path)
    return 0


def _costs(
    case: Case, plan: Plan, workshop: _Workshop
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


def _per_window_s(found: _Measured) -> dict[str, float]:
    share = core_share(found.account.roles)
    return {role.role: per_window_s(role, share) for role in found.account.roles}


def _show(costs: Costs, path: Path) -> None:
    out = console()
    out.print(_table(costs))
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


class _Workshop:
    """Runs the scenario in one process, where no role takes a core from another."""

    def __init__(self, scenario: Path, folder: Path, asked_ms: float | None) -> None:
        self._scenario, self._folder, self._asked_ms = scenario, folder, asked_ms
        self._count = 0

    def run(self, window_ms: float, threads: dict[str, int]) -> _Measured:
        """Run it for a while, say so, and return its account."""
        most = max(threads.values(), default=1)
        beside = f", {most} threads" if most > 1 else ""
        console().print(f"windows of {window_ms:g} ms{beside}", highlight=False)
        self._count += 1
        length_ms = self._asked_ms or max(WINDOWS * window_ms, LEAST_MS)
        duration_ms = max(math.ceil(length_ms / window_ms - 1e-9), 2) * window_ms
        changed: dict[str, Any] = {
            "base": str(self._scenario.resolve()), "duration": f"{duration_ms:.9g} ms",
            "window": f"{window_ms:.9g} ms", "record": {"tapes": True},
        }
        if threads:
            changed["models"] = {model: {"threads": n} for model, n in threads.items()}
        file = self._folder / f"{self._count}.yaml"
        file.write_text(json.dumps(changed), encoding="utf-8")
        run_dir = self._folder / f"run-{self._count}"
        _execute(
            [*program(), "run", str(file), "--serial", "--no-picture", "-q", "--run-dir",
             str(run_dir), *allowing()],
            {"OMP_NUM_THREADS": "1"},
        )
        with open_result(run_dir) as result:
            account, channels = profile_of(result), result.plan["channels"]
        spikes = {
            str(c["name"]): tape_path(run_dir / "tapes", c["name"]).stat().st_size / duration_ms
            for c in channels if not c["rows"]
        }
        return _Measured(account, spikes)


def _messages() -> tuple[float, float]:
    layout = Layout(2, (1, 1), 1, max(cores(), 1))
    arguments = (sys.executable, "-m", "cosim.costs.exchange")
    command = launch_command(find_mpirun(), layout, arguments)
    said = json.loads(_execute(list(command.argv), dict(command.env)))
    return message_cost(said["bytes"], said["seconds"])


def _execute(arguments: list[str], environ: dict[str, str]) -> str:
    """Run a program and return what it prints."""
    done = subprocess.run(
        arguments, env={**without_launcher(os.environ), **environ}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )
    if done.returncode:
        raise CosimError(f"a run to measure with failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _table(costs: Costs) -> Table:
    table = Table(title="What roles cost", title_justify="left", title_style="bold", box=None,
                  pad_edge=False)
    for i, heading in enumerate(("role", "each window", "each biological ms", "shared by threads")):
        table.add_column(heading, justify="left" if i == 0 else "right", overflow="fold")
    for name, cost in costs.roles.items():
        table.add_row(name, f"{1e3 * cost.window_s:.3f} ms", f"{1e3 * cost.ms_s:.3f} ms",
                      f"{cost.parallel:.0%}" if cost.parallel else "")
    return table
