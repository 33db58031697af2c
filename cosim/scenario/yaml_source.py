"""YAML text to plain data, with the line of every key, and without silent surprises.

PyYAML's safe loader drops duplicate keys, reads ``off`` as False, ``010`` as 8 and ``1e-5`` as
text. Here duplicates are problems, only ``true`` and ``false`` are booleans, and numbers are
decimal, with or without an exponent.
No tag can construct anything but text, numbers, booleans, null, lists and mappings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import yaml

from cosim.errors import Problem

Path = tuple[str | int, ...]

#: Some thousand tracts of an overlay fit. To read more, and to look for the nearest legal spelling
#: of all that is wrong in it, would take minutes.
MAX_FILE_BYTES = 2**18
#: Aliases let a short file stand for a huge tree; no scenario comes near this many values.
MAX_VALUES = 100_000
#: What a scenario says lies less than ten levels deep; all later code may recurse over it.
MAX_DEPTH = 40
#: The largest integer of 64 bits without a sign.
MAX_WHOLE = 2**64 - 1
#: Longer texts are neither names nor quantities, and would fill the messages about them.
MAX_TEXT_CHARS = 1000


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


@dataclass(frozen=True)
class Elsewhere(Problem):
    """A problem of another file that the scenario names."""

    source: Source | None = None


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
    options
        Keys whose values come from the command line instead.
    files
        The file that a key comes from, where that is a base of this scenario.
    own_regions
        How many of the region rules are the scenario's own, if others are its base's.
    unfounded
        Whether there is a base that cannot be read.
    """

    name: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    options: frozenset[str] = frozenset()
    files: dict[Path, str] = field(default_factory=dict)
    own_regions: int | None = None
    unfounded: bool = False

    def place(self, path: Path) -> tuple[str, int]:
        """Return file and line of the longest part of a path that there is."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.files.get(path, self.name), self.lines.get(path, 1)

    def rename(self, names: Mapping[Path, str]) -> None:
        """Let everything below some keys be found under other names of these keys, too.

        Parameters
        ----------
        names
            The other name of each key by its path, which may be one that an earlier entry made.
        """
        below: dict[Path, list[Path]] = {}

        def enter(path: Path) -> None:
            for n in range(1, len(path) + 1):
                below.setdefault(path[:n], []).append(path)

        for path in self.lines if names else ():
            enter(path)
        for path, key in names.items():
            for old in tuple(below.get(path, ())):
                new = (*path[:-1], key, *old[len(path) :])
                if new not in self.lines:
                    self.lines[new] = self.lines[old]
                    enter(new)
                if old in self.files:
                    self.files.setdefault(new, self.files[old])

    def located(self, problem: Problem) -> str:
        """Return ``file:line: problem``, with the key's path unless the problem has it."""
        text, path = problem.text(), problem.path
        named = any(f"'{dotted(path[:n])}'" in text for n in range(1, len(path) + 1))
        told = len(path) == 1 and re.search(rf"\b{re.escape(str(path[0]))}\b", text)
        place = f"{dotted(path)}: " if path and not named and not told else ""
        file, line = self.place(path)
        where = f"{file}:{line}"
        if path and path[0] in self.options:
            where = f"option --{path[0]}"
        return f"{where}: {place}{text}"


def written(data: object) -> str:
    """Return plain data as YAML text, in their own order."""
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return text


def dotted(path: Path) -> str:
    """Return a path as people write it: ``models.cortex.monitors[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def read(text: str, name: str) -> Source:
    """Parse YAML text; what is wrong with it is among the problems of what is returned."""
    source = Source(name)
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            source.data = _Reader(source).value(node, ())
    except yaml.YAMLError as error:
        source.lines[()], said = _syntax_error(error, text)
        source.problems.append(Problem((), f"this is not YAML: {said}"))
    except RecursionError:
        source.problems.append(Problem((), "lists or mappings are nested too deeply"))
    return source


#: What PyYAML says, and what it means to people.
_PLAIN_WORDS = (
    ("found character '\\t'", "a tab stands where only spaces may; indent with spaces"),
    ("mapping values are not allowed here", "a ':' does not fit here; is the indentation right, "
     "or does a text with ': ' lack quotes?"),
    ("found another document", "a second document begins; expected a single one, without '---'"),
    ("found undefined alias", "no anchor '&{name}' stands before the alias '*{name}'"),
    ("could not find expected ':'", "a key without ':'; expected 'key: value'"),
)


def _syntax_error(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Return the line and what is wrong there."""
    said = str(error).splitlines()[0]
    line = 1
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        said = f"{error.problem}" + (f" ({error.context})" if error.context else "")
    elif isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        said = f"the character #x{error.character:04x} is not allowed"
    for sign, plain in _PLAIN_WORDS:
        if sign in said:
            said = plain.format(name=said.partition("alias '")[2].partition("'")[0])
    return line, said


class _Reader:
    """Turns composed nodes into data and notes their lines."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scalars = _Loader("")
        self._open: set[int] = set()
        self._left = MAX_VALUES

    def value(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401 - YAML is untyped
        self._source.lines.setdefault(path, node.start_mark.line + 1)
        self._left -= 1
        if self._left < 0:
            if self._left == -1:
                self._problem(path[:1], f"aliases make more than {MAX_VALUES} values", "fewer")
            return None
        if len(path) > MAX_DEPTH:
            self._problem(path[:1], "lists or mappings are nested too deeply",
                          f"at most {MAX_DEPTH} levels")
            return None
        if id(node) in self._open:
            self._problem(path, "an alias stands inside what it refers to", "plain data")
            return None
        self._open.add(id(node))
        try:
            return self._converted(node, path)
        finally:
            self._open.discard(id(node))

    def _converted(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401 - YAML is untyped
        convert = _TAGS.get(node.tag)
        if convert is None:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self._problem(path, f"the tag '{tag}' is not allowed", "plain data")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        if len(node.value) > MAX_TEXT_CHARS:
            self._problem(path, *_too_long("a value", node.value))
            return None
        try:
            return _whole(node.value) if convert is int else self._scalars.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            shown = node.value if len(node.value) <= 60 else f"{node.value[:57]}..."
            message = f"'{shown}' cannot be read as {convert.__name__}"
            self._problem(path, message, "plain data")
            return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                place = (*path, f"line {line}")
                self._source.lines[place] = line
                inside = f" in '{dotted(path)}'" if path else ""
                self._problem(place, f"a key{inside} is a list or a mapping", "plain text")
                continue
            if len(key) > MAX_TEXT_CHARS:
                place = (*path, f"line {line}")
                self._source.lines[place] = line
                self._problem(place, *_too_long("a key", key))
                continue
            place = (*path, key)
            if key in result:
                self._again(place, line)
                continue
            self._source.lines[place] = line
            result[key] = self.value(value_node, place)
        return result

    def _again(self, place: Path, line: int) -> None:
        again = (*place, "again")
        self._source.lines[again] = line
        message = f"'{dotted(place)}' stands twice, first in line {self._source.lines[place]}"
        self._problem(again, message, "each key once")

    def _problem(self, path: Path, message: str, expected: str) -> None:
        self._source.problems.append(Problem(path, message, expected))


def _whole(text: str) -> int:
    # Python has no longest integer, but floats and simulators have.
    if abs(number := int(text)) > MAX_WHOLE:
        raise ValueError
    return number


def _too_long(what: str, text: str) -> tuple[str, str]:
    return f"{what} has {len(text)} characters", f"at most {MAX_TEXT_CHARS}"


_TAGS: Mapping[str, type] = {
    f"tag:yaml.org,2002:{name}": kind
    for name, kind in {
        "str": str, "int": int, "float": float, "bool": bool, "null": type(None), "map": dict,
        "seq": list,
    }.items()
}
