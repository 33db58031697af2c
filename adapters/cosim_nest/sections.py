"""The parts of a network as a user writes them: populations, projections, devices, inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SerializeAsAny,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cosim import own_code
from cosim.scenario.fields import Named, Rate, Section
from cosim.scenario.model import Receives
from cosim.simulator import RateBand
from cosim.units import Milliseconds
from cosim_nest.builders import NetworkBuilder, builder, builder_names, reference_rates
from cosim_nest.rules import Rule, nearest
from cosim_nest.values import Delay, Flaw, Parameters, Value, Weight, flawed, read_parameters


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_NAMES = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
Names = Annotated[
    tuple[str, ...], BeforeValidator(_several), Field(min_length=1), WithJsonSchema(_NAMES)
]


class Synapse(Section):
    """How spikes reach a population; further keys are parameters of the synapse model."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: str = "static_synapse"
    weight: Weight
    delay: Delay | None = None

    @model_validator(mode="before")
    @classmethod
    def _parameters(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        further = {k: v for k, v in value.items() if k not in cls.model_fields}
        return {**value, **read_parameters(further)}

    @property
    def parameters(self) -> Mapping[str, Value]:
        """Parameters of the synapse model beside weight and delay."""
        return self.__pydantic_extra__ or {}


class DelayedSynapse(Synapse):
    """A synapse of a projection, whose delay must be given."""

    delay: Delay


class FibreSynapse(Synapse):
    """A synapse by which activity from outside reaches a population."""

    rule: Rule | None = None


class Reference(Section):
    """What is known of a population's activity, to compare a run with."""

    rate: tuple[Rate, Rate] = Field(examples=[["2 Hz", "6 Hz"]])
    source: str | None = None

    @field_validator("rate")
    @classmethod
    def _ordered(cls, rate: tuple[float, float]) -> tuple[float, float]:
        if rate[0] > rate[1]:
            raise ValueError("expected the lower end of the band first")
        return rate


class Population(Section):
    """A named group of equal neurons."""

    model: str
    size: Annotated[int, Field(ge=1, strict=True)]
    parameters: Parameters = Field(default_factory=dict)
    initial: Parameters = Field(default_factory=dict)
    reference: Reference | None = None


class Projection(Section):
    """Connections from every source population to every target population."""

    source: Names = Field(alias="from")
    target: Names = Field(alias="to")
    rule: Rule
    synapse: DelayedSynapse


class Device(Section):
    """A generator of NEST that drives populations; its rule is all to all unless given."""

    device: str
    target: Names = Field(alias="to")
    parameters: Parameters = Field(default_factory=dict)
    start: Milliseconds | None = None
    stop: Milliseconds | None = None
    rule: Rule = Named(name="all_to_all")
    synapse: Synapse


class Wiring(Section):
    """What every network may have, however its populations come about."""

    projections: tuple[Projection, ...] = ()
    devices: tuple[Device, ...] = ()


class Network(Wiring):
    """A network written out."""

    populations: dict[str, Population] = Field(min_length=1)

    @property
    def reference_rates(self) -> Mapping[str, RateBand]:
        """The rates between which populations should lie, of those that have them."""
        known = {name: p.reference for name, p in self.populations.items() if p.reference}
        return {name: RateBand(*r.rate, r.source or "") for name, r in known.items()}


def _stranger(name: str, key: str, legal: list[str]) -> Flaw:
    hint = nearest(key, legal) or f"it has {', '.join(legal)}"
    return (key,), f"builder {name} has no parameter '{key}'; {hint}", key


def _flaws(model: type[Section], data: object) -> Iterator[Flaw]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors():
            yield detail["loc"], detail["msg"], detail["input"]


class BuiltNetwork(Wiring):
    """A network from a builder; keys other than ours are the builder's parameters."""

    builder: str
    parameters: SerializeAsAny[Section]

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: object) -> object:
        if not isinstance(value, dict) or isinstance(value.get("parameters"), Section):
            return value
        name = value.get("builder")
        if name not in builder_names():
            known = ", ".join(builder_names())
            hint = own_code.hint(str(name)) or nearest(str(name), builder_names())
            message = f"there is no network builder '{name}'; expected one of: {known}"
            raise flawed(
                "network", [(("builder",), f"{message}; {hint}" if hint else message, name)]
            )
        ours = {k: v for k, v in value.items() if k in {"builder", "projections", "devices"}}
        theirs = {k: v for k, v in value.items() if k not in ours}
        parameters = builder(str(name)).Parameters
        legal = [info.alias or key for key, info in parameters.model_fields.items()]
        strangers = [key for key in theirs if key not in legal]
        if strangers:
            flaws = [_stranger(str(name), stranger, legal) for stranger in strangers]
            sound = {k: v for k, v in theirs.items() if k in legal}
            raise flawed("network", [*flaws, *_flaws(parameters, sound)])
        return {**ours, "parameters": parameters.model_validate(theirs)}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe each builder's parameters beside the keys of every network."""
        shared = handler.resolve_ref_schema(handler(core))["properties"]
        choices = []
        for name in builder_names():
            reference = handler(builder(name).Parameters.__pydantic_core_schema__)
            theirs = handler.resolve_ref_schema(reference)
            keys = {key: shared[key] for key in ("projections", "devices")}
            properties = {"builder": {"const": name}, **keys, **theirs["properties"]}
            required = ["builder", *theirs.get("required", ())]
            choices.append(theirs | {"properties": properties, "required": required})
        return {"anyOf": choices}

    @property
    def built_by(self) -> NetworkBuilder:
        """The builder."""
        return builder(self.builder)

    @property
    def reference_rates(self) -> Mapping[str, RateBand]:
        """The rates between which populations should lie, if the builder knows them."""
        return reference_rates(self.built_by, self.parameters)


def read_network(value: object) -> object:
    """Validate a network as the kind that it is."""
    # A plain union would report the errors of both kinds under places that YAML lacks.
    if isinstance(value, dict):
        return (BuiltNetwork if "builder" in value else Network).model_validate(value)
    return value


class NestReceives(Receives):
    """Activity that enters one population, and the synapse by which it does."""

    synapse: FibreSynapse

    @property
    def as_rates(self) -> bool:
        """Whether NEST itself turns the rates into Poisson trains, one for each neuron."""
        return self.through.name == "rates"

    @model_validator(mode="after")
    def _one_train_a_neuron(self) -> NestReceives:
        if self.as_rates and self.synapse.rule is not None:
            message = "no rule fits 'through: rates': every neuron has a Poisson train of its own"
            raise flawed("receives", [(("synapse", "rule"), message, self.synapse.rule.name)])
        if self.as_rates and self.through.parameters:
            message = "'rates' takes no parameters"
            raise flawed("receives", [(("through", "rates"), message, self.through.parameters)])
        return self
