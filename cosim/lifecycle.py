"""What the serial twin and a rank of an MPI job do alike: begin, report, end."""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import NoReturn

from cosim.account import ACCOUNT
from cosim.errors import said
from cosim.plan.model import Plan
from cosim.recording import About, RunDir
from cosim.roles.base import Role
from cosim.roles.naming import named
from cosim.roles.simulator_role import SimulatorRole
from cosim.scenario.load import Case
from cosim.simulator import engines
from cosim.tapes import Deck

log = logging.getLogger(__name__)

#: How often a rank reports its progress.
REPORT_EVERY_S = 0.2
#: SLURM sends SIGTERM, or what `--signal` asks for, before a time limit.
_ENDINGS = {
    signal.SIGTERM: "told to end", signal.SIGUSR1: "told to end", signal.SIGINT: "interrupted",
}
#: How long after a signal the next window may come before the present one is broken off.
PATIENCE_S = 3.0


class Stopped(BaseException):
    """The job is to end, by its user, a batch system or its own limit, and has a moment to do so.

    Parameters
    ----------
    why
        In a few words.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)


class _Signals:
    """Notes signals: recordings and messages must not be broken off in their middle."""

    def __init__(self) -> None:
        self.why = ""

    def note(self, number: int, frame: object) -> None:
        """Remember why to end; a second Ctrl-C does not wait."""
        if self.why and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.why = _ENDINGS[signal.Signals(number)]
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)

    def break_off(self, number: int, frame: object) -> NoReturn:
        """End a window that takes long, or the preparation."""
        raise Stopped(self.why)


_SIGNALS = _Signals()


def heed_signals() -> None:
    """From now on `heed_told` knows of Ctrl-C, and of what batch systems send before they kill.

    What takes longer than `PATIENCE_S` after a signal is broken off by `Stopped`.
    """
    _SIGNALS.why = ""
    signal.signal(signal.SIGALRM, _SIGNALS.break_off)
    for number in _ENDINGS:
        # A shell lets what it runs in the background ignore Ctrl-C.
        if number != signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _SIGNALS.note)


def heed_told() -> None:
    """Raise `Stopped` if a signal has asked for it."""
    if _SIGNALS.why:
        raise Stopped(_SIGNALS.why)


def heed_no_signals(*, by_default: bool) -> None:
    """End what `heed_signals` began: ignore those signals, or let them do as they do."""
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    _SIGNALS.why = ""
    for number in _ENDINGS:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, usual if by_default else signal.SIG_IGN)


class WallLimit:
    """Ends a run that takes longer than it may.

    Parameters
    ----------
    limit_s
        Longest wall-clock time from now; None for none.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s, self._begin_s = limit_s, time.monotonic()

    def check(self) -> None:
        """Raise `Stopped` if the time is over."""
        if self._limit_s is not None and time.monotonic() - self._begin_s > self._limit_s:
            raise Stopped(f"the limit of {self._limit_s:g} s of wall time is reached")


def heed_stop(run_dir: RunDir) -> None:
    """Raise `Stopped` if ``cosim stop`` asks for it, and take its request away as an answer."""
    if run_dir.stop.exists():
        run_dir.stop.unlink(missing_ok=True)
        raise Stopped("told to end by cosim stop")


def about(case: Case, plan: Plan, mpi_library: str) -> About:
    """Return what the result must say so that the run can be repeated."""
    used = {s.engine for s in plan.simulators}
    versions = {
        "cosim": version("cosim-brain"), "python": sys.version.split()[0],
        "numpy": version("numpy"), "mpi": mpi_library,
        **{k: v for name in sorted(used) for k, v in engines()[name].versions().items()},
    }
    return About(
        case.text, json.loads(case.resolved()), json.loads(plan.as_json()),
        seeds(case, plan), versions,
    )


def deck_of(case: Case, run_dir: RunDir) -> Deck:
    """Return the tapes of a run: of earlier attempts, if there were any, and of this one."""
    earlier = [folder / run_dir.tapes.name for folder in run_dir.earlier]
    return Deck(run_dir.tapes if case.scenario.record.tapes else None, earlier)


def seeds(case: Case, plan: Plan) -> dict[str, int]:
    """Return the scenario's seed, and those that simulators derive from it."""
    derived = {
        f"{s.name}.{key}": value
        for s in plan.simulators
        for key, value in engines()[s.engine].seeds(s.name, case.scenario.seed).items()
    }
    return {"scenario": case.scenario.seed, **derived}


def state(roles: Sequence[Role]) -> tuple[dict[str, int], dict[str, float]]:
    """Return windows done, and rates in spikes/s at borders, by role."""
    windows = {role.name: role.window for role in roles}
    return windows, {k: v for role in roles for k, v in role.status().items()}


def prime(roles: Sequence[Role], rank: int) -> None:
    """Send what the windows before the first would have sent.

    Raises
    ------
    RoleFailed
        If a simulator cannot say what it would have sent.
    """
    ACCOUNT.stage("priming")
    for role in roles:
        if isinstance(role, SimulatorRole):
            with _named(role, rank):
                role.prime()


def close(roles: Sequence[Role], rank: int) -> None:
    """Release all roles.

    Raises
    ------
    RoleFailed
        If one of them fails at that.
    """
    for role in roles:
        with _named(role, rank):
            role.close()


def _named(role: Role, rank: int) -> AbstractContextManager[None]:
    """Name the role in whatever goes wrong outside the loop."""
    return named(role.name, rank, role.window - 1, role.region)


def cause(error: BaseException) -> str:
    """Return in one line what ended the run."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, Stopped):
        return str(error)
    return said(error)


def close_quietly(roles: Sequence[Role]) -> None:
    """Release all roles after a failure, which no other may hide."""
    for role in roles:
        quietly(role.close)


def quietly(action: Callable[[], object]) -> None:
    """Do something after a failure; that one is to be reported, whatever goes wrong now."""
    try:
        action()
    except Exception:
        log.warning("after the failure", exc_info=True)


def max_rss_mb() -> float:
    """Return the most memory that this process has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
