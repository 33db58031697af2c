"""From a YAML file to a checked case: scenario, brain, and who owns which region."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cosim.errors import Problem, ScenarioInvalid
from cosim.scenario import explain, yaml_source
from cosim.scenario.checks import consistency
from cosim.scenario.connectome import BadConnectome, build
from cosim.scenario.explain import nearest
from cosim.scenario.model import ModelConfig, Overlay, Scenario
from cosim.scenario.ownership import Owned, assign
from cosim.scenario.yaml_source import Source
from cosim.simulator import Brain, engines


@dataclass(frozen=True)
class Case:
    """A scenario that was read, validated and checked.

    Parameters
    ----------
    scenario
        The validated scenario.
    brain
        Its connectome after edits and scaling.
    simulators
        The simulators with the regions they own, in the order of their first region rule.
    source
        The YAML file, for messages that come later.
    text
        The file's text, kept with the results.
    """

    scenario: Scenario
    brain: Brain
    simulators: tuple[Owned, ...]
    source: Source
    text: str

    def resolved(self) -> str:
        """Return the scenario as JSON with every default filled in, in canonical units."""
        models = {n: c.model_dump(mode="json", by_alias=True) for n, c in self.scenario.models.items()}
        data = self.scenario.model_dump(mode="json", by_alias=True) | {"models": models}
        return json.dumps(data, sort_keys=True)

    def invalid(self, problems: Sequence[Problem]) -> ScenarioInvalid:
        """Return the error that reports problems with their lines."""
        return _invalid(self.source, problems)

    def invalid_model(self, model: str, problems: Sequence[Problem]) -> ScenarioInvalid:
        """Return the error that reports problems of one entry under `models`."""
        return _invalid(self.source, [_under(p, "models", model) for p in problems])


@dataclass(frozen=True)
class Draft:
    """A scenario read as far as possible, and what is wrong with it.

    The case can be planned when `problems` leaves out `regions`.
    """

    case: Case
    problems: tuple[Problem, ...]


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Case:
    """Read a scenario and check all that needs no simulator.

    Parameters
    ----------
    path
        The YAML file.
    overrides
        Values from the command line that replace keys of the scenario, such as
        ``{"window": "2 ms"}``; nested mappings are merged.

    Raises
    ------
    ScenarioInvalid
        With one line for every problem found.
    """
    draft = draft_case(path, overrides)
    if draft.problems:
        raise draft.case.invalid(draft.problems)
    return draft.case


def draft_case(path: Path, overrides: Mapping[str, Any] | None = None) -> Draft:
    """Read a scenario without refusing what only does not fit together.

    Raises
    ------
    ScenarioInvalid
        If the file is no valid scenario in itself, or its connectome cannot be read.
    """
    text = _text(path)
    source = yaml_source.read(text, str(path))
    if not isinstance(source.data, dict):
        raise ScenarioInvalid([f"{path}:1: a scenario is a mapping of keys; expected 'name: ...'"])
    source.data = _merged(source.data, overrides or {})
    scenario, invalid = _validate(source.data)
    found = [*source.problems, *invalid]
    if scenario is None:
        raise _invalid(source, found)
    found += consistency(scenario)
    brain, problems = _brain(scenario, path.parent, source)
    found += problems
    if brain is None:
        raise _invalid(source, found)
    simulators, problems = assign(scenario, brain.labels)
    found += problems
    return Draft(Case(scenario, brain, simulators, source, text), tuple(found))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioInvalid([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ScenarioInvalid([f"{path}: is not UTF-8 text"]) from None


def _merged(data: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(data)
    for key, value in overrides.items():
        old = result.get(key)
        nested = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = _merged(old, value) if nested and old is not None else value
    return result


def _invalid(source: Source, problems: Sequence[Problem]) -> ScenarioInvalid:
    ordered = sorted(problems, key=lambda p: source.line(p.path))
    return ScenarioInvalid(list(dict.fromkeys(source.located(p) for p in ordered)))


def _validated(model: type[BaseModel], data: object) -> tuple[BaseModel | None, list[Problem]]:
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, list(explain.problems(error, model, data))


def _validate(data: dict[str, Any]) -> tuple[Scenario | None, list[Problem]]:
    """Validate models by their engines and the rest by `Scenario`; None if anything failed."""
    found: list[Problem] = []
    models: dict[str, ModelConfig] = {}
    raw = data.get("models")
    if isinstance(raw, dict):
        for name, entry in raw.items():
            config, problems = _model(entry)
            found += [_under(p, "models", name) for p in problems]
            models[name] = config or ModelConfig(engine="invalid")
    plain = data | ({"models": models} if isinstance(raw, dict) else {})
    scenario, problems = _validated(Scenario, plain)
    found += problems
    return (None if found else scenario), found  # type: ignore[return-value]


def _model(entry: object) -> tuple[ModelConfig | None, list[Problem]]:
    if not isinstance(entry, dict):
        return None, [Problem((), f"is {entry!r}", "a mapping with 'engine' and the engine's keys")]
    if "engine" not in entry:
        return None, [Problem((), "'engine' is missing", f"one of {', '.join(sorted(engines()))}")]
    engine = entry["engine"]
    if not isinstance(engine, str) or engine not in engines():
        hint = nearest(str(engine), engines())
        return None, [Problem(("engine",), f"there is no engine {engine!r}", "", hint)]
    config, problems = _validated(engines()[engine].config_model(), entry)
    return config, problems  # type: ignore[return-value]


def _under(problem: Problem, *prefix: str | int) -> Problem:
    return replace(problem, path=(*prefix, *problem.path))


def _brain(
    scenario: Scenario, base: Path, source: Source
) -> tuple[Brain | None, list[Problem]]:
    overlay, found, where = _overlay(scenario, base)
    if overlay is None:
        return None, found
    try:
        brain, problems = build(scenario.brain, overlay, base)
    except BadConnectome as error:
        return None, [*found, Problem(("brain", "connectome"), str(error))]
    if where is None:
        return brain, [*found, *(_under(p, "brain", "overlay") for p in problems)]
    # An overlay in a file of its own is reported with that file's lines.
    if problems:
        raise _invalid(where, problems)
    return brain, found


def _overlay(scenario: Scenario, base: Path) -> tuple[Overlay | None, list[Problem], Source | None]:
    given = scenario.brain.overlay
    if given is None or isinstance(given, Overlay):
        return given or Overlay(), [], None
    path = base / given
    try:
        where = yaml_source.read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(("brain", "overlay"), f"'{given}' cannot be read: {error}")], None
    if where.problems:
        raise _invalid(where, where.problems)
    overlay, problems = _validated(Overlay, where.data or {})
    if problems:
        raise _invalid(where, problems)
    return overlay, [], where  # type: ignore[return-value]


def deep_problems(case: Case) -> Iterator[Problem]:
    """Yield what only the simulators themselves can find; imports them."""
    for name, config in case.scenario.models.items():
        for problem in engines()[config.engine].check(config, case.brain.labels):
            yield _under(problem, "models", name)


