"""One simulator with its transformers, alone, against the tapes of a run."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from cosim.assembly import Links
from cosim.errors import UsageError
from cosim.links.memory import pair
from cosim.messages import Block
from cosim.plan.model import Plan
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.scenario.load import Case
from cosim.serial import Cast, perform
from cosim.tapes import Deck, Nowhere, PlayedInlet, Reel, RepeatingOutlet
from cosim.tapes.ends import Listener, difference


@dataclass
class Compared:
    """What became of one channel in a replay.

    Parameters
    ----------
    channel
        Its name.
    blocks
        How many blocks the record has; 0 if there is none to compare with.
    differing
        How many of them came out differently.
    first
        The first of these in words, with its window and time.
    """

    channel: str
    blocks: int
    differing: int = 0
    first: str = ""


@dataclass
class Replay:
    """A simulator of a run that is to be run again alone.

    Parameters
    ----------
    case, plan
        The run, or what is to be tried in its place.
    simulator
        Name of the simulator.
    tapes
        Folder of the run's tapes.
    compared
        Filled in by `run`: one entry for each channel that leaves the simulator's side.
    """

    case: Case
    plan: Plan
    simulator: str
    tapes: Path
    compared: list[Compared] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = [s.name for s in self.plan.simulators]
        if self.simulator not in known:
            raise UsageError(
                f"there is no simulator '{self.simulator}'; expected one of {', '.join(known)}"
            )
        self._roles = roles_of(self.plan, self.simulator)

    def windows(self) -> int:
        """Return for how many windows the tapes last.

        Raises
        ------
        TapeDamaged
            If a tape is missing.
        """
        counts = [self.plan.clock.windows]
        for channel in self.plan.channels:
            if channel.source in self._roles or channel.target not in self._roles:
                continue
            with closing(Reel(self.tapes, channel.name)) as reel:
                # Before its own end, a channel has a block for each window of its receiver.
                if reel.count < channel.last + 1 + channel.lag:
                    counts.append(reel.count)
        return min(counts)

    def run(self, run_dir: RunDir, progress: Progress) -> list[str]:
        """Run it; what it records goes to a folder of its own.

        Returns
        -------
        list of str
            Notes for the user.

        Raises
        ------
        RoleFailed
            If a role fails.
        """
        deck = Deck(None)
        cast = Cast(deck, lambda: self._links(deck), self._roles)
        return perform(self.case, self.plan, run_dir, progress, cast)

    def _links(self, deck: Deck) -> Links:
        links = Links()
        for channel in self.plan.channels:
            inside = channel.source in self._roles, channel.target in self._roles
            if inside == (True, True):
                links.outlets[channel.name], links.inlets[channel.name] = pair(channel)
            elif inside == (False, True):
                reel = deck.reel(self.tapes, channel.name)
                links.inlets[channel.name] = PlayedInlet(channel, reel)
            elif inside == (True, False):
                known = deck.reel(self.tapes, channel.name)
                kept = Compared(channel.name, known.count)
                self.compared.append(kept)
                outlet = RepeatingOutlet(Nowhere(channel), known, self._listener(kept))
                links.outlets[channel.name] = outlet
        return links

    def _listener(self, kept: Compared) -> Listener:
        clock = self.plan.clock

        def differs(index: int, record: Block, now: Block) -> None:
            kept.differing += 1
            kept.first = kept.first or f"window {index}: {difference(record, now, clock)}"

        return differs


def roles_of(plan: Plan, simulator: str) -> frozenset[str]:
    """Return a simulator and the transformers at its borders that are its own."""
    return frozenset(
        {simulator, *(t.name for t in plan.transformers if t.home == simulator)}
    )
