"""The parts of a scenario, each validated for itself, so that one mistake hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cosim.errors import Problem
from cosim.scenario.checks import Models
from cosim.scenario.explain import Verdict, shown, validated
from cosim.scenario.keys import Path, close, nearest
from cosim.scenario.model import BrainConfig, ModelConfig, Record, RegionRule, Scenario
from cosim.simulator import engines


@dataclass(frozen=True)
class Parts:
    """What could be read of a scenario.

    Parameters
    ----------
    scenario
        The whole; None if anything is wrong in itself.
    brain, regions, record
        Parts as far as they can be understood, else None.
    models
        The entries under `models`, None where one cannot be understood.
    described
        The same, and None also where the engine cannot describe it.
    undescribed
        Why the engine cannot.
    problems
        What is wrong in itself.
    renamed
        Path of each misspelt key, and the key that was meant.
    """

    scenario: Scenario | None
    brain: BrainConfig | None
    regions: tuple[RegionRule, ...] | None
    record: Record | None
    models: Models
    described: Models
    undescribed: tuple[Problem, ...]
    problems: tuple[Problem, ...]
    renamed: Mapping[Path, str]


def read_parts(data: Mapping[str, Any]) -> Parts:
    """Validate models by their engines, the rest by `Scenario`, and salvage what is sound."""
    models = _models(data.get("models"))
    top = validated(Scenario, dict(data) | _stand_ins(models))
    meant = {key: path[0] for path, key in top.renamed.items() if len(path) == 1}
    if "models" in meant:
        models = _models(data[str(meant["models"])])
    found = [*top.problems, *(p for m in models.values() for p in m.problems)]
    raw = {key: data.get(str(meant.get(key, key))) for key in ("brain", "regions", "record")}
    configs = {name: m.value or m.salvage for name, m in models.items()}
    described, undescribed = _described(configs)
    return Parts(
        scenario=None if found else top.value,
        brain=_brain(raw["brain"]), regions=_regions(raw["regions"]),
        record=_sound(validated(Record, {} if raw["record"] is None else raw["record"])),
        models=configs, described=described, undescribed=undescribed, problems=tuple(found),
        renamed={k: v for m in (top, *models.values()) for k, v in m.renamed.items()},
    )


def _sound(verdict: Verdict) -> Any:  # noqa: ANN401 - of the kind that was validated
    return verdict.value or verdict.salvage


def _models(raw: object) -> dict[str, Verdict]:
    if not isinstance(raw, dict):
        return {}
    return {name: _model(entry, ("models", name)) for name, entry in raw.items()}


def _stand_ins(models: Mapping[str, Verdict]) -> dict[str, Any]:
    """Return what `Scenario` sees as models, which are validated already."""
    entries = {name: m.value or ModelConfig(engine="") for name, m in models.items()}
    return {"models": entries} if entries else {}


def _model(entry: object, place: Path) -> Verdict:
    name = f"'{place[0]}.{place[1]}'"
    if not isinstance(entry, dict):
        expected = "a mapping with 'engine' and the engine's keys"
        return Verdict(None, (Problem(place, f"{name} is {shown(entry)}", expected),))
    if "engine" not in entry:
        stray = close("engine", [k for k in entry if k not in ModelConfig.model_fields])
        if not stray:
            expected = f"one of {', '.join(sorted(engines()))}"
            return Verdict(None, (Problem(place, f"'engine' is missing in {name}", expected),))
        meant = _model({k if k != stray else "engine": v for k, v in entry.items()}, place)
        message, hint = f"unknown key '{stray}' in {name}", "did you mean 'engine'?"
        problems = (Problem((*place, stray), message, "", hint), *meant.problems)
        return Verdict(None, problems, _sound(meant), {**meant.renamed, (*place, stray): "engine"})
    engine = entry["engine"]
    if not isinstance(engine, str) or engine not in engines():
        hint = nearest(str(engine), engines())
        problem = Problem((*place, "engine"), f"there is no engine '{engine}'", "", hint)
        return Verdict(None, (problem,))
    return validated(engines()[engine].config_model(), entry, place)


def _brain(raw: object) -> BrainConfig | None:
    found: BrainConfig | None = _sound(validated(BrainConfig, raw))
    if found is None and isinstance(raw, dict):
        # Which regions there are depends on neither speed nor scaling of the weights.
        kept = {key: raw[key] for key in ("connectome", "overlay") if key in raw}
        found = validated(BrainConfig, kept | {"conduction_speed": "1 m/s"}).value
    return found


def _regions(raw: object) -> tuple[RegionRule, ...] | None:
    rules = [_sound(validated(RegionRule, entry)) for entry in raw] if isinstance(raw, list) else []
    return tuple(rules) if rules and None not in rules else None


def _described(models: Models) -> tuple[Models, tuple[Problem, ...]]:
    """Let the engines describe the models, which they cannot if a name is unknown to them."""
    described, problems = dict(models), []
    for name, config in models.items():
        if config is None:
            continue
        engine = engines()[config.engine]
        questions = (engine.coupling_variables, engine.modes, engine.populations, engine.step_ms)
        try:
            for ask in questions:
                ask(config)
        except ValueError as error:
            described[name] = None
            problems.append(Problem(("models", name), str(error)))
    return described, tuple(problems)


def under(problem: Problem, *prefix: str | int) -> Problem:
    """Return the problem with its path lengthened at the front."""
    return replace(problem, path=(*prefix, *problem.path))
