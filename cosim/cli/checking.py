"""A scenario checked as deeply as possible, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosim.plan.build import open_case
from cosim.plan.model import Plan
from cosim.scenario.load import Case, deep_problems


def checked(path: Path, overrides: Mapping[str, Any], ranks: int | None) -> tuple[Case, Plan]:
    """Read, plan, and let the simulators look at their parts.

    Raises
    ------
    ScenarioInvalid
        With everything that was found.
    """
    case, plan = open_case(path, overrides, ranks)
    problems = list(deep_problems(case))
    if problems:
        raise case.invalid(problems)
    return case, plan
