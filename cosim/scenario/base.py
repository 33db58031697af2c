"""A scenario that builds on another: ``base: other.yaml``, and what differs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cosim.errors import Problem
from cosim.scenario import yaml_source
from cosim.scenario.explain import faulty
from cosim.scenario.overlay import BadConnectome, elsewhere, existing, source_of
from cosim.scenario.yaml_source import Source

KEY = "base"
#: A chain of bases that nobody can follow by reading; each of them is read and merged.
MAX_BASES = 10
#: Mappings whose keys are names that the user made up; any other mapping of one key is a choice.
_NAMESPACES = ("models", "populations")


def with_base(source: Source, folder: Path) -> Source:
    """Return a scenario's data merged over those of its base, which may have a base, too.

    Mappings merge key by key. Other values replace those of the base, and so does a choice by
    name, such as ``{Linear: {a: 1}}``, of another name. Region rules come before the base's.

    Parameters
    ----------
    source
        The scenario's file.
    folder
        The folder that holds it.
    """
    return _merged_over_base(source, folder, (Path(source.name).resolve(),))


def _merged_over_base(source: Source, folder: Path, seen: tuple[Path, ...]) -> Source:
    if not isinstance(source.data, dict) or source.data.get(KEY) is None:
        return source
    given = source.data[KEY]
    try:
        path = _file(given, folder, seen)
        base = _read(path)
    except BadConnectome as error:
        return _with_problem(source, faulty((KEY,), given, str(error)))
    base = _merged_over_base(base, path.parent, (*seen, path.resolve()))
    base.data.pop(KEY, None)
    _move_files(base.data, os.path.relpath(path.parent, folder))
    return _over(base, source)


def _file(given: object, folder: Path, seen: tuple[Path, ...]) -> Path:
    if not isinstance(given, str):
        raise BadConnectome("expected the name of a file, such as 'base: other.yaml'")
    if len(seen) > MAX_BASES:
        raise BadConnectome(f"there are more than {MAX_BASES} scenarios, each built on the next")
    path = existing(given, folder)
    if path.resolve() in seen:
        raise BadConnectome(f"'{path}' builds on itself; expected another file")
    return path


def _read(path: Path) -> Source:
    base = source_of(path)
    if not isinstance(base.data, dict):
        raise BadConnectome(f"'{path}' is no scenario; expected a mapping of keys")
    return base


def _with_problem(source: Source, problem: Problem) -> Source:
    return replace(source, problems=[*source.problems, problem], unfounded=True)


def _move_files(data: dict[str, Any], way: str) -> None:
    """Let the files that a base names be found from the folder of the scenario."""
    brain = data.get("brain")
    if way == os.curdir or not isinstance(brain, dict):
        return
    for key in ("connectome", "overlay"):
        named = brain.get(key)
        if isinstance(named, str):
            brain[key] = _moved(named, way)
        elif isinstance(named, list):
            brain[key] = [_moved(n, way) if isinstance(n, str) else n for n in named]


def _moved(name: str, way: str) -> str:
    packaged = name.startswith("tvb-data:")
    return name if packaged or Path(name).is_absolute() else str(Path(way) / name)


def _over(base: Source, own: Source) -> Source:
    """Merge, and keep for every key the file and line it comes from."""
    rules = own.data.get("regions")
    both = isinstance(rules, list) and isinstance(base.data.get("regions"), list)
    data = {key: value for key, value in own.data.items() if key != KEY}
    gone: list[yaml_source.Path] = []
    merged = _merge(base.data, data, (), gone)
    shift = 0
    if both:
        shift = len(data["regions"])
        merged["regions"] = [*data["regions"], *base.data["regions"]]
        gone.remove(("regions",))
    lines, files = dict(own.lines), dict(own.files)
    for path, line in base.lines.items():
        if any(path[: len(p)] == p for p in gone):
            continue
        place = path
        if shift and len(path) > 1 and path[0] == "regions":
            place = ("regions", int(path[1]) + shift, *path[2:])
        if place not in lines:
            lines[place], files[place] = line, base.files.get(path, base.name)
    told = [p if isinstance(p, yaml_source.Elsewhere) else elsewhere(p, base)
            for p in base.problems]
    unfounded = own.unfounded or base.unfounded
    return replace(own, data=merged, lines=lines, files=files,
                   own_regions=shift or base.own_regions,
                   problems=[*own.problems, *told], unfounded=unfounded)


def _merge(
    base: Mapping[str, Any], own: Mapping[str, Any], path: yaml_source.Path,
    gone: list[yaml_source.Path],
) -> dict[str, Any]:
    """Return own over base; `gone` collects the places whose value in the base is replaced."""
    result = dict(base)
    for key, value in own.items():
        place = (*path, key)
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _other_choice(old, value, key):
            result[key] = _merge(old, value, place, gone)
        else:
            if key in result:
                gone.append(place)
            result[key] = value
    return result


def _other_choice(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> bool:
    """Whether both choose a thing by name, and not the same one."""
    if key in _NAMESPACES or len(old) != 1 or len(new) != 1 or set(old) == set(new):
        return False
    return all(isinstance(v, dict | list) or v is None for m in (old, new) for v in m.values())


def text_of(source: Source, text: str) -> str:
    """Return the scenario as one file: its text, or the data that it and its base give."""
    if not source.files:
        return text
    names = dict.fromkeys([source.name, *source.files.values()])
    head = " over ".join(Path(name).name for name in names)
    return f"# {head}\n{yaml_source.written(source.data)}"
