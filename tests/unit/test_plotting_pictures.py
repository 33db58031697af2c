"""Pictures: made from any result, showing what was recorded and nothing else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import image, rcParams
from matplotlib.figure import Figure
from results_sample import ABOUT, REGIONS, clock_of, write_sample

from cosim.errors import UsageError
from cosim.plotting import draw, panels
from cosim.recording import RankFile, RunDir, create_result
from cosim.results import SpikeTrains, open_result


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("run"), duration_ms=300)


@pytest.fixture
def result(run):
    with open_result(run.path) as opened:
        yield opened


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_the_ending_says_the_format(result, tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    draw(result, path, {"rPFC": [REGIONS[0]]})
    assert path.read_bytes()[:4] in (b"\x89PNG", b"%PDF", b"<?xm")
    if ending == "svg":
        text = path.read_text(encoding="utf-8")
        for wanted in ("rate (spikes/s)", "time (ms)", "wall-clock time (s)", REGIONS[0]):
            assert wanted in text


def test_nothing_is_clipped_at_the_edges(result, tmp_path):
    draw(result, tmp_path / "run.png")
    pixels = image.imread(tmp_path / "run.png")[..., :3]
    assert (pixels < 0.9).any()
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 1.0).all()


def test_drawing_leaves_no_state_behind(result, tmp_path):
    before = dict(rcParams)
    draw(result, tmp_path / "run.png")
    assert dict(rcParams) == before


def test_drawing_does_not_need_pyplot_or_a_display(run, tmp_path):
    script = (
        "import sys; from cosim.plotting import draw; from cosim.results import open_result\n"
        f"draw(open_result({str(run.path)!r}), {str(tmp_path / 'run.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_an_unknown_format_is_refused(result, tmp_path):
    with pytest.raises(UsageError, match=r"run\.docx: .*docx"):
        draw(result, tmp_path / "run.docx")


def test_a_result_without_recordings_is_refused(tmp_path):
    create_result(tmp_path / "result.h5", ABOUT, clock_of(10), [])
    with open_result(tmp_path) as result, pytest.raises(UsageError, match="nothing to draw"):
        draw(result, tmp_path / "run.png")


def test_a_run_killed_before_its_first_window_is_drawn(tmp_path):
    run, clock = RunDir(tmp_path), clock_of(10)
    with RankFile(run.recording(0), 0, clock) as file:
        file.signal("border/x/rate", ["rate"], "spikes/s")
        file.signal("cortex/Raw", ["S[a]", "S[b]"], "1")
        file.spikes("r", "p", 5)
        file.timing("cortex", [])
        create_result(run.result, ABOUT, clock, file.declared)
        file.begin()
    with open_result(tmp_path) as result:
        draw(result, tmp_path / "run.png")
    assert (tmp_path / "run.png").stat().st_size > 0


def test_only_rates_at_borders_are_taken_for_rates(tmp_path):
    run, clock = RunDir(tmp_path), clock_of(10)
    with RankFile(run.recording(0), 0, clock) as file:
        file.signal("border/a/rate", ["rate"], "spikes/s")
        file.signal("border/a/in_state", ["S"], "1")
        file.signal("cortex/Raw", ["r"], "spikes/s")
        create_result(run.result, ABOUT, clock, file.declared)
        file.begin()
    with open_result(tmp_path) as result:
        assert panels.border_rates(result) == ["border/a/rate"]


def test_the_bars_add_up_to_the_recorded_times(result):
    ax = Figure().subplots()
    panels.waiting(ax, result)
    for y, role in enumerate(result.roles):
        timing = result.timing(role)
        total = float(sum(timing[k].sum() for k in ("compute_s", "exchange_s", "wait_s")))
        ends = [
            bar.get_x() + bar.get_width()
            for bar in ax.patches
            if abs(bar.get_y() + bar.get_height() / 2 - y) < 0.1
        ]
        assert max(ends) == pytest.approx(total)


def test_neighbours_are_named_and_unknown_ones_ignored(result):
    ax = Figure().subplots()
    wanted = {"rPFC": [REGIONS[3], "elsewhere"], "rM1": [REGIONS[3], REGIONS[1]]}
    panels.mean_field(ax, result, "cortex/TemporalAverage", wanted)
    labels = ax.get_legend_handles_labels()[1]
    assert labels == [REGIONS[3], REGIONS[1], f"{len(REGIONS) - 2} other regions"]


@given(st.integers(1, 3000), st.integers(1, 500))
def test_averaging_keeps_the_mean_and_bounds_the_points(rows, points):
    time_ms = np.arange(1, rows + 1) * 0.5
    values = np.random.default_rng(rows).standard_normal((rows, 2))
    centres, means, bin_ms = panels.averaged(time_ms, values, points)
    block = -(-rows // points)
    assert len(centres) == len(means) == rows // block <= points
    assert np.allclose(means.mean(axis=0), values[: rows // block * block].mean(axis=0))
    assert bin_ms == (block * 0.5 if rows > 1 else 0.0)


@given(st.integers(1, 2000), st.integers(1, 30))
def test_the_raster_shows_a_bounded_number_of_recorded_neurons(size, stride):
    sender = np.arange(0, size, stride, dtype=np.int32)
    trains = SpikeTrains("r", "p", size, stride, 0.1, 1.0, np.full(len(sender), 0.5), sender)
    time_ms, row, shown = panels.thinned(trains)
    assert 1 <= shown <= panels.NEURONS
    assert sorted(row.tolist()) == list(range(shown))
    assert len(time_ms) == shown
