"""Reads run directories: finished, failed, killed, or still being written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import xarray as xr

from cosim.intake import json_mapping
from cosim.recording import RunDir
from cosim.recording.names import TRAINS, Kind, component, label_of, signal_path
from cosim.recording.result_file import FORMAT_NAME, FORMAT_VERSION
from cosim.results import contents
from cosim.results.files import ResultError, open_file
from cosim.results.recordings import (
    Missing,
    read_signal,
    read_spikes,
    read_timing,
    require_time,
    some,
)
from cosim.results.spikes import SpikeTrains
from cosim.scenario import yaml_source

_CLOSED = "has been closed"
#: What h5py raises for files that are damaged, or do not hold what was asked for.
_DAMAGED = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)
#: How many components the path of a recording has; None: one or more.
_DEPTHS: Mapping[Kind, int | None] = {"signals": None, "spikes": 2, "timing": 1}


def open_result(path: str | Path) -> Result:
    """Open what a run left behind.

    Nothing in the files is ever executed. A run that is still going on, or that was killed, is
    read as far as it was flushed when each recording is asked for the first time.

    Parameters
    ----------
    path
        A run directory, or the ``result.h5`` in it. Where a run that goes on has no result yet,
        the directory gives that of the attempt before.

    Raises
    ------
    ResultError
        If there is no result, or it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        path = RunDir(path).latest_result() or path / "result.h5"
    return Result(path)


class Result:
    """A run's recordings and what the run was; a context manager that closes the files.

    Made by `open_result`.

    Parameters
    ----------
    path
        The ``result.h5``; the ranks' files are in the same folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, h5py.File] = {}
        self._main = open_file(path)
        try:
            with self._reading(path):
                self._check()
                self._links = {kind: self._recordings(kind) for kind in _DEPTHS}
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Result:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; what was read stays valid."""
        for file in (*self._files.values(), self._main):
            file.close()
        self._files.clear()

    @property
    def status(self) -> str:
        """How it ended: ``complete``, ``failed: ...``, or ``unfinished`` (running, or killed)."""
        return str(self._attribute("status"))

    @property
    def created(self) -> str:
        """Date and time of the start, ISO 8601."""
        return str(self._attribute("created"))

    @property
    def cosim_version(self) -> str:
        """Version of this software that wrote the result."""
        return str(self._attribute("cosim_version"))

    @property
    def duration_ms(self) -> float:
        """Biological time that was to be simulated."""
        return self._time("duration_ms")

    @property
    def tick_ms(self) -> float:
        """The step of which all times are multiples."""
        return self._time("tick_ms")

    @property
    def window_ms(self) -> float:
        """Biological time between exchanges."""
        return self._time("window_ms")

    @property
    def scenario_text(self) -> str:
        """The scenario file as the user wrote it."""
        return self._text("scenario")

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as the user wrote it, parsed."""
        parsed = yaml_source.read(self.scenario_text, "scenario")
        if parsed.problems:
            cause = parsed.located(parsed.problems[0])
            raise ResultError(self.path, f"the scenario in it cannot be parsed: {cause}")
        if not isinstance(parsed.data, dict):
            raise ResultError(self.path, "the scenario in it is no mapping")
        return parsed.data

    @property
    def resolved(self) -> Mapping[str, Any]:
        """The validated scenario with all defaults filled in."""
        return self._json("resolved")

    @property
    def plan(self) -> Mapping[str, Any]:
        """Who ran where, channels, window, lags."""
        return self._json("plan")

    @property
    def seeds(self) -> Mapping[str, Any]:
        """Seed of the scenario and those derived from it."""
        return self._json("seeds")

    @property
    def versions(self) -> Mapping[str, Any]:
        """Names and versions of the software that ran."""
        return self._json("versions")

    @property
    def summary(self) -> Mapping[str, Any]:
        """What was noted at the end of the run; empty if it did not get there."""
        with self._reading(self.path):
            there = contents.has(contents.entry(self._main, "about", h5py.Group), "summary")
        return self._json("summary") if there else {}

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the recorded signals."""
        return tuple("/".join(map(label_of, p.split("/"))) for p in self._links["signals"])

    @property
    def populations(self) -> tuple[tuple[str, str], ...]:
        """Region and population of all recorded spikes of neurons."""
        return tuple(pair for pair in self._spikes() if not pair[1].endswith(TRAINS))

    @property
    def trains(self) -> tuple[tuple[str, str], ...]:
        """Region and transformer of all recorded trains that entered a spiking region."""
        return tuple(
            (region, name.removesuffix(TRAINS))
            for region, name in self._spikes()
            if name.endswith(TRAINS)
        )

    def train(self, region: str, transformer: str) -> SpikeTrains:
        """Return the trains that a transformer sent into a region; senders are fibres."""
        return self.spikes(region, transformer + TRAINS)

    def _spikes(self) -> Iterator[tuple[str, str]]:
        for path in self._links["spikes"]:
            region, name = path.split("/")
            yield label_of(region), label_of(name)

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of the simulators and transformers whose timing was recorded."""
        return tuple(map(label_of, self._links["timing"]))

    def rank_of(self, role: str) -> int:
        """Return the number of the process that recorded the timing of a role.

        Raises
        ------
        ResultError
            If it has recorded none.
        """
        link = self._links["timing"].get(component(role))
        if link is None:
            raise ResultError(self.path, f"has no timing {role!r}: {some(self.roles)}")
        digits = re.search(r"(\d+)\.h5$", link.filename)
        return int(digits[1]) if digits else 0

    def columns(self, name: str) -> tuple[str, ...]:
        """Return what the columns of a signal are."""
        with self._group("signals", signal_path(name), name) as group:
            return tuple(contents.labels(group, "columns"))

    def about_signal(self, name: str) -> Mapping[str, Any]:
        """Return the attributes of a signal, `unit` among them."""
        with self._group("signals", signal_path(name), name) as group:
            return contents.attributes(group)

    def signal(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        between_ms: tuple[float, float] | None = None,
    ) -> xr.DataArray:
        """Return a recorded signal.

        Parameters
        ----------
        name
            One of `signals`.
        columns
            The columns wanted, by name; by default all.
        between_ms
            First and last time wanted; by default all. Only this part is read from the file.

        Returns
        -------
        xarray.DataArray
            Dimensions `time` (in ms) and `column` (names); attributes `units` and what the
            recording role says about the signal.

        Raises
        ------
        ResultError
            If there is no such signal or column, or the file cannot be read.
        """
        with self._group("signals", signal_path(name), name) as group:
            return read_signal(group, name, columns, between_ms)

    def spikes(self, region: str, population: str) -> SpikeTrains:
        """Return the recorded spikes of one population, up to the last whole window.

        Raises
        ------
        ResultError
            If there are none, or the file cannot be read.
        """
        name = f"{region}/{population}"
        with self._group("spikes", f"{component(region)}/{component(population)}", name) as group:
            return read_spikes(group, region, population, self.duration_ms)

    def timing(self, role: str) -> xr.Dataset:
        """Return where the wall-clock time of a role went, window by window.

        Returns
        -------
        xarray.Dataset
            Dimension `window`; in seconds of wall-clock time `begin_s`, `wait_s`, `receive_s`,
            `convert_s`, `compute_s`, `send_s`, `record_s`, `other_s`, and `exchange_s`, which is
            receiving and sending together; `cpu_s`, the processor time of the rank in all that
            time; `waited_for`, the name of the role that was waited
            for (empty if none); `repeated`, whether the window was known from tapes. Attributes
            `window_ms`; `stages`, the seconds of what came before the first window;
            `origin_unix_s`, when `begin_s` is 0, in seconds since 1970 (None if unknown); `cores`,
            how many the rank could use (0 if unknown);
            `detailed`, false for results of earlier versions, where conversions count as
            computing and only waiting and exchange are told apart from it.

        Raises
        ------
        ResultError
            If there is none, or the file cannot be read.
        """
        with self._group("timing", component(role), role) as group:
            return read_timing(group, role)

    def _check(self) -> None:
        about = contents.attributes(self._main)
        if about.get("format") != FORMAT_NAME:
            raise ResultError(self.path, "is no result of a run")
        found = about["format_version"]
        if found != FORMAT_VERSION:
            raise ResultError(
                self.path, f"has format version {found}, this software reads {FORMAT_VERSION}"
            )
        for key in ("tick_ms", "window_ms", "duration_ms"):
            require_time(about, key)

    def _recordings(self, kind: Kind) -> dict[str, h5py.ExternalLink]:
        found = contents.external_links(contents.entry(self._main, kind, h5py.Group))
        for path in found:
            if _DEPTHS[kind] not in (None, path.count("/") + 1):
                raise ValueError(f"{kind} has a recording of the name {path!r}")
        return found

    def _attribute(self, key: str) -> Any:  # noqa: ANN401 - attributes are of any type
        with self._reading(self.path):
            return contents.attributes(self._main)[key]

    def _time(self, key: str) -> float:
        with self._reading(self.path):
            return require_time(contents.attributes(self._main), key)

    def _text(self, key: str) -> str:
        with self._reading(self.path):
            return contents.text(contents.entry(self._main, "about", h5py.Group), key)

    def _json(self, key: str) -> Mapping[str, Any]:
        try:
            return json_mapping(self._text(key))
        except ValueError as error:
            raise ResultError(self.path, f"{key} cannot be parsed: {error}") from error

    @contextmanager
    def _group(self, kind: Kind, path: str, name: str) -> Iterator[h5py.Group]:
        """Open the group of a recording in the rank's file that holds it."""
        link = self._links[kind].get(path)
        if link is None:
            known = {"signals": self.signals, "timing": self.roles}.get(
                kind, ["/".join(p) for p in self.populations]
            )
            raise ResultError(self.path, f"has no {kind} {name!r}: {some(known)}")
        if not self._main:
            raise ResultError(self.path, _CLOSED)
        # Following the link by hand lets an error name the rank's file, and keeps to the folder.
        with self._reading(self.path):
            target = self._beside(link.filename)
        if target.name not in self._files:
            self._files[target.name] = open_file(target)
        with self._reading(target):
            yield contents.entry(self._files[target.name], link.path, h5py.Group)

    def _beside(self, file: str) -> Path:
        folder = self.path.parent
        target = folder / file
        if Path(file).name != file or target.resolve().parent != folder.resolve():
            raise ValueError(f"it leads out of its folder, to {file!r}")
        return target

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        try:
            yield
        except Missing as error:
            raise ResultError(path, str(error)) from error
        except _DAMAGED as error:
            if not self._main:
                raise ResultError(path, _CLOSED) from error
            raise ResultError(path, f"cannot be read, it may be damaged: {error}") from error
