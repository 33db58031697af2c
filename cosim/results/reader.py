"""Reads run directories: finished, failed, killed, or still being written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import xarray as xr
import yaml
from numpy.typing import NDArray

from cosim.recording.names import TRAINS, Kind, component, label_of, signal_path
from cosim.recording.result_file import FORMAT_NAME, FORMAT_VERSION
from cosim.results.files import ResultError, open_file
from cosim.results.spikes import SpikeTrains
from cosim.simulator import RateBand

_CLOSED = "has been closed"


def open_result(path: str | Path) -> Result:
    """Open what a run left behind.

    Nothing in the files is ever executed. A run that is still going on, or that was killed, is
    read as far as it was flushed when each recording is asked for the first time.

    Parameters
    ----------
    path
        A run directory, or the ``result.h5`` in it.

    Raises
    ------
    ResultError
        If there is no result, or it cannot be read.
    """
    path = Path(path)
    return Result(path / "result.h5" if path.is_dir() else path)


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
                self._links = {k: _links(self._main[k]) for k in ("signals", "spikes", "timing")}
        except ResultError:
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
        return float(self._attribute("duration_ms"))

    @property
    def tick_ms(self) -> float:
        """The step of which all times are multiples."""
        return float(self._attribute("tick_ms"))

    @property
    def window_ms(self) -> float:
        """Biological time between exchanges."""
        return float(self._attribute("window_ms"))

    @property
    def scenario_text(self) -> str:
        """The scenario file as the user wrote it."""
        return self._text("scenario")

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as the user wrote it, parsed."""
        try:
            parsed = yaml.safe_load(self.scenario_text)
        except yaml.YAMLError as error:
            raise ResultError(self.path, f"the scenario in it cannot be parsed: {error}") from error
        if not isinstance(parsed, dict):
            raise ResultError(self.path, "the scenario in it is no mapping")
        return parsed

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
        return self._json("summary") if "about/summary" in self._main else {}

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

    def columns(self, name: str) -> tuple[str, ...]:
        """Return what the columns of a signal are."""
        with self._group("signals", signal_path(name), name) as group:
            return tuple(group["columns"].asstr()[()])

    def about_signal(self, name: str) -> Mapping[str, Any]:
        """Return the attributes of a signal, `unit` among them."""
        with self._group("signals", signal_path(name), name) as group:
            return _attributes(group)

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
            time_ms = _valid(group["time_ms"])
            first, last = 0, len(time_ms)
            if between_ms is not None:
                first = int(np.searchsorted(time_ms, between_ms[0], side="left"))
                last = max(first, int(np.searchsorted(time_ms, between_ms[1], side="right")))
            labels = list(group["columns"].asstr()[()])
            values = group["values"][first:last]
            if columns is not None:
                values = values[:, [self._position(name, labels, c) for c in columns]]
                labels = list(columns)
            about = _attributes(group)
        return xr.DataArray(
            values,
            dims=("time", "column"),
            coords={"time": ("time", time_ms[first:last], {"units": "ms"}), "column": labels},
            name=name,
            attrs={"units": about["unit"], **about},
        )

    def spikes(self, region: str, population: str) -> SpikeTrains:
        """Return the recorded spikes of one population, up to the last whole window.

        Raises
        ------
        ResultError
            If there are none, or the file cannot be read.
        """
        name = f"{region}/{population}"
        with self._group("spikes", f"{component(region)}/{component(population)}", name) as group:
            stop_ms = float(group["until_ms"][()])
            time_ms = _valid(group["time_ms"])
            time_ms = time_ms[: np.searchsorted(time_ms, stop_ms, side="right")]
            about = _attributes(group)
            return SpikeTrains(
                region=region,
                population=population,
                size=about["size"],
                stride=about["stride"],
                tick_ms=about["tick_ms"],
                stop_ms=stop_ms,
                time_ms=time_ms,
                sender=group["sender"][: len(time_ms)],
                reference=_band(about),
            )

    def timing(self, role: str) -> xr.Dataset:
        """Return where the wall-clock time of a role went, window by window.

        Returns
        -------
        xarray.Dataset
            Dimension `window`; `begin_s`, `wait_s`, `exchange_s`, `compute_s` in seconds of
            wall-clock time, and `waited_for`, the name of the role that was waited for longest
            (empty if none); attribute `window_ms`.

        Raises
        ------
        ResultError
            If there is none, or the file cannot be read.
        """
        with self._group("timing", component(role), role) as group:
            begin_s = _valid(group["begin_s"])
            rows = len(begin_s)
            peers = np.array([*group["peers"].asstr()[()], ""], dtype=object)
            seconds = {k: group[k][:rows] for k in ("wait_s", "exchange_s", "compute_s")}
            seconds["begin_s"] = begin_s
            waited_for = peers[group["waited_for"][:rows]].astype(str)
            return xr.Dataset(
                {
                    **{k: ("window", v, {"units": "s"}) for k, v in seconds.items()},
                    "waited_for": ("window", waited_for),
                },
                coords={"window": group["window"][:rows]},
                attrs={"role": role, "window_ms": float(group.attrs["window_ms"])},
            )

    def _check(self) -> None:
        if self._main.attrs.get("format") != FORMAT_NAME:
            raise ResultError(self.path, "is no result of a run")
        found = self._attribute("format_version")
        if found != FORMAT_VERSION:
            raise ResultError(
                self.path, f"has format version {found}, this software reads {FORMAT_VERSION}"
            )

    def _position(self, name: str, labels: list[str], column: str) -> int:
        if column not in labels:
            raise ResultError(self.path, f"signal {name} has no column {column!r}: {_some(labels)}")
        return labels.index(column)

    def _attribute(self, key: str) -> Any:  # noqa: ANN401 - attributes are of any type
        with self._reading(self.path):
            return self._main.attrs[key]

    def _text(self, key: str) -> str:
        with self._reading(self.path):
            return str(self._main["about"][key].asstr()[()])

    def _json(self, key: str) -> Mapping[str, Any]:
        try:
            value = json.loads(self._text(key))
        except json.JSONDecodeError as error:
            raise ResultError(self.path, f"{key} cannot be parsed: {error}") from error
        if not isinstance(value, dict):
            raise ResultError(self.path, f"{key} is no mapping")
        return value

    @contextmanager
    def _group(self, kind: Kind, path: str, name: str) -> Iterator[h5py.Group]:
        """Open the group of a recording in the rank's file that holds it."""
        link = self._links[kind].get(path)
        if link is None:
            known = {"signals": self.signals, "timing": self.roles}.get(
                kind, ["/".join(p) for p in self.populations]
            )
            raise ResultError(self.path, f"has no {kind} {name!r}: {_some(known)}")
        if not self._main:
            raise ResultError(self.path, _CLOSED)
        # Following the link by hand lets an error name the rank's file, and keeps to the folder.
        file = Path(link.filename).name
        target = self.path.parent / file
        if file not in self._files:
            self._files[file] = open_file(target)
        with self._reading(target):
            yield self._files[file][link.path]

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            if not self._main:
                raise ResultError(path, _CLOSED) from error
            raise ResultError(path, f"cannot be read, it may be damaged: {error}") from error


def _links(group: h5py.Group) -> dict[str, h5py.ExternalLink]:
    """Return the recordings below a group by their path; the links are not followed."""
    found: dict[str, h5py.ExternalLink] = {}

    def walk(inner: h5py.Group, prefix: str) -> None:
        for name in inner:
            link = inner.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found[prefix + name] = link
            else:
                walk(inner[name], f"{prefix}{name}/")

    walk(group, "")
    return found


def _valid(key: h5py.Dataset) -> NDArray[np.float64]:
    """Return the rows of a key column that are complete."""
    rows: NDArray[np.float64] = key[()]
    bad = np.isnan(rows)
    return rows[: int(bad.argmax())] if bad.any() else rows


def _attributes(group: h5py.Group) -> dict[str, Any]:
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in group.attrs.items()}


def _band(about: Mapping[str, Any]) -> RateBand | None:
    if "reference_low_hz" not in about:
        return None
    low_hz, high_hz = float(about["reference_low_hz"]), float(about["reference_high_hz"])
    return RateBand(low_hz, high_hz, str(about["reference_source"]))


def _some(names: Sequence[str]) -> str:
    if not names:
        return "there are none"
    return "there are " + ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
