"""Pydantic's findings in the words of the scenario: key, value, what was expected, a hint."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cosim.errors import Problem

Path = tuple[str | int, ...]


def nearest(word: str, legal: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the closest legal spelling, or all of a short list."""
    choices = list(legal)
    lowered = {c.lower(): c for c in choices}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{lowered[close[0]]}'?"
    if 0 < len(choices) <= 12:
        return "legal: " + ", ".join(choices)
    return ""


def problems(error: ValidationError, model: type[BaseModel], data: object) -> Iterator[Problem]:
    """Yield one problem for each place that failed.

    Parameters
    ----------
    error
        What pydantic found when it validated `data` as `model`.
    model, data
        The class and the plain data, to name legal keys and offending values.

    Notes
    -----
    A union reports one failure for each of its members; they are joined into one problem.
    """
    by_place: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors():
        path = _yaml_path(detail["loc"], data)
        if detail["type"] == "missing":
            path = (*path, "missing", str(detail["loc"][-1]))
        by_place.setdefault(path, []).append(detail)
    for path, details in by_place.items():
        deeper = any(len(p) > len(path) and p[: len(path)] == path for p in by_place)
        if deeper and all(d["type"] not in ("missing", "extra_forbidden") for d in details):
            continue  # another member of the union got further: its findings say more
        yield _problem(path, details, model, data)


def _yaml_path(location: Sequence[str | int], data: object) -> Path:
    path: list[str | int] = []
    here = data
    for part in location:
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list | tuple) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            continue  # the name of a union's member, or a missing key
        path.append(part)
    return tuple(path)


def _value(path: Path, data: object) -> object:
    for part in path:
        data = data[part]  # type: ignore[index]
    return data


def _problem(
    path: Path, details: list[ErrorDetails], model: type[BaseModel], data: object
) -> Problem:
    kind = details[0]["type"]
    if kind == "missing":
        place, key = path[:-2], str(path[-1])
        inside = f" in '{_dotted(place)}'" if place else ""
        present = _value(place, data)
        keys = [k for k in present if isinstance(k, str)] if isinstance(present, Mapping) else []
        close = difflib.get_close_matches(key, keys, n=1, cutoff=0.7)
        if close and close[0] not in _fields(model, place):
            return Problem(place, f"'{key}' is missing{inside}", "", f"is '{close[0]}' meant?")
        return Problem(place, f"'{key}' is missing{inside}", "this key")
    if kind == "extra_forbidden":
        legal = _fields(model, path[:-1])
        return Problem(path, f"unknown key '{path[-1]}'", "", nearest(str(path[-1]), legal))
    value = _shown(_value(path, data))
    expected = " or ".join(dict.fromkeys(_expected(d) for d in details))
    choices = [c for d in details for c in _choices(d)]
    raw = _value(path, data)
    hint = nearest(raw, choices) if isinstance(raw, str) and choices else ""
    return Problem(path, f"'{_dotted(path)}' is {value}", expected, hint)


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(detail: ErrorDetails) -> str:
    text = detail["msg"]
    for prefix in ("Value error, ", "Input should be "):
        text = text.removeprefix(prefix)
    text = text.removeprefix("expected ").replace("; expected ", "; ")
    known = {
        "model_type": "a mapping of keys to values",
        "dict_type": "a mapping of keys to values",
        "tuple_type": "a list",
        "string_type": "text",
        "float_type": "a number",
        "float_parsing": "a number",
        "int_parsing": "a whole number",
        "int_from_float": "a whole number",
        "bool_parsing": "true or false",
        "finite_number": "a finite number",
    }
    return known.get(detail["type"], text)


def _choices(detail: ErrorDetails) -> list[str]:
    if detail["type"] not in ("literal_error", "enum"):
        return []
    return [part.strip(" '") for part in detail["ctx"]["expected"].replace(" or ", ",").split(",")]


def _fields(model: type[BaseModel], path: Path) -> list[str]:
    """Return the legal keys at a place, by following the annotations of the model."""
    candidates = list(_models(model))
    for part in path:
        candidates = [m for c in candidates for m in _step(c, part)]
    return list(dict.fromkeys(n for c in candidates if isinstance(c, type) for n in _names(c)))


def _names(model: type[Any]) -> Iterator[str]:
    if issubclass(model, BaseModel):
        for name, info in model.model_fields.items():
            yield info.alias or name


def _step(annotation: Any, part: str | int) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                yield from _models(info.annotation)
    elif get_origin(annotation) in (tuple, list) and isinstance(part, int):
        yield from _models(get_args(annotation)[0])
    elif get_origin(annotation) is dict and isinstance(part, str):
        yield from _models(get_args(annotation)[1])


def _models(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    if get_origin(annotation) is Annotated:
        yield from _models(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _models(member)
    else:
        yield annotation
