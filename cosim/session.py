"""One rank of a job from its first collective to its last, and what failure does to all."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from cosim.account import ACCOUNT
from cosim.assembly import assemble, connect, labels
from cosim.errors import PeerFailed, RoleFailed, ScenarioInvalid
from cosim.lifecycle import (
    PATIENCE_S,
    REPORT_EVERY_S,
    Stopped,
    WallLimit,
    about,
    cause,
    close,
    close_quietly,
    deck_of,
    heed_no_signals,
    heed_signals,
    heed_stop,
    heed_told,
    max_rss_mb,
    prime,
    quietly,
    state,
)
from cosim.loop import Loop
from cosim.mpi import Mpi, Notice
from cosim.patience import Patience, cores
from cosim.plan.model import Plan
from cosim.progress import Progress
from cosim.recording import Declaration, RankFile, RunDir, create_result, finish_result
from cosim.roles.base import Role
from cosim.scenario.load import Case
from cosim.sentinel import Sentinel, first_report, report_first
from cosim.simulator import engines
from cosim.stalls import post
from cosim.stalls.chain import END, PREPARATION, Wait
from cosim.stalls.finder import Job, StallFinder, Waits
from cosim.stalls.limit import WaitLimit

log = logging.getLogger(__name__)

#: Shortest time between two looks at control messages. A look costs as much as sending a block,
#: and who waits for a block would look after each time that it is not there.
ATTEND_EVERY_S = 0.5e-3
#: How long a failing rank waits for the others to close their files.
GRACE_S = 3.0


class Session:
    """One rank of an MPI job.

    Parameters
    ----------
    case, plan
        What to run.
    mpi
        The ranks.
    run_dir
        Where to record.
    sentinel
        Who speaks for this rank if it is killed.
    progress
        Display; shown by rank 0 only.
    wait_limit_s
        Longest wait before it is asked whether it will ever end; None for one that follows the
        slowest window.
    max_wall_s
        Wall-clock time after which the run ends early; None for no limit.
    advice
        What to do after a failure while running, to be printed below it.
    """

    others = True

    def __init__(
        self, case: Case, plan: Plan, mpi: Mpi, run_dir: RunDir, sentinel: Sentinel,
        progress: Progress, wait_limit_s: float | None = None, max_wall_s: float | None = None,
        advice: str = "",
    ) -> None:
        self._advice = advice
        self._case, self._plan, self._mpi, self._run_dir = case, plan, mpi, run_dir
        self._sentinel, self._progress = sentinel, progress
        self._me = " and ".join(r.name for r in plan.roles_on(mpi.rank)) or "idle"
        self._recorder = RankFile(run_dir.recording(mpi.rank), mpi.rank, plan.clock)
        self._deck = deck_of(case, run_dir)
        self._wall = WallLimit(max_wall_s if mpi.rank == 0 else None)
        self._declared: dict[int, list[Declaration]] = {}
        self._done: dict[int, dict[str, Any]] = {}
        self._closed: set[int] = set()
        self._ended = False
        self._failed_rank = -1
        self._roles: list[Role] = []
        self._reported_s = self._attended_s = 0.0
        here = mpi.ranks_on_this_node()
        self._patience = Patience(spin=here * max(plan.threads_per_rank()) <= cores())
        self._limit, self._limit_told_s = WaitLimit(wait_limit_s), 0.0
        job = _job(case, plan, mpi.rank, run_dir, one_node=here == mpi.size)
        self._stalls = StallFinder(job, sentinel, self._limit)

    # Attending

    def attend(self, roles: Sequence[Role]) -> None:
        """Handle control messages, report progress, flush when due; now and then."""
        heed_told()
        now = time.monotonic()
        if now - self._attended_s < ATTEND_EVERY_S:
            return
        self._attended_s = now
        while (notice := self._mpi.heard()) is not None:
            self._handle(notice)
        # After "done" rank 0 listens to nobody, and MPI forbids messages that nobody takes.
        if now - self._reported_s >= REPORT_EVERY_S and self._mpi.rank not in self._done:
            self._reported_s = now
            self._recorder.flush_if_due()
            self._deck.flush_if_due()
            self._wall.check()
            windows, rates = state(roles)
            if self._mpi.rank == 0:
                heed_stop(self._run_dir)
                self._progress.update(windows, rates)
                self._tell_slowest()
            else:
                slowest_s = self._limit.slowest_s
                self._mpi.tell(
                    0, "progress", windows=windows, rates=rates, slowest_s=slowest_s
                )

    def _tell_slowest(self) -> None:
        """Let all ranks be patient with windows that are long."""
        if self._limit.worth_telling(self._limit_told_s):
            self._limit_told_s = self._limit.slowest_s
            for rank in range(1, self._mpi.size):
                self._mpi.tell(rank, "slowest", slowest_s=self._limit_told_s)

    def _handle(self, notice: Notice) -> None:
        body = notice.body
        if notice.kind == "failed":
            self._failed_rank = notice.rank
            raise PeerFailed(body["text"])
        if notice.kind == "progress":
            self._progress.update(body["windows"], body["rates"])
            self._limit.saw(body["slowest_s"])
        elif notice.kind == "slowest":
            self._limit.saw(body["slowest_s"])
        elif notice.kind == "declared":
            self._declare(notice.rank, [Declaration(*d) for d in body["entries"]])
        elif notice.kind == "done":
            self._done[notice.rank] = dict(body)
        elif notice.kind == "closed":
            self._closed.add(notice.rank)
        elif notice.kind == "end":
            self._ended = True

    def _declare(self, rank: int, entries: list[Declaration]) -> None:
        """Collect what all ranks record; rank 0 then makes the result file."""
        if self._mpi.rank != 0:
            listed = [[e.file, e.kind, e.path] for e in entries]
            self._mpi.tell(0, "declared", entries=listed)
            return
        self._declared[rank] = entries
        if len(self._declared) == self._mpi.size:
            everything = [e for rank in sorted(self._declared) for e in self._declared[rank]]
            description = about(self._case, self._plan, self._mpi.library())
            create_result(self._run_dir.result, description, self._plan.clock, everything)

    def _until(self, done: Callable[[], bool], waits: Waits = tuple) -> None:
        self._patience.reset()
        self._stalls.begin()
        while not done():
            self.attend(self._roles)
            self._stalls.still(waits)
            self._patience.pause()
        self._stalls.over()

    # The course of a job

    def run(self) -> list[str]:
        """Run this rank's roles to the end of the job.

        Returns
        -------
        list of str
            Notes for the user, on rank 0 those of all ranks.
        """
        self._sentinel.rank(self._mpi.rank, f"rank {self._mpi.rank} (role {self._me})")
        self._sentinel.run_dir(self._run_dir.path)
        self._sentinel.note(PREPARATION)
        try:
            heed_signals()
            notes = self._work()
            heed_no_signals(by_default=True)
        except PeerFailed as error:
            heed_no_signals(by_default=False)
            self._follow(error)
            raise
        except BaseException as error:
            heed_no_signals(by_default=False)
            self._lead(error)
            raise
        self._sentinel.release()
        self._mpi.finalize()
        return notes

    def _work(self) -> list[str]:
        ACCOUNT.stage("building")
        plan, rank = self._plan, self._mpi.rank
        for model in dict.fromkeys(s.model for s in plan.simulators if s.rank == rank):
            self._check(model)
        links = connect(plan, rank, self._mpi, self._deck)
        self._roles.extend(
            assemble(self._case, plan, rank, links, self._recorder, self._run_dir)
        )
        sinks = {r.name: self._recorder.timing(r.name, r.peers) for r in self._roles}
        self._recorder.begin()
        self._declare(rank, list(self._recorder.declared))
        begin_s = time.perf_counter()
        prime(self._roles, rank)
        noting = _Noting(self, self._sentinel.window)
        Loop(self._roles, sinks, noting, self._patience, rank, self._stalls, begin_s).run()
        self._sentinel.note(END)
        self._until(lambda: not self._undelivered(), self._undelivered)
        notes = [note for role in self._roles for note in role.notes()]
        close(self._roles, rank)
        self._recorder.close()
        self._deck.close()
        return self._end(time.perf_counter() - begin_s, notes)

    def _check(self, model: str) -> None:
        """Let the engine look for what only it can know about its part of the scenario."""
        config = self._case.scenario.models[model]
        problems = list(engines()[config.engine].check(config, self._case.brain.labels))
        if problems:
            raise self._case.invalid_model(model, problems)

    def _end(self, wall_s: float, notes: list[str]) -> list[str]:
        """Leave together: nobody ends before all have closed their files."""
        notes = [*notes, *self._stalls.notes]
        mine = {"wall_s": wall_s, "notes": notes, "max_rss_mb": max_rss_mb()}
        self._done[self._mpi.rank] = mine
        if self._mpi.rank != 0:
            self._mpi.tell(0, "done", **mine)
            self._until(lambda: self._ended, lambda: self._absent([0]))
        else:
            every = range(self._mpi.size)
            self._until(
                lambda: len(self._done) == self._mpi.size,
                lambda: self._absent([r for r in every if r not in self._done]),
            )
            everyone = [self._done[rank] for rank in every]
            notes = [n for rank in everyone for n in rank["notes"]]
            finish_result(self._run_dir.result, "complete", {
                "wall_s": max(rank["wall_s"] for rank in everyone), "notes": notes,
                "max_rss_mb": [rank["max_rss_mb"] for rank in everyone],
            })
            self._run_dir.forget_earlier()
            post.clear(self._run_dir.path)
            for rank in range(1, self._mpi.size):
                self._mpi.tell(rank, "end")
        self._until(self._mpi.told)
        self._progress.close()
        return notes

    def _undelivered(self) -> list[Wait]:
        """Return who has not taken yet what was sent to it."""
        return [
            Wait(role.name, role.window, outlet.name, outlet.peer)
            for role in self._roles for outlet in role.outlets if not outlet.delivered()
        ]

    def _absent(self, ranks: Sequence[int]) -> list[Wait]:
        """Return the waits for some ranks to be through, too."""
        role = self._plan.roles_on(self._mpi.rank)[0].name
        return [Wait(role, -1, "", self._plan.roles_on(rank)[0].name) for rank in ranks]

    # Failure

    def _lead(self, error: BaseException) -> None:
        """Report this rank's failure, tell the others, give them time, end the job."""
        self._progress.close()
        text, code = self._report(error)
        shown = text if isinstance(error, ScenarioInvalid) else f"cosim: {text}"
        if report_first(self._run_dir.path, shown):
            advice = f"\n{self._advice}" if self._advice and code == 1 else ""
            print(f"\n{shown}{advice}", file=sys.stderr, flush=True)
        log.error("%s", text, exc_info=error)
        others = [r for r in range(self._mpi.size) if r != self._mpi.rank]
        for rank in others:
            self._mpi.tell(rank, "failed", text=text)
        self._give_up(text)
        self._tell_closed()
        # A signal reaches all, and leaves each its time to end its window.
        grace_s = GRACE_S + PATIENCE_S * isinstance(error, Stopped)
        self._wait(grace_s, lambda: self._closed >= set(others) - self._stalls.lost)
        self._sentinel.release()
        self._mpi.abort(code)

    def _report(self, error: BaseException) -> tuple[str, int]:
        """Return what became of this rank, and the job's exit code."""
        if isinstance(error, ScenarioInvalid):
            return str(error), 2
        if not isinstance(error, RoleFailed):
            # What fails beside the roles, such as recording, fails while the latest of them runs.
            window = min((min(r.window, r.windows - 1) for r in self._roles), default=-1)
            error = RoleFailed(self._me, self._mpi.rank, window, cause(error))
        return str(error), 1

    def _follow(self, error: PeerFailed) -> None:
        """Close the files after another rank failed, say so, and wait to be ended."""
        self._progress.close()
        self._give_up(str(error))
        self._sentinel.release()
        self._tell_closed()
        self._wait(2 * GRACE_S, lambda: False)
        self._mpi.abort(1)

    def _tell_closed(self) -> None:
        """Tell all that this rank may be ended: several may lead, as a signal reaches all ranks."""
        for rank in range(self._mpi.size):
            if rank != self._mpi.rank:
                self._mpi.tell(rank, "closed")

    def _give_up(self, text: str) -> None:
        close_quietly(self._roles)
        quietly(lambda: self._recorder.close(complete=False))
        quietly(self._deck.close)
        if self._mpi.rank == 0 and self._run_dir.result.exists():
            # Launchers end the others in ways that look like failures of their own.
            first = first_report(self._run_dir.path) or text
            quietly(lambda: finish_result(self._run_dir.result, f"failed: {first}", {}))

    def _wait(self, limit_s: float, done: Callable[[], bool]) -> None:
        begin = time.monotonic()
        while not done() and time.monotonic() - begin < limit_s:
            notice = self._mpi.heard()
            # One that has failed, too, may still have files to close.
            if notice is not None and notice.kind == "closed":
                self._closed.add(notice.rank)
            time.sleep(0.001)


class _Noting:
    """Tells the sentinel of every window on the way to the session."""

    others = True

    def __init__(self, session: Session, note: Callable[[int], None]) -> None:
        self._session, self._note, self._window = session, note, -1

    def attend(self, roles: Sequence[Role]) -> None:
        """Note the window, then attend as the session does."""
        window = min((r.window for r in roles), default=0)
        if window != self._window:
            self._window = window
            self._note(window)
        self._session.attend(roles)


def _job(case: Case, plan: Plan, rank: int, run_dir: RunDir, *, one_node: bool) -> Job:
    regions = {s.name: labels(case, s.regions) for s in plan.simulators}
    regions |= {t.name: t.region for t in plan.transformers}
    return Job(rank, plan.rank_of(), regions, run_dir.path, one_node)
