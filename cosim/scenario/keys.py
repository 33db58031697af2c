"""Missing and unknown keys: which legal key was meant by which misspelt one."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Path = tuple[str | int, ...]
#: So many letters of a word may stand for the only word that begins with them.
SHORTEST_BEGINNING = 3
#: Of so many unknown keys the one that was meant is looked for; more are no slips of the pen.
MAX_SOUGHT = 100


def close(word: str, legal: Iterable[str]) -> str:
    """Return the closest legal spelling; empty if none is near."""
    return _close(word, tuple(legal))


@lru_cache(maxsize=4096)
def _close(word: str, legal: tuple[str, ...]) -> str:
    lowered = {choice.lower(): choice for choice in legal}
    found = difflib.get_close_matches(word.lower(), lowered, n=1)
    if not found and len(word) >= SHORTEST_BEGINNING:
        found = [choice for choice in lowered if choice.startswith(word.lower())][:2]
    return lowered[found[0]] if len(found) == 1 else ""


def nearest(word: str, legal: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the closest legal spelling, or all of a short list."""
    choices = list(legal)
    meant = close(word, choices)
    return f"did you mean '{meant}'?" if meant else listed(choices)


def listed(legal: Sequence[str]) -> str:
    """Return all of a short list; empty if it is long, or there is nothing."""
    return "legal: " + ", ".join(legal) if 0 < len(legal) <= 12 else ""


class Strays:
    """Keys that a mapping lacks or should not have, after a failed validation.

    Parameters
    ----------
    error
        What pydantic found when it validated `data` as `model`.
    model, data
        The class and the plain data.

    Attributes
    ----------
    meant
        For every unknown key, by its path, the legal key that was meant; empty if unclear.
    missing
        Paths of mappings and of keys in them that no unknown key explains.
    """

    def __init__(self, error: ValidationError, model: type[BaseModel], data: object) -> None:
        self.meant: dict[Path, str] = {}
        self.missing: list[tuple[Path, str]] = []
        unknown: dict[Path, list[str]] = {}
        missing: dict[Path, list[str]] = {}
        kinds = {"extra_forbidden": unknown, "missing": missing}
        for detail in error.errors():
            kind = detail["type"]
            if kind in kinds and isinstance(detail["loc"][-1], str):
                *place, key = yaml_path(detail["loc"], data, missing=kind == "missing")
                found = kinds[kind].setdefault(tuple(place), [])
                found += [] if key in found else [str(key)]
        for parent in {**unknown, **missing}:
            self._match(model, data, parent, unknown.get(parent, []), missing.get(parent, []))

    def _match(
        self, model: type[BaseModel], data: object, parent: Path, strays: list[str],
        lacking: list[str],
    ) -> None:
        present = value_at(parent, data)
        legal = [k for k in legal_keys(model, parent) if k not in present]  # type: ignore[operator]
        sought = strays[:MAX_SOUGHT]
        meant = {stray: close(stray, legal) if stray in sought else "" for stray in strays}
        unclear = [stray for stray, key in meant.items() if not key]
        open_keys = [key for key in lacking if key not in meant.values()]
        if len(unclear) == len(open_keys) == 1:
            # One key too many and one too few: the one stands for the other.
            meant[unclear[0]] = open_keys[0]
        self.meant |= {(*parent, stray): key for stray, key in meant.items()}
        self.missing += [(parent, key) for key in lacking if key not in meant.values()]

    def mended(self, data: object) -> object:
        """Return the data with misspelt keys renamed, and other unknown ones left out."""
        return self._mended(data, ())

    def _mended(self, data: object, path: Path) -> object:
        if isinstance(data, list):
            return [self._mended(item, (*path, i)) for i, item in enumerate(data)]
        if not isinstance(data, dict):
            return data
        result: dict[Any, object] = {}
        for key, value in data.items():
            place = (*path, key)
            name = self.meant.get(place, key)
            if name:
                result.setdefault(name, self._mended(value, place))
        return result


def yaml_path(location: Sequence[str | int], data: object, *, missing: bool = False) -> Path:
    """Return the place in the data that pydantic's location means.

    Pydantic puts the names of a union's members in between; the key that is missing comes last.
    """
    path: list[str | int] = []
    here = data
    for part in location[:-1] if missing else location:
        in_list = isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)
        if in_list or (isinstance(here, Mapping) and part in here):
            here = here[part]  # type: ignore[index]
            path.append(part)
    return (*path, location[-1]) if missing else tuple(path)


def value_at(path: Path, data: object) -> object:
    """Return the value at a place of the data."""
    for part in path:
        data = data[part]  # type: ignore[index]
    return data


def legal_keys(model: type[BaseModel], path: Path) -> list[str]:
    """Return the legal keys at a place, by following the annotations of the model."""
    return list(dict.fromkeys(name for name, _ in _fields(model, path)))


def example(model: type[BaseModel], path: Path, key: str) -> object:
    """Return an example of a key's value, None if the model has none."""
    found = (info.examples for name, info in _fields(model, path) if name == key)
    return next((examples[0] for examples in found if examples), None)


def _fields(model: type[BaseModel], path: Path) -> Iterator[tuple[str, FieldInfo]]:
    candidates = list(_members(model))
    for part in path:
        candidates = [m for c in candidates for m in _step(c, part)]
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            for name, info in candidate.model_fields.items():
                yield info.alias or name, info


def _step(annotation: Any, part: str | int) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part == (info.alias or name):
                yield from _members(info.annotation)
    elif get_origin(annotation) is tuple and isinstance(part, int):
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) is dict and isinstance(part, str):
        yield from _members(get_args(annotation)[1])


def _members(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation
