"""The scenario as validated data: what a user may write, and what each key means."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cosim.clock import NS_PER_MS, to_ns
from cosim.units import MetresPerSecond, Millimetres, Milliseconds, SpikesPerSecond

#: Longest time whose nanoseconds fit a signed 64-bit integer.
MAX_TIME_MS = (2**63 - 1) // NS_PER_MS


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("expected a positive number")
    return value


def _not_negative(value: float) -> float:
    if value < 0:
        raise ValueError("expected no negative number")
    return value


def _countable(time_ms: float) -> float:
    if time_ms > MAX_TIME_MS:
        raise ValueError(f"expected at most {MAX_TIME_MS:.3g} ms")
    if to_ns(time_ms) == 0:
        raise ValueError("expected at least a nanosecond")
    return time_ms


# YAML says which of these a value is, and pydantic would turn one into another.
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
#: A positive time that is a whole number of nanoseconds.
Time = Annotated[Milliseconds, AfterValidator(_positive), AfterValidator(_countable)]
Rate = Annotated[SpikesPerSecond, AfterValidator(_not_negative)]
PositiveRate = Annotated[SpikesPerSecond, AfterValidator(_positive)]
#: Units of a mean-field model's activity.
Unit = Literal["1", "Hz", "kHz"]
#: A number with or without a unit; which one fits depends on the activities that it joins.
Gain = str | Number


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
    """An edge added to the connectome, or put in the place of one that it has.

    Parameters
    ----------
    source, target
        Region labels.
    weight
        On the scale of the connectome's file, before `weights` scales it.
    length
        Length of the tract; the delay is length / conduction speed.
    both_ways
        Whether there is the same edge back.
    """

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    weight: Annotated[Number, Field(ge=0)]
    length: Annotated[Millimetres, AfterValidator(_not_negative)] = Field(examples=["40 mm"])
    both_ways: Flag = False


class NewRegion(Section):
    """A region that the connectome lacks."""

    label: str = Field(min_length=1)
    centre: tuple[Millimetres, Millimetres, Millimetres] = Field(
        examples=[["0 mm", "10 mm", "20 mm"]]
    )


class Overlay(Section):
    """Edits of the connectome, applied in the order remove, add, tracts."""

    remove: tuple[str, ...] = ()
    add: tuple[NewRegion, ...] = ()
    tracts: tuple[Tract, ...] = ()


class BrainConfig(Section):
    """The connectome and how activity travels along it.

    Parameters
    ----------
    connectome
        A zip file in TVB's format: ``tvb-data:connectivity_76.zip``, or a path relative to the
        scenario's folder.
    conduction_speed
        A delay is tract length / conduction speed.
    weights
        What becomes of the connectome's weights: a word, or a factor.
    overlay
        Edits of the connectome, or the YAML file that has them; of several, each edits what
        those before it made.
    """

    connectome: str = Field(examples=["tvb-data:connectivity_76.zip"])
    conduction_speed: Annotated[MetresPerSecond, AfterValidator(_positive)] = Field(
        examples=["4 m/s"]
    )
    weights: (
        Literal["as_given", "scaled_by_maximum", "scaled_by_largest_row_sum"]
        | Annotated[Number, Field(gt=0)]
    ) = "as_given"
    overlay: str | Overlay | tuple[str | Overlay, ...] | None = None


class RegionRule(Section):
    """Which regions a model simulates; the first rule that matches a region wins.

    Parameters
    ----------
    match
        A label, a pattern such as ``r*``, a list of them, or ``rest``.
    model
        An entry under `models`.
    simulator
        Name of the simulator, where a mean-field model is to be split into several.
    """

    match: str | tuple[str, ...] = Field(examples=["rest"])
    model: str = Field(alias="as")
    simulator: str | None = None


class Activity(Section):
    """What a mean-field model's activity means at a border.

    Parameters
    ----------
    variable
        The coupling variable that other regions see.
    unit
        Its unit; ``"1"`` is dimensionless.
    """

    variable: str = Field(alias="of")
    unit: Unit = "1"


class Gating(Section):
    """Rate to synaptic gating: dS/dt = -S / tau_S + (1 - S) gamma r, with r in spikes/ms.

    The NMDA gating of the reduced Wong-Wang model (Deco et al. 2013, J Neurosci 33:11239,
    eq. 2, from which the defaults are taken).
    """

    tau_S: Time = 100.0
    gamma: Annotated[Number, Field(gt=0)] = 0.641


class Receives(Section):
    """Activity that enters one population of a spiking region.

    Parameters
    ----------
    population
        The population that it enters.
    sources
        The models that it comes from.
    gain
        spikes/s for each train per unit of the senders' activity: ``300 Hz`` for a dimensionless
        activity, a plain number for one that is a rate; none with ``relay``.
    background
        Rate that is added.
    maximum
        Rate above which it is cut.
    through
        The transformer that makes spikes of it.
    synapse
        How these reach the neurons, in the words of the engine.
    region
        Label or pattern of the region it enters, needed where one simulator has several.
    """

    population: str
    region: str | None = None
    sources: tuple[str, ...] = Field(alias="from", min_length=1, examples=[["cortex"]])
    gain: Gain | None = None
    background: Rate = 0.0
    maximum: PositiveRate | None = None
    through: Named = Named(name="poisson")
    synapse: Any = Field(default_factory=dict)


class Sends(Section):
    """Activity that leaves one population of a spiking region.

    Parameters
    ----------
    population
        The population that it leaves.
    region
        Label or pattern of the region it leaves, needed where one simulator has several.
    targets
        The models that it goes to.
    variable
        The variable that it is to a mean-field target.
    through
        The transformer that makes a rate of it.
    gain
        Units of the variable per spike/s: ``0.01 /Hz`` into a dimensionless variable, a plain
        number into one that is a rate.
    gating
        Instead of a gain.
    """

    population: str
    region: str | None = None
    targets: tuple[str, ...] = Field(alias="to", min_length=1, examples=[["cortex"]])
    variable: str | None = Field(default=None, alias="as")
    through: Named = Named(name="rate")
    gain: Gain | None = None
    gating: Gating | None = None


class Translation(Section):
    """How activity of another kind of mean-field model becomes a variable of this one.

    Parameters
    ----------
    sources
        The models that it comes from.
    sender_variable, unit
        State variable of the sender, and its unit; what the sender's `activity` says if not given.
    variable
        Coupling variable of this model that it becomes.
    gain
        Units of that variable per unit of the sender's.
    gating
        Instead of a gain: the gating variable that a rate opens.
    """

    sources: tuple[str, ...] = Field(alias="from", min_length=1, examples=[["cortex"]])
    sender_variable: str | None = Field(default=None, alias="of")
    unit: Unit | None = None
    variable: str = Field(alias="as")
    gain: Gain | None = None
    gating: Gating | None = None


class ModelConfig(Section):
    """What every entry under `models` has, whichever engine runs it."""

    engine: str
    activity: Activity | None = None
    receives: tuple[Receives, ...] = ()
    sends: tuple[Sends, ...] = ()
    translate: tuple[Translation, ...] = ()


class Transformers(Section):
    """Where the transformers run.

    Parameters
    ----------
    placement
        On ranks of their own, or beside the simulators.
    ranks
        How many ranks of their own.
    """

    placement: Literal["own_ranks", "simulators"] = "own_ranks"
    ranks: Literal["auto"] | Annotated[Whole, Field(ge=1)] = "auto"


class Record(Section):
    """What a run keeps.

    Parameters
    ----------
    border
        The signals at the borders.
    trains
        The spike trains that transformers make.
    spikes
        Of which neurons: all, none, or by model and population all, none or ``every 10th``; the
        population ``*`` is every other one.
    tapes
        What crosses every channel, so that the run can be resumed and replayed.
    """

    border: Flag = True
    trains: Flag = False
    tapes: Flag = True
    spikes: dict[str, dict[str, str]] | Literal["all", "none"] = "all"


#: What happens at a finding of a guard.
Action = Literal["stop", "warn", "ignore"]


def _no_choice(reason: str) -> BeforeValidator:
    def only_stop(value: object) -> object:
        if value in ("warn", "ignore"):
            raise ValueError(f"expected 'stop': {reason}")
        return value

    return BeforeValidator(only_stop)


class Runaway(Section):
    """When the rate of a population, or of a mean-field region, is too high to be believed.

    Parameters
    ----------
    above
        The limit, in spikes/s and neuron.
    length
        For how long the rate must be above it.
    action
        What happens then.
    """

    above: PositiveRate = 300.0
    length: Time = Field(default=100.0, alias="for")
    action: Action = Field(default="warn", alias="then")


class Silent(Section):
    """When a population is taken for silent.

    Parameters
    ----------
    length
        For how long none of its neurons must have fired.
    cell_time
        And for how long altogether, the times of all its neurons added up.
    action
        What happens then.
    """

    length: Time = Field(default=1000.0, alias="for")
    cell_time: Time = 100_000.0
    action: Action = Field(default="warn", alias="then")


class Guards(Section):
    """What is looked for while a run goes on, and what is done about it.

    Parameters
    ----------
    not_finite
        At NaN and infinity; there is no choice.
    outside_window
        At a spike outside its window; there is no choice.
    off_clock
        When a simulator's own time is not the end of the window that it has simulated.
    negative_rate
        At a rate below 0.
    runaway
        At rates that are too high; a word, or a section.
    silent
        At populations that do not fire; a word, or a section.
    """

    not_finite: Annotated[
        Literal["stop"], _no_choice("NaN and infinity spread to all that they reach")
    ] = "stop"
    outside_window: Annotated[
        Literal["stop"], _no_choice("nobody could say when such a spike takes effect")
    ] = "stop"
    off_clock: Action = "stop"
    negative_rate: Action = "warn"
    runaway: Runaway = Runaway()
    silent: Silent = Silent()

    @field_validator("runaway", "silent", mode="before")
    @classmethod
    def _from_word(cls, value: object) -> object:
        return {"then": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for key in ("runaway", "silent"):
            section = {"$ref": properties[key].pop("$ref")}
            properties[key]["anyOf"] = [{"enum": list(get_args(Action))}, section]
        return schema


class Scenario(Section):
    """A whole scenario.

    Parameters
    ----------
    base
        Another scenario, over which the keys of this one are merged.
    name
        Title of the run.
    seed
        Of all random numbers.
    duration
        Biological time that is simulated.
    window
        Time between two exchanges; results do not depend on it.
    brain, regions, models
        The connectome, who is simulated as what, and the models by name.
    transformers
        Where they run.
    record
        What is kept.
    guards
        What is looked for while the run goes on.
    """

    base: str | None = Field(default=None, examples=["other.yaml"])
    name: str = Field(examples=["resting brain"])
    seed: Annotated[Whole, Field(ge=0, lt=2**32)] = Field(examples=[42])
    duration: Time = Field(examples=["1000 ms"])
    window: Literal["auto"] | Time = "auto"
    brain: BrainConfig
    regions: tuple[RegionRule, ...] = Field(
        min_length=1, examples=[[{"match": "rest", "as": "cortex"}]]
    )
    models: dict[str, ModelConfig] = Field(min_length=1)
    transformers: Transformers = Transformers()
    record: Record = Record()
    guards: Guards = Guards()
