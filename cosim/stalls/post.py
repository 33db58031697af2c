"""Questions and answers between ranks and sentinels: small files in the folder of the run.

They are for diagnosis only. Whether a run goes on well never depends on them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from cosim.stalls.chain import Look, Statement, Wait

#: Folder of all of this, within that of the run.
FOLDER = "stall"
_QUESTION = "question"


def folder_of(run_dir: Path) -> Path:
    """Return where in a run's folder questions and answers lie."""
    return run_dir / FOLDER


def begin(run_dir: Path, text: str) -> bool:
    """Put a question, unless there is one already.

    Returns
    -------
    bool
        Whether it is ours.

    Raises
    ------
    OSError
        If nothing can be written there.
    """
    folder = folder_of(run_dir)
    folder.mkdir(exist_ok=True)
    try:
        file = os.open(folder / _QUESTION, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(file, "w") as question:
        question.write(text)
    return True


def ask(run_dir: Path, text: str) -> None:
    """Put the next question after one of ours.

    Raises
    ------
    OSError
        If nothing can be written there.
    """
    _replace(folder_of(run_dir) / _QUESTION, text)


def end(run_dir: Path, ranks: Iterable[int]) -> None:
    """Take back our question and all answers to it."""
    folder = folder_of(run_dir)
    for name in (_QUESTION, *map(_answer, ranks)):
        with contextlib.suppress(OSError):
            (folder / name).unlink()


def question(run_dir: Path) -> str:
    """Return what is being asked; empty if nothing is."""
    try:
        return (folder_of(run_dir) / _QUESTION).read_text()
    except (OSError, ValueError):
        return ""


def answer(run_dir: Path, rank: int, to: str, statement: Statement) -> None:
    """Answer for a rank."""
    body = json.dumps({"to": to, **asdict(statement)})
    with contextlib.suppress(OSError):
        _replace(folder_of(run_dir) / _answer(rank), body)


def answers(run_dir: Path, to: str, ranks: Iterable[int]) -> Look:
    """Return what has been answered to a question so far, by rank."""
    return dict(_answers(run_dir, to, ranks))


def first(run_dir: Path, matter: str) -> bool:
    """Tell whether nobody has asked this of the same matter before."""
    try:
        (folder_of(run_dir) / matter).touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        return True
    return True


def clear(run_dir: Path) -> None:
    """Leave nothing of all this in the folder of a run that is complete."""
    shutil.rmtree(folder_of(run_dir), ignore_errors=True)


def waits_of(rows: Iterable[dict[str, object]]) -> tuple[Wait, ...]:
    """Return waits that were JSON."""
    return tuple(Wait(**row) for row in rows)  # type: ignore[arg-type]


def _answers(run_dir: Path, to: str, ranks: Iterable[int]) -> Iterator[tuple[int, Statement]]:
    for rank in ranks:
        # An answer to an earlier question, or one that was lost, is none.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            body = json.loads((folder_of(run_dir) / _answer(rank)).read_text())
            if body.pop("to") == to:
                yield rank, Statement(**{**body, "waits": waits_of(body["waits"])})


def _answer(rank: int) -> str:
    return f"answer-{rank}"


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
