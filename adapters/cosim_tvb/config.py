"""What may stand under `models` for a mean-field model that TVB runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from cosim.clock import to_ns
from cosim.scenario.fields import Named, Section
from cosim.scenario.model import ModelConfig
from cosim.units import Milliseconds, parse
from cosim_tvb.facts import facts, model_names

#: What may be said of an integrator.
INTEGRATOR_KEYS = ("dt", "nsig", "noise", "ntau")
#: Key of a by-region parameter that holds for regions which no other key matches.
DEFAULT = "default"

ByRegion = dict[str, float]


def number(value: object) -> float:
    """Return a finite number as YAML may write it, including ``1e-5`` without a point.

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            found = float(value)
        except ValueError:
            found = np.nan
        if np.isfinite(found):
            return found
    raise ValueError(f"expected a finite number in TVB's own unit, not {value!r}")


def _parameter(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return tuple(number(v) for v in value)
    if isinstance(value, dict):
        return {str(k): number(v) for k, v in value.items()}
    return number(value)


def _initial(value: object) -> object:
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError("expected a number, or two that bound an interval: [low, high]")
        low, high = number(value[0]), number(value[1])
        if high < low:
            raise ValueError(f"the interval [{low}, {high}] is empty")
        return low, high
    return number(value)


Parameter = Annotated[bool | float | tuple[float, ...] | ByRegion, BeforeValidator(_parameter)]
Initial = Annotated[float | tuple[float, float], BeforeValidator(_initial)]


def _at(place: tuple[str, ...], message: str, culprit: object = None) -> ValidationError:
    """Return the error of a value that lies deeper than its validator."""
    kind = PydanticCustomError("tvb", "{message}", {"message": message})
    line = InitErrorDetails(type=kind, loc=place, input=culprit)
    return ValidationError.from_exception_data("tvb", [line])


class _ModelName:
    """Lists the models in the JSON Schema."""

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"enum": list(model_names())}


@dataclass(frozen=True)
class _Offered:
    """Lists the classes of one kind, with the names of their parameters, in the JSON Schema."""

    kind: Literal["couplings", "integrators", "monitors"]

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        offered = getattr(facts(), self.kind)
        choices = {
            name: {
                "type": ["object", "null"], "additionalProperties": False,
                "properties": {key: {} for key in getattr(known, "parameters", INTEGRATOR_KEYS)},
            }
            for name, known in offered.items()
        }
        one = {"additionalProperties": False, "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"enum": list(offered)}, {"type": "object", "properties": choices} | one]}


class Stimulus(Section):
    """A parameter that is raised in some regions for some time.

    Parameters
    ----------
    regions
        Labels or patterns; of what a pattern matches, the regions that this model simulates.
    parameter
        A parameter of the model that is one number.
    add
        What is added to it, in TVB's own unit; negative to lower it. Stimuli that overlap add up.
    start, stop
        It is raised in the integration steps that begin in [start, stop).
    """

    regions: str | Annotated[tuple[str, ...], Field(min_length=1)] = Field(examples=["lV1"])
    parameter: str = Field(examples=["I_o"])
    add: Annotated[float, BeforeValidator(number)] = Field(examples=[0.1])
    start: Milliseconds = Field(examples=["300 ms"])
    stop: Milliseconds = Field(examples=["350 ms"])

    @property
    def patterns(self) -> tuple[str, ...]:
        """The labels and patterns as a list."""
        return (self.regions,) if isinstance(self.regions, str) else self.regions


class TvbConfig(ModelConfig):
    """A mean-field model and how TVB integrates, couples and records it.

    Numbers that are parameters of TVB are bare numbers in TVB's own units; times of the
    integration and of monitors carry their unit.

    Parameters
    ----------
    model
        Name of a model of tvb-library, or one registered in the group ``cosim_tvb.models``.
    parameters
        By name: a number, a list where TVB has a list, or numbers by region: labels or patterns.
    coupling, integrator, monitors
        Classes of tvb-library with their parameters.
    initial
        By state variable: a number, or the interval from which each region draws its own.
    variables_of_interest
        What monitors watch.
    stimuli
        Parameters that are raised for some time.
    compiled
        Whether a compiled loop takes the steps, where there is one for the model, coupling and
        integrator; otherwise tvb-library's own does.
    """

    model: Annotated[str, _ModelName()] = Field(examples=["ReducedWongWang"])
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    coupling: Annotated[Named, _Offered("couplings")] = Named(name="Linear")
    integrator: Annotated[Named, _Offered("integrators")] = Field(
        examples=[{"HeunDeterministic": {"dt": "0.1 ms"}}]
    )
    initial: dict[str, Initial] = Field(default_factory=dict)
    monitors: tuple[Annotated[Named, _Offered("monitors")], ...] = ()
    variables_of_interest: tuple[str, ...] | None = None
    stimuli: tuple[Stimulus, ...] = ()
    compiled: bool = False

    @field_validator("integrator")
    @classmethod
    def _has_a_step(cls, value: Named) -> Named:
        if "dt" not in value.parameters:
            raise _at((value.name,), f"'dt' is missing; expected {{{value.name}: {{dt: 0.1 ms}}}}")
        given = value.parameters["dt"]
        try:
            step_ms = parse(given, "ms")
            to_ns(step_ms)
        except ValueError as err:
            raise _at((value.name, "dt"), str(err), given) from err
        if step_ms <= 0:
            raise _at((value.name, "dt"), "expected a positive time", given)
        return value

    @property
    def step_ms(self) -> float:
        """Integration step in ms."""
        return parse(self.integrator.parameters["dt"], "ms")


@dataclass(frozen=True)
class NoiseConfig:
    """Noise of a stochastic integrator.

    Parameters
    ----------
    kind
        Whether its size depends on the state.
    dispersion
        TVB's nsig (D in sqrt(2 D)), one number or by state variable; others get none.
    correlation_ms
        TVB's ntau: correlation time of coloured noise; 0 for white noise.
    slope, offset
        Of the multiplicative factor ``slope * state + offset``.
    """

    kind: Literal["additive", "multiplicative"]
    dispersion: float | dict[str, float]
    correlation_ms: float
    slope: float = 1.0
    offset: float = 0.0

    def by_variable(self, state_variables: Sequence[str]) -> NDArray[np.float64]:
        """Return the dispersion, shape (1,) or (state variables,)."""
        if isinstance(self.dispersion, float):
            return np.array([self.dispersion])
        return np.array([self.dispersion.get(name, 0.0) for name in state_variables])


def read_dispersion(value: object) -> float | dict[str, float]:
    """Read nsig.

    Raises
    ------
    ValueError
        If a number is missing or negative.
    """
    if isinstance(value, dict):
        return {str(k): _not_negative(v) for k, v in value.items()}
    return _not_negative(value)


def _not_negative(value: object) -> float:
    found = number(value)
    if found < 0:
        raise ValueError(f"expected no negative number, not {value!r}")
    return found


def read_kind(value: object) -> Named:
    """Read the kind of noise: ``additive``, or ``{multiplicative: {a: 1, b: 0}}``.

    Raises
    ------
    ValueError
        If it is another one, or has parameters of other names.
    """
    kind = Named.model_validate(value)
    legal = {"additive": set(), "multiplicative": {"a", "b"}}
    if kind.name not in legal:
        raise ValueError(f"expected one of {', '.join(legal)}, not {kind.name!r}")
    unknown = set(kind.parameters) - legal[kind.name]
    if unknown:
        raise ValueError(f"{kind.name} noise has no parameter {', '.join(sorted(unknown))}")
    for parameter in kind.parameters.values():
        number(parameter)
    return kind


def read_correlation_ms(value: object) -> float:
    """Read ntau, which is a time and may be zero.

    Raises
    ------
    ValueError
        If it has no unit or is negative.
    """
    found = 0.0 if value == 0 else parse(value, "ms")
    if found < 0:
        raise ValueError(f"expected no negative time, not {value!r}")
    return found


def noise_config(integrator: Named) -> NoiseConfig:
    """Return the noise of a stochastic integrator's entry."""
    given = integrator.parameters
    kind = read_kind(given.get("noise", "additive"))
    return NoiseConfig(
        kind="additive" if kind.name == "additive" else "multiplicative",
        dispersion=read_dispersion(given["nsig"]),
        correlation_ms=read_correlation_ms(given.get("ntau", 0)),
        slope=number(kind.parameters.get("a", 1.0)),
        offset=number(kind.parameters.get("b", 0.0)),
    )


def matches(key: str, labels: Sequence[str]) -> Iterator[int]:
    """Yield the indices of the regions that a label or pattern means.

    A label that stands for itself is never taken as a pattern.
    """
    if key in labels:
        yield labels.index(key)
    else:
        yield from (i for i, label in enumerate(labels) if fnmatchcase(label, key))


def by_region(values: ByRegion, labels: Sequence[str], default: float) -> NDArray[np.float64]:
    """Return one value for each region.

    Parameters
    ----------
    values
        By label or pattern. Of several that match, a label beats patterns, and among patterns
        the later one wins. The key ``default`` is for regions that nothing else matches.
    labels
        Names of all regions.
    default
        Where `values` has no ``default`` either.
    """
    result = np.full(len(labels), values.get(DEFAULT, default))
    exact = [k for k in values if k in labels]
    patterns = [k for k in values if k not in labels and k != DEFAULT]
    for key in (*patterns, *exact):
        result[list(matches(key, labels))] = values[key]
    return result


def monitor_period_ms(monitor: Named, default: float) -> float:
    """Return a monitor's sampling period.

    Raises
    ------
    ValueError
        If it is no time.
    """
    given: Any = monitor.parameters.get("period")
    return default if given is None else parse(given, "ms")
