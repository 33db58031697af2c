"""The loop: runs whichever role of this rank has all that its next window needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cosim.account import ACCOUNT
from cosim.errors import WouldHang
from cosim.links.base import Inlet, Outlet
from cosim.patience import Patience
from cosim.recording import TimingSink, WindowTiming
from cosim.roles.base import Role
from cosim.roles.naming import named
from cosim.stalls.chain import Wait


class Watch(Protocol):
    """What else a rank attends to while it runs."""

    #: Whether another process can change what roles wait for.
    others: bool

    def attend(self, roles: Sequence[Role]) -> None:
        """Handle what came in; raises `PeerFailed` if another rank failed."""


class Waiting(Protocol):
    """Who watches over waits that become long."""

    def begin(self) -> None:
        """Begin a new wait."""

    def still(self, waits: Callable[[], Sequence[Wait]]) -> None:
        """Wait on; raises `RoleFailed` if that is in vain."""

    def over(self) -> None:
        """Go on: the wait is over."""

    def saw(self, window_s: float) -> None:
        """Take notice of the processor time that a window took."""


class Loop:
    """Drives the roles of one rank to their last window.

    A role runs as soon as its inputs are there and its outputs have room, the one with the
    earliest window first. Nothing depends on that order but the time it takes.

    Parameters
    ----------
    roles
        The roles of this rank.
    sinks
        Where the timing of each role goes.
    watch
        Progress, failures of others.
    patience
        How to wait.
    rank
        This rank, for messages.
    waiting
        Who watches over long waits.
    origin_s
        Reading of `time.perf_counter` from which recorded times count.
    """

    def __init__(
        self, roles: Sequence[Role], sinks: Mapping[str, TimingSink], watch: Watch,
        patience: Patience, rank: int, waiting: Waiting, origin_s: float,
    ) -> None:
        self._roles, self._sinks, self._watch = list(roles), sinks, watch
        self._patience, self._rank, self._waiting = patience, rank, waiting
        self._origin_s = origin_s

    def run(self) -> None:
        """Run until every role is done.

        Raises
        ------
        RoleFailed
            If a role of this rank fails.
        PeerFailed
            If another rank failed.
        WouldHang
            If all roles wait and nobody else could help.
        """
        pending = [role for role in self._roles if not role.done]
        ACCOUNT.begin()
        # Whoever speaks for a rank that is killed in its first window must know that it began.
        self._watch.attend(self._roles)
        while pending:
            pending.sort(key=lambda role: role.window)
            role, blocker = self._next(pending)
            self._run(role, blocker)
            self._watch.attend(self._roles)
            pending = [role for role in pending if not role.done]

    def _next(self, pending: Sequence[Role]) -> tuple[Role, Inlet | Outlet | None]:
        """Return the first role that can run, and for whom the rank waited."""
        first: dict[str, Inlet | Outlet] = {}
        self._patience.reset()
        while True:
            for role in pending:
                blocker = self._blocker(role)
                if blocker is None:
                    if first:
                        self._waiting.over()
                    # A rank of several roles waits for what the role that runs next waits for.
                    return role, first.get(role.name)
                if not first:
                    self._waiting.begin()
                first.setdefault(role.name, blocker)
            if not self._watch.others:
                raise WouldHang("; ".join(wait.text() for wait in waits_of(pending)))
            self._waiting.still(lambda: waits_of(pending))
            ACCOUNT.turn("wait")
            self._watch.attend(self._roles)
            self._patience.pause()

    def _blocker(self, role: Role) -> Inlet | Outlet | None:
        with named(role.name, self._rank, role.window, role.region):
            return role.blocked_by()

    def _run(self, role: Role, blocker: Inlet | Outlet | None) -> None:
        window = role.window
        begin_s = time.process_time()
        with named(role.name, self._rank, window, role.region):
            role.step()
        # Processor time: a window is not slow because everything was suspended.
        self._waiting.saw(time.process_time() - begin_s)
        # All that a rank did since its last window is put down to the one that is over now.
        began_s, spent_s = ACCOUNT.settle()
        sink = self._sinks.get(role.name)
        if sink is not None:
            peer = role.peers.index(blocker.peer) if blocker is not None else -1
            sink.append(
                WindowTiming.of(
                    window, began_s - self._origin_s, spent_s, peer, repeated=role.repeated
                )
            )


def waits_of(roles: Sequence[Role]) -> list[Wait]:
    """Return what each of some roles waits for, of those that do."""
    blocked = [(role, role.blocked_by()) for role in roles if not role.done]
    return [Wait(r.name, r.window, end.name, end.peer) for r, end in blocked if end is not None]
