"""Proves on the user's own scenario that nothing depends on how it is run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from cosim.cli.checking import checked
from cosim.cli.options import time_ms
from cosim.cli.running import allowing, console
from cosim.cli.trials import REFERENCE, RUN, SCENARIO, Programme, Trial, trials
from cosim.patience import cores
from cosim.plan.model import Plan
from cosim.recording import RunDir
from cosim.results import open_result
from cosim.results.compare import Columns, columns, first_difference, inside
from cosim.tapes import carried
from cosim_launch import without_launcher

_LAST_LINES = 3
#: How often to double a duration in which a channel carried nothing.
_LONGER = 3
#: So many channels are named in one cell of the table.
_NAMED = 4


@dataclass(frozen=True)
class Finding:
    """What came of one trial: exact, different, or not possible."""

    trial: Trial
    exact: bool
    text: str
    took_s: float = 0.0


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
        0 if all agree, 1 if not, or if a channel carried nothing that could have differed.
    """
    asked_ms = None if duration is None else time_ms("--duration", duration)
    case, plan = checked(scenario, {}, None)
    out = console()
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        workshop = Workshop(scenario, folder, out)
        programme = trials(case, plan, asked_ms)
        findings = [workshop.reference(programme)]
        for _ in range(_LONGER if asked_ms is None else 0):
            silent = workshop.silent(plan)
            if not silent or programme.whole:
                break
            out.print(f"  nothing crossed {silent[0]} yet", highlight=False, soft_wrap=True)
            programme = trials(case, plan, 2 * programme.duration_ms)
            findings = [workshop.reference(programme)]
        if findings[0].exact:
            findings.append(_crossed(workshop.silent(plan), programme, len(plan.channels)))
            findings += workshop.others(
                [t for t in programme.trials[1:] if t.check in checks], _at_once(plan)
            )
    _show(findings, out)
    return int(not all(f.exact for f in findings))


def _at_once(plan: Plan) -> int:
    """Return how many serial runs this machine has cores for."""
    return max(cores() // max(plan.threads_per_rank()), 1)


def _crossed(silent: Sequence[str], programme: Programme, count: int) -> Finding:
    trial = Trial("crossing", f"{count} channels in {programme.duration_ms:g} ms")
    if not silent:
        return Finding(trial, exact=True, text="each carried something")
    names = ", ".join(silent[:_NAMED]) + " and others" * (len(silent) > _NAMED)
    text = f"nothing that could differ crossed {names}"
    if programme.whole:
        return Finding(trial, exact=True, text=f"{text}, from the beginning to the end")
    return Finding(trial, exact=False, text=f"{text}; take a longer --duration")


class Workshop:
    """Carries out trials and compares them with the first one.

    Parameters
    ----------
    scenario
        The scenario of all of them.
    folder
        Where their runs go.
    out
        Where to tell what came of each.
    """

    def __init__(self, scenario: Path, folder: Path, out: Console) -> None:
        self._scenario, self._folder, self._out = scenario, folder, out
        self._reference: Columns = {}
        self._runs = 0
        self._run_dir = folder

    def reference(self, programme: Programme) -> Finding:
        """Run what all others will be compared with."""
        self._out.print(f"{programme.duration_ms:g} ms in each run", highlight=False)
        self._run_dir = self._folder / f"run-{self._runs}"
        found = self._recorded(self._runs, programme.trials[0])
        self._runs += 1
        if isinstance(found, Finding):
            return self._told(found)
        self._reference, took_s = found
        text = f"{len(self._reference)} recordings"
        return self._told(Finding(programme.trials[0], exact=True, text=text, took_s=took_s))

    def silent(self, plan: Plan) -> list[str]:
        """Return the channels that carried nothing in the reference."""
        if not self._reference:
            return []
        tapes = RunDir(self._run_dir).tapes
        return [c.name for c in plan.channels if not carried(tapes, c.name)]

    def others(self, rest: Sequence[Trial], at_once: int) -> list[Finding]:
        """Carry out all other trials, those of one process several at once."""
        numbered = list(enumerate(rest, start=self._runs))
        findings = {
            number: self._told(self._compared(number, trial))
            for number, trial in numbered if not trial.one_process
        }
        with ThreadPoolExecutor(at_once) as pool:
            single = [(number, trial) for number, trial in numbered if trial.one_process]
            done = pool.map(lambda pair: self._compared(*pair), single)
            findings |= {n: self._told(f) for (n, _), f in zip(single, done, strict=True)}
        return [findings[number] for number, _ in numbered]

    def _told(self, finding: Finding) -> Finding:
        what, took = finding.trial.what, f" ({finding.took_s:.1f} s)" if finding.took_s else ""
        self._out.print(f"  {what}: {finding.text}{took}", highlight=False, soft_wrap=True)
        return finding

    def _compared(self, number: int, trial: Trial) -> Finding:
        if trial.impossible:
            return Finding(trial, exact=True, text=f"not possible: {trial.impossible}")
        found = self._recorded(number, trial)
        if isinstance(found, Finding):
            return found
        here, took_s = found
        one, other = self._reference, here
        if not trial.borders:
            one, other = inside(one), inside(other)
        difference = first_difference(one, other, common=trial.part)
        text = "exact" if difference is None else str(difference)
        return Finding(trial, difference is None, text, took_s)

    def _recorded(self, number: int, trial: Trial) -> Finding | tuple[Columns, float]:
        """Run a trial; return what it recorded, or how it failed."""
        run_dir, path = self._folder / f"run-{number}", self._folder / f"trial-{number}.yaml"
        changed = {"base": str(self._scenario.resolve()), **trial.changes}
        path.write_text(yaml.safe_dump(changed), encoding="utf-8")
        places = {SCENARIO: str(path), RUN: str(run_dir), REFERENCE: str(self._run_dir)}
        begin_s = time.monotonic()
        trouble = _run([places.get(argument, argument) for argument in trial.arguments])
        if trouble:
            return Finding(trial, exact=False, text=trouble)
        with open_result(run_dir) as result:
            return columns(result), time.monotonic() - begin_s


def _run(arguments: Sequence[str]) -> str:
    """Run a command of ours; return what it said at last if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "cosim", *arguments, *allowing()], env=without_launcher(os.environ),
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
    out.print(f"{wrong} of {len(findings)} differ or are not shown" if wrong else "nothing differs")
