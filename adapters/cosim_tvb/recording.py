"""TVB's monitors: built, fed with the owned regions, and handed to the recorder window by window.

A monitor's times are TVB's, counted from the start of the run. Signals hold the owned regions:

- `GlobalAverage` and `SpatialAverage` average over the owned regions.
- EEG, MEG and iEEG sum over the owned regions; the signals of several simulators add up to that
  of the brain. TVB's observation noise is left out.
- `AfferentCoupling` at time t is the input that governs the step after t, as in TVB. It is
  known when that step begins, so that of the last step of a run is never recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.scenario.fields import Named
from cosim.simulator import Recorder, SignalSink
from cosim.units import parse
from cosim_tvb import library
from cosim_tvb.build import Built
from cosim_tvb.check_monitors import watchable
from cosim_tvb.config import TvbConfig, by_region, number
from cosim_tvb.facts import facts

_LEAD_FIELDS = ("EEG", "MEG", "iEEG")


#: Monitors whose values are the model's own variables, in the unit of its activity.
_PLAIN = ("Raw", "SubSample", "TemporalAverage", "GlobalAverage", "SpatialAverage")


class Track:
    """One monitor and the rows it has produced since they were last handed over.

    Parameters
    ----------
    monitor
        TVB's monitor, configured.
    of
        What it watches: ``state`` or ``coupling``.
    select
        Which nodes of its output are recorded; None for all.
    only
        Which regions it may see; None for all.
    """

    def __init__(
        self,
        monitor: library.Untyped,
        of: str,
        select: NDArray[np.int64] | None,
        only: NDArray[np.int64] | None,
    ) -> None:
        self.monitor, self.of = monitor, of
        self._select, self._only = select, only
        self._times: list[float] = []
        self._rows: list[NDArray[np.float64]] = []
        self.sink: SignalSink | None = None

    def record(self, step: int, observed: NDArray[np.float64]) -> None:
        """Show the monitor what it watches after a step."""
        seen = observed if self._only is None else observed[:, self._only]
        produced = self.monitor.record(step, seen)
        if produced is not None:
            time, values = produced
            kept = values if self._select is None else values[:, self._select]
            self._times.append(time)
            self._rows.append(np.array(kept, np.float64).ravel())

    def record_all(self, first: int, observed: NDArray[np.float64]) -> None:
        """Show the monitor what it watches after each of many steps.

        As `record` for each of them, but a monitor that only stores what it sees at most steps is
        called at the others only.

        Parameters
        ----------
        first
            The first of the steps.
        observed
            Shape (steps, watched, regions, modes).
        """
        monitor = self.monitor
        if type(monitor) is library.monitors.TemporalAverage:
            places = (np.arange(first, first + len(observed)) % monitor.istep) - 1
            for begin in range(0, len(observed), monitor.istep):
                part = slice(begin, begin + monitor.istep)
                self._average(first + begin, places[part], observed[part])
            return
        if type(monitor) is library.monitors.Raw:
            kept = observed if self._select is None else observed[:, :, self._select]
            times = np.arange(first, first + len(observed)) * monitor.dt
            self._times.extend(times.tolist())
            self._rows.extend(np.array(kept, np.float64).reshape(len(observed), -1))
            return
        every = 1
        if type(monitor) in (library.monitors.SubSample, library.monitors.GlobalAverage):
            every = monitor.istep
        for row in range(-first % every, len(observed), every):
            self.record(first + row, observed[row])

    def _average(
        self, first: int, places: NDArray[np.int64], observed: NDArray[np.float64]
    ) -> None:
        """Show at most as many steps as it averages to the monitor of temporal averages."""
        due = -first % self.monitor.istep
        watched = observed[:, self.monitor.voi]
        if due < len(observed):
            self.monitor._stock[places[:due]] = watched[:due]
            self.record(first + due, observed[due])
            self.monitor._stock[places[due + 1 :]] = watched[due + 1 :]
        else:
            self.monitor._stock[places] = watched

    def flush(self) -> None:
        """Hand the rows to the recorder."""
        if self._rows and self.sink is not None:
            self.sink.append(np.array(self._times, np.float64), np.array(self._rows))
        self._times, self._rows = [], []


class Recording:
    """All monitors of a simulator.

    Parameters
    ----------
    built
        The simulator.
    config
        Of the model.
    name
        Name of the simulator in the plan.
    recorder
        Where signals are declared.
    """

    def __init__(self, built: Built, config: TvbConfig, name: str, recorder: Recorder) -> None:
        self._observe = built.sim.model.observe
        self._tracks = []
        used: dict[str, int] = {}
        for entry in config.monitors:
            used[entry.name] = used.get(entry.name, 0) + 1
            count = used[entry.name]
            track, columns = _track(entry, built, config)
            label = entry.name if count == 1 else f"{entry.name}_{count}"
            period_ms = float(track.monitor.period)
            activity = config.activity if entry.name in _PLAIN else None
            unit = activity.unit if activity is not None else "1"
            track.sink = recorder.signal(
                f"{name}/{label}", columns, unit, monitor=entry.name, period_ms=period_ms
            )
            self._tracks.append(track)
        self._states = [t for t in self._tracks if t.of == "state"]
        self._couplings = [t for t in self._tracks if t.of == "coupling"]

    def state(self, step: int, state: NDArray[np.float64]) -> None:
        """Show the state after a step to the monitors that watch it."""
        if self._states:
            observed = self._observe(state)
            for track in self._states:
                track.record(step, observed)

    def coupling(self, step: int, coupling: NDArray[np.float64]) -> None:
        """Show the input that governs the step after this one."""
        if step > 0:
            for track in self._couplings:
                track.record(step, coupling)

    def states(self, first: int, states: NDArray[np.float64]) -> None:
        """Show the states after many steps to the monitors that watch them.

        Parameters
        ----------
        first
            The first of the steps.
        states
            Shape (steps, state variables, regions, modes).
        """
        if self._states:
            # What a model makes of its variables is made of each element alone.
            observed = np.moveaxis(self._observe(np.moveaxis(states, 1, 0)), 0, 1)
            for track in self._states:
                track.record_all(first, observed)

    def couplings(self, first: int, couplings: NDArray[np.float64]) -> None:
        """Show the inputs that govern the steps after many; as `states`."""
        for row in range(len(couplings) if self._couplings else 0):
            self.coupling(first + row, couplings[row])

    def flush(self) -> None:
        """Hand all rows to the recorder."""
        for track in self._tracks:
            track.flush()


def _track(entry: Named, built: Built, config: TvbConfig) -> tuple[Track, list[str]]:
    known = facts().monitors[entry.name]
    monitor = _monitor(entry, built, config)
    monitor.configure()
    monitor.config_for_sim(built.sim)
    legal = watchable(known, config, built.facts)
    variables = [legal[i] for i in monitor.voi]
    modes = built.facts.modes
    labels: Sequence[str] = [built.labels[r] for r in built.owned]
    select: NDArray[np.int64] | None = built.owned
    only = None
    if entry.name == "GlobalAverage":
        labels, select = ["mean"], None
        only = built.owned if len(built.foreign) else None
    elif entry.name == "SpatialAverage":
        areas = _owned_areas(monitor, built)
        labels, select = [f"area {i}" for i in areas], areas
    elif entry.name in _LEAD_FIELDS:
        monitor.gain[:, built.foreign] = 0.0
        labels, select, modes = monitor.sensors.labels.tolist(), None, 1
    if not len(built.foreign) and select is built.owned:
        select = None
    suffix = [""] if modes == 1 else [f", mode {m}" for m in range(modes)]
    columns = [f"{v}[{r}{m}]" for v in variables for r in labels for m in suffix]
    return Track(monitor, known.of, select, only), columns


def _monitor(entry: Named, built: Built, config: TvbConfig) -> library.Untyped:
    known = facts().monitors[entry.name]
    cls = getattr(library.monitors, entry.name)
    given = entry.parameters
    settings: dict[str, Any] = {}
    for name in ("period", "hrf_length"):
        if name in given:
            settings[name] = parse(given[name], "ms")
    legal = watchable(known, config, built.facts)
    if "variables_of_interest" in given:
        indices = [legal.index(v) for v in given["variables_of_interest"]]
        settings["variables_of_interest"] = np.array(indices)
    elif known.of == "coupling":
        settings["variables_of_interest"] = np.arange(len(legal))
    if "sigma" in given:
        settings["sigma"] = number(given["sigma"])
    if "reference" in given:
        settings["reference"] = str(given["reference"])
    if "hrf_kernel" in given:
        settings["hrf_kernel"] = _kernel(Named.model_validate(given["hrf_kernel"]))
    if "spatial_mask" in given:
        mask = by_region(given["spatial_mask"], built.labels, 0)
        settings["spatial_mask"] = mask.astype(int)
    if entry.name not in _LEAD_FIELDS:
        return cls(**settings)
    settings.setdefault("period", known.period)
    return cls.from_file(**settings, obsnoise=None)


def _kernel(entry: Named) -> library.Untyped:
    kernel = getattr(library.equations, entry.name)()
    kernel.parameters = {**kernel.parameters, **{n: number(v) for n, v in entry.parameters.items()}}
    return kernel


def _owned_areas(monitor: library.Untyped, built: Built) -> NDArray[np.int64]:
    """Restrict the means over areas to owned regions; return the areas that have any."""
    if not len(built.foreign):
        return np.arange(len(monitor.spatial_mean))
    members = monitor.spatial_mean > 0
    members[:, built.foreign] = False
    count = members.sum(axis=1)
    monitor.spatial_mean = members / np.maximum(count, 1)[:, np.newaxis]
    return np.flatnonzero(count)
