"""What a scenario says of guards; `cosim.roles` has the guards themselves."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cosim.scenario.fields import PositiveRate, Section, Time

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
