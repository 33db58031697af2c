"""Connection rules of NEST and the parameters that each takes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator

from cosim.scenario.fields import Named
from cosim_nest.values import Flaw, flawed


def _probability(value: object) -> str:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return "" if fits else "expected a probability between 0 and 1"


def _count(value: object) -> str:
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if fits else "expected a whole number of connections"


def _average(value: object) -> str:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return "" if fits else "expected a mean number of connections"


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "expected true or false"


# NEST offers no way to ask which parameters a rule takes.
_REQUIRED: dict[str, dict[str, Callable[[object], str]]] = {
    "all_to_all": {},
    "one_to_one": {},
    "pairwise_bernoulli": {"p": _probability},
    "symmetric_pairwise_bernoulli": {"p": _probability},
    "pairwise_poisson": {"pairwise_avg_num_conns": _average},
    "fixed_indegree": {"indegree": _count},
    "fixed_outdegree": {"outdegree": _count},
    "fixed_total_number": {"N": _count},
}
_FLAGS = {"allow_autapses": _flag, "allow_multapses": _flag, "make_symmetric": _flag}


def nearest(name: str, legal: Iterable[str]) -> str:
    """Return a hint with the nearest legal spelling; empty when nothing is near."""
    near = difflib.get_close_matches(name, list(legal), n=1)
    return f"did you mean '{near[0]}'?" if near else ""


def _fits(rule: Named) -> Named:
    if rule.name not in _REQUIRED:
        return rule  # NEST may have rules that this table lacks; the engine's check asks it
    required = _REQUIRED[rule.name]
    legal = {**required, **_FLAGS}
    flaws: list[Flaw] = [
        ((rule.name,), f"rule {rule.name} needs '{key}'", rule.parameters)
        for key in required
        if key not in rule.parameters
    ]
    for key, value in rule.parameters.items():
        if key not in legal:
            message = f"rule {rule.name} has no parameter '{key}'"
            hint = nearest(key, legal)
            flaws.append(((rule.name, key), f"{message}; {hint}" if hint else message, value))
        elif wrong := legal[key](value):
            flaws.append(((rule.name, key), wrong, value))
    if flaws:
        raise flawed("rule", flaws)
    return rule


#: A connection rule, such as ``one_to_one`` or ``{fixed_indegree: {indegree: 10}}``.
Rule = Annotated[Named, AfterValidator(_fits)]


def rule_spec(rule: Named) -> dict[str, Any]:
    """Return the rule as NEST's `Connect` takes it."""
    return {"rule": rule.name, **rule.parameters}
