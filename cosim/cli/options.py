"""Quantities given as options of the command line."""

from __future__ import annotations

from cosim.errors import UsageError
from cosim.units import parse


def time_ms(option: str, text: str) -> float:
    """Return a time given on the command line.

    Raises
    ------
    UsageError
        If it is none, or not positive.
    """
    try:
        found = parse(text, "ms")
    except ValueError as error:
        raise UsageError(f"{option} is {text}: {error}") from None
    if found <= 0:
        raise UsageError(f"{option} is {text}; expected a positive time")
    return found


def wall_s(text: str | None) -> float | None:
    """Return the limit of wall time in seconds; None for none."""
    return None if text is None else time_ms("--max-wall", text) / 1e3


def wait_s(text: str | None) -> float | None:
    """Return the limit of a wait in seconds; None for one that follows the slowest window."""
    return None if text is None else time_ms("--wait-limit", text) / 1e3
