"""Proves on the user's own scenario that nothing depends on how it is run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from cosim.cli.checking import checked
from cosim.cli.options import time_ms
from cosim.cli.running import console
from cosim.cli.trials import REFERENCE, RUN, SCENARIO, Trial, trials
from cosim.results import open_result
from cosim.results.compare import Columns, columns, first_difference, inside
from cosim_launch import without_launcher

_LAST_LINES = 3


@dataclass(frozen=True)
class Finding:
    """What came of one trial: exact, different, or not possible."""

    trial: Trial
    exact: bool
    text: str


def verify(
    scenario: Path, duration: str | None, keep: Path | None, checks: Collection[str]
) -> int:
    """Run a scenario in several ways that must not matter, and compare all that is recorded.

    Parameters
    ----------
    scenario
        The scenario.
    duration
        Biological time of each run; None for one that lets activity cross every border.
    keep
        Folder for the runs; None for one that is deleted.
    checks
        Which checks to make.

    Returns
    -------
    int
        0 if all agree, 1 if not.
    """
    asked_ms = None if duration is None else time_ms("--duration", duration)
    case, plan = checked(scenario, {}, None)
    out = console()
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        programme = trials(case, plan, asked_ms)
        out.print(f"{case.scenario.name}: {programme.duration_ms:g} ms in each run")
        findings = []
        chosen = [t for t in programme.trials if not t.check or t.check in checks]
        for finding in _carried_out(scenario, chosen, folder):
            findings.append(finding)
            out.print(f"  {finding.trial.what}: {finding.text}", highlight=False, soft_wrap=True)
    _show(findings, out)
    return int(not all(f.exact for f in findings))


def _carried_out(
    scenario: Path, programme: Sequence[Trial], folder: Path
) -> Iterator[Finding]:
    """Run the trials; the first is the one that the others are compared with."""
    reference: Columns = {}
    for number, trial in enumerate(programme):
        run_dir = folder / f"run-{number}"
        if trial.impossible:
            yield Finding(trial, exact=True, text=f"not possible: {trial.impossible}")
            continue
        path = folder / f"trial-{number}.yaml"
        path.write_text(yaml.safe_dump({"base": str(scenario.resolve()), **trial.changes}))
        places = {SCENARIO: str(path), RUN: str(run_dir), REFERENCE: str(folder / "run-0")}
        trouble = _run([places.get(argument, argument) for argument in trial.arguments])
        if trouble:
            yield Finding(trial, exact=False, text=trouble)
            if number == 0:
                return
            continue
        with open_result(run_dir) as result:
            found = columns(result)
        if number == 0:
            reference = found
            yield Finding(trial, exact=True, text=f"{len(found)} recordings")
            continue
        sides = (reference, found) if trial.borders else (inside(reference), inside(found))
        difference = first_difference(*sides, common=trial.part)
        yield Finding(trial, difference is None, "exact" if difference is None else str(difference))


def _run(arguments: Sequence[str]) -> str:
    """Run a command of ours; return what it said at last if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "cosim", *arguments], env=without_launcher(os.environ),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )
    if done.returncode == 0:
        return ""
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return "failed: " + " / ".join(said[-_LAST_LINES:])


def _show(findings: Sequence[Finding], out: Console) -> None:
    table = Table(box=None, title="What must not matter", title_justify="left")
    for heading in ("check", "run", "outcome"):
        table.add_column(heading)
    for finding in findings[1:] or findings:
        table.add_row(finding.trial.check, finding.trial.what, finding.text)
    out.print(table)
    wrong = sum(not f.exact for f in findings)
    out.print(f"{wrong} of {len(findings)} differ" if wrong else "nothing differs")
