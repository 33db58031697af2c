"""All tapes of a run: those of earlier attempts to read, and those of this one to write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from cosim.account import ACCOUNT
from cosim.recording.disk import writing
from cosim.tapes.reel import Reel, Tape, TapeDamaged, tape_path

#: As often as recordings are flushed.
FLUSH_S = 0.5


class Deck:
    """The tapes that the channels of one process read and write.

    Parameters
    ----------
    folder
        Where to write; None writes nothing.
    earlier
        Folders of earlier attempts at the same run.
    """

    def __init__(self, folder: Path | None, earlier: Sequence[Path] = ()) -> None:
        self._folder, self._earlier = folder, tuple(earlier)
        self._tapes: list[Tape] = []
        self._reels: list[Reel] = []
        self._flushed_s = time.monotonic()
        if folder is not None:
            with writing(folder):
                folder.mkdir(exist_ok=True)

    def earlier(self, channel: str) -> Reel | None:
        """Return the longest tape of a channel that an earlier attempt left, if any."""
        found: list[Reel] = []
        for folder in self._earlier:
            if tape_path(folder, channel).exists():
                try:
                    found.append(Reel(folder, channel))
                except TapeDamaged:
                    continue
        self._reels += found
        return max(found, key=lambda reel: reel.count, default=None)

    def reel(self, folder: Path, channel: str) -> Reel:
        """Return the tape of a channel in a folder.

        Raises
        ------
        TapeDamaged
            If there is none, or it is damaged from its beginning.
        """
        reel = Reel(folder, channel)
        self._reels.append(reel)
        return reel

    def tape(self, channel: str) -> Tape | None:
        """Return a new tape of a channel; None if nothing is to be written."""
        if self._folder is None:
            return None
        tape = Tape(self._folder, channel)
        self._tapes.append(tape)
        return tape

    def flush_if_due(self) -> None:
        """Flush if the last flush is a while ago."""
        if time.monotonic() - self._flushed_s >= FLUSH_S:
            self._flushed_s = time.monotonic()
            before = ACCOUNT.turn("record")
            for tape in self._tapes:
                tape.flush()
            ACCOUNT.turn(before)

    def close(self) -> None:
        """Close all files."""
        for tape in self._tapes:
            tape.close()
        for reel in self._reels:
            reel.close()
