"""The folder that holds everything a run leaves behind."""

from __future__ import annotations

import fcntl
import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from cosim.errors import UsageError

#: What each attempt at a run writes anew.
_RECORDED = ("result.h5", "rank-*.h5", "rank-*.log", "failure.txt", "summary.png", "tapes")
_OURS = (
    "scenario.yaml", "resolved.json", "plan.json", "request.json", "lock", "stop", "earlier-*",
    *_RECORDED,
)


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
            If the folder holds an earlier run, or cannot be made.
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
            for file in old:
                _remove(file)
        except OSError as error:
            raise UsageError(f"cannot use {path or 'runs'} as run directory: {error}") from error
        return cls(path)

    def claim(self) -> TextIO:
        """Keep others from going on with this run while the returned file is open.

        Raises
        ------
        UsageError
            If another process has claimed it.
        """
        file = (self.path / "lock").open("w")
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
        taken = [int(p.name.rpartition("-")[2]) for p in self.path.glob("earlier-*")]
        folder = self.path / f"earlier-{max(taken, default=0) + 1}"
        try:
            folder.mkdir()
            for pattern in _RECORDED:
                for file in self.path.glob(pattern):
                    file.rename(folder / file.name)
        except OSError as error:
            raise UsageError(f"cannot set aside what {self.path} holds: {error}") from error
        return folder

    @property
    def earlier(self) -> tuple[Path, ...]:
        """Folders of earlier attempts."""
        return tuple(sorted(self.path.glob("earlier-*")))

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


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
