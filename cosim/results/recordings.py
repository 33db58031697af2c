"""One recording of a rank's file as what its reader works with.

Everything is checked before it is used, since anybody may have written the file; what does not fit
raises ValueError, KeyError, or what h5py raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from cosim.results import contents
from cosim.results.spikes import SpikeTrains
from cosim.scenario.fields import MAX_TIME_MS
from cosim.simulator import RateBand

#: Senders are counted in 32 bits, and tables have an entry for each neuron: more than any animal
#: whose brain can be simulated has, and a gigabyte.
MAX_NEURONS = 10**8
_SECONDS = ("wait_s", "exchange_s", "compute_s")
#: Columns that results of earlier versions have not: there, conversions count as computing, and
#: nothing else was noted.
_LATER = ("convert_s", "send_s", "record_s", "other_s", "cpu_s")


class Missing(LookupError):
    """A signal has no such column; the message says which it has."""


def read_signal(
    group: h5py.Group, name: str, columns: Sequence[str] | None,
    between_ms: tuple[float, float] | None,
) -> xr.DataArray:
    """Return a signal; see `cosim.results.reader.Result.signal`.

    Raises
    ------
    Missing
        If it has not the columns that are asked for.
    """
    time_ms = _valid(group, "time_ms")
    first, last = 0, len(time_ms)
    if between_ms is not None:
        first = int(np.searchsorted(time_ms, between_ms[0], side="left"))
        last = max(first, int(np.searchsorted(time_ms, between_ms[1], side="right")))
    labels = contents.labels(group, "columns")
    values = contents.reals(group, "values", slice(first, last), width=len(labels))
    _require_length("values", values, last - first)
    if columns is not None:
        values = values[:, [_position(name, labels, c) for c in columns]]
        labels = list(columns)
    about = contents.attributes(group)
    return xr.DataArray(
        values,
        dims=("time", "column"),
        coords={"time": ("time", time_ms[first:last], {"units": "ms"}), "column": labels},
        name=name,
        attrs={"units": about["unit"], **about},
    )


def read_spikes(
    group: h5py.Group, region: str, population: str, duration_ms: float
) -> SpikeTrains:
    """Return spikes up to the last whole window of a run of that length."""
    stop_ms = contents.real(group, "until_ms")
    if not 0 <= stop_ms <= duration_ms:
        raise ValueError(f"'until_ms' is {stop_ms:g} of {duration_ms:g} ms")
    time_ms = _valid(group, "time_ms")
    time_ms = time_ms[: np.searchsorted(time_ms, stop_ms, side="right")]
    if len(time_ms) and time_ms[0] < 0:
        raise ValueError(f"a spike is at {time_ms[0]:g} ms")
    about = contents.attributes(group)
    size, stride = (_count(about, key) for key in ("size", "stride"))
    sender = contents.wholes(group, "sender", slice(len(time_ms)))
    _require_length("sender", sender, len(time_ms))
    _require_within("sender", sender, 0, size)
    return SpikeTrains(
        region=region,
        population=population,
        size=size,
        stride=stride,
        tick_ms=require_time(about, "tick_ms"),
        stop_ms=stop_ms,
        time_ms=time_ms,
        sender=sender.astype(np.int32, copy=False),
        reference=_band(about),
    )


def read_timing(group: h5py.Group, role: str) -> xr.Dataset:
    """Return the timing of a role; see `cosim.results.reader.Result.timing`."""
    begin_s = _valid(group, "begin_s")
    rows = slice(len(begin_s))
    peers = np.array([*contents.labels(group, "peers"), ""], dtype=object)
    detailed = contents.has(group, "cpu_s")
    known = (*_SECONDS, *_LATER) if detailed else _SECONDS
    seconds = {k: contents.reals(group, k, rows) for k in known}
    seconds.update({k: np.zeros(len(begin_s)) for k in _LATER if k not in seconds})
    seconds["begin_s"] = begin_s
    waited_for, window = (contents.wholes(group, k, rows) for k in ("waited_for", "window"))
    repeated = contents.wholes(group, "repeated", rows) if detailed else np.zeros_like(window)
    whole = {"waited_for": waited_for, "window": window, "repeated": repeated}
    for key, column in {**seconds, **whole}.items():
        _require_length(key, column, len(begin_s))
    for key in known:
        _require_durations(key, seconds[key])
    _require_within("waited_for", waited_for, -1, len(peers) - 1)
    seconds["receive_s"] = seconds["exchange_s"] - seconds["send_s"]
    stages = _prepared(group) if detailed else {}
    origin_unix_s, cores = stages.pop("origin", None), stages.pop("cores", 0.0)
    return xr.Dataset(
        {
            **{k: ("window", v, {"units": "s"}) for k, v in seconds.items()},
            "waited_for": ("window", peers[waited_for].astype(str)),
            "repeated": ("window", repeated.astype(bool)),
        },
        coords={"window": window},
        attrs={
            "role": role, "window_ms": require_time(contents.attributes(group), "window_ms"),
            "detailed": detailed, "origin_unix_s": origin_unix_s, "stages": stages,
            "cores": int(cores),
        },
    )


def _prepared(group: h5py.Group) -> dict[str, float]:
    """Return what was noted before the first window by name; nothing if it did not begin."""
    names = contents.labels(group, "stages")
    values = contents.reals(group, "prepared_s")
    _require_length("prepared_s", values, len(names))
    if not np.isfinite(values).all():
        return {}
    return dict(zip(names, values.tolist(), strict=True))


def _position(name: str, labels: list[str], column: str) -> int:
    if column not in labels:
        raise Missing(f"signal {name} has no column {column!r}: {some(labels)}")
    return labels.index(column)


def _valid(group: h5py.Group, key: str) -> NDArray[np.float64]:
    """Return the rows of a key column that are complete."""
    rows = contents.reals(group, key)
    bad = np.isnan(rows)
    rows = rows[: int(bad.argmax())] if bad.any() else rows
    if not np.isfinite(rows).all() or (np.diff(rows) < 0).any():
        raise ValueError(f"the times in '{key}' are not in order")
    return rows


def _require_length(name: str, column: NDArray[np.generic], rows: int) -> None:
    if len(column) != rows:
        raise ValueError(f"'{name}' has {len(column)} of {rows} rows")


def _require_durations(name: str, column: NDArray[np.float64]) -> None:
    # Differences of clock readings may be off by what a float cannot hold.
    if not np.isfinite(column).all() or (column < -1e-6).any():
        raise ValueError(f"'{name}' has numbers that are no durations")


def _require_within(name: str, column: NDArray[np.signedinteger], low: int, high: int) -> None:
    if len(column) and not low <= column.min() <= column.max() < high:
        raise ValueError(f"'{name}' has numbers outside {low} to {high - 1}")


def require_time(about: Mapping[str, Any], key: str) -> float:
    """Return a time in ms among attributes.

    Raises
    ------
    ValueError
        If it is none.
    """
    value = about[key]
    if isinstance(value, str) or not (math.isfinite(value) and 0 < value <= MAX_TIME_MS):
        raise ValueError(f"'{key}' is {value!r}, expected a time in ms")
    return float(value)


def _count(about: Mapping[str, Any], key: str) -> int:
    value = about[key]
    if not isinstance(value, int) or not 1 <= value <= MAX_NEURONS:
        raise ValueError(f"'{key}' is {value!r}, expected 1 to {MAX_NEURONS}")
    return value


def _band(about: Mapping[str, Any]) -> RateBand | None:
    if "reference_low_hz" not in about:
        return None
    low_hz, high_hz = float(about["reference_low_hz"]), float(about["reference_high_hz"])
    return RateBand(low_hz, high_hz, str(about["reference_source"]))


def some(names: Sequence[str]) -> str:
    """Return in words which names there are."""
    if not names:
        return "there are none"
    return "there are " + ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
