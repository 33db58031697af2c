"""What every part of a scenario is made of: sections, named choices, quantities."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
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
Length = Annotated[Millimetres, AfterValidator(_not_negative)]
Speed = Annotated[MetresPerSecond, AfterValidator(_positive)]
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
