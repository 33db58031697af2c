"""What must agree between the parts of a scenario; nothing here needs a simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from pydantic import BaseModel

from cosim import own_code
from cosim.errors import Problem
from cosim.scenario import conversions
from cosim.scenario.explain import faulty, shown, validated, worded
from cosim.scenario.fields import Named
from cosim.scenario.keys import nearest
from cosim.scenario.model import Activity, ModelConfig, Receives, Record, Sends, Translation
from cosim.simulator import Engine, engines
from cosim.transformers.base import transformers

Path = tuple[str | int, ...]
T = TypeVar("T")
#: By name; None for a model that is wrong in itself, of which nothing else is known.
Models = Mapping[str, ModelConfig | None]
#: The `through` that draws Poisson spikes inside the simulator instead of in a transformer.
RATES = "rates"


def consistency(models: Models, record: Record | None) -> Iterator[Problem]:
    """Yield everything that does not fit together.

    Parameters
    ----------
    models
        The entries under `models`.
    record
        What is kept; None if that is wrong in itself.
    """
    for name, config in models.items():
        if config is None:
            continue
        place: Path = ("models", name)
        if _spikes(config):
            yield from _spiking(models, place, config)
        else:
            yield from _mean_field(models, place, config)
    if record is not None:
        yield from _recordings(models, record)


def _engine(config: ModelConfig) -> Engine:
    return engines()[config.engine]


def _spikes(config: ModelConfig) -> bool:
    return _engine(config).kind == "spiking"


def _attempt(function: Callable[..., object], *arguments: object) -> str:
    """Return the message of the ValueError that a call raises, or nothing."""
    try:
        function(*arguments)
    except ValueError as error:
        return str(error)
    return ""


def _known(path: Path, what: str, name: str, legal: Iterable[str]) -> Iterator[Problem]:
    if name not in legal:
        yield Problem(path, f"there is no {what} '{name}'", "", nearest(name, legal))


def _foreign(path: Path, key: str, kind: str, instead: str) -> Problem:
    return Problem(path, f"'{key}' belongs to a {kind} model", f"'{instead}' here")


# Spiking models


def _spiking(models: Models, place: Path, config: ModelConfig) -> Iterator[Problem]:
    populations = _engine(config).populations(config)
    if config.translate:
        yield _foreign((*place, "translate"), "translate", "mean-field", "receives")
    if config.activity is not None:
        yield _foreign((*place, "activity"), "activity", "mean-field", "sends")
    for i, entry in enumerate(config.receives):
        where = (*place, "receives", i)
        yield from _known((*where, "population"), "population", entry.population, populations)
        yield from _receives(models, where, entry)
    for i, sent in enumerate(config.sends):
        where = (*place, "sends", i)
        yield from _known((*where, "population"), "population", sent.population, populations)
        yield from _sends(models, where, sent)
    yield from _sent_twice(place, config)


def _receives(models: Models, where: Path, entry: Receives) -> Iterator[Problem]:
    units: dict[str, str] = {}
    for j, source in enumerate(entry.sources):
        yield from _known((*where, "from", j), "model", source, models)
        config = models.get(source)
        if config is None:
            continue
        if _spikes(config):
            units[source] = "spikes/s"
            yield from _heard(models, (*where, "from", j), source, config)
        else:
            units[source] = config.activity.unit if config.activity is not None else ""
            yield from _from_field(where, j, entry, config)
        yield from _gain_in(where, source, entry, config)
    if len({unit for unit in units.values() if unit}) > 1:
        each = ", ".join(f"{name}: {unit}" for name, unit in units.items() if unit)
        yield Problem(
            (*where, "from"), f"the senders' activities have different units ({each})",
            "one 'receives' entry for each",
        )
    yield from _gain_or_relay(where, entry)
    yield from _through(where, entry.through, ("rates_to_spikes", "spikes_to_spikes"))


def _heard(models: Models, path: Path, source: str, config: ModelConfig) -> Iterator[Problem]:
    target, reached = path[1], {name for sent in config.sends for name in sent.targets}
    if target not in reached and reached <= set(models):  # else a name there is misspelt
        yield Problem(
            path, f"'{source}' sends nothing to '{target}'",
            f"a 'sends' entry with 'to: [{target}]' under models.{source}",
        )


def _from_field(where: Path, j: int, entry: Receives, config: ModelConfig) -> Iterator[Problem]:
    source = entry.sources[j]
    if entry.through.name == "relay":
        yield Problem(
            (*where, "through"), f"'relay' passes spikes on, but '{source}' is a mean-field model",
            "a transformer that makes spikes, such as poisson",
        )
    if config.activity is None:
        yield _without_activity((*where, "from", j), source)
    elif flaw := _engine(config).ahead_flaw(config, config.activity.variable):
        yield Problem(
            (*where, "from", j),
            f"'{source}' cannot compute the input of the spiking regions of '{where[1]}': {flaw}",
            "a model and a coupling whose sum over the senders is all that counts, such as Linear",
        )


def _without_activity(path: Path, source: str) -> Problem:
    return Problem(
        path, f"'{source}' does not say what its activity is",
        f"'activity: {{of: <variable>, unit: <unit>}}' under models.{source}",
    )


def _gain_in(
    where: Path, source: str, entry: Receives, config: ModelConfig
) -> Iterator[Problem]:
    if entry.gain is None or (config.activity is None and not _spikes(config)):
        return
    text = _attempt(conversions.gain_to_hz, entry.gain, config.activity)
    yield from _bad_gain(where, entry.gain, text)


def _bad_gain(where: Path, gain: str | float, text: str) -> Iterator[Problem]:
    if text:
        yield faulty((*where, "gain"), gain, text)


def _gain_or_relay(where: Path, entry: Receives) -> Iterator[Problem]:
    through = entry.through.name
    if through == "relay" and entry.gain is not None:
        yield Problem(
            (*where, "gain"), f"the gain is {shown(entry.gain)}, but 'relay' takes none",
            "no gain: spikes are passed on as they are",
        )
    elif through != "relay" and entry.gain is None:
        yield Problem(
            where, f"'gain' is missing in '{where[0]}.{where[1]}.receives[{where[3]}]'",
            f"spikes/s per unit of activity, which '{through}' needs",
        )


def _through(where: Path, through: Named, directions: tuple[str, ...]) -> Iterator[Problem]:
    legal = [n for n, t in transformers().items() if t.direction in directions]
    legal += [RATES] if "rates_to_spikes" in directions else []
    place = (*where, "through", through.name)
    if through.name not in legal:
        message = f"there is no transformer '{through.name}' here"
        if through.name in (*transformers(), RATES):
            ways = "spikes" if "rates_to_spikes" in directions else "rates"
            message = f"the transformer '{through.name}' does not make {ways}"
        hint = own_code.hint(through.name) or nearest(through.name, legal)
        yield Problem((*where, "through"), message, "", hint)
    elif through.name != RATES:
        parameters: type[BaseModel] = transformers()[through.name].Parameters
        yield from validated(parameters, through.parameters, place).problems
    elif through.parameters:
        yield Problem(place, f"'{RATES}' takes no parameters", f"'through: {RATES}'")


def _sends(models: Models, where: Path, entry: Sends) -> Iterator[Problem]:
    into_mean_field = False
    for j, target in enumerate(entry.targets):
        yield from _known((*where, "to", j), "model", target, models)
        config = models.get(target)
        if config is None:
            continue
        if _spikes(config):
            yield from _listens(models, (*where, "to", j), target, config)
            continue
        into_mean_field = True
        yield from _into_variable(where, config, entry.variable, target)
        if entry.gain is not None:
            text = _attempt(conversions.gain_from_hz, entry.gain, config.activity)
            yield from _bad_gain(where, entry.gain, text)
    if into_mean_field:
        yield from _one_conversion(where, entry)
    yield from _through(where, entry.through, ("spikes_to_rates",))


def _listens(models: Models, path: Path, target: str, config: ModelConfig) -> Iterator[Problem]:
    source, heard = path[1], {name for entry in config.receives for name in entry.sources}
    if source not in heard and heard <= set(models):  # else a name there is misspelt
        yield Problem(
            path, f"'{target}' receives nothing from '{source}'",
            f"a 'receives' entry with 'from: [{source}]' under models.{target}",
        )


def _into_variable(
    where: Path, config: ModelConfig, variable: str | None, target: str
) -> Iterator[Problem]:
    variables = _engine(config).coupling_variables(config)
    if variable is None:
        yield Problem(
            where, f"'as' is missing: which variable of '{target}' is this?",
            f"one of {', '.join(variables)}",
        )
    elif variable not in variables:
        message = f"'{variable}' is no coupling variable of '{target}'"
        yield Problem((*where, "as"), message, "", nearest(variable, variables))


def _one_conversion(where: Path, entry: Sends | Translation) -> Iterator[Problem]:
    if entry.gain is not None and entry.gating is not None:
        both = "both 'gain' and 'gating' are given"
        yield Problem((*where, "gating"), both, "exactly one of them")
    elif entry.gain is None and entry.gating is None:
        yield Problem(where, "neither 'gain' nor 'gating' is given", "exactly one of them")


def _sent_twice(place: Path, config: ModelConfig) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str | None], int] = {}
    for i, entry in enumerate(config.sends):
        for target in entry.targets:
            if entry.variable is None:
                continue
            first = seen.setdefault((target, entry.variable, entry.region), i)
            if first != i:
                yield Problem(
                    (*place, "sends", i),
                    f"'{entry.variable}' of '{target}' is set by sends[{first}] already",
                    "one population for each variable",
                )


# Mean-field models


def _mean_field(models: Models, place: Path, config: ModelConfig) -> Iterator[Problem]:
    for key, instead in (("receives", "translate"), ("sends", "activity")):
        if getattr(config, key):
            yield _foreign((*place, key), key, "spiking", instead)
    variables = _engine(config).coupling_variables(config)
    if config.activity is not None and config.activity.variable not in variables:
        name = config.activity.variable
        message = f"'{name}' is no coupling variable of '{place[1]}'"
        yield Problem((*place, "activity", "of"), message, "", nearest(name, variables))
    for i, entry in enumerate(config.translate):
        where = (*place, "translate", i)
        for j, source in enumerate(entry.sources):
            yield from _known((*where, "from", j), "model", source, models)
            sender = models.get(source)
            if sender is not None:
                yield from _translated(where, j, entry, sender, config.activity)
        yield from _into_variable(where, config, entry.variable, str(place[1]))
        yield from _one_conversion(where, entry)


def _translated(
    where: Path, j: int, entry: Translation, source: ModelConfig, target: Activity | None
) -> Iterator[Problem]:
    name = entry.sources[j]
    if _spikes(source):
        yield Problem(
            (*where, "from", j), f"'{name}' is a spiking model",
            f"a 'sends' entry with 'to: [{where[1]}]' under models.{name}",
        )
        return
    activity = conversions.sent_activity(entry, source)
    if activity is None:
        yield _without_activity((*where, "from", j), name)
        return
    if entry.sender_variable is not None:
        legal = _engine(source).state_variables(source)
        yield from _known((*where, "of"), f"state variable of '{name}'", activity.variable, legal)
    if entry.gain is not None:
        text = _attempt(conversions.gain_between, entry.gain, activity, target)
        yield from _bad_gain(where, entry.gain, text)


# Recording


def stride(text: str) -> int:
    """Return how many neurons there are to each recorded one.

    Parameters
    ----------
    text
        ``all``, ``none`` (gives 0) or ``every 10th``.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    words = {"all": 1, "none": 0}
    if text in words:
        return words[text]
    parts = text.split()
    digits = parts[-1].rstrip("stndrh") if len(parts) == 2 and parts[0] == "every" else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) > 0):
        raise ValueError("expected all, none, or such as 'every 10th'")
    return int(digits)


def _recordings(models: Models, record: Record) -> Iterator[Problem]:
    if isinstance(record.spikes, str):
        return
    for model, choices in record.spikes.items():
        where: Path = ("record", "spikes", model)
        yield from _known(where, "model", model, models)
        for name, text in choices.items():
            if fault := _attempt(stride, text):
                yield Problem((*where, name), f"it is {shown(text)}", worded(fault)[1])
        config = models.get(model)
        if config is None:
            continue
        if not _spikes(config):
            message = f"'{model}' is a mean-field model and has no spikes"
            yield Problem(where, message, f"'monitors' under models.{model}")
            continue
        populations = _engine(config).populations(config)
        for name in choices:
            if name != "*":
                yield from _known((*where, name), "population", name, populations)


def recorded(record: Record, model: str, populations: Iterable[str]) -> dict[str, int]:
    """Return the stride over neurons of every population whose spikes are kept."""
    if isinstance(record.spikes, str):
        return dict.fromkeys(populations, 1) if record.spikes == "all" else {}
    choices = record.spikes.get(model, {})
    strides = {p: stride(choices.get(p, choices.get("*", "none"))) for p in populations}
    return {p: n for p, n in strides.items() if n}
