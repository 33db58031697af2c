"""The scenario as validated data: what a user may write, and what each key means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cosim.units import MetresPerSecond, Millimetres, Milliseconds, SpikesPerSecond


class Section(BaseModel):
    """Base of every part of a scenario: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Section):
    """A thing chosen by name with parameters: ``poisson``, or ``{exponential: {tau: 5 ms}}``."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and len(value) == 1:
            (name, parameters), = value.items()
            if isinstance(name, str) and (parameters is None or isinstance(parameters, dict)):
                return {"name": name, "parameters": parameters or {}}
        if isinstance(value, dict) and set(value) <= {"name", "parameters"} and "name" in value:
            return value
        raise ValueError("expected a name, or one name with its parameters: {name: {key: value}}")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        one = {"type": "object", "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"type": "string"}, one], "title": cls.__name__}


class Tract(Section):
    """An edge added to the connectome, or put in the place of one that it has."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    length: Millimetres
    both_ways: bool = False


class NewRegion(Section):
    """A region that the connectome lacks."""

    label: str = Field(min_length=1)
    centre: tuple[Millimetres, Millimetres, Millimetres]


class Overlay(Section):
    """Edits of the connectome, applied in the order remove, add, tracts."""

    remove: tuple[str, ...] = ()
    add: tuple[NewRegion, ...] = ()
    tracts: tuple[Tract, ...] = ()


class BrainConfig(Section):
    """The connectome and how activity travels along it."""

    connectome: str
    conduction_speed: MetresPerSecond
    weights: Literal["as_given", "scaled_by_maximum", "scaled_by_largest_row_sum"] | Annotated[
        float, Field(gt=0, allow_inf_nan=False)
    ] = "as_given"
    overlay: str | Overlay | None = None


class RegionRule(Section):
    """Which regions a model simulates; the first rule that matches a region wins."""

    match: str | tuple[str, ...]
    model: str = Field(alias="as")
    simulator: str | None = None


class Activity(Section):
    """What a mean-field model's activity means at a border."""

    variable: str = Field(alias="of")
    unit: Literal["1", "Hz", "kHz"] = "1"


class Gating(Section):
    """Rate to synaptic gating: dS/dt = -S / tau_S + (1 - S) gamma r, with r in spikes/ms.

    The NMDA gating of the reduced Wong-Wang model (Deco et al. 2013, J Neurosci 33:11239,
    eq. 2, from which the defaults are taken).
    """

    tau_S: Milliseconds = 100.0
    gamma: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.641


class Receives(Section):
    """Activity that enters one population of a spiking region."""

    population: str
    sources: tuple[str, ...] = Field(alias="from", min_length=1)
    gain: str | float | None = None
    background: SpikesPerSecond = 0.0
    maximum: SpikesPerSecond | None = None
    through: Named = Named(name="poisson")
    synapse: Any = Field(default_factory=dict)


class Sends(Section):
    """Activity that leaves one population of a spiking region."""

    population: str
    targets: tuple[str, ...] = Field(alias="to", min_length=1)
    variable: str | None = Field(default=None, alias="as")
    through: Named = Named(name="rate")
    gain: str | float | None = None
    gating: Gating | None = None


class Translation(Section):
    """How activity of another kind of mean-field model becomes a variable of this one."""

    sources: tuple[str, ...] = Field(alias="from", min_length=1)
    variable: str = Field(alias="as")
    gain: str | float | None = None
    gating: Gating | None = None


class ModelConfig(Section):
    """What every entry under `models` has, whichever engine runs it."""

    engine: str
    activity: Activity | None = None
    receives: tuple[Receives, ...] = ()
    sends: tuple[Sends, ...] = ()
    translate: tuple[Translation, ...] = ()


class Transformers(Section):
    """Where the transformers run."""

    placement: Literal["own_ranks", "simulators"] = "own_ranks"
    ranks: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"


class Record(Section):
    """What a run keeps."""

    border: bool = True
    trains: bool = False
    spikes: dict[str, dict[str, str]] | Literal["all", "none"] = "all"


class Scenario(Section):
    """A whole scenario."""

    name: str
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    duration: Milliseconds
    window: Literal["auto"] | Milliseconds = "auto"
    brain: BrainConfig
    regions: tuple[RegionRule, ...] = Field(min_length=1)
    models: dict[str, ModelConfig] = Field(min_length=1)
    transformers: Transformers = Transformers()
    record: Record = Record()
