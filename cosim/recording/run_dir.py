"""The folder that holds everything a run leaves behind."""

from __future__ import annotations

import fcntl
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from cosim.errors import UsageError
from cosim.recording.disk import in_words

#: What each attempt at a run writes anew.
_RECORDED = (
    "result.h5", "rank-*.h5", "rank-*.log", "failure.txt", "summary.png",
    "timeline.png", "tapes", "stall",
)
_OURS = (
    "scenario.yaml", "resolved.json", "plan.json", "request.json", "lock", "stop", "earlier-*",
    *_RECORDED,
)

#: What a run writes before its first window, amply.
ROOM_BYTES = 64 * 1024


def slug(name: str) -> str:
    """Return a scenario's name as part of a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "run"


@dataclass(frozen=True)
class RunDir:
    """Names of the files of a run.

    Rank 0 calls `create`; the other ranks construct the same value from the path it reports.

    Parameters
    ----------
    path
        The folder.
    """

    path: Path

    @classmethod
    def create(cls, name: str, path: Path | None = None, *, overwrite: bool = False) -> RunDir:
        """Make the folder of a new run.

        Parameters
        ----------
        name
            Name of the scenario.
        path
            The folder; by default a new one under ``runs/`` with name and date.
        overwrite
            Whether the files of an earlier run may be deleted from `path`. Files that a run does
            not write itself are never touched.

        Raises
        ------
        UsageError
            If the folder holds an earlier run, or cannot be made or written.
        """
        try:
            if path is None:
                return cls(_new_folder(Path("runs"), slug(name)))
            path.mkdir(parents=True, exist_ok=True)
            old = [p for pattern in _OURS for p in path.glob(pattern)]
            if old and not overwrite:
                raise UsageError(
                    f"{path} holds the files of an earlier run ({old[0].name}); name another "
                    f"folder, or allow overwriting"
                )
            if old:
                cls(path).require_writable(0)
            for file in old:
                _remove(file)
        except OSError as error:
            raise UsageError(f"cannot use {path or 'runs'} as run directory: {error}") from error
        cls(path).require_writable()
        return cls(path)

    def require_writable(self, room_bytes: int = ROOM_BYTES) -> None:
        """Make sure that files can be made here.

        Parameters
        ----------
        room_bytes
            How large a file must find room.

        Raises
        ------
        UsageError
            If not.
        """
        try:
            with tempfile.TemporaryFile(dir=self.path, buffering=0) as probe:
                probe.write(bytes(room_bytes))
        except OSError as error:
            raise UsageError(f"cannot write to {self.path}: {in_words(error)}") from error

    def claim(self) -> TextIO:
        """Keep others from going on with this run while the returned file is open.

        Raises
        ------
        UsageError
            If another process has claimed it, or the folder cannot be written.
        """
        try:
            file = (self.path / "lock").open("w")
        except OSError as error:
            raise UsageError(f"cannot write to {self.path}: {in_words(error)}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise UsageError(f"the run in {self.path} is still going") from None
        except OSError:
            # Some network file systems have no locks.
            return file
        return file

    def going(self) -> bool:
        """Tell whether a process that this machine knows of has claimed the run."""
        try:
            file = (self.path / "lock").open("r")
        except FileNotFoundError:
            return False
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                # Some network file systems have no locks.
                return False
        return False

    def set_aside(self) -> Path:
        """Move what an earlier attempt recorded into a folder of its own, and return that.

        Raises
        ------
        UsageError
            If that cannot be done.
        """
        taken = max((_number(folder) for folder in self.earlier), default=0)
        folder = self.path / f"earlier-{taken + 1}"
        try:
            folder.mkdir()
            for pattern in _RECORDED:
                for file in self.path.glob(pattern):
                    file.rename(folder / file.name)
        except OSError as error:
            raise UsageError(
                f"cannot set aside what {self.path} holds: {in_words(error)}"
            ) from error
        return folder

    @property
    def earlier(self) -> tuple[Path, ...]:
        """Folders of earlier attempts."""
        return tuple(sorted(self.path.glob("earlier-*")))

    def latest_result(self) -> Path | None:
        """Return the newest result: of an earlier attempt if this one has none yet, if any."""
        numbered = sorted(
            (_number(folder), folder) for folder in self.earlier if not folder.is_symlink()
        )
        found = [self.path, *(folder for _, folder in reversed(numbered))]
        return next((f / "result.h5" for f in found if (f / "result.h5").exists()), None)

    def forget_earlier(self) -> None:
        """Delete earlier attempts, of which a complete run holds everything."""
        for folder in self.earlier:
            _remove(folder)

    @property
    def tapes(self) -> Path:
        """Folder of what crossed the channels."""
        return self.path / "tapes"

    @property
    def request(self) -> Path:
        """What was asked for on the command line."""
        return self.path / "request.json"

    @property
    def stop(self) -> Path:
        """While it exists, it asks the run to end early."""
        return self.path / "stop"

    @property
    def scenario(self) -> Path:
        """The scenario as the user wrote it."""
        return self.path / "scenario.yaml"

    @property
    def resolved(self) -> Path:
        """The validated scenario with all defaults filled in."""
        return self.path / "resolved.json"

    @property
    def plan(self) -> Path:
        """Who ran where, channels, window, lags."""
        return self.path / "plan.json"

    @property
    def result(self) -> Path:
        """What the run was, and links to all that it recorded."""
        return self.path / "result.h5"

    def recording(self, rank: int) -> Path:
        """Return the file to which a rank records."""
        return self.path / f"rank-{rank:04d}.h5"

    def log(self, rank: int) -> Path:
        """Return the log of a rank."""
        return self.path / f"rank-{rank:04d}.log"


def _new_folder(parent: Path, name: str) -> Path:
    stem = f"{name}-{datetime.now().strftime('%Y%m%d-%H%M%S')}"
    parent.mkdir(parents=True, exist_ok=True)
    attempt = 1
    while True:
        folder = parent / (stem if attempt == 1 else f"{stem}-{attempt}")
        try:
            folder.mkdir()
        except FileExistsError:
            attempt += 1
        else:
            return folder


def _number(earlier: Path) -> int:
    """Return which attempt left a folder, 0 if it is none of ours."""
    found = re.fullmatch(r"earlier-([0-9]{1,9})", earlier.name)
    return int(found[1]) if found else 0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
