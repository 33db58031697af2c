"""Going on with a run that ended early, or beyond its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cosim.cli.options import time_ms, wait_s, wall_s
from cosim.cli.recorded import read_resolved, recorded
from cosim.cli.running import Request
from cosim.errors import UsageError
from cosim.recording import RunDir

#: What may differ between a run and its continuation.
_FREE = ("duration", "window")


def request_of(
    folder: Path, *, duration: str | None, ranks: int | None, picture: bool, quiet: bool,
    max_wall: str | None, wait_limit: str | None = None,
) -> Request:
    """Return the request that continues a run, in its windows and from its scenario.

    Parameters
    ----------
    folder
        The run's folder.
    duration
        The new end, to go beyond the old one.
    ranks, picture, quiet, max_wall, wait_limit
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
        max_wall_s=wall_s(max_wall), wait_limit_s=wait_s(wait_limit),
    )


def _complete(run_dir: RunDir) -> bool:
    from cosim.results import open_result
    from cosim.results.files import ResultError

    try:
        with open_result(run_dir.result) as result:
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
    old = read_resolved(request.run_dir)
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
