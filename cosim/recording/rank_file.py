"""The file to which one rank records."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from cosim.account import ACCOUNT, STAGES
from cosim.clock import Clock
from cosim.recording.disk import Unwritable, in_words, writing
from cosim.recording.names import Declaration, Kind, component, refuse_clashes, signal_path
from cosim.recording.sinks import SignalSink, SpikesSink, TableTiming, TimingSink
from cosim.recording.table import BUFFER_BYTES, Column, Table
from cosim.simulator import RateBand

log = logging.getLogger(__name__)

# The oldest format that allows reading while writing, so that older tools open the files too.
FORMAT = ("v110", "v110")
CHUNK_CACHE_BYTES = 256 * 1024


class RankFile:
    """Records what the roles of one rank declare; a `cosim.simulator.Recorder`.

    Everything is declared first, then `begin` is called, then rows are appended. The memory taken
    is that of the buffers, `buffer_bytes` for each declaration, however long the run.

    Parameters
    ----------
    path
        File to create; a file that exists is replaced.
    rank
        MPI rank of the writer.
    clock
        Ticks and window of the run.
    flush_s
        Wall-clock time after which `flush_if_due` flushes.
    buffer_bytes
        Size of the buffer of each declaration.
    """

    def __init__(
        self,
        path: Path,
        rank: int,
        clock: Clock,
        *,
        flush_s: float = 0.5,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._path, self._clock = Path(path), clock
        self._flush_s, self._buffer_bytes = flush_s, buffer_bytes
        self._declared: list[Declaration] = []
        self._tables: list[Table] = []
        self._spikes: list[SpikesSink] = []
        # A run owns its folder, and a file system without locks is no reason to lose it.
        with writing(self._path):
            self._file = h5py.File(
                path, "w", libver=FORMAT, locking=False, rdcc_nbytes=CHUNK_CACHE_BYTES
            )
        self._file.attrs.update(rank=rank, tick_ms=clock.tick_ms, complete=np.uint8(0))
        self._begun = False
        self._lost: Unwritable | None = None
        self._flushed_s = time.monotonic()

    @property
    def declared(self) -> tuple[Declaration, ...]:
        """What was declared so far, for `create_result`."""
        return tuple(self._declared)

    @property
    def buffer_bytes(self) -> int:
        """Memory of all buffers together."""
        return sum(t.buffer_bytes for t in self._tables)

    def signal(
        self, name: str, columns: Sequence[str], unit: str, **about: str | float
    ) -> SignalSink:
        """Declare a signal; see `cosim.simulator.Recorder.signal`.

        Raises
        ------
        ValueError
            If it has no columns, or its name is taken.
        RuntimeError
            After `begin`.
        """
        if not columns:
            raise ValueError(f"signal {name} has no columns")
        group = self._group("signals", signal_path(name))
        group.attrs.update(about)
        group.attrs["unit"] = unit
        group.create_dataset("columns", data=list(columns), dtype=h5py.string_dtype())
        return SignalSink(self._table(group, "time_ms", values=Column(np.float64, len(columns))))

    def spikes(
        self,
        region: str,
        population: str,
        size: int,
        stride: int = 1,
        reference: RateBand | None = None,
    ) -> SpikesSink:
        """Declare the spikes of one population; see `cosim.simulator.Recorder.spikes`.

        Parameters
        ----------
        region, population
            Where the neurons are.
        size
            Number of neurons of the population, recorded or not.
        stride
            Only senders that are multiples of it are recorded.
        reference
            Rates with which tables compare the population's own.

        Raises
        ------
        ValueError
            If size or stride is not positive, or the name is taken.
        RuntimeError
            After `begin`.
        """
        if size < 1 or stride < 1:
            raise ValueError(f"{region}/{population}: size {size} and stride {stride} must be >= 1")
        group = self._group("spikes", f"{component(region)}/{component(population)}")
        group.attrs.update(
            region=region,
            population=population,
            size=size,
            stride=stride,
            tick_ms=self._clock.tick_ms,
        )
        if reference is not None:
            group.attrs.update(
                reference_low_hz=reference.low_hz,
                reference_high_hz=reference.high_hz,
                reference_source=reference.source,
            )
        until = group.create_dataset("until_ms", data=0.0)
        table = self._table(group, "time_ms", sender=Column(np.int32))
        sink = SpikesSink(table, until, self._clock)
        self._spikes.append(sink)
        return sink

    def timing(self, role: str, peers: Sequence[str]) -> TimingSink:
        """Declare the timing of a role.

        Parameters
        ----------
        role
            Name of the simulator or transformer.
        peers
            Names of the roles that it may wait for; `WindowTiming.waited_for` counts in it.

        Raises
        ------
        ValueError
            If the name is taken.
        RuntimeError
            After `begin`.
        """
        group = self._group("timing", component(role))
        group.attrs.update(role=role, window_ms=self._clock.ms(self._clock.window))
        group.create_dataset(
            "peers", shape=(len(peers),), data=list(peers) or None, dtype=h5py.string_dtype()
        )
        table = self._table(
            group,
            "begin_s",
            window=Column(np.int64),
            wait_s=Column(np.float64),
            exchange_s=Column(np.float64),
            compute_s=Column(np.float64),
            waited_for=Column(np.int32),
            convert_s=Column(np.float64),
            send_s=Column(np.float64),
            record_s=Column(np.float64),
            other_s=Column(np.float64),
            repeated=Column(np.int8),
            cpu_s=Column(np.float64),
        )
        group.create_dataset("stages", data=["origin", "cores", *STAGES], dtype=h5py.string_dtype())
        prepared = group.create_dataset(
            "prepared_s", data=np.full(2 + len(STAGES), np.nan), dtype=np.float64
        )
        return TableTiming(table, len(peers), prepared)

    def begin(self) -> None:
        """End the declarations; from here on, what was flushed survives the process."""
        ACCOUNT.stage("declaring")
        if not self._begun:
            self._begun = True
            with self._writing():
                self._file.swmr_mode = True
        self.flush()

    def flush_if_due(self) -> None:
        """Flush if the last flush is `flush_s` or longer ago.

        Raises
        ------
        Unwritable
            As `flush`; and if the file is no longer in its folder.
        """
        if time.monotonic() - self._flushed_s >= self._flush_s:
            # Nothing else would tell before the end that all work goes nowhere.
            if not self._path.exists():
                raise Unwritable(self._path, "it is gone; was the run's folder deleted or moved?")
            self.flush()

    def flush(self) -> None:
        """Hand everything appended so far to the operating system.

        Raises
        ------
        Unwritable
            If the disk does not take it. The file stays as the flush before left it.
        """
        before = ACCOUNT.turn("record")
        with self._writing():
            for table in self._tables:
                table.write_columns()
            self._file.flush()
            for table in self._tables:
                table.write_key()
            self._file.flush()
            if self._spikes:
                for sink in self._spikes:
                    sink.write_until()
                self._file.flush()
        self._flushed_s = time.monotonic()
        ACCOUNT.turn(before)

    def close(self, *, complete: bool = True) -> None:
        """Flush and close; closing twice does nothing.

        Parameters
        ----------
        complete
            Whether the run reached its end on this rank; stored in the file.

        Raises
        ------
        Unwritable
            If the disk does not take what is left.
        """
        if not self._file:
            return
        try:
            self.flush()
        finally:
            if self._file:
                with self._writing():
                    self._file.attrs.modify("complete", np.uint8(complete))
                    self._file.close()

    def __enter__(self) -> RankFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(complete=error is None)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Name file and cause if something cannot be written, and let the file go."""
        if self._lost is not None:
            raise self._lost
        try:
            yield
        except (OSError, RuntimeError) as error:
            self._lost = Unwritable(self._path, in_words(error))
            self._let_go()
            raise self._lost from error

    def _let_go(self) -> None:
        """Leave the file as it is on disk.

        HDF5 would try again to write what it holds when the process ends, and then crash. So that
        goes where everything fits.
        """
        null = os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(null, self._file.id.get_vfd_handle())
            self._file.close()
        except (OSError, RuntimeError, ValueError):
            log.warning("%s could not be let go", self._path, exc_info=True)
        finally:
            os.close(null)

    def _group(self, kind: Kind, path: str) -> h5py.Group:
        if self._begun:
            raise RuntimeError(f"{kind}/{path} is declared after the recording has begun")
        entry = Declaration(self._path.name, kind, path)
        refuse_clashes([*self._declared, entry])
        self._declared.append(entry)
        return self._file.create_group(entry.group)

    def _table(self, group: h5py.Group, key: str, **columns: Column) -> Table:
        table = Table(group, key, columns, self.flush, self._buffer_bytes)
        self._tables.append(table)
        return table
