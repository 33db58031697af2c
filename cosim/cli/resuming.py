"""Going on with a run that ended early, or beyond its end."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cosim.cli.running import Request
from cosim.clock import NS_PER_MS
from cosim.errors import UsageError
from cosim.intake import Unreadable, json_mapping, read_text
from cosim.recording import RunDir
from cosim.units import parse

#: A plan has some hundred bytes for each edge that crosses a border.
MAX_JSON_BYTES = 64 * 2**20
#: What may differ between a run and its continuation.
_FREE = ("duration", "window")
_EARLIER = re.compile(r"earlier-[0-9]{1,9}")


_Kind = TypeVar("_Kind", bound="_Checked")


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


class _Checked(BaseModel):
    """A file of a run, which somebody may have changed."""

    model_config = ConfigDict(strict=True)


class _Transformers(_Checked):
    model_config = ConfigDict(extra="forbid")
    placement: str


class _Overrides(_Checked):
    """All that the command line can override."""

    model_config = ConfigDict(extra="forbid")
    window: str = ""
    duration: str = ""
    seed: int = 0
    transformers: _Transformers = _Transformers(placement="")


class _Asked(_Checked):
    scenario: str
    overrides: _Overrides


_Ticks = Annotated[int, Field(gt=0, lt=2**63)]


class _Clock(_Checked):
    tick_ns: _Ticks
    window: _Ticks
    duration: _Ticks


class _Planned(_Checked):
    clock: _Clock


class _Anything(_Checked):
    model_config = ConfigDict(extra="allow")


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
    for path in (
        run_dir.request, run_dir.plan, run_dir.resolved, run_dir.scenario, folder / "lock",
    ):
        require_own(path)
    for path in run_dir.earlier:
        if path.is_symlink() or not path.is_dir() or not _EARLIER.fullmatch(path.name):
            raise UsageError(f"{path} is no folder of an earlier attempt")
    asked, plan = _read(run_dir.request, _Asked), _read(run_dir.plan, _Planned)
    clock = plan.clock
    window_ms, duration_ms = (
        ticks * clock.tick_ns / NS_PER_MS for ticks in (clock.window, clock.duration)
    )
    times = {"window": f"{window_ms!r} ms", "duration": f"{duration_ms!r} ms"}
    overrides = asked.overrides.model_dump(exclude_unset=True)
    return Recorded(Path(asked.scenario), {**overrides, **times}, window_ms, duration_ms)


def require_own(path: Path, *, folder: bool = False) -> None:
    """Make sure that what will be written lies in the run's folder, and nothing else is there.

    Parameters
    ----------
    path
        A file of the run, or a folder in it.
    folder
        Which of the two.

    Raises
    ------
    UsageError
        If a link or something else stands in its place.
    """
    kind = "folder" if folder else "file"
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
        raise UsageError(f"{path} is no ordinary {kind}; expected one that a run has written")


def _read(path: Path, kind: type[_Kind]) -> _Kind:
    """Read one of the files that a run keeps to be resumed.

    Raises
    ------
    UsageError
        If it is damaged, or not there.
    """
    try:
        return kind.model_validate(json_mapping(read_text(path, MAX_JSON_BYTES)))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        cause = f"'{place}' is missing, or not as a run writes it"
    except (Unreadable, ValueError) as error:
        cause = str(error)
    raise UsageError(f"{path.parent} holds no run that can be resumed: {path.name}: {cause}")


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
    old = _read(RunDir(request.run_dir).resolved, _Anything)
    place = _first_difference(_fixed(old.model_dump()), _fixed(json.loads(resolved)), "")
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
