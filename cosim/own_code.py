"""Builders, transformers and models from a Python file that the command line allows.

A scenario names its parts, and these are the installed ones. A file of one's own may add some, but
only if whoever starts the run says so with ``--allow-code``: reading a scenario runs no code.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cosim.errors import UsageError, said
from cosim.intake import Unreadable, read_text

OPTION = "--allow-code"
#: Name of the module that a file becomes.
MODULE = "cosim_code_of_the_user"
_MAX_BYTES = 2**20
#: Engines bring their own configuration and are installed.
_INSTALLED_ONLY = "cosim.simulators"

_Part = TypeVar("_Part")


class Provider(Protocol):
    """What gives a part when asked: an installed entry point, or a part of a file."""

    @property
    def value(self) -> str:
        """Where the part is, as ``module:name``."""

    def load(self) -> Any:  # noqa: ANN401 - whatever the group is of
        """Return the part."""


@dataclass(frozen=True)
class _Given:
    part: object
    value: str

    def load(self) -> object:
        return self.part


@dataclass(frozen=True)
class OwnCode:
    """A file that was allowed, and what was in it.

    Parameters
    ----------
    path
        The file.
    sha256
        Hash of its content.
    """

    path: Path
    sha256: str

    def __reduce__(self) -> tuple[Callable[[Path], OwnCode], tuple[Path]]:
        """Allow the same file in whichever process receives this."""
        return allow, (self.path,)


_parts: dict[str, dict[str, _Given]] = {}
_allowed: list[OwnCode] = []


def provides(group: str, name: str) -> Callable[[_Part], _Part]:
    """Give a part the name under which scenarios find it; a decorator.

    Parameters
    ----------
    group
        The entry-point group in which an installed package would register it:
        ``cosim.transformers``, ``cosim_nest.builders``, ``cosim_tvb.models``.
    name
        Its name in YAML.

    Raises
    ------
    UsageError
        If there is no such group, or an installed part has that name.
    """
    groups = {g for g in entry_points().groups if g.partition(".")[0].startswith("cosim")}
    legal = sorted(groups - {_INSTALLED_ONLY})
    if group not in legal:
        raise UsageError(f"there is no group '{group}'; expected one of {', '.join(legal)}")
    if name in providers(group):
        raise UsageError(f"there is a '{name}' in {group} already; choose another name")

    def keep(part: _Part) -> _Part:
        _parts.setdefault(group, {})[name] = _Given(part, f"{MODULE}:{name}")
        return part

    return keep


def providers(group: str) -> Mapping[str, Provider]:
    """Return what gives each part of a group, installed or of the allowed file, by name."""
    return {**{e.name: e for e in entry_points(group=group)}, **_parts.get(group, {})}


def allowed() -> OwnCode | None:
    """Return the file that this process was allowed to run, if any."""
    return _allowed[0] if _allowed else None


def allow(path: Path) -> OwnCode:
    """Run a Python file, so that scenarios may name the parts that it provides.

    Parameters
    ----------
    path
        The file; only what is in it counts as its content, not what it imports.

    Raises
    ------
    UsageError
        If it cannot be read or fails, or provides nothing.
    """
    try:
        text = read_text(path, _MAX_BYTES)
    except Unreadable as error:
        raise UsageError(f"{OPTION} {path}: {error}") from None
    code = OwnCode(path.resolve(), hashlib.sha256(text.encode()).hexdigest())
    if code in _allowed:
        return code
    if _allowed:
        raise UsageError(f"{OPTION} {path}: {_allowed[0].path} is allowed already; one is enough")
    module = types.ModuleType(MODULE)
    module.__file__ = str(code.path)
    # Classes are looked up in their module, by pydantic and by pickle.
    sys.modules[MODULE] = module
    try:
        exec(compile(text, str(code.path), "exec"), module.__dict__)
    except Exception as error:  # the user's code: anything may come
        raise UsageError(f"{path}{_line(error, code.path)}: {said(error)}") from error
    if not _parts:
        raise UsageError(
            f"{OPTION} {path}: it provides nothing; decorate what scenarios are to find with "
            "@provides, from cosim.own_code"
        )
    _allowed.append(code)
    return code


def _line(error: Exception, path: Path) -> str:
    """Return at which line of the file it failed, as text to go behind its name."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f":{lines[-1]}" if lines else ""


def hint(name: str) -> str:
    """Return what to say of a name that looks like a file of code; empty if it does not."""
    if not any(mark in name for mark in ("/", "\\", ".py", ":")):
        return ""
    return f"a scenario runs no code; allow a file of your own on the command line: {OPTION} FILE"
