"""The serial twin: every role in one process, in-memory links, no MPI."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from cosim.assembly import Links, assemble, connect
from cosim.isolated import IsolatedSimulator
from cosim.lifecycle import (
    REPORT_EVERY_S,
    WallLimit,
    about,
    cause,
    close,
    close_quietly,
    deck_of,
    heed_stop,
    heed_told,
    prime,
    quietly,
    state,
)
from cosim.loop import Loop
from cosim.patience import Patience
from cosim.plan.model import Plan
from cosim.progress import Progress
from cosim.recording import Declaration, RankFile, RunDir, create_result, finish_result
from cosim.roles.base import Role
from cosim.scenario.load import Case
from cosim.sentinel import report_first
from cosim.stalls.limit import WaitLimit
from cosim.tapes import Deck


class SerialWatch:
    """Attends to recording and progress when all roles are in one process."""

    others = False

    def __init__(
        self, recorder: RankFile, deck: Deck, progress: Progress, wall: WallLimit, run_dir: RunDir
    ) -> None:
        self._recorder, self._deck, self._progress = recorder, deck, progress
        self._wall, self._run_dir = wall, run_dir
        self._reported_s = 0.0

    def attend(self, roles: Sequence[Role]) -> None:
        """Flush and show progress when due."""
        heed_told()
        now = time.monotonic()
        if now - self._reported_s < REPORT_EVERY_S:
            return
        self._reported_s = now
        self._recorder.flush_if_due()
        self._deck.flush_if_due()
        self._wall.check()
        heed_stop(self._run_dir)
        self._progress.update(*state(roles))


class _NoWaits:
    """Watches over no waits: in one process a wait that does not end at once never does."""

    def begin(self) -> None:
        """Nothing to do."""

    def still(self, waits: object) -> None:
        """Nothing to do."""

    def over(self) -> None:
        """Nothing to do."""

    def saw(self, window_s: float) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class Cast:
    """Which roles play, and what is at the ends of their channels.

    Parameters
    ----------
    deck
        Tapes to write and to close.
    links
        Makes the ends of the channels.
    only
        Names of the roles; None for all.
    """

    deck: Deck
    links: Callable[[], Links]
    only: Collection[str] | None = None


def run_serial(
    case: Case, plan: Plan, run_dir: RunDir, progress: Progress, max_wall_s: float | None = None,
    wait_limit_s: float | None = None,
) -> list[str]:
    """Run every role in this process.

    Parameters
    ----------
    max_wall_s
        Wall-clock time after which the run ends early; None for no limit.
    wait_limit_s
        How long a simulator in a process of its own may take to answer before it is asked whether
        it will; None for a limit that follows the slowest window.

    Returns
    -------
    list of str
        Notes for the user.

    Raises
    ------
    RoleFailed
        If a role fails; what was recorded is closed first.
    """
    deck = deck_of(case, run_dir)
    cast = Cast(deck, lambda: connect(plan, None, None, deck))
    notes = perform(case, plan, run_dir, progress, cast, max_wall_s, wait_limit_s)
    run_dir.forget_earlier()
    return notes


def perform(
    case: Case, plan: Plan, run_dir: RunDir, progress: Progress, cast: Cast,
    max_wall_s: float | None = None, wait_limit_s: float | None = None,
) -> list[str]:
    """Run some roles in this process; otherwise as `run_serial`."""
    recorder = RankFile(run_dir.recording(plan.ranks), plan.ranks, plan.clock)
    deck, wall = cast.deck, WallLimit(max_wall_s)
    roles: list[Role] = []
    try:
        limit, links = WaitLimit(wait_limit_s), cast.links()
        roles.extend(
            assemble(case, plan, None, links, recorder, run_dir, cast.only, limit)
        )
        sinks = {role.name: recorder.timing(role.name, role.peers) for role in roles}
        recorder.begin()
        create_result(
            run_dir.result, about(case, plan, "none (serial)"), plan.clock,
            [*recorder.declared, *_isolated(roles)],
        )
        begin_s = time.perf_counter()
        prime(roles, 0)
        watch = SerialWatch(recorder, deck, progress, wall, run_dir)
        Loop(roles, sinks, watch, Patience(spin=True), 0, _NoWaits(), begin_s).run()
        wall_s = time.perf_counter() - begin_s
        notes = [note for role in roles for note in role.notes()]
        close(roles, 0)
        recorder.close()
        deck.close()
    except BaseException as error:
        progress.close()
        close_quietly(roles)
        quietly(lambda: recorder.close(complete=False))
        quietly(deck.close)
        text = cause(error)
        report_first(run_dir.path, f"cosim: {text}")
        if run_dir.result.exists():
            quietly(lambda: finish_result(run_dir.result, f"failed: {text}", {}))
        raise
    progress.close()
    finish_result(run_dir.result, "complete", {"wall_s": wall_s, "notes": notes})
    return notes


def _isolated(roles: Sequence[Role]) -> list[Declaration]:
    simulators = [getattr(role, "simulator", None) for role in roles]
    return [d for s in simulators if isinstance(s, IsolatedSimulator) for d in s.declared]


