"""Pydantic's findings in the words of the scenario: key, value, what was expected, a hint."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cosim.errors import Problem
from cosim.scenario.keys import (
    MAX_SOUGHT,
    Path,
    Strays,
    example,
    legal_keys,
    listed,
    nearest,
    value_at,
    yaml_path,
)
from cosim.scenario.yaml_source import dotted
from cosim.units import UNITS, split_quantity


@dataclass(frozen=True)
class Verdict:
    """What came of validating one part of a scenario.

    Parameters
    ----------
    value
        The validated part; None if anything is wrong.
    problems
        What is wrong.
    salvage
        The part without what is wrong, to look for further mistakes in it; None if too much is.
    renamed
        Path of each misspelt key, and the key that was meant.
    """

    value: Any
    problems: tuple[Problem, ...] = ()
    salvage: Any = None
    renamed: Mapping[Path, str] = field(default_factory=dict)


def validated(model: type[BaseModel], data: object, prefix: Path = ()) -> Verdict:
    """Validate plain data.

    Parameters
    ----------
    model
        The class.
    data
        The data, as read from YAML.
    prefix
        Where the data stand in the scenario.
    """
    try:
        value = model.model_validate(data)
    except ValidationError as error:
        strays = Strays(error, model, data)
        found = tuple(problems(error, strays, model, data, prefix))
        try:
            salvage = model.model_validate(strays.mended(data)) if strays.meant else None
        except ValidationError:
            salvage = None
        renamed = {(*prefix, *path): key for path, key in strays.meant.items() if key}
        return Verdict(None, found, salvage, renamed)
    return Verdict(value, (), value, {})


def problems(
    error: ValidationError, strays: Strays, model: type[BaseModel], data: object, prefix: Path
) -> Iterator[Problem]:
    """Yield one problem for each place that failed.

    A union reports one failure for each of its members; they are joined into one problem.
    """
    for number, (path, meant) in enumerate(strays.meant.items()):
        key, legal = str(path[-1]), legal_keys(model, path[:-1])
        near = nearest(key, legal) if number < MAX_SOUGHT else listed(legal)
        hint = f"did you mean '{meant}'?" if meant else near
        message = f"unknown key '{key}'{_inside(prefix, path[:-1])}"
        yield Problem((*prefix, *path), message, "", hint)
    for place, key in strays.missing:
        shown = example(model, place, key)
        such = "" if shown is None else f", such as '{_flow({key: shown})}'"
        yield Problem(
            (*prefix, *place), f"'{key}' is missing{_inside(prefix, place)}", f"this key{such}"
        )
    by_place: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors():
        if detail["type"] == "extra_forbidden":
            continue
        if detail["type"] == "missing" and isinstance(detail["loc"][-1], str):
            continue
        details = by_place.setdefault(yaml_path(detail["loc"], data), [])
        if detail["type"] == "missing" and details and details[-1]["type"] == "missing":
            details.pop()  # of several items that a list lacks, the last says how many
        details.append(detail)
    deepest = {*by_place, *strays.meant, *((*place, key) for place, key in strays.missing)}
    for path, details in by_place.items():
        # Another member of the union got further: its findings say more.
        if not any(len(p) > len(path) and p[: len(path)] == path for p in deepest):
            yield _value_problem(path, details, data, prefix)


def _inside(prefix: Path, path: Path) -> str:
    return f" in '{dotted((*prefix, *path))}'" if (*prefix, *path) else ""


def _flow(value: object) -> str:
    """Return YAML in one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=math.inf, sort_keys=False)
    return text.strip()[1:-1]


def _value_problem(
    path: Path, details: list[ErrorDetails], data: object, prefix: Path
) -> Problem:
    raw = value_at(path, data)
    said = [worded(_plain(detail)) for detail in details]
    fault = "; ".join(dict.fromkeys(fault for fault, _ in said if fault))
    expected = " or ".join(dict.fromkeys(expected for _, expected in said if expected))
    choices = [c for d in details for c in _choices(d)]
    hint = nearest(raw, choices) if isinstance(raw, str) and choices else ""
    if hint.startswith("legal"):
        hint = ""  # the expected values have just been listed
    if isinstance(raw, str) and any(d["type"] == "tuple_type" for d in details):
        hint = f"write [{raw}]"
    place = (*prefix, *path)
    return faulty(place, raw, f"{fault}; expected {expected}" if expected else fault, hint)


def faulty(path: Path, value: object, text: str, hint: str = "") -> Problem:
    """Return the problem of a value that a validator refused.

    Parameters
    ----------
    path
        Place of the value in the scenario.
    value
        The value as it stands there.
    text
        What the validator says: ``what is wrong; expected what``, each half may be missing.
    hint
        The nearest legal spelling, if known.
    """
    fault, expected = worded(text)
    expected, unit_hint = _about_unit(value, expected)
    if path and re.fullmatch(rf"{re.escape(str(path[-1]))} is [^;:]*", fault):
        fault = ""  # the problem says so itself
    name = dotted(path)
    quoted = any(f"'{word}'" in fault for word in _words(value))
    message = f"'{name}': {fault}" if quoted else f"'{name}' is {shown(value)}"
    if fault and not quoted:
        message += f": {fault}"
    return Problem(path, message, expected, hint or unit_hint)


def worded(text: str) -> tuple[str, str]:
    """Split what a validator says into what is wrong and what was expected."""
    fault, mark, expected = f"; {text}".partition("; expected ")
    return fault.lstrip("; "), expected.removeprefix("expected ") if mark else ""


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _words(item)


def _about_unit(value: object, expected: str) -> tuple[str, str]:
    """Return what was expected with the user's own number, and the unit that was meant."""
    found = re.search(r"such as '1 (\S+)'$", expected)
    if found is None or found[1] not in UNITS:
        return expected, ""
    canonical = found[1]
    parts = split_quantity(str(value)) if not isinstance(value, bool) else None
    if parts is None or not math.isfinite(parts[0]):
        return expected, ""
    meant = {unit.lower(): unit for unit in UNITS[canonical]}.get(parts[1].lower(), "")
    own = f"such as '{parts[0]:g} {meant or canonical}'"
    return expected[: found.start()] + own, f"did you mean '{meant}'?" if meant else ""


def shown(value: object) -> str:
    """Return a value as a user may have written it, cut if it is long."""
    words = {None: "empty", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_BOUNDS: Mapping[str, Callable[[Any], str]] = {
    "greater_than_equal": lambda c: f"a number of at least {c['ge']:.10g}",
    "greater_than": lambda c: f"a number above {c['gt']:.10g}",
    "less_than_equal": lambda c: f"a number of at most {c['le']:.10g}",
    "less_than": lambda c: f"a number below {c['lt']:.10g}",
    "too_short": lambda c: f"at least {c['min_length']} item{'s' * (c['min_length'] > 1)}",
    "string_too_short": lambda _: "some text",
    "too_long": lambda c: f"at most {c['max_length']} items",
}
_KINDS = {
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "finite_number": "a finite number",
}


def _plain(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "missing":
        return f"expected {int(detail['loc'][-1]) + 1} items"
    if kind in _BOUNDS:
        return f"expected {_BOUNDS[kind](detail['ctx'])}"
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}"
    text = detail["msg"].removeprefix("Value error, ")
    return re.sub(r"^Input should be ", "expected ", text)


def _choices(detail: ErrorDetails) -> list[str]:
    if detail["type"] not in ("literal_error", "enum"):
        return []
    return [part.strip(" '") for part in detail["ctx"]["expected"].replace(" or ", ",").split(",")]
