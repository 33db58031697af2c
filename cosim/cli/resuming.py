"""Going on with a run that ended early, or beyond its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosim.cli.running import Request
from cosim.clock import NS_PER_MS
from cosim.errors import UsageError
from cosim.recording import RunDir
from cosim.units import parse

#: What may differ between a run and its continuation.
_FREE = ("duration", "window")


def request_of(
    folder: Path, *, duration: str | None, ranks: int | None, picture: bool, quiet: bool,
    max_wall: str | None,
) -> Request:
    """Return the request that continues a run, in its windows and from its scenario.

    Parameters
    ----------
    folder
        The run's folder.
    duration
        The new end, to go beyond the old one.
    ranks, picture, quiet, max_wall
        As for a new run.

    Raises
    ------
    UsageError
        If there is no run there, it is complete, or it went on longer than that already.
    """
    old = recorded(folder)
    if duration is None:
        if _complete(RunDir(folder)):
            raise UsageError(
                f"the run in {folder} is complete; to go beyond its end, give a longer --duration"
            )
    elif time_ms("--duration", duration) < old.duration_ms:
        raise UsageError(f"--duration is {duration}, but the run is of {old.duration_ms:g} ms")
    overrides = old.overrides if duration is None else {**old.overrides, "duration": duration}
    return Request(
        old.scenario, overrides, ranks, folder, False, picture, quiet, resume=True,
        max_wall_s=wall_s(max_wall),
    )


@dataclass(frozen=True)
class Recorded:
    """What a run was asked to do: its scenario, with its window and duration among the options."""

    scenario: Path
    overrides: dict[str, Any]
    window_ms: float
    duration_ms: float


def recorded(folder: Path) -> Recorded:
    """Read what a run was.

    Raises
    ------
    UsageError
        If there is no run in the folder.
    """
    run_dir = RunDir(folder)
    try:
        asked = json.loads(run_dir.request.read_text(encoding="utf-8"))
        clock = json.loads(run_dir.plan.read_text(encoding="utf-8"))["clock"]
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} holds no run that can be resumed: {error}") from None
    tick_ns = clock["tick_ns"]
    window_ms, duration_ms = (clock[k] * tick_ns / NS_PER_MS for k in ("window", "duration"))
    times = {"window": f"{window_ms!r} ms", "duration": f"{duration_ms!r} ms"}
    return Recorded(
        Path(asked["scenario"]), {**asked["overrides"], **times}, window_ms, duration_ms
    )


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


def _complete(run_dir: RunDir) -> bool:
    from cosim.results import open_result
    from cosim.results.files import ResultError

    try:
        with open_result(run_dir.path) as result:
            return result.status == "complete"
    except ResultError:
        return False


def require_unchanged(request: Request, resolved: str) -> None:
    """Make sure that a run goes on with the scenario that it began with.

    Raises
    ------
    UsageError
        Naming the first key that differs.
    """
    if not request.resume or request.run_dir is None:
        return
    old = json.loads(RunDir(request.run_dir).resolved.read_text(encoding="utf-8"))
    place = _first_difference(_fixed(old), _fixed(json.loads(resolved)), "")
    if place:
        raise UsageError(
            f"{request.scenario} has changed since the run in {request.run_dir} began: '{place}' "
            "differs; a changed scenario is a new run"
        )


def _fixed(resolved: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resolved.items() if key not in _FREE}


def _first_difference(old: Any, new: Any, place: str) -> str:  # noqa: ANN401 - JSON
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = _first_difference(old.get(key), new.get(key), f"{place}.{key}".lstrip("."))
            if inner:
                return inner
        return ""
    return "" if old == new else place
