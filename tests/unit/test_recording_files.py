"""Rank files: what is appended is what is there, in bounded memory, in whole rows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_sample import ABOUT, clock_of

from cosim.clock import Clock
from cosim.messages import SpikeBatch
from cosim.recording import RankFile, WindowTiming, create_result
from cosim.recording.names import component, label_of

CLOCK = clock_of(1000)


def cuts(total: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, total), max_size=12).map(lambda c: [0, *sorted(c), total])


@settings(max_examples=25, deadline=None)
@given(bounds=cuts(90), flushes=st.sets(st.integers(0, 12)), buffer=st.integers(30, 4000))
def test_any_chunking_of_appends_gives_the_same_datasets(bounds, flushes, buffer):
    rng = np.random.default_rng(3)
    time_ms, values = np.arange(1, 91) * 0.1, rng.standard_normal((90, 3))
    ticks, senders = np.sort(rng.integers(1, 91, 90)), rng.integers(0, 50, 90).astype(np.int32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rank-0000.h5")
        with RankFile(path, 0, CLOCK, buffer_bytes=buffer) as file:
            signal = file.signal("a/b", ["x", "y", "z"], "mV")
            spikes = file.spikes("r", "p", 50)
            file.begin()
            for i, (a, b) in enumerate(pairwise(bounds)):
                signal.append(time_ms[a:b], values[a:b])
                spikes.append(SpikeBatch(a, b, ticks[a:b], senders[a:b]))
                if i in flushes:
                    file.flush()
        with h5py.File(path) as written:
            assert np.array_equal(written["signals/a/b/time_ms"], time_ms)
            assert np.array_equal(written["signals/a/b/values"], values)
            assert np.array_equal(written["spikes/r/p/time_ms"], ticks * 100_000 / 1e6)
            assert np.array_equal(written["spikes/r/p/sender"], senders)
            assert written["spikes/r/p/until_ms"][()] == 9.0
            assert written.attrs["complete"] == 1


@pytest.mark.parametrize("width", [1, 7, 60])
def test_memory_is_that_of_the_buffers_however_much_is_appended(tmp_path, width):
    limit = 4096
    with RankFile(tmp_path / "rank-0000.h5", 0, CLOCK, buffer_bytes=limit) as file:
        sink = file.signal("wide", [f"c{i}" for i in range(width)], "1")
        file.begin()
        before = file.buffer_bytes
        for start in range(0, 900, 300):
            sink.append(start + np.arange(1.0, 301.0), np.ones((300, width)))
        assert file.buffer_bytes == before <= limit
    with h5py.File(tmp_path / "rank-0000.h5") as written:
        assert written["signals/wide/values"].shape == (900, width)


def test_a_row_wider_than_the_buffer_still_fits(tmp_path):
    with RankFile(tmp_path / "rank-0000.h5", 0, CLOCK, buffer_bytes=16) as file:
        sink = file.signal("wide", [f"c{i}" for i in range(100)], "1")
        file.begin()
        sink.append(np.array([1.0, 2.0]), np.arange(200.0).reshape(2, 100))
    with h5py.File(tmp_path / "rank-0000.h5") as written:
        assert written["signals/wide/values"][1, 99] == 199.0


def test_appended_arrays_may_be_reused(tmp_path):
    with RankFile(tmp_path / "rank-0000.h5", 0, CLOCK) as file:
        sink = file.signal("s", ["x"], "1")
        file.begin()
        scratch = np.ones((1, 1))
        for k in range(3):
            scratch[:] = k
            sink.append(np.array([k + 1.0]), scratch)
    with h5py.File(tmp_path / "rank-0000.h5") as written:
        assert written["signals/s/values"][:, 0].tolist() == [0.0, 1.0, 2.0]


def test_half_written_rows_are_recognised(tmp_path):
    """Columns are flushed before keys, so a death in between leaves no key without its row."""
    path = tmp_path / "rank-0000.h5"
    file = RankFile(path, 0, CLOCK)
    sink = file.signal("s", ["x"], "1")
    file.begin()
    sink.append(np.array([1.0, 2.0]), np.array([[1.0], [2.0]]))
    file.flush()
    sink.append(np.array([3.0]), np.array([[3.0]]))
    for table in file._tables:
        table.write_columns()
    file._file.flush()
    with h5py.File(path, swmr=True, locking=False) as seen:
        assert seen["signals/s/values"].shape == (3, 1)
        assert seen["signals/s/time_ms"][()].tolist() == [1.0, 2.0]
    file.close(complete=False)
    with h5py.File(path) as written:
        assert written["signals/s/time_ms"][()].tolist() == [1.0, 2.0, 3.0]
        assert written.attrs["complete"] == 0


def test_an_error_leaves_the_file_incomplete_but_flushed(tmp_path):
    path = tmp_path / "rank-0000.h5"
    file = RankFile(path, 0, CLOCK)

    def run() -> None:
        with file:
            sink = file.signal("s", ["x"], "1")
            file.begin()
            sink.append(np.array([1.0]), np.array([[5.0]]))
            raise FloatingPointError

    with pytest.raises(FloatingPointError):
        run()
    with h5py.File(path) as written:
        assert written["signals/s/values"][0, 0] == 5.0
        assert written.attrs["complete"] == 0
    file.close()


def test_flush_if_due_waits_for_its_time(tmp_path):
    def keys(path: Path) -> int:
        with h5py.File(path, swmr=True, locking=False) as seen:
            return len(seen["signals/s/time_ms"])

    for flush_s, wanted in ((3600.0, 0), (0.0, 1)):
        path = tmp_path / f"rank-{wanted}.h5"
        with RankFile(path, 0, CLOCK, flush_s=flush_s) as file:
            sink = file.signal("s", ["x"], "1")
            file.begin()
            sink.append(np.array([1.0]), np.array([[5.0]]))
            file.flush_if_due()
            assert keys(path) == wanted


def test_spike_times_are_rounded_once(tmp_path):
    clock = Clock(tick_ns=3_125, window=32, duration=320_000_000)
    ticks = np.array([1, 7, 319_999_999])
    with RankFile(tmp_path / "rank-0000.h5", 0, clock) as file:
        sink = file.spikes("r", "p", 1)
        file.begin()
        sink.append(SpikeBatch(0, 320_000_000, ticks, np.zeros(3, np.int32)))
    with h5py.File(tmp_path / "rank-0000.h5") as written:
        assert written["spikes/r/p/time_ms"][()].tolist() == [clock.ms(int(t)) for t in ticks]


@pytest.mark.parametrize(
    ("time_ms", "values", "message"),
    [
        (np.ones(2), np.ones((3, 2)), r"values has shape \(3, 2\), expected \(2, 2\)"),
        (np.ones(2), np.ones((2, 1)), r"values has shape \(2, 1\), expected \(2, 2\)"),
        (np.array([np.nan]), np.ones((1, 2)), "time_ms is NaN"),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(tmp_path, time_ms, values, message):
    with RankFile(tmp_path / "rank-0000.h5", 0, CLOCK) as file:
        sink = file.signal("s", ["x", "y"], "1")
        file.begin()
        with pytest.raises(ValueError, match=message):
            sink.append(time_ms, values)
    with h5py.File(tmp_path / "rank-0000.h5") as written:
        assert len(written["signals/s/time_ms"]) == len(written["signals/s/values"]) == 0


def test_declarations_that_make_no_sense_are_refused(tmp_path):
    with RankFile(tmp_path / "rank-0000.h5", 0, CLOCK) as file:
        file.signal("a/b", ["x"], "1")
        for name in ("a/b", "a", "a/b/c"):
            with pytest.raises(ValueError, match="clashes with"):
                file.signal(name, ["x"], "1")
        with pytest.raises(ValueError, match="no columns"):
            file.signal("c", [], "1")
        with pytest.raises(ValueError, match="size 0"):
            file.spikes("r", "p", 0)
        with pytest.raises(ValueError, match="cannot name"):
            file.spikes("", "p", 1)
        timing = file.timing("cortex", ["thalamus"])
        with pytest.raises(ValueError, match="waited_for is 1"):
            timing.append(WindowTiming(0, 0.0, 0.0, 0.0, 0.0, 1))
        file.begin()
        with pytest.raises(RuntimeError, match="after the recording has begun"):
            file.signal("late", ["x"], "1")


def test_two_ranks_may_not_record_under_one_name(tmp_path):
    with (
        RankFile(tmp_path / "rank-0000.h5", 0, CLOCK) as one,
        RankFile(tmp_path / "rank-0001.h5", 1, CLOCK) as two,
    ):
        one.signal("a", ["x"], "1")
        two.signal("a/b", ["x"], "1")
        with pytest.raises(ValueError, match=r"a/b in rank-0001.h5 clashes .* in rank-0000.h5"):
            create_result(tmp_path / "result.h5", ABOUT, CLOCK, [*one.declared, *two.declared])


@given(st.text(min_size=1).filter(lambda t: "\0" not in t))
def test_labels_survive_as_path_components(label):
    part = component(label)
    assert "/" not in part
    assert part not in (".", "..")
    assert label_of(part) == label


def test_recording_needs_neither_mpi_nor_what_reading_needs():
    script = (
        "import sys, cosim.recording; "
        "print(sorted({'mpi4py', 'nest', 'tvb', 'xarray', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, timeout=60, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
