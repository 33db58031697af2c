"""What every way of running has in common."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from cosim.errors import UsageError
from cosim.own_code import OPTION, allowed
from cosim.plan.model import Plan
from cosim.recording import RunDir
from cosim.recording.disk import Unwritable, write_whole
from cosim.scenario.load import Case

#: Set by the launching process: the width of the terminal that its output goes to, 0 if it goes
#: elsewhere. Some launchers give their ranks a terminal of their own.
TERMINAL = "COSIM_TERMINAL_WIDTH"
#: Of lines in a file.
_WIDTH = 110


#: Held to the end of the process.
_claims: list[TextIO] = []


@dataclass(frozen=True)
class Request:
    """What the user asked for on the command line."""

    scenario: Path
    overrides: Mapping[str, Any]
    ranks: int | None
    run_dir: Path | None
    overwrite: bool
    picture: bool
    quiet: bool
    #: Go on with what `run_dir` holds.
    resume: bool = False
    #: Wall-clock time after which it ends early.
    max_wall_s: float | None = None
    #: Wall-clock time after which a rank that waits asks why.
    wait_limit_s: float | None = None


def prepared(request: Request, case: Case, plan: Plan) -> RunDir:
    """Return the folder of the run, made or set aside for it, with scenario and plan in it.

    Raises
    ------
    UsageError
        If that cannot be.
    """
    if request.resume and request.run_dir is not None:
        run_dir = RunDir(request.run_dir)
    else:
        run_dir = RunDir.create(case.scenario.name, request.run_dir, overwrite=request.overwrite)
    _claims.append(run_dir.claim())
    # Nobody who asked an earlier attempt to end meant this one.
    run_dir.stop.unlink(missing_ok=True)
    asked: dict[str, Any] = {
        "scenario": str(request.scenario.resolve()), "overrides": dict(request.overrides),
    }
    code = allowed()
    if code is not None:
        asked["code"] = {"file": str(code.path), "sha256": code.sha256}
    try:
        write_inputs(run_dir, case, plan)
        write_whole(run_dir.request, (json.dumps(asked) + "\n").encode())
    except Unwritable as error:
        raise UsageError(str(error)) from error
    if request.resume:
        # Not before there is room to go on.
        run_dir.set_aside()
    return run_dir


def allowing() -> list[str]:
    """Return the arguments that allow another process the code that this one was allowed."""
    code = allowed()
    return [] if code is None else [OPTION, str(code.path)]


def console() -> Console:
    """Return a console that knows about a terminal at the far end of mpirun."""
    width = os.environ.get(TERMINAL)
    if width is not None:
        return Console(force_terminal=width != "0", width=int(width) or _WIDTH)
    return Console(width=None if Console().is_terminal else _WIDTH)


def write_inputs(run_dir: RunDir, case: Case, plan: Plan) -> None:
    """Keep scenario and plan beside the results.

    Raises
    ------
    Unwritable
        If there is no room for them. What an earlier attempt has written stays.
    """
    write_whole(run_dir.scenario, case.text.encode())
    write_whole(run_dir.resolved, (case.resolved() + "\n").encode())
    write_whole(run_dir.plan, (plan.as_json() + "\n").encode())


class _LogFile(logging.FileHandler):
    """A log that cannot be written must neither end a run nor hide why it ends."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def log_to(path: Path, role: str, rank: int) -> None:
    """Send all log lines of this process to its file in the run directory."""
    handler = _LogFile(path, encoding="utf-8", delay=True)
    line = f"%(asctime)s {role}/{rank} %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(logging.Formatter(line))
    root = logging.getLogger("cosim")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False


def neighbours(case: Case, plan: Plan) -> dict[str, Sequence[str]]:
    """Return for each spiking region the mean-field regions that project to it most strongly."""
    import numpy as np

    labels = case.brain.labels
    spiking = {r for s in plan.simulators if s.kind == "spiking" for r in s.regions}
    result: dict[str, Sequence[str]] = {}
    for region in sorted(spiking):
        order = np.argsort(-case.brain.weights[region], kind="stable")
        near = [j for j in order if j not in spiking and case.brain.weights[region, j] > 0]
        result[labels[region]] = [labels[j] for j in near[:3]]
    return result


def conclude(
    request: Request, case: Case, plan: Plan, run_dir: RunDir, notes: Sequence[str]
) -> None:
    """Print the table that a scientist wants to see, draw the picture, say where all is."""
    from cosim.cli.summary_view import show_summary
    from cosim.results import open_result

    out = console()
    with open_result(run_dir.path) as result:
        show_summary(result, out)
        if request.picture:
            from cosim.plotting.run_picture import draw

            picture = run_dir.path / "summary.png"
            draw(result, picture, neighbours=neighbours(case, plan))
            out.print(f"picture  {picture}", highlight=False, soft_wrap=True)
    for note in notes:
        out.print(f"note     {note}", highlight=False, soft_wrap=True)
    out.print(f"results  {run_dir.result}", highlight=False, soft_wrap=True)
