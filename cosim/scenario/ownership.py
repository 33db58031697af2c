"""Which simulator owns which region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cosim.errors import Problem
from cosim.scenario.explain import nearest
from cosim.scenario.model import RegionRule, Scenario
from cosim.simulator import engines


@dataclass(frozen=True)
class Owned:
    """One simulator of the scenario and the regions it owns.

    Parameters
    ----------
    name
        Unique name: the model's, the rule's `simulator`, or a spiking region's label.
    model
        Entry under `models`.
    kind
        ``spiking`` or ``mean_field``.
    regions
        Region indices in ascending order.
    """

    name: str
    model: str
    kind: str
    regions: tuple[int, ...]


def assign(scenario: Scenario, labels: tuple[str, ...]) -> tuple[tuple[Owned, ...], list[Problem]]:
    """Apply the region rules, the first match winning.

    A mean-field model is one simulator unless rules name several; of a spiking model each
    region is a simulator of its own.
    """
    problems = list(_rule_problems(scenario, labels))
    members: dict[tuple[str, str], list[int]] = {}
    for index, label in enumerate(labels):
        rule = next((r for r in scenario.regions if _covers(r, label)), None)
        if rule is None:
            problems.append(Problem(
                ("regions",), f"no rule matches region '{label}'",
                "every region simulated by a model", "end with {match: rest, as: ...}",
            ))
            break
        if rule.model in scenario.models:
            members.setdefault((_name(scenario, rule, label), rule.model), []).append(index)
    order = {rule.model: i for i, rule in reversed(list(enumerate(scenario.regions)))}
    owned = [
        Owned(name, model, _kind(scenario, model), tuple(regions))
        for (name, model), regions in members.items()
    ]
    problems += _clashes(scenario, owned)
    owned.sort(key=lambda o: (o.kind != "mean_field", order[o.model], o.regions[0]))
    return tuple(owned), problems


def _kind(scenario: Scenario, model: str) -> str:
    return engines()[scenario.models[model].engine].kind


def _covers(rule: RegionRule, label: str) -> bool:
    patterns = (rule.match,) if isinstance(rule.match, str) else rule.match
    return any(p in ("rest", label) or fnmatchcase(label, p) for p in patterns)


def _name(scenario: Scenario, rule: RegionRule, label: str) -> str:
    if _kind(scenario, rule.model) == "spiking":
        return label
    return rule.simulator or rule.model


def _rule_problems(scenario: Scenario, labels: tuple[str, ...]) -> Iterator[Problem]:
    for i, rule in enumerate(scenario.regions):
        if rule.model not in scenario.models:
            yield Problem(
                ("regions", i, "as"), f"there is no model '{rule.model}'", "",
                nearest(rule.model, scenario.models),
            )
        elif rule.simulator is not None and _kind(scenario, rule.model) == "spiking":
            yield Problem(
                ("regions", i, "simulator"),
                f"'{rule.simulator}' names a simulator of a spiking model",
                "no name: each spiking region is a simulator called by its label",
            )
        patterns = (rule.match,) if isinstance(rule.match, str) else rule.match
        for j, pattern in enumerate(patterns):
            if not any(_covers(RegionRule(match=pattern, **{"as": rule.model}), x) for x in labels):
                path = ("regions", i, "match") if isinstance(rule.match, str) else (
                    "regions", i, "match", j
                )
                yield Problem(path, f"'{pattern}' matches no region", "", nearest(pattern, labels))


def _clashes(scenario: Scenario, owned: list[Owned]) -> Iterator[Problem]:
    seen: dict[str, Owned] = {}
    for simulator in owned:
        if simulator.name in seen:
            yield Problem(
                ("regions",),
                f"two simulators are called '{simulator.name}' "
                f"(of {seen[simulator.name].model} and {simulator.model})",
                "different names",
            )
        seen[simulator.name] = simulator
