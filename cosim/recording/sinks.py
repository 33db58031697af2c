"""What recordings are appended to, row by row; time spent here counts as recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from cosim.account import ACCOUNT, STAGES
from cosim.clock import Clock
from cosim.messages import SpikeBatch
from cosim.patience import cores
from cosim.recording.table import Table


@dataclass(frozen=True)
class WindowTiming:
    """Where the wall-clock time of one role went during one window.

    Parameters
    ----------
    window
        Index of the window.
    begin_s
        Wall-clock time since the start of the job at which the role turned to the window: when
        its rank was done with whatever it did before.
    wait_s
        Time spent waiting for data of other roles, or for room to send to them.
    exchange_s
        Time spent receiving and sending, together.
    compute_s
        Time spent simulating.
    waited_for
        Index of the peer that was waited for first, -1 for nobody.
    convert_s
        Time spent converting, in transformers and at the borders of simulators.
    send_s
        The part of `exchange_s` in which blocks were checked and sent.
    record_s
        Time spent writing recordings and tapes.
    other_s
        The rest: control messages, progress, the loop itself.
    repeated
        Whether the window was known from the tapes of an earlier attempt.
    cpu_s
        Processor time of the rank's process in all that time, over all threads.
    """

    window: int
    begin_s: float
    wait_s: float
    exchange_s: float
    compute_s: float
    waited_for: int
    convert_s: float = 0.0
    send_s: float = 0.0
    record_s: float = 0.0
    other_s: float = 0.0
    repeated: bool = False
    cpu_s: float = 0.0

    @classmethod
    def of(
        cls, window: int, begin_s: float, spent_s: Mapping[str, float], waited_for: int, *,
        repeated: bool,
    ) -> WindowTiming:
        """Return the timing of a window from what `cosim.account.Account.settle` returns."""
        return cls(
            window, begin_s, spent_s["wait"], spent_s["receive"] + spent_s["send"],
            spent_s["compute"], waited_for, spent_s["convert"], spent_s["send"],
            spent_s["record"], spent_s["other"], repeated, spent_s["cpu"],
        )


class TimingSink(Protocol):
    """Takes the timing of one role, window by window."""

    def append(self, row: WindowTiming) -> None:
        """Add the timing of one window."""


class SignalSink:
    """Takes rows of a signal."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def append(self, time_ms: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Add rows."""
        before = ACCOUNT.turn("record")
        self._table.append({"time_ms": time_ms, "values": values})
        ACCOUNT.turn(before)


class SpikesSink:
    """Takes the spikes of one population, window by window."""

    def __init__(self, table: Table, until: h5py.Dataset, clock: Clock) -> None:
        self._table, self._dataset, self._clock = table, until, clock
        self._until_ms = 0.0

    def append(self, batch: SpikeBatch) -> None:
        """Add the spikes of a window."""
        before = ACCOUNT.turn("record")
        time_ms = batch.ticks * self._clock.tick_ns / 1e6
        self._table.append({"time_ms": time_ms, "sender": batch.senders})
        self._until_ms = self._clock.ms(batch.stop)
        ACCOUNT.turn(before)

    def write_until(self) -> None:
        """Note up to when spikes are known."""
        self._dataset[()] = self._until_ms


class TableTiming:
    """Takes the timing of one role into a file."""

    def __init__(self, table: Table, peers: int, prepared: h5py.Dataset) -> None:
        self._table, self._peers, self._prepared = table, peers, prepared
        self._names = [f.name for f in fields(WindowTiming)]
        self._begun = False

    def append(self, row: WindowTiming) -> None:
        """Add the timing of one window."""
        if not -1 <= row.waited_for < self._peers:
            raise ValueError(f"waited_for is {row.waited_for}, but there are {self._peers} peers")
        before = ACCOUNT.turn("record")
        if not self._begun:
            self._begin(row)
        self._table.append_row({name: getattr(row, name) for name in self._names})
        ACCOUNT.turn(before)

    def _begin(self, row: WindowTiming) -> None:
        """Note what came before the first window, and when that was."""
        self._begun = True
        if ACCOUNT.prepared:
            origin_s = ACCOUNT.unix_s(ACCOUNT.settled_s - row.begin_s)
            stages = [ACCOUNT.prepared.get(stage, 0.0) for stage in STAGES]
            self._prepared[()] = [origin_s, cores(), *stages]
