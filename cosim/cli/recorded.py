"""What a run's folder says of how it was asked for; anybody may have changed the files."""

from __future__ import annotations

import re
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cosim.clock import NS_PER_MS
from cosim.errors import UsageError
from cosim.intake import Unreadable, json_mapping, read_text
from cosim.own_code import OPTION, allowed
from cosim.recording import RunDir

#: A plan has some hundred bytes for each edge that crosses a border.
MAX_JSON_BYTES = 64 * 2**20
_EARLIER = re.compile(r"earlier-[0-9]{1,9}")


_Kind = TypeVar("_Kind", bound="_Checked")


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


class _Code(_Checked):
    file: str
    sha256: str


class _Asked(_Checked):
    scenario: str
    overrides: _Overrides
    #: The file of the user's own that the run was allowed.
    code: _Code | None = None


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


def recorded(folder: Path, *, trial: bool = False) -> Recorded:
    """Read what a run was.

    Parameters
    ----------
    folder
        The run's folder.
    trial
        Whether something changed is to be tried in its place, which may be its code, too.

    Raises
    ------
    UsageError
        If there is no run in the folder, or it was allowed other code than this process is.
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
    _require_code(folder, asked.code, trial=trial)
    clock = plan.clock
    window_ms, duration_ms = (
        ticks * clock.tick_ns / NS_PER_MS for ticks in (clock.window, clock.duration)
    )
    times = {"window": f"{window_ms!r} ms", "duration": f"{duration_ms!r} ms"}
    overrides = asked.overrides.model_dump(exclude_unset=True)
    return Recorded(Path(asked.scenario), {**overrides, **times}, window_ms, duration_ms)


def _require_code(folder: Path, code: _Code | None, *, trial: bool) -> None:
    """Make sure that a run goes on with the code that it began with.

    Raises
    ------
    UsageError
        If another file is allowed, or none, or one too many.
    """
    given = allowed()
    if given is None and code is not None:
        raise UsageError(
            f"the run in {folder} was allowed code of its user's own: {OPTION} "
            f"{shlex.quote(code.file)}; the same is needed again"
        )
    if trial or given is None:
        return
    if code is None:
        raise UsageError(f"the run in {folder} had no code of its user's own; expected no {OPTION}")
    if given.sha256 != code.sha256:
        raise UsageError(
            f"{given.path} is not the code that the run in {folder} began with; changed code is a "
            "new run"
        )


def resume_command(run_dir: RunDir) -> str:
    """Return the command with which a run goes on."""
    words = ["cosim", "resume", str(run_dir.path)]
    try:
        code = _read(run_dir.request, _Asked).code
    except UsageError:
        code = None
    return shlex.join(words if code is None else [*words, OPTION, code.file])


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


def read_resolved(folder: Path) -> dict[str, Any]:
    """Return the scenario of a run with all its defaults.

    Raises
    ------
    UsageError
        If it is damaged, or not there.
    """
    return _read(RunDir(folder).resolved, _Anything).model_dump()
