"""Everything that can be wrong with a mean-field model's entry, found without importing tvb."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from cosim.clock import to_ns
from cosim.errors import Problem
from cosim.scenario.fields import Named
from cosim.units import parse
from cosim_tvb.check_monitors import monitor_problems
from cosim_tvb.check_names import regions, unknown
from cosim_tvb.check_stimuli import stimulus_problems
from cosim_tvb.config import (
    INTEGRATOR_KEYS,
    TvbConfig,
    number,
    read_correlation_ms,
    read_dispersion,
    read_kind,
)
from cosim_tvb.facts import ModelFacts, facts, model_facts, model_names, nearest

#: Parameters that change what TVB's class is, with what would have to be right for it.
_STRUCTURAL = {
    ("Hopfield", "dynamic"): "0: a threshold that moves needs TVB's PreSigmoidal coupling"
}


def check(config: TvbConfig, labels: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong, addressed relative to the model's entry.

    Parameters
    ----------
    config
        The entry.
    labels
        Names of all regions of the brain.
    """
    for key in ("receives", "sends"):
        if getattr(config, key):
            yield Problem((key,), f"'{key}' belongs to a spiking model, not to a mean-field one")
    model = model_facts(config.model)
    if model is None:
        yield unknown(("model",), "model", config.model, model_names())
    else:
        yield from _parameters(config, model, labels)
        yield from stimulus_problems(config, model, labels)
        yield from _variables(("initial",), config.initial, model.state_variables)
        yield from _watched(config, model)
        if config.activity is not None and config.activity.variable not in model.state_variables:
            legal = model.state_variables
            yield unknown(("activity", "of"), "state variable", config.activity.variable, legal)
    yield from _coupling(config.coupling, model)
    yield from _integrator(config.integrator, model)
    yield from monitor_problems(config, model, labels)


def _variables(
    path: tuple[str, ...], names: Iterable[str], legal: Collection[str]
) -> Iterator[Problem]:
    for name in names:
        if name not in legal:
            yield unknown((*path, name), "state variable", name, legal)


def _parameters(config: TvbConfig, model: ModelFacts, labels: Sequence[str]) -> Iterator[Problem]:
    for name, value in config.parameters.items():
        path = ("parameters", name)
        default = model.parameters.get(name)
        if default is None:
            yield unknown(path, f"parameter of {config.model}", name, tuple(model.parameters))
        elif isinstance(value, tuple):
            if len(value) != len(default):
                right = f"{len(default)} numbers" if len(default) > 1 else "one number"
                yield Problem(path, f"{name} has {len(value)} numbers", right)
        elif len(default) > 1:
            yield Problem(path, f"{name} is a single number", f"a list of {len(default)} numbers")
        elif isinstance(value, dict):
            yield from regions(path, value, labels)
        elif (config.model, name) in _STRUCTURAL and value:
            yield Problem(path, f"{name} is {value}", _STRUCTURAL[config.model, name])


def _watched(config: TvbConfig, model: ModelFacts) -> Iterator[Problem]:
    watched = config.variables_of_interest
    if watched is None:
        return
    if not watched:
        yield Problem(("variables_of_interest",), "the list is empty", "at least one variable")
    for i, name in enumerate(watched):
        if name not in model.observables:
            path = ("variables_of_interest", i)
            yield unknown(path, f"observable of {config.model}", name, model.observables)


def _coupling(coupling: Named, model: ModelFacts | None) -> Iterator[Problem]:
    legal = facts().couplings
    known = legal.get(coupling.name)
    if known is None:
        yield unknown(("coupling",), "coupling", coupling.name, tuple(legal))
        return
    if not known.sums_over_sources:
        message = (
            f"{coupling.name} of tvb-library sums over the targets of a region instead of over "
            "its sources, so that no activity passes between regions"
        )
        others = ", ".join(n for n, c in legal.items() if c.sums_over_sources)
        yield Problem(("coupling",), message, f"one of {others}")
    elif model is not None and len(model.coupling_variables) < known.inputs:
        message = f"{coupling.name} takes {known.inputs} coupling variables"
        has = f"a model with that many; this one has {', '.join(model.coupling_variables)}"
        yield Problem(("coupling",), message, has)
    for name, value in coupling.parameters.items():
        path = ("coupling", coupling.name, name)
        if name not in known.parameters:
            yield unknown(path, f"parameter of {coupling.name}", name, tuple(known.parameters))
        else:
            yield from _readable(path, name, value, number)


def _readable(
    path: tuple[str | int, ...], name: str, value: object, read: Callable[[object], object]
) -> Iterator[Problem]:
    try:
        read(value)
    except ValueError as err:
        fault, _, expected = f"; {err}".partition("; expected ")
        message = f"{name} is {value!r}{fault.replace('; ', ': ', 1)}"
        yield Problem(path, message, expected)


def _integrator(integrator: Named, model: ModelFacts | None) -> Iterator[Problem]:
    legal = facts().integrators
    known = legal.get(integrator.name)
    path = ("integrator", integrator.name)
    yield from _readable((*path, "dt"), "dt", integrator.parameters["dt"], _whole_ns)
    if known is None:
        yield unknown(("integrator",), "integrator", integrator.name, tuple(legal))
        return
    if not known.fixed_step:
        message = (
            f"{integrator.name} chooses its steps for all regions at once, so that the result "
            "would depend on which regions share a simulator"
        )
        fixed = ", ".join(n for n, i in legal.items() if i.fixed_step)
        yield Problem(("integrator",), message, f"one of {fixed}")
    for name in integrator.parameters:
        if name not in INTEGRATOR_KEYS:
            yield unknown((*path, name), "parameter of an integrator", name, INTEGRATOR_KEYS)
    if known.stochastic:
        yield from _noise(integrator, model)
    else:
        for name in {"nsig", "noise", "ntau"} & set(integrator.parameters):
            twin = integrator.name.replace("Deterministic", "") + "Stochastic"
            hint = f"did you mean '{twin}'?" if twin in legal else ""
            message = f"{integrator.name} is deterministic; {name} means nothing to it"
            yield Problem((*path, name), message, hint=hint)


def _whole_ns(value: object) -> int:
    return to_ns(parse(value, "ms"))


def _noise(integrator: Named, model: ModelFacts | None) -> Iterator[Problem]:
    path = ("integrator", integrator.name)
    given = integrator.parameters
    misspelt = any(nearest(k, INTEGRATOR_KEYS) for k in given if k not in INTEGRATOR_KEYS)
    if "nsig" not in given and not misspelt:
        message = f"{integrator.name} is stochastic and 'nsig' is missing"
        yield Problem(path, message, "the dispersion of the noise, as in nsig: 1.0e-5")
    readers = {"nsig": read_dispersion, "noise": read_kind, "ntau": read_correlation_ms}
    for name, read in readers.items():
        if name in given:
            yield from _readable((*path, name), name, given[name], read)
    by_variable = given.get("nsig")
    if isinstance(by_variable, dict) and model is not None:
        names = map(str, by_variable)
        yield from _variables((*path, "nsig"), names, model.state_variables)
