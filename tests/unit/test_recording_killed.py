"""A writer that is killed, or still at work, leaves a result that can be read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from cosim.results import ResultError, open_result

WRITER = """
import sys
from pathlib import Path
import numpy as np
from results_sample import ABOUT, clock_of
from cosim.messages import SpikeBatch
from cosim.recording import RankFile, RunDir, WindowTiming, create_result

run, clock = RunDir(Path(sys.argv[1])), clock_of(1_000_000, window_ms=1)
rng = np.random.default_rng(0)
file = RankFile(run.recording(0), 0, clock, buffer_bytes=50_000)
wide = file.signal("cortex/Raw", [f"S[{i}]" for i in range(70)], "1")
spikes = file.spikes("r", "p", 1000)
timing = file.timing("cortex", ["r"])
create_result(run.result, ABOUT, clock, file.declared)
file.begin()
for k in range(clock.windows):
    w = clock.at(k)
    ticks = np.arange(w.start + 1, w.stop + 1)
    wide.append(ticks / 10, np.repeat(ticks[:, None], 70, axis=1).astype(float))
    spikes.append(SpikeBatch(w.start, w.stop, np.repeat(ticks, 5), np.repeat(ticks % 1000, 5)))
    timing.append(WindowTiming(k, 0.001 * k, 0, 0, 0.001, -1))
    if rng.random() < 0.1:
        file.flush()
        print(k, flush=True)
"""


def start_writer(folder: Path) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": here},
    )


def windows_read(folder: Path) -> int:
    """Check that every recording is an intact beginning; return the windows that all have."""
    with open_result(folder) as result:
        assert result.status == "unfinished"
        wide = result.signal("cortex/Raw")
        ticks = np.arange(1, wide.sizes["time"] + 1)
        assert np.array_equal(wide.time, ticks / 10)
        assert (wide.values == ticks[:, None]).all()
        spikes = result.spikes("r", "p")
        until = round(spikes.stop_ms * 10)
        expected = np.repeat(np.arange(1, until + 1), 5)
        assert np.array_equal(spikes.time_ms, expected / 10)
        assert np.array_equal(spikes.sender, expected % 1000)
        timing = result.timing("cortex")
        assert np.array_equal(timing.window, np.arange(timing.sizes["window"]))
        return min(len(ticks) // 10, until // 10, timing.sizes["window"])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("delay_s", [0.0, 0.0137, 0.0391, 0.0773])
def test_a_killed_writer_leaves_all_that_was_flushed(tmp_path, delay_s):
    writer = start_writer(tmp_path)
    try:
        for _ in range(3):
            assert writer.stdout.readline()
        time.sleep(delay_s)
    finally:
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=30)
    assert writer.returncode == -signal.SIGKILL
    flushed = [int(line) for line in rest.splitlines() if line]
    assert windows_read(tmp_path) >= (flushed[-1] + 1 if flushed else 1)


@pytest.mark.timeout(60)
def test_a_running_writer_can_be_watched(tmp_path):
    writer = start_writer(tmp_path)
    try:
        last = 0
        for _ in range(4):
            flushed = int(writer.stdout.readline())
            seen = windows_read(tmp_path)
            assert seen > flushed
            assert seen >= last
            last = seen
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate(timeout=30)


@pytest.mark.timeout(60)
def test_plain_h5py_follows_the_links_of_a_killed_run(tmp_path):
    """What the layout's description promises to those who do not use this software."""
    writer = start_writer(tmp_path)
    try:
        assert writer.stdout.readline()
    finally:
        writer.kill()
        writer.communicate(timeout=30)
    with h5py.File(tmp_path / "result.h5", swmr=True) as file:
        assert file["signals/cortex/Raw/values"].shape[1] == 70
        assert len(file["spikes/r/p/time_ms"]) > 0


@pytest.mark.timeout(60)
def test_death_before_the_first_window_is_told(tmp_path):
    script = WRITER.replace("file.begin()", "import os, signal; os.kill(os.getpid(), 9)")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert done.returncode == -signal.SIGKILL
    with open_result(tmp_path) as result:
        assert result.signals == ("cortex/Raw",)
        with pytest.raises(
            ResultError, match=r"rank-0000\.h5: .*(has not begun|no HDF5 file|truncated)"
        ):
            result.signal("cortex/Raw")


@pytest.mark.timeout(60)
def test_a_killed_file_that_lost_its_end_is_refused_at_once(tmp_path):
    """HDF5 itself waits for ever for the missing part of a file that is open for writing."""
    writer = start_writer(tmp_path)
    try:
        assert writer.stdout.readline()
    finally:
        writer.kill()
        writer.communicate(timeout=30)
    file = tmp_path / "rank-0000.h5"
    data = file.read_bytes()
    for size in (len(data) // 2, 20):
        file.write_bytes(data[:size])
        with open_result(tmp_path) as result, pytest.raises(ResultError, match="is truncated"):
            result.signal("cortex/Raw")
