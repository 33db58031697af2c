"""Ending a run from outside, from any machine that sees its folder."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from cosim.cli.recorded import require_own, resume_command
from cosim.cli.running import console
from cosim.errors import UsageError
from cosim.intake import Unreadable, read_text
from cosim.recording import RunDir
from cosim.results import open_result
from cosim.results.files import ResultError
from cosim.sentinel import FAILURE_FILE

#: How long a run may take to answer of which only its unfinished result says that it may be going:
#: not every network file system shows the lock of a run on another machine.
ANSWER_S = 10.0
_LOOK_EVERY_S = 0.1
#: Of a report of failure.
_MAX_BYTES = 2**20


def stop(folder: Path, *, wait: bool) -> int:
    """Ask a run to end at its next window, and say what became of it.

    Parameters
    ----------
    folder
        The run's folder.
    wait
        Whether to wait for the end.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    UsageError
        If no run is going there.
    """
    run_dir, out = RunDir(folder), console()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; expected the folder of a run")
    for path in (run_dir.request, run_dir.stop, run_dir.result, folder / "lock"):
        require_own(path)
    try:
        _ask(run_dir)
        out.print(
            f"{folder} was asked to end at its next window", highlight=False, soft_wrap=True,
            markup=False,
        )
        if not wait:
            return 0
        with out.status(f"waiting for {folder} to end its window"):
            while run_dir.going():
                time.sleep(_LOOK_EVERY_S)
        run_dir.stop.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot end the run in {folder}: {error}") from None
    _tell(run_dir, out)
    return 0


def _ask(run_dir: RunDir) -> None:
    """Leave the request where rank 0 looks for it."""
    sure = run_dir.going()
    if not sure and _status(run_dir) != "unfinished":
        raise UsageError(f"no run is going in {run_dir.path}{_became(run_dir)}")
    run_dir.stop.touch()
    if sure:
        return
    deadline = time.monotonic() + ANSWER_S
    while run_dir.stop.exists():
        if time.monotonic() > deadline:
            run_dir.stop.unlink(missing_ok=True)
            raise UsageError(
                f"no run is going in {run_dir.path}: it was killed, and nobody answers"
                f"{_go_on(run_dir, '; ')}"
            )
        time.sleep(_LOOK_EVERY_S)


def _status(run_dir: RunDir) -> str:
    try:
        with open_result(run_dir.path) as result:
            return result.status
    except (ResultError, OSError):
        return ""


def _became(run_dir: RunDir) -> str:
    """Return in words what became of the run that was there."""
    status = _status(run_dir)
    if not status:
        return ""
    return ": it is complete" if status == "complete" else f": it {status}{_go_on(run_dir, '; ')}"


def _tell(run_dir: RunDir, out: Console) -> None:
    if _status(run_dir) == "complete":
        lines = [f"{run_dir.path} came to its end before it could be ended: it is complete"]
    else:
        lines = [f"{run_dir.path} has ended: {_said(run_dir)}", _go_on(run_dir, "")]
    for line in filter(None, lines):
        out.print(line, highlight=False, soft_wrap=True, markup=False)


def _said(run_dir: RunDir) -> str:
    try:
        text = read_text(run_dir.path / FAILURE_FILE, _MAX_BYTES)
    except Unreadable:
        return "it does not say why"
    return text.strip().removeprefix("cosim: ")


def _go_on(run_dir: RunDir, before: str) -> str:
    return f"{before}to go on: {resume_command(run_dir)}" if run_dir.tapes.is_dir() else ""
