"""YAML text to plain data, with the line of every key, and without silent surprises.

PyYAML's safe loader drops duplicate keys, reads ``off`` as False and ``1e-5`` as text. Here
duplicates are problems, only ``true`` and ``false`` are booleans, and exponents make numbers.
No tag can construct anything but text, numbers, booleans, null, lists and mappings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import yaml

from cosim.errors import Problem, ScenarioInvalid

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Safe loader with the scalar rules of YAML 1.2's core schema."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


_SCALARS = (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|nan)$",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", ["~", "n", ""]),
)
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


@dataclass
class Source:
    """A parsed YAML file: its data, and where each key stands.

    Parameters
    ----------
    name
        File name as the user gave it.
    data
        Plain Python data.
    lines
        Line number, counted from 1, of every key and list item by its path.
    problems
        Duplicate keys and the like, found while reading.
    """

    name: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of the longest part of a path that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def located(self, problem: Problem) -> str:
        """Return ``file:line: problem``."""
        return f"{self.name}:{self.line(problem.path)}: {problem.text()}"


def read(text: str, name: str) -> Source:
    """Parse YAML text.

    Raises
    ------
    ScenarioInvalid
        If the text is no YAML at all.
    """
    source = Source(name)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ScenarioInvalid([_syntax_error(error, name)]) from None
    if node is not None:
        source.data = _Reader(source).value(node, ())
    return source


def _syntax_error(error: yaml.YAMLError, name: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        context = f" ({error.context})" if error.context else ""
        return f"{name}:{line}: this is not YAML: {error.problem}{context}"
    return f"{name}:1: this is not YAML: {str(error).splitlines()[0]}"


class _Reader:
    """Turns composed nodes into data and notes their lines."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scalars = _Loader("")
        self._open: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401 - YAML is untyped
        self._source.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._open:
            self._problem(path, "an alias refers to what contains it", "a tree")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                self._problem((*path,), f"line {line}: a key is a list or mapping", "plain text")
                continue
            place = (*path, key)
            if key in result:
                first = self._source.lines[place]
                again = (*place, "duplicate")
                self._source.lines[again] = line
                message = f"'{key}' stands twice, first in line {first}"
                self._problem(again, message, "each key once")
                continue
            self._source.lines[place] = line
            result[key] = self.value(value_node, place)
        return result

    def _scalar(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401 - YAML is untyped
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._problem(path, f"the tag {node.tag} is not allowed", "plain data")
            return None
        try:
            return self._scalars.construct_object(node)
        except (ValueError, yaml.YAMLError):
            self._problem(path, f"'{node.value}' cannot be read", "plain data")
            return None

    def _problem(self, path: Path, message: str, expected: str) -> None:
        self._source.problems.append(Problem(path, message, expected))
