"""What is wrong with a name: of a parameter, a variable, a region."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from cosim import own_code
from cosim.errors import Problem
from cosim_tvb.config import DEFAULT, matches
from cosim_tvb.facts import nearest

Path = tuple[str | int, ...]


def unknown(path: Path, what: str, name: str, legal: Collection[str]) -> Problem:
    """Return the problem of a name that is none of the legal ones."""
    expected = f"one of {', '.join(legal)}" if len(legal) <= 12 else ""
    hint = own_code.hint(name) or nearest(name, legal)
    return Problem(path, f"there is no {what} '{name}'", expected, hint)


def nowhere(path: Path, pattern: str, labels: Sequence[str]) -> Iterator[Problem]:
    """Yield a problem if a label or pattern matches no region of the brain."""
    if not any(True for _ in matches(pattern, labels)):
        message = f"no region of the brain matches '{pattern}'"
        yield Problem(path, message, hint=nearest(pattern, labels))


def regions(path: Path, values: Iterable[str], labels: Sequence[str]) -> Iterator[Problem]:
    """Yield the keys of by-region values that match no region of the brain."""
    for key in values:
        if key != DEFAULT:
            yield from nowhere((*path, key), key, labels)
