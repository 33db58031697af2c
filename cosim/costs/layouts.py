"""Which window, placement and threads suit a machine best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cosim.costs.model import Costs, Machine
from cosim.costs.predict import Prediction, predict
from cosim.plan.model import Plan

#: A gain below this is not worth another layout: the prediction is no better.
SLIGHT = 0.02


@dataclass(frozen=True)
class Option:
    """A way to run a scenario, and what it will take.

    Parameters
    ----------
    plan
        With window and ranks.
    threads
        Of each simulator whose engine has threads.
    prediction
        What it will take.
    """

    plan: Plan
    threads: Mapping[str, int]
    prediction: Prediction

    @property
    def window_ms(self) -> float:
        """Length of a window."""
        return self.plan.clock.ms(self.plan.clock.window)


def best(plans: Sequence[Plan], costs: Costs, machine: Machine) -> Option:
    """Return the fastest way; of those that are about as fast the one with fewest cores.

    Parameters
    ----------
    plans
        Windows and placements to choose from.
    """
    options = [
        Option(plan, threads, predict(plan, costs, machine, threads))
        for plan in plans
        for threads in threads_of(plan, costs, machine)
    ]
    least_s = min(option.prediction.wall_s for option in options)
    good = [o for o in options if o.prediction.wall_s <= (1 + SLIGHT) * least_s]
    return min(good, key=lambda o: (wanted(o), o.prediction.wall_s))


def wanted(option: Option) -> int:
    """Return how many cores all ranks together keep busy."""
    threads: dict[int, int] = dict.fromkeys(range(option.plan.ranks), 1)
    for simulator in option.plan.simulators:
        count = option.threads.get(simulator.name, simulator.threads)
        threads[simulator.rank] = max(threads[simulator.rank], count)
    return sum(threads.values())


def threads_of(plan: Plan, costs: Costs, machine: Machine) -> Iterator[dict[str, int]]:
    """Yield threads for the simulators that gain from them: 1, 2, 4, ... each, alike for all.

    Alike only at first: then the slowest simulator alone gets more.
    """
    gaining = [
        s.name for s in plan.simulators
        if s.kind == "spiking" and s.name in costs.roles and costs.roles[s.name].parallel > 0
    ]
    yield {s.name: s.threads for s in plan.simulators}
    if not gaining:
        return
    window_ms = plan.clock.ms(plan.clock.window)
    slowest = max(gaining, key=lambda name: costs.roles[name].seconds(window_ms))
    count = 1
    while count <= machine.cores_per_node:
        yield dict.fromkeys(gaining, count)
        if len(gaining) > 1 and count > 1:
            yield {name: count if name == slowest else 1 for name in gaining}
        count *= 2
