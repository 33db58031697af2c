"""Values for NEST's models as they stand in YAML: numbers, quantities, lists, distributions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from cosim.units import UNITS, parse, split_quantity

#: The units in which NEST takes its parameters.
NEST_UNITS = ("mV", "ms", "pA", "pF", "nS", "Hz")

# NEST's naming convention fixes the dimension of a parameter by how its name begins.
_SYMBOLS = (
    (re.compile(r"(V|E)_"), "mV"),
    (re.compile(r"C_"), "pF"),
    (re.compile(r"g_"), "nS"),
    (re.compile(r"I_"), "pA"),
    (re.compile(r"(tau|t)_|(start|stop|origin)$"), "ms"),
    (re.compile(r"rate$"), "Hz"),
)

Flaw = tuple[tuple[str | int, ...], str, object]


def flawed(title: str, flaws: Iterable[Flaw]) -> ValidationError:
    """Return one pydantic error for many flaws, each a place, a message and the culprit."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError("nest", "{message}", {"message": message}),
            loc=place,
            input=culprit,
        )
        for place, message, culprit in flaws
    ]
    return ValidationError.from_exception_data(title, lines)


@dataclass(frozen=True)
class Uniform:
    """Evenly distributed in [low, high)."""

    low: float
    high: float


@dataclass(frozen=True)
class Normal:
    """Normally distributed; what falls outside [low, high] is drawn again."""

    mean: float
    std: float
    low: float = -math.inf
    high: float = math.inf


Value = bool | int | float | tuple[Any, ...] | Uniform | Normal


def lower_bound(value: float | Uniform | Normal) -> float:
    """Return the smallest value that a number or a distribution can take."""
    return value.low if isinstance(value, Uniform | Normal) else float(value)


def unit_of(parameter: str) -> tuple[str, ...]:
    """Return the units that fit a parameter of that name; all of NEST's if the name is silent."""
    return next(((unit,) for name, unit in _SYMBOLS if name.match(parameter)), NEST_UNITS)


def read_number(value: object, units: Sequence[str], bare: bool = True) -> float | int:
    """Convert a number or a quantity to a number in NEST's unit.

    Parameters
    ----------
    value
        A number, or text such as ``"200 pF"``.
    units
        The units, out of `NEST_UNITS`, of the dimensions that are allowed.
    bare
        Whether a number without a unit is allowed; it is taken to be in NEST's unit.

    Raises
    ------
    ValueError
        If the value is no number or is of another dimension.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not bare:
            raise ValueError(f"the unit is missing; expected a quantity such as '1 {units[0]}'")
        if not math.isfinite(value):
            raise ValueError("the number is not finite")
        return value
    parts = split_quantity(value) if isinstance(value, str) else None
    wanted = f"a number{'' if bare else ' with a unit'}, such as '1 {units[0]}'"
    if parts is None:
        raise ValueError(f"expected {wanted}")
    number, unit = parts
    if not unit and bare:
        return number
    for canonical in units:
        if unit in UNITS[canonical]:
            return float(parse(value, canonical))
    given = f"unit '{unit}' does not fit" if unit else "the unit is missing"
    raise ValueError(f"{given}; expected a quantity in {' or '.join(units)}")


def _uniform(body: object, number: Callable[[object], float]) -> Uniform:
    if not isinstance(body, list | tuple) or len(body) != 2:
        raise ValueError("expected {uniform: [lowest, highest]}")
    low, high = (number(b) for b in body)
    if low > high:
        raise ValueError(f"the lowest value, {low:g}, is above the highest, {high:g}")
    return Uniform(low, high)


def _normal(body: object, number: Callable[[object], float]) -> Normal:
    keys = {"mean": "mean", "std": "std", "min": "low", "max": "high"}
    if not isinstance(body, dict) or not {"mean", "std"} <= set(body) <= set(keys):
        raise ValueError("expected {normal: {mean, std}}, with min and max where wanted")
    drawn = Normal(**{keys[key]: number(b) for key, b in body.items()})
    if drawn.std < 0:
        raise ValueError(f"the standard deviation, {drawn.std:g}, is negative")
    if drawn.low > drawn.high:
        raise ValueError(f"min, {drawn.low:g}, is above max, {drawn.high:g}")
    return drawn


_DISTRIBUTIONS: dict[str, Callable[[object, Callable[[object], float]], Uniform | Normal]] = {
    "uniform": _uniform,
    "normal": _normal,
}


def read_scalar(value: object, units: Sequence[str], bare: bool = True) -> float | Uniform | Normal:
    """Convert a number, a quantity, or a distribution of such.

    Raises
    ------
    ValueError
        If it is none of these, or of another dimension.
    """
    if isinstance(value, Uniform | Normal):
        return value
    if not isinstance(value, dict):
        return read_number(value, units, bare)
    if len(value) != 1 or not set(value) <= set(_DISTRIBUTIONS):
        known = " or ".join(_DISTRIBUTIONS)
        raise ValueError(f"expected a number, a quantity or one distribution ({known})")
    ((name, body),) = value.items()
    return _DISTRIBUTIONS[name](body, lambda v: float(read_number(v, units, bare)))


def read_value(value: object, units: Sequence[str]) -> Value:
    """Convert a parameter of a NEST model: as `read_scalar`, or a flag, or a list.

    Raises
    ------
    ValueError
        If it is none of these, or of another dimension.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return tuple(read_value(v, units) for v in value)
    return read_scalar(value, units)


def read_parameters(value: object) -> dict[str, Value]:
    """Convert the parameters of a NEST model.

    Raises
    ------
    ValueError
        If the value is no mapping; as a pydantic error that locates every bad parameter.
    """
    if not isinstance(value, dict):
        raise ValueError("expected parameters: {name: value}")  # noqa: TRY004 - for pydantic
    result: dict[str, Value] = {}
    flaws: list[Flaw] = []
    for key, given in value.items():
        try:
            result[str(key)] = read_value(given, unit_of(str(key)))
        except ValueError as wrong:  # noqa: PERF203 - every flaw is reported
            flaws.append(((str(key),), str(wrong), given))
    if flaws:
        raise flawed("parameters", flaws)
    return result


def _read_weight(value: object) -> object:
    return read_scalar(value, ("nS", "pA"))


def _read_delay(value: object) -> object:
    delay = read_scalar(value, ("ms",), bare=False)
    if not math.isfinite(lower_bound(delay)):
        raise ValueError("a normally distributed delay needs a min, the shortest delay")
    return delay


_ANY_VALUE = {"type": ["number", "string", "object"]}

#: Parameters of a NEST model; values become `Value` in NEST's units.
Parameters = Annotated[
    dict[str, Any], BeforeValidator(read_parameters), WithJsonSchema({"type": "object"})
]
#: A synaptic weight; becomes a `Value` in nS or pA, whichever the target's model takes.
Weight = Annotated[Any, BeforeValidator(_read_weight), WithJsonSchema(_ANY_VALUE)]
#: A synaptic delay; becomes a `Value` in ms with a finite lower bound.
Delay = Annotated[Any, BeforeValidator(_read_delay), WithJsonSchema(_ANY_VALUE)]


def as_nest(nest: Any, value: Value) -> Any:  # noqa: ANN401 - NEST's module and values
    """Return the value as NEST takes it, a distribution as a NEST parameter."""
    if isinstance(value, tuple):
        return [as_nest(nest, v) for v in value]
    if isinstance(value, Uniform):
        return nest.random.uniform(min=value.low, max=value.high)
    if isinstance(value, Normal):
        drawn = nest.random.normal(mean=value.mean, std=value.std)
        if math.isinf(value.low) and math.isinf(value.high):
            return drawn
        return nest.math.redraw(drawn, value.low, value.high)
    return value
