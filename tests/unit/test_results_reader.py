"""Reading results: what comes back, and what is said when it cannot."""

from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest
from results_sample import ABOUT, POPULATIONS, REGIONS, SCENARIO, clock_of, write_sample

from cosim.errors import CosimError, UsageError
from cosim.messages import SpikeBatch
from cosim.recording import RankFile, RunDir, create_result, finish_result
from cosim.results import ResultError, SpikeTrains, open_result


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("run"), duration_ms=300)


@pytest.fixture
def result(run):
    with open_result(run.path) as opened:
        yield opened


def test_a_result_says_what_the_run_was(run, result):
    assert result.status == "complete"
    assert result.scenario_text == SCENARIO
    assert result.scenario == {"name": "sample", "seed": 7}
    assert result.plan == ABOUT.plan
    assert result.seeds == ABOUT.seeds
    assert result.versions == ABOUT.versions
    assert result.summary == {"wall_s": 1.5}
    assert (result.duration_ms, result.window_ms) == (300.0, 5.0)
    with open_result(run.result) as same:
        assert same.signals == result.signals


def test_names_are_listed_without_opening_rank_files(run, result):
    assert "cortex/TemporalAverage" in result.signals
    assert result.populations == tuple((r, p) for r, p, *_ in POPULATIONS)
    assert set(result.roles) == {"cortex", "rPFC", "to_rPFC", "from_rPFC"}
    assert not result._files


def test_a_signal_comes_with_labels_and_units(result):
    signal = result.signal("cortex/TemporalAverage")
    assert signal.dims == ("time", "column")
    assert signal.column.values.tolist() == [f"S[{r}]" for r in REGIONS]
    assert signal.time.values.tolist() == list(range(1, 301))
    assert signal.attrs["unit"] == signal.attrs["units"] == "1"
    assert signal.attrs["variable"] == "S"


def test_part_of_a_signal_equals_that_part_of_all(result):
    name, columns = "cortex/TemporalAverage", [f"S[{REGIONS[5]}]", f"S[{REGIONS[2]}]"]
    part = result.signal(name, columns, between_ms=(10.0, 20.5))
    whole = result.signal(name)
    assert part.time.values.tolist() == list(range(10, 21))
    assert np.array_equal(part, whole.sel(column=columns, time=slice(10, 20.5)))
    assert result.signal(name, between_ms=(500, 600)).sizes["time"] == 0


def test_timing_names_whom_a_role_waited_for(result):
    timing = result.timing("cortex")
    assert timing.sizes["window"] == 60
    assert set(np.unique(timing.waited_for)) == {"to_rPFC", "from_rPFC"}
    assert float(timing.begin_s[1]) == 0.004


def trains_of(ticks, senders, size=10, stop=100, stride=1) -> SpikeTrains:
    return SpikeTrains(
        "r", "p", size, stride, 0.1, stop / 10, np.array(ticks) / 10, np.array(senders, np.int32)
    )


def test_rates_count_spikes_in_bins_open_to_the_left():
    rate = trains_of([1, 20, 21, 21, 40, 100], [0, 1, 2, 3, 4, 5]).rate_hz(2.0)
    assert rate.time.values.tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]
    assert rate.values.tolist() == [100.0, 150.0, 0.0, 0.0, 50.0]


def test_an_incomplete_last_bin_is_left_out():
    assert trains_of([95], [0]).rate_hz(3.0).values.tolist() == [0.0, 0.0, 0.0]


def test_rates_are_those_of_the_recorded_neurons():
    assert trains_of([50], [0], size=10, stride=5).rate_hz(10.0).values.tolist() == [50.0]
    assert trains_of([50], [0], size=10, stride=5).mean_rate_hz == 50.0


@pytest.mark.parametrize("bin_ms", [0.0, -1.0, 0.25, 0.04])
def test_bins_off_the_grid_are_refused(bin_ms):
    with pytest.raises(ValueError, match=r"multiple of the tick, 0\.1 ms"):
        trains_of([1], [0]).rate_hz(bin_ms)


def test_neo_gets_one_train_for_each_recorded_neuron():
    pytest.importorskip("neo")
    segment = trains_of([5, 7, 9, 100], [2, 0, 2, 4], size=6, stride=2).to_neo()
    assert [t.annotations["sender"] for t in segment.spiketrains] == [0, 2, 4]
    assert [t.magnitude.tolist() for t in segment.spiketrains] == [[0.7], [0.5, 0.9], [10.0]]
    assert all(float(t.t_stop.rescale("ms")) == 10.0 for t in segment.spiketrains)


def test_without_neo_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(UsageError, match=r"cosim-brain\[neo\]"):
        trains_of([1], [0]).to_neo()


def test_nothing_recorded_is_not_an_error(tmp_path):
    run, clock = RunDir(tmp_path), clock_of(10)
    with RankFile(run.recording(0), 0, clock) as file:
        file.signal("s", ["x"], "1")
        file.spikes("r", "p", 5)
        file.timing("role", [])
        create_result(run.result, ABOUT, clock, file.declared)
        file.begin()
    with open_result(tmp_path) as result:
        assert result.status == "unfinished"
        assert result.summary == {}
        assert result.signal("s").shape == (0, 1)
        assert np.isnan(result.spikes("r", "p").mean_rate_hz)
        assert result.spikes("r", "p").rate_hz(1.0).shape == (0,)
        assert result.timing("role").sizes["window"] == 0


def test_labels_with_slashes_and_dots_come_back(tmp_path):
    run, clock = RunDir(tmp_path), clock_of(10)
    with RankFile(run.recording(0), 0, clock) as file:
        file.spikes("V1/left 50%", "..", 5)
        file.timing("a/b", [])
        create_result(run.result, ABOUT, clock, file.declared)
    with open_result(tmp_path) as result:
        assert result.populations == (("V1/left 50%", ".."),)
        assert result.spikes("V1/left 50%", "..").size == 5
        assert result.roles == ("a/b",)


def test_spikes_of_a_window_not_yet_whole_are_left_out(tmp_path):
    run, clock = RunDir(tmp_path), clock_of(10)
    file = RankFile(run.recording(0), 0, clock, buffer_bytes=120)
    sink = file.spikes("r", "p", 5)
    create_result(run.result, ABOUT, clock, file.declared)
    file.begin()
    sink.append(SpikeBatch(0, 50, np.array([5, 50]), np.zeros(2, np.int32)))
    sink.append(SpikeBatch(50, 100, np.arange(51, 71), np.zeros(20, np.int32)))
    with open_result(tmp_path) as result:
        assert result.spikes("r", "p").time_ms.tolist() == [0.5, 5.0]
        assert result.spikes("r", "p").stop_ms == 5.0
    file.close()
    with open_result(tmp_path) as result:
        assert len(result.spikes("r", "p").time_ms) == 22


def test_finishing_does_not_disturb_a_reader(tmp_path):
    run = write_sample(tmp_path, duration_ms=10)
    with open_result(tmp_path) as before:
        finish_result(run.result, "failed: rank 1 was killed", {"again": 1})
        assert before.status == "complete"
    with open_result(tmp_path) as after:
        assert after.status == "failed: rank 1 was killed"
        assert after.summary == {"again": 1}
        assert after.signals
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "rank-0000.h5", "rank-0001.h5", "result.h5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.signal("cortex/Raw"), "no signals 'cortex/Raw': there are border/"),
        (lambda r: r.signal("cortex/TemporalAverage", ["S[x]"]), r"no column 'S\[x\]'"),
        (lambda r: r.spikes("rPFC", "e"), "no spikes 'rPFC/e': there are rPFC/exc, rPFC/inh"),
        (lambda r: r.timing("nest"), "no timing 'nest': there are cortex"),
    ],
)
def test_names_that_are_not_there_are_answered_with_those_that_are(result, ask, message):
    with pytest.raises(ResultError, match=message):
        ask(result)


def test_a_closed_result_says_so(run):
    with open_result(run.path) as result:
        pass
    for ask in (lambda: result.status, lambda: result.signal("cortex/TemporalAverage")):
        with pytest.raises(ResultError, match="has been closed"):
            ask()


def test_what_is_no_result_is_refused(tmp_path):
    assert issubclass(ResultError, CosimError)
    with pytest.raises(ResultError, match=r"result\.h5: does not exist"):
        open_result(tmp_path)
    (tmp_path / "result.h5").write_text("no")
    with pytest.raises(ResultError, match="is no HDF5 file"):
        open_result(tmp_path)
    with h5py.File(tmp_path / "result.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ResultError, match="is no result of a run"):
        open_result(tmp_path)


def test_a_later_format_is_refused(tmp_path):
    run = write_sample(tmp_path, duration_ms=10)
    with h5py.File(run.result, "r+") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(ResultError, match="format version 99, this software reads 1"):
        open_result(tmp_path)


def test_damage_is_reported_with_the_file(tmp_path):
    run = write_sample(tmp_path, duration_ms=50)
    run.recording(0).unlink()
    data = run.recording(1).read_bytes()
    run.recording(1).write_bytes(data[: len(data) // 3])
    with open_result(tmp_path) as result:
        with pytest.raises(ResultError, match=r"rank-0000\.h5: does not exist"):
            result.signal("cortex/TemporalAverage")
        with pytest.raises(ResultError, match=r"rank-0001\.h5: .*truncated"):
            result.spikes("rPFC", "exc")
    data = run.result.read_bytes()
    run.result.write_bytes(data[: len(data) // 2])
    with pytest.raises(ResultError, match=r"result\.h5: .*truncated"):
        open_result(tmp_path)
