"""``result.h5``: what the run was, and links to all that it recorded."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py

from cosim.clock import Clock
from cosim.recording.disk import write_whole, writing
from cosim.recording.names import TRAINS, Declaration, component, refuse_clashes
from cosim.recording.rank_file import FORMAT

FORMAT_NAME = "cosim result"
FORMAT_VERSION = 1
#: Status of a run that has neither ended nor reported a failure: it runs, or it was killed.
UNFINISHED = "unfinished"


@dataclass(frozen=True)
class About:
    """All that is needed to run a scenario again; mappings must be fit for JSON.

    Parameters
    ----------
    scenario_text
        The scenario file as the user wrote it.
    resolved
        The validated scenario with all defaults filled in.
    plan
        Who runs where, channels, window, lags.
    seeds
        Seed of the scenario and those derived from it.
    versions
        Names and versions of the software used.
    """

    scenario_text: str
    resolved: Mapping[str, Any]
    plan: Mapping[str, Any]
    seeds: Mapping[str, Any]
    versions: Mapping[str, Any]


def create_result(path: Path, about: About, clock: Clock, declared: Iterable[Declaration]) -> None:
    """Write ``result.h5`` before the first window, so that it is there if the job is killed.

    Parameters
    ----------
    path
        File to create, in the folder of the ranks' files.
    about
        What runs.
    clock
        Ticks, window and duration of the run.
    declared
        What all ranks declared.

    Raises
    ------
    ValueError
        If two ranks record under the same name.
    Unwritable
        If there is no room for it.
    """
    entries = sorted(declared, key=_place)
    refuse_clashes(entries)
    # HDF5 cannot let go of a file that it cannot write, so it is given none.
    image = io.BytesIO()
    with h5py.File(image, "w", libver=FORMAT) as file:
        file.attrs.update(
            format=FORMAT_NAME,
            format_version=FORMAT_VERSION,
            cosim_version=version("cosim-brain"),
            created=_now(),
            status=UNFINISHED,
            tick_ms=clock.tick_ms,
            window_ms=clock.ms(clock.window),
            duration_ms=clock.ms(clock.duration),
        )
        texts = file.create_group("about")
        texts["scenario"] = about.scenario_text
        for key in ("resolved", "plan", "seeds", "versions"):
            texts[key] = json.dumps(getattr(about, key), indent=1)
        for kind in ("signals", "spikes", "timing"):
            file.create_group(kind)
        for entry in entries:
            parent = entry.group.rpartition("/")[0]
            if parent not in file:
                file.create_group(parent, track_order=True)
            file[entry.group] = h5py.ExternalLink(entry.file, entry.group)
    write_whole(path, image.getvalue())


def finish_result(path: Path, status: str, summary: Mapping[str, Any]) -> None:
    """Note how the run ended.

    The file is replaced as a whole, so that somebody who reads it meanwhile has either the old or
    the new one.

    Parameters
    ----------
    path
        A file that `create_result` wrote.
    status
        ``complete``, or ``failed: `` and the reason.
    summary
        Wall-clock times and the like, fit for JSON.

    Raises
    ------
    Unwritable
        If there is no room, or the file is gone; what is there stays as it is.
    """
    with writing(path):
        image = io.BytesIO(path.read_bytes())
    with h5py.File(image, "r+") as file:
        file.attrs["status"] = status
        file.attrs["finished"] = _now()
        texts = file["about"]
        if "summary" in texts:
            del texts["summary"]
        texts["summary"] = json.dumps(summary)
    write_whole(path, image.getvalue())


def _place(entry: Declaration) -> tuple[str, str, bool, str]:
    """Return where a recording comes in the file, whichever rank it is from.

    Populations stay in the order in which their network has them.
    """
    if entry.kind != "spikes":
        return entry.kind, "", False, entry.path
    region, _, name = entry.path.partition("/")
    trains = name.endswith(component(TRAINS))
    return entry.kind, region, trains, name if trains else ""


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
