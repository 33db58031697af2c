"""What must agree between the parts of a scenario; nothing here needs a simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cosim.clock import to_ns
from cosim.errors import Problem
from cosim.scenario import conversions, explain
from cosim.scenario.explain import nearest
from cosim.scenario.model import (
    ModelConfig,
    Named,
    Receives,
    Record,
    Scenario,
    Sends,
    Translation,
)
from cosim.simulator import Engine, engines
from cosim.transformers.base import transformers

Path = tuple[str | int, ...]
T = TypeVar("T")
#: The `through` that draws Poisson spikes inside the simulator instead of in a transformer.
RATES = "rates"


def consistency(scenario: Scenario) -> Iterator[Problem]:
    """Yield everything that does not fit together."""
    yield from _times(scenario)
    for name, config in scenario.models.items():
        place: Path = ("models", name)
        engine = engines()[config.engine]
        if engine.kind == "spiking":
            yield from _spiking(scenario, place, config, engine)
        else:
            yield from _mean_field(scenario, place, config, engine)
    yield from _recordings(scenario)


def attempt(function: Callable[..., T], *arguments: object) -> str:
    """Return the message of the ValueError that a call raises, or nothing."""
    try:
        function(*arguments)
    except ValueError as error:
        return str(error)
    return ""


def _times(scenario: Scenario) -> Iterator[Problem]:
    if scenario.duration <= 0:
        yield Problem(("duration",), f"'duration' is {scenario.duration} ms", "a positive time")
    if scenario.window != "auto" and scenario.window <= 0:
        yield Problem(("window",), f"'window' is {scenario.window} ms", "a positive time, or auto")
    if scenario.brain.conduction_speed <= 0:
        yield Problem(
            ("brain", "conduction_speed"),
            f"'conduction_speed' is {scenario.brain.conduction_speed} m/s", "a positive speed",
        )
    for key, value in (("duration", scenario.duration), ("window", scenario.window)):
        if not isinstance(value, str) and (text := attempt(to_ns, value)):
            yield Problem((key,), text)


def _spiking(
    scenario: Scenario, place: Path, config: ModelConfig, engine: Engine
) -> Iterator[Problem]:
    populations = engine.populations(config)
    if config.translate:
        yield Problem((*place, "translate"), "'translate' belongs to a mean-field model", "'receives'")
    if config.activity is not None:
        yield Problem(
            (*place, "activity"), "'activity' belongs to a mean-field model", "'sends' here"
        )
    for i, entry in enumerate(config.receives):
        where = (*place, "receives", i)
        yield from _known(where + ("population",), "population", entry.population, populations)
        yield from _receives(scenario, where, entry)
    for i, sent in enumerate(config.sends):
        where = (*place, "sends", i)
        yield from _known(where + ("population",), "population", sent.population, populations)
        yield from _sends(scenario, where, sent)
    yield from _sent_twice(place, config)


def _known(path: Path, what: str, name: str, legal: Iterable[str]) -> Iterator[Problem]:
    if name not in legal:
        yield Problem(path, f"there is no {what} '{name}'", "", nearest(name, legal))


def _receives(scenario: Scenario, where: Path, entry: Receives) -> Iterator[Problem]:
    kinds = set()
    for j, source in enumerate(entry.sources):
        yield from _known((*where, "from", j), "model", source, scenario.models)
        if source not in scenario.models:
            continue
        config = scenario.models[source]
        spiking = engines()[config.engine].kind == "spiking"
        kinds.add("spiking" if spiking else config.activity.unit if config.activity else "1")
        if not spiking and config.activity is None:
            yield Problem(
                (*where, "from", j), f"model '{source}' does not say what its activity is",
                f"'activity: {{of: <variable>, unit: ...}}' under models.{source}",
            )
        elif entry.gain is not None and (
            text := attempt(conversions.gain_to_hz, entry.gain, config.activity)
        ):
            yield Problem((*where, "gain"), f"'gain' from {source} is {entry.gain!r}", text)
        if entry.through.name == "relay" and not spiking:
            yield Problem(
                (*where, "through"), f"'relay' passes spikes on, but '{source}' is mean field",
                "a transformer that makes spikes, such as poisson",
            )
    if len(kinds) > 1:
        yield Problem(
            (*where, "from"), "the senders' activities have different units",
            "one 'receives' entry for each",
        )
    if (entry.gain is None) != (entry.through.name == "relay"):
        yield Problem(
            where, f"'gain' is {entry.gain!r} with '{entry.through.name}'",
            "a gain for every transformer but relay, which passes spikes on as they are",
        )
    if entry.maximum is not None and entry.maximum <= 0:
        yield Problem((*where, "maximum"), f"'maximum' is {entry.maximum} Hz", "a positive rate")
    if entry.background < 0:
        yield Problem((*where, "background"), f"'background' is {entry.background} Hz", "0 Hz or more")
    yield from _through(where, entry.through, ("rates_to_spikes", "spikes_to_spikes"))


def _through(where: Path, through: Named, directions: tuple[str, ...]) -> Iterator[Problem]:
    makes_spikes = "rates_to_spikes" in directions
    legal = [n for n, t in transformers().items() if t.direction in directions]
    legal += [RATES] if makes_spikes else []
    if through.name not in legal:
        message = f"there is no transformer '{through.name}' here"
        yield Problem((*where, "through"), message, "", nearest(through.name, legal))
    elif through.name == RATES:
        for key in through.parameters:
            yield Problem((*where, "through", RATES, key), f"unknown key '{key}'", "no parameters")
    else:
        parameters = transformers()[through.name].Parameters
        yield from _invalid_section(
            (*where, "through", through.name), parameters, through.parameters
        )


def _invalid_section(where: Path, model: type[BaseModel], data: object) -> Iterator[Problem]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        for problem in explain.problems(error, model, data):
            yield Problem(
                (*where, *problem.path), problem.message, problem.expected, problem.hint
            )


def _sends(scenario: Scenario, where: Path, entry: Sends) -> Iterator[Problem]:
    into_mean_field = False
    for j, target in enumerate(entry.targets):
        yield from _known((*where, "to", j), "model", target, scenario.models)
        if target not in scenario.models:
            continue
        config = scenario.models[target]
        engine = engines()[config.engine]
        if engine.kind == "spiking":
            continue
        into_mean_field = True
        yield from _into_variable(where, config, engine, entry.variable, target)
        if entry.gain is not None and (
            text := attempt(conversions.gain_from_hz, entry.gain, config.activity)
        ):
            yield Problem((*where, "gain"), f"'gain' to {target} is {entry.gain!r}", text)
    if into_mean_field:
        yield from _one_conversion(where, entry)
    yield from _through(where, entry.through, ("spikes_to_rates",))


def _into_variable(
    where: Path, config: ModelConfig, engine: Engine, variable: str | None, target: str
) -> Iterator[Problem]:
    variables = engine.coupling_variables(config)
    if variable is None:
        yield Problem(
            where, f"'as' is missing: which variable of '{target}' is this?",
            f"one of {', '.join(variables)}",
        )
    elif variable not in variables:
        message = f"'{variable}' is no coupling variable of '{target}'"
        yield Problem((*where, "as"), message, "", nearest(variable, variables))


def _one_conversion(where: Path, entry: Sends | Translation) -> Iterator[Problem]:
    if (entry.gain is None) == (entry.gating is None):
        given = "both" if entry.gain is not None else "neither"
        yield Problem(where, f"{given} of 'gain' and 'gating' given", "exactly one of them")


def _sent_twice(place: Path, config: ModelConfig) -> Iterator[Problem]:
    seen: dict[tuple[str, str], int] = {}
    for i, entry in enumerate(config.sends):
        for target in entry.targets:
            if entry.variable is None:
                continue
            first = seen.setdefault((target, entry.variable), i)
            if first != i:
                yield Problem(
                    (*place, "sends", i),
                    f"'{entry.variable}' of '{target}' is set by sends[{first}] already",
                    "one population for each variable",
                )


def _mean_field(
    scenario: Scenario, place: Path, config: ModelConfig, engine: Engine
) -> Iterator[Problem]:
    for key, instead in (("receives", "translate"), ("sends", "activity")):
        if getattr(config, key):
            yield Problem((*place, key), f"'{key}' belongs to a spiking model", f"'{instead}' here")
    variables = engine.coupling_variables(config)
    if config.activity is not None and config.activity.variable not in variables:
        message = f"'{config.activity.variable}' is no coupling variable"
        yield Problem((*place, "activity", "of"), message, "", nearest(config.activity.variable, variables))
    for i, entry in enumerate(config.translate):
        where = (*place, "translate", i)
        for j, source in enumerate(entry.sources):
            yield from _known((*where, "from", j), "model", source, scenario.models)
            if source in scenario.models:
                yield from _translated(where, j, entry, scenario.models[source], config)
        yield from _into_variable(where, config, engine, entry.variable, place[-1])  # type: ignore[arg-type]
        yield from _one_conversion(where, entry)


def _translated(
    where: Path, j: int, entry: Translation, source: ModelConfig, target: ModelConfig
) -> Iterator[Problem]:
    if engines()[source.engine].kind == "spiking":
        yield Problem(
            (*where, "from", j), f"'{entry.sources[j]}' is spiking", "'sends' in the spiking model"
        )
    elif source.activity is None:
        yield Problem(
            (*where, "from", j), f"model '{entry.sources[j]}' does not say what its activity is",
            "'activity: {of: <variable>, unit: ...}' there",
        )
    elif entry.gain is not None and (
        text := attempt(conversions.gain_between, entry.gain, source.activity, target.activity)
    ):
        yield Problem((*where, "gain"), f"'gain' is {entry.gain!r}", text)


def stride(text: str) -> int:
    """Return how many neurons there are to each recorded one.

    Parameters
    ----------
    text
        ``all``, ``none`` (gives 0) or ``every 10th``.
    """
    words = {"all": 1, "none": 0}
    if text in words:
        return words[text]
    parts = text.split()
    digits = parts[-1].rstrip("stndrh") if len(parts) == 2 and parts[0] == "every" else ""
    if not digits.isdigit() or int(digits) < 1:
        raise ValueError("all, none, or every Nth")
    return int(digits)


def _recordings(scenario: Scenario) -> Iterator[Problem]:
    spikes = scenario.record.spikes
    if isinstance(spikes, str):
        return
    for model, choices in spikes.items():
        where: Path = ("record", "spikes", model)
        yield from _known(where, "model", model, scenario.models)
        if model not in scenario.models:
            continue
        config = scenario.models[model]
        populations = engines()[config.engine].populations(config)
        for name, text in choices.items():
            if name != "*":
                yield from _known((*where, name), "population", name, populations)
            if expected := attempt(stride, text):
                yield Problem((*where, name), f"'{name}' is {text!r}", expected)


def recorded(record: Record, model: str, populations: Iterable[str]) -> dict[str, int]:
    """Return the stride over neurons of every population whose spikes are kept."""
    if isinstance(record.spikes, str):
        return dict.fromkeys(populations, 1) if record.spikes == "all" else {}
    choices = record.spikes.get(model, {})
    strides = {p: stride(choices.get(p, choices.get("*", "none"))) for p in populations}
    return {p: n for p, n in strides.items() if n}
