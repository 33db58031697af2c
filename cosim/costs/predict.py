"""From a plan and a calibration to the time that a run will take, and to what bounds it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cosim.costs.fit import crowding
from cosim.costs.model import Costs, Machine
from cosim.costs.schedule import Pipe, Task, window_s
from cosim.errors import UsageError
from cosim.links.base import depth
from cosim.plan.model import HEADER_BYTES, ChannelPlan, Plan


@dataclass(frozen=True)
class RolePrediction:
    """What a role will take.

    Parameters
    ----------
    role, rank, threads
        Which, where, and with how many threads.
    busy_s
        Seconds of work over the whole run, with a core for each thread.
    """

    role: str
    rank: int
    threads: int
    busy_s: float


@dataclass(frozen=True)
class Prediction:
    """What a run will take.

    Parameters
    ----------
    wall_s
        From the first window to the last.
    window_s
        From one window to the next.
    roles
        What each role will take.
    bottleneck
        The role that most of the time goes to on the busiest rank.
    bound
        What the time is bounded by: ``rank`` (the busiest rank), ``cores`` (fewer than ranks and
        threads want), or ``turns`` (roles wait for each other in turn).
    oversubscribed
        Whether ranks and threads outnumber the cores of a node.
    """

    wall_s: float
    window_s: float
    roles: tuple[RolePrediction, ...]
    bottleneck: str
    bound: str
    oversubscribed: bool


def predict(
    plan: Plan, costs: Costs, machine: Machine | None = None,
    threads: Mapping[str, int] | None = None,
) -> Prediction:
    """Return what a plan will take on a machine.

    Parameters
    ----------
    plan
        Who runs where, with which window.
    costs
        A calibration of the same scenario.
    machine
        Where it is to run; None for where the calibration was made.
    threads
        Threads of simulators, in place of those of the plan.

    Raises
    ------
    UsageError
        If the calibration lacks a role.
    """
    there = machine or costs.machine
    tasks = _crowded(_tasks(plan, costs, there, threads or {}), costs, there)
    pipes = _pipes(plan, tasks, costs, there)
    # A rank with several threads on fewer cores has no more than these.
    step_s = window_s(tasks, pipes, there.cores_per_node)
    windows = plan.clock.windows
    roles = tuple(
        RolePrediction(t.name, t.rank, t.threads, t.work_s * windows) for t in tasks
    )
    by_rank: dict[int, float] = {}
    for task in tasks:
        by_rank[task.rank] = by_rank.get(task.rank, 0.0) + task.work_s
    busiest = max(by_rank, key=lambda rank: by_rank[rank])
    slowest = max((t for t in tasks if t.rank == busiest), key=lambda t: t.work_s)
    return Prediction(
        step_s * windows, step_s, roles, slowest.name,
        _bound(tasks, step_s, by_rank[busiest], there), _per_core(tasks, there) > 1,
    )


def _bound(tasks: Sequence[Task], step_s: float, rank_s: float, machine: Machine) -> str:
    if rank_s >= 0.9 * step_s:
        return "rank"
    loads: dict[int, float] = {}
    for task in tasks:
        loads[task.node] = loads.get(task.node, 0.0) + task.work_s * task.threads
    return "cores" if max(loads.values()) >= 0.8 * machine.cores_per_node * step_s else "turns"


def per_core(plan: Plan, costs: Costs) -> float:
    """Return how many threads want each core of the machine of a calibration."""
    return _per_core(_tasks(plan, costs, costs.machine, {}), costs.machine)


def _crowded(tasks: Sequence[Task], costs: Costs, machine: Machine) -> list[Task]:
    factor = crowding(costs.crowds, _per_core(tasks, machine))
    return [replace(task, work_s=task.work_s * factor) for task in tasks]


def _per_core(tasks: Sequence[Task], machine: Machine) -> float:
    """Return how many threads want each core, where most do."""
    widest: dict[tuple[int, int], int] = {}
    for task in tasks:
        key = task.node, task.rank
        widest[key] = max(widest.get(key, 0), task.threads)
    wanted: dict[int, int] = {}
    for (node, _), threads in widest.items():
        wanted[node] = wanted.get(node, 0) + threads
    return max(wanted.values()) / machine.cores_per_node


def _tasks(
    plan: Plan, costs: Costs, machine: Machine, threads: Mapping[str, int]
) -> list[Task]:
    window_ms = plan.clock.ms(plan.clock.window)
    spread = math.ceil(plan.ranks / machine.nodes)
    messages_s = dict(_messages(plan, costs))
    given = {s.name: threads.get(s.name, s.threads) for s in plan.simulators}
    tasks = []
    for role in plan.roles():
        cost = costs.roles.get(role.name)
        if cost is None:
            raise UsageError(
                f"the calibration knows no role '{role.name}'; make another with "
                "'cosim calibrate'"
            )
        # More threads than cores take turns, which no law makes faster.
        count = min(given.get(role.name, 1), machine.cores_per_node)
        work_s = cost.seconds(window_ms, count) + messages_s.get(role.name, 0.0)
        tasks.append(
            Task(role.name, role.rank, role.rank // spread, count, work_s * machine.slowness)
        )
    return tasks


def _messages(plan: Plan, costs: Costs) -> Iterator[tuple[str, float]]:
    """Yield what each role spends on messages to and from other ranks in a window."""
    rank_of = plan.rank_of()
    spent: dict[str, float] = {}
    for channel in plan.channels:
        if rank_of[channel.source] != rank_of[channel.target]:
            half_s = (costs.message_s + costs.byte_s * _bytes(plan, channel, costs)) / 2
            for name in (channel.source, channel.target):
                spent[name] = spent.get(name, 0.0) + half_s
    yield from spent.items()


def _bytes(plan: Plan, channel: ChannelPlan, costs: Costs) -> float:
    if not channel.spikes:
        return channel.signal_bytes
    window_ms = plan.clock.ms(plan.clock.window)
    return HEADER_BYTES + window_ms * costs.spike_bytes_per_ms.get(channel.name, 0.0)


def _pipes(plan: Plan, tasks: Sequence[Task], costs: Costs, machine: Machine) -> list[Pipe]:
    at = {task.name: task for task in tasks}
    pipes = []
    for channel in plan.channels:
        source, target = at[channel.source], at[channel.target]
        apart = source.node != target.node
        transfer_s = machine.transfer_s(_bytes(plan, channel, costs)) if apart else 0.0
        # Both ends of a channel between ranks hold so many blocks.
        room = depth(channel.lag) * (1 if source.rank == target.rank else 2)
        pipes.append(Pipe(source.name, target.name, channel.lag, room, transfer_s))
    return pipes
