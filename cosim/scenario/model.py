"""The scenario as validated data: what a user may write, and what each key means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cosim.scenario.fields import (
    Flag,
    Gain,
    Length,
    Named,
    Number,
    PositiveRate,
    Rate,
    Section,
    Speed,
    Time,
    Unit,
    Whole,
)
from cosim.scenario.guards import Guards
from cosim.units import Millimetres


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
    length: Length = Field(examples=["40 mm"])
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
    conduction_speed: Speed = Field(examples=["4 m/s"])
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
        On ranks of their own; or each beside the simulator of its spiking region; or beside the
        mean-field simulator on the other side of its border.
    ranks
        How many ranks of their own.
    """

    placement: Literal["own_ranks", "simulators", "mean_fields"] = "own_ranks"
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
