"""Asks NEST whether a configuration names models, parameters and rules that exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from cosim.errors import Problem, UsageError
from cosim.scenario.fields import Named
from cosim_nest.builders import KnowsLacks
from cosim_nest.config import NestConfig
from cosim_nest.kernel import Kernel, load, reason
from cosim_nest.models import eglif
from cosim_nest.network import create_device, create_population, synapse_spec
from cosim_nest.rules import nearest
from cosim_nest.sections import BuiltNetwork, Device, Network, Population, Synapse
from cosim_nest.values import Value

Place = tuple[str | int, ...]


def check(config: NestConfig) -> Iterator[Problem]:
    """Yield what NEST would refuse, each at its place in the model's entry.

    Names are looked up, then one neuron of each population, every device and one connection of
    each kind are made on trial. The trial is left out while a simulator of this process runs.
    """
    try:
        nest = load()
    except ImportError as missing:
        yield Problem(
            ("engine",), f"NEST cannot be imported: {missing}", hint="pip install nest-simulator"
        )
        return
    asked = _Asked(nest, config, trial=not Kernel.busy())
    try:
        yield from asked.problems()
    finally:
        asked.close()


def _lacking(network: BuiltNetwork) -> Iterator[Problem]:
    builder = network.built_by
    lacks = builder.lacks(network.parameters) if isinstance(builder, KnowsLacks) else ""
    if lacks:
        yield Problem(("network", "builder"), f"builder {network.builder}: {lacks}")


class _Asked:
    """One round of questions to NEST, with what was made on trial."""

    def __init__(self, nest: Any, config: NestConfig, trial: bool) -> None:  # noqa: ANN401
        self._nest, self._config, self._trial = nest, config, trial
        self._neurons: dict[str, Any] = {}
        if trial:
            nest.ResetKernel()
            nest.set(resolution=config.resolution)
            populations = getattr(config.network, "populations", {}).values()
            with suppress(UsageError):  # the model's absence is reported at its place
                eglif.install_if_named(nest, {p.model for p in populations})

    def close(self) -> None:
        if self._trial:
            self._nest.ResetKernel()

    def problems(self) -> Iterator[Problem]:
        network = self._config.network
        if isinstance(network, Network):
            for name, population in network.populations.items():
                yield from self._population(("network", "populations", name), name, population)
        else:
            yield from _lacking(network)
        for i, projection in enumerate(network.projections):
            place: Place = ("network", "projections", i)
            yield from self._rule((*place, "rule"), projection.rule)
            sources = [self._neurons.get(name) for name in projection.source]
            yield from self._synapse(
                (*place, "synapse"), projection.synapse, sources, projection.target, projection.rule
            )
        for i, device in enumerate(network.devices):
            yield from self._device(("network", "devices", i), device)
        yield from self._receives()

    def _receives(self) -> Iterator[Problem]:
        for i, receives in enumerate(self._config.receives):
            place: Place = ("receives", i, "synapse")
            if receives.synapse.rule is not None:
                yield from self._rule((*place, "rule"), receives.synapse.rule)
            model = (
                "inhomogeneous_poisson_generator" if receives.as_rates else "spike_train_injector"
            )
            source = self._nest.Create(model) if self._trial else None
            yield from self._synapse(place, receives.synapse, [source], (receives.population,))

    def _population(self, place: Place, name: str, population: Population) -> Iterator[Problem]:
        wrong = list(self._model((*place, "model"), population.model, ("neuron",)))
        yield from wrong
        if wrong or population.model not in self._nest.node_models:
            return
        legal = self._nest.GetDefaults(population.model)
        unknown = [
            *_unknown((*place, "parameters"), population.parameters, legal, population.model),
            *_unknown((*place, "initial"), population.initial, legal, population.model),
        ]
        yield from unknown
        if unknown or not self._trial:
            return
        single = population.model_copy(
            update={
                key: _for_one(getattr(population, key), legal) for key in ("parameters", "initial")
            }
        )
        try:
            self._neurons[name] = create_population(self._nest, single, 1)
        except (self._nest.NESTError, OverflowError, TypeError) as error:
            yield Problem((*place, "parameters"), f"NEST refuses them: {reason(error)}")

    def _device(self, place: Place, device: Device) -> Iterator[Problem]:
        yield from self._model((*place, "device"), device.device, ("stimulator",))
        yield from self._rule((*place, "rule"), device.rule)
        source = None
        if device.device in self._nest.node_models:
            legal = self._nest.GetDefaults(device.device)
            unknown = list(
                _unknown((*place, "parameters"), device.parameters, legal, device.device)
            )
            yield from unknown
            if self._trial and not unknown:
                try:
                    source = create_device(self._nest, device)
                except (self._nest.NESTError, OverflowError, TypeError) as error:
                    yield Problem((*place, "parameters"), f"NEST refuses them: {reason(error)}")
        yield from self._synapse((*place, "synapse"), device.synapse, [source], device.target)

    def _model(self, place: Place, name: str, kinds: tuple[str, ...]) -> Iterator[Problem]:
        known = self._nest.node_models
        if name == eglif.MODEL and name not in known:
            if self._trial or not eglif.available():
                yield Problem(place, f"'{name}' is not compiled for this NEST", hint=eglif.MEND)
            return
        if name not in known:
            fitting = [m for m in known if self._nest.GetDefaults(m)["element_type"] in kinds]
            yield Problem(place, f"NEST has no model '{name}'", hint=nearest(name, fitting))
            return
        kind = self._nest.GetDefaults(name)["element_type"]
        if kind not in kinds:
            yield Problem(place, f"'{name}' is a {kind}", expected=f"a {' or '.join(kinds)}")

    def _rule(self, place: Place, rule: Named) -> Iterator[Problem]:
        known = self._nest.connection_rules
        if rule.name not in known:
            yield Problem(
                place,
                f"NEST has no connection rule '{rule.name}'",
                expected=f"one of {', '.join(known)}",
                hint=nearest(rule.name, known),
            )

    def _synapse(
        self,
        place: Place,
        synapse: Synapse,
        sources: list[Any],
        targets: tuple[str, ...],
        rule: Named | None = None,
    ) -> Iterator[Problem]:
        known = self._nest.synapse_models
        if synapse.model not in known:
            yield Problem(
                (*place, "model"),
                f"NEST has no synapse model '{synapse.model}'",
                hint=nearest(synapse.model, known),
            )
            return
        legal = self._nest.GetDefaults(synapse.model)
        unknown = list(_unknown(place, synapse.parameters, legal, synapse.model))
        yield from unknown
        if unknown or not self._trial:
            return
        for source in sources:
            for target in targets:
                yield from self._connect(place, synapse, source, self._neurons.get(target), rule)

    def _connect(
        self,
        place: Place,
        synapse: Synapse,
        source: Any,  # noqa: ANN401
        target: Any,  # noqa: ANN401
        rule: Named | None,
    ) -> Iterator[Problem]:
        if source is None or target is None:
            return  # of a builder, or already found wrong
        symmetric = bool(rule and rule.parameters.get("make_symmetric"))
        how = {"rule": "one_to_one", "make_symmetric": symmetric}
        try:
            spec = synapse_spec(self._nest, synapse, self._config.resolution)
            self._nest.Connect(source, target, how, spec)
        except (self._nest.NESTError, OverflowError, TypeError) as error:
            ports = "receptor" in str(error).lower()
            hint = f"choose a receptor_type that {target.get('model')} has" if ports else ""
            yield Problem(place, f"NEST refuses it: {reason(error)}", hint=hint)


def _unknown(
    place: Place, given: Mapping[str, Value], legal: Mapping[str, Any], model: str
) -> Iterator[Problem]:
    for key in given:
        if key not in legal:
            yield Problem(
                (*place, key), f"{model} has no parameter '{key}'", hint=nearest(key, legal)
            )


def _for_one(given: Mapping[str, Value], legal: Mapping[str, Any]) -> dict[str, Value]:
    """Return what a single neuron takes of values that may list one for each neuron."""
    chosen = dict(given)
    for key, value in given.items():
        scalar = False
        with suppress(TypeError):
            scalar = not hasattr(legal[key], "__len__")
        if isinstance(value, tuple) and scalar and value:
            chosen[key] = value[0]
    return chosen
