"""From a YAML file to a checked case: scenario, brain, and who owns which region."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosim.errors import Problem, ScenarioInvalid
from cosim.intake import Unreadable, read_text
from cosim.scenario import yaml_source
from cosim.scenario.base import text_of, with_base
from cosim.scenario.checks import Models, consistency
from cosim.scenario.connectome import read_brain
from cosim.scenario.model import Scenario
from cosim.scenario.ownership import Owned, assign
from cosim.scenario.parts import read_parts, under
from cosim.scenario.yaml_source import Elsewhere, Source
from cosim.simulator import Brain, Remarker, RunChecker, engines


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
        The file's text, kept with the results; of a scenario with a base, what both give.
    """

    scenario: Scenario
    brain: Brain
    simulators: tuple[Owned, ...]
    source: Source
    text: str

    def resolved(self) -> str:
        """Return the scenario as JSON with every default filled in, in canonical units."""
        entries = self.scenario.models.items()
        models = {name: entry.model_dump(mode="json", by_alias=True) for name, entry in entries}
        data = self.scenario.model_dump(mode="json", by_alias=True) | {"models": models}
        return json.dumps(data, sort_keys=True)

    def invalid(self, problems: Sequence[Problem]) -> ScenarioInvalid:
        """Return the error that reports problems, and what the simulators find, with lines."""
        return _invalid(self.source, _beyond(problems, deep_problems(self)))

    def invalid_model(self, model: str, problems: Sequence[Problem]) -> ScenarioInvalid:
        """Return the error that reports problems of one entry under `models`."""
        return _invalid(self.source, [under(p, "models", model) for p in problems])


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
    source = with_base(yaml_source.read(text, str(path)), path.parent)
    if not isinstance(source.data, dict):
        kind = Problem((), "a scenario is a mapping of keys", "'name: ...' and so on")
        raise _invalid(source, source.problems or [kind])
    if source.unfounded:
        raise _invalid(source, source.problems)
    kept = text_of(source, text)
    source.data = _merged(source.data, overrides or {})
    source.options = frozenset(overrides or {})
    parts = read_parts(source.data)
    source.rename(parts.renamed)
    found = [*source.problems, *_unless_unread(parts.problems, source.problems)]
    found += consistency(parts.described, parts.record)
    brain, problems = read_brain(parts.brain, path.parent) if parts.brain else (None, [])
    found += problems
    simulators: tuple[Owned, ...] = ()
    if brain is not None and parts.regions is not None:
        simulators, problems = assign(
            parts.regions, parts.models, brain.labels, source.own_regions
        )
        found += problems
    if parts.scenario is None or brain is None or parts.undescribed:
        if brain is not None:
            found = _beyond(found, _deep(parts.models, brain.labels))
        explained = {p.path[:2] for p in found}
        found += (p for p in parts.undescribed if p.path not in explained)
        raise _invalid(source, found)
    # An option may shorten a run for a trial, and what comes later is not reached.
    end_ms = math.inf if "duration" in source.options else parts.scenario.duration
    found += _misfits(parts.scenario.models, simulators, brain.labels, end_ms)
    return Draft(Case(parts.scenario, brain, simulators, source, kept), tuple(found))


def _misfits(
    models: Models, simulators: Sequence[Owned], labels: Sequence[str], duration_ms: float
) -> Iterator[Problem]:
    """Yield what does not fit the regions that a model simulates, or the length of the run."""
    for name, config in models.items():
        regions = sorted(r for s in simulators if s.model == name for r in s.regions)
        if config is None or not regions:
            continue
        engine = engines()[config.engine]
        if isinstance(engine, RunChecker):
            for problem in engine.check_run(config, labels, regions, duration_ms):
                yield under(problem, "models", name)


def _beyond(found: Iterable[Problem], deep: Iterable[Problem]) -> list[Problem]:
    """Add what the simulators find to what was found, where that says nothing."""
    shallow = list(found)
    told = {p.path for p in shallow}
    return [*shallow, *(p for p in deep if p.path not in told)]


def _unless_unread(
    problems: Iterable[Problem], unread: Iterable[Problem]
) -> Iterator[Problem]:
    """Leave out what is wrong only because YAML gave no value there."""
    paths = [p.path for p in unread]
    return (p for p in problems if not any(p.path[: len(path)] == path for path in paths if path))


def _text(path: Path) -> str:
    try:
        return read_text(path, yaml_source.MAX_FILE_BYTES)
    except Unreadable as error:
        raise ScenarioInvalid([f"{path}: {error}"]) from None


def _merged(data: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(data)
    for key, value in overrides.items():
        old = result.get(key)
        nested = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = _merged(old, value) if nested and old is not None else value
    return result


def _invalid(source: Source, problems: Iterable[Problem]) -> ScenarioInvalid:
    def place(problem: Problem) -> tuple[bool, str, int]:
        file, line = source_of(problem).place(problem.path)
        return file != source.name, file, line

    def source_of(problem: Problem) -> Source:
        own = problem.source if isinstance(problem, Elsewhere) else None
        return own or source

    ordered = sorted(problems, key=place)
    return ScenarioInvalid(list(dict.fromkeys(source_of(p).located(p) for p in ordered)))


def deep_problems(case: Case) -> Iterator[Problem]:
    """Yield what only the simulators themselves can find; imports them."""
    return _deep(case.scenario.models, case.brain.labels)


def remarks(case: Case) -> Iterator[str]:
    """Yield what a user may not expect of the models, without importing the simulators."""
    for name, config in case.scenario.models.items():
        if config is not None and isinstance(engine := engines()[config.engine], Remarker):
            yield from (f"{name}: {remark}" for remark in engine.remarks(config))


def _deep(models: Models, labels: Sequence[str]) -> Iterator[Problem]:
    for name, config in models.items():
        if config is not None:
            for problem in engines()[config.engine].check(config, labels):
                yield under(problem, "models", name)
