"""Which simulator owns which region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cosim.errors import Problem
from cosim.scenario.checks import Models
from cosim.scenario.keys import nearest
from cosim.scenario.model import Receives, RegionRule, Sends
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


def assign(
    rules: Sequence[RegionRule], models: Models, labels: tuple[str, ...],
    own: int | None = None,
) -> tuple[tuple[Owned, ...], list[Problem]]:
    """Apply the region rules, the first match winning.

    A mean-field model is one simulator unless rules name several. Of a spiking model each region
    is a simulator of its own, called by its label, unless rules name one for several regions.

    Parameters
    ----------
    rules, models, labels
        Of the scenario.
    own
        How many rules are the scenario's own; the others are its base's, which it may overrule.

    Returns
    -------
    simulators, problems
        No simulators if there are problems.
    """
    taker = {
        label: next((i for i, r in enumerate(rules) if _covers(_patterns(r), label)), None)
        for label in labels
    }
    problems = list(_rule_problems(rules, models, taker, len(rules) if own is None else own))
    left = [label for label, rule in taker.items() if rule is None]
    if left:
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        problems.append(Problem(
            ("regions",), f"no rule matches region '{left[0]}'{more}",
            "a rule for every region, such as a last '- {match: rest, as: <model>}'",
        ))
    if problems:
        return (), problems
    owned, problems = _owned(rules, models, [i for i in taker.values() if i is not None], labels)
    return (() if problems else owned), problems


def _owned(
    rules: Sequence[RegionRule], models: Models, rule_of: list[int], labels: tuple[str, ...]
) -> tuple[tuple[Owned, ...], list[Problem]]:
    members: dict[tuple[str, str], list[int]] = {}
    first_rule: dict[tuple[str, str], int] = {}
    for region, i in enumerate(rule_of):
        rule = rules[i]
        kind = _kind(models, rule.model)
        name = rule.simulator or (labels[region] if kind == "spiking" else rule.model)
        members.setdefault((name, rule.model), []).append(region)
        first_rule[name, rule.model] = min(i, first_rule.get((name, rule.model), i))
    order = {rule.model: i for i, rule in reversed(list(enumerate(rules)))}
    owned = [
        Owned(name, model, _kind(models, model), tuple(regions))
        for (name, model), regions in members.items()
    ]
    owned.sort(key=lambda o: (o.kind != "mean_field", order[o.model], o.regions[0]))
    return tuple(owned), list(_clashes(rules, owned, first_rule))


def _kind(models: Models, name: str) -> str:
    config = models.get(name)
    return engines()[config.engine].kind if config is not None else ""


def _patterns(rule: RegionRule) -> tuple[str, ...]:
    return (rule.match,) if isinstance(rule.match, str) else rule.match


def _covers(patterns: tuple[str, ...], label: str) -> bool:
    return any(p in ("rest", label) or fnmatchcase(label, p) for p in patterns)


def _rule_problems(
    rules: Sequence[RegionRule], models: Models, taker: dict[str, int | None], own: int
) -> Iterator[Problem]:
    for i, rule in enumerate(rules):
        if rule.model not in models:
            yield Problem(
                ("regions", i, "as"), f"there is no model '{rule.model}'", "",
                nearest(rule.model, models),
            )
        for j, pattern in enumerate(_patterns(rule)):
            path: tuple[str | int, ...] = ("regions", i, "match")
            path = path if isinstance(rule.match, str) else (*path, j)
            yield from _pattern(path, pattern, taker, overruled=i >= own)


def _pattern(
    path: tuple[str | int, ...], pattern: str, taker: dict[str, int | None], *, overruled: bool
) -> Iterator[Problem]:
    """Yield whether a pattern matches nothing, or only what earlier rules have taken."""
    takers = {rule for label, rule in taker.items() if _covers((pattern,), label)}
    if not takers:
        yield Problem(path, f"'{pattern}' matches no region", "", nearest(pattern, taker))
    elif pattern != "rest" and path[1] not in takers and not overruled:
        first = min(i for i in takers if i is not None)
        yield Problem(
            path, f"'{pattern}' has no effect: regions[{first}] matches it first",
            f"this rule before regions[{first}]",
        )


def _clashes(
    rules: Sequence[RegionRule], owned: list[Owned], first_rule: dict[tuple[str, str], int]
) -> Iterator[Problem]:
    seen: dict[str, Owned] = {}
    for simulator in owned:
        other = seen.setdefault(simulator.name, simulator)
        if other is not simulator:
            both = {first_rule[o.name, o.model] for o in (other, simulator)}
            rule = max([i for i in both if rules[i].simulator is not None] or both)
            yield Problem(
                ("regions", rule),
                f"two simulators are called '{simulator.name}' "
                f"(of {other.model} and {simulator.model})",
                "different names",
            )


def entry_region(owned: Owned, entry: Receives | Sends, labels: Sequence[str]) -> int:
    """Return the region of a spiking simulator that an interface entry is about.

    `place_flaw` must have found none.
    """
    return _meant(owned, entry, labels)[0]


def place_flaw(owned: Owned, entry: Receives | Sends, labels: Sequence[str]) -> str:
    """Return why an interface entry does not single out one region; empty if it does."""
    if len(_meant(owned, entry, labels)) == 1:
        return ""
    have = ", ".join(labels[i] for i in owned.regions)
    which = f"'region: {entry.region}'" if entry.region is not None else "no 'region'"
    return f"{which} does not single out one of {have}"


def _meant(owned: Owned, entry: Receives | Sends, labels: Sequence[str]) -> list[int]:
    pattern = entry.region
    if pattern is None:
        return list(owned.regions)
    return [i for i in owned.regions if _covers((pattern,), labels[i])]
