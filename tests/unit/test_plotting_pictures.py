"""Pictures: made from any result, showing what was recorded and nothing else."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import image, rcParams
from matplotlib.figure import Figure
from results_sample import ABOUT, REGIONS, clock_of, write_sample

from cosim.errors import UsageError
from cosim.plotting import draw, panels, raster, timing
from cosim.recording import RankFile, RunDir, create_result
from cosim.results import SpikeTrains, open_result
from cosim.results.profile import profile_of
from cosim.results.summary import population_row
from cosim.simulator import RateBand


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("run"), duration_ms=300)


@pytest.fixture
def result(run):
    with open_result(run.path) as opened:
        yield opened


def texts(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_the_ending_says_the_format(result, tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    draw(result, path, {"rPFC": [REGIONS[0]]})
    assert path.read_bytes()[:4] in (b"\x89PNG", b"%PDF", b"<?xm")
    if ending == "svg":
        text = path.read_text(encoding="utf-8")
        for wanted in ("Rates at the borders", "time (ms)", "wall-clock time (s)", REGIONS[0]):
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


def test_the_bars_add_up_to_the_account(result):
    ax = Figure().subplots()
    timing.waiting(ax, result)
    accounts = {role.role: role for role in profile_of(result).roles}
    for y, role in enumerate(result.roles):
        total = float(accounts[role].length_s.sum())
        ends = [
            bar.get_x() + bar.get_width()
            for bar in ax.patches
            if abs(bar.get_y() + bar.get_height() / 2 - y) < 0.1
        ]
        assert max(ends) == pytest.approx(total)


def test_neighbours_are_named_and_unknown_ones_ignored(result):
    ax = Figure().subplots()
    wanted = {"rPFC": [REGIONS[3], "elsewhere"], "rM1": [REGIONS[3], REGIONS[1]]}
    panels.mean_field(ax, result, "cortex/TemporalAverage", wanted, 1.0)
    assert texts(ax) == [REGIONS[3], REGIONS[1], f"mean of {len(REGIONS)}"]
    assert len(ax.lines) == len(REGIONS) + 1


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
    time_ms, row, shown = raster.thinned(trains)
    assert 1 <= shown <= raster.NEURONS
    assert sorted(row.tolist()) == list(range(shown))
    assert len(time_ms) == shown


def recorded(folder, columns, unit, values):
    """Return a result with one signal of a mean-field simulator."""
    run, clock = RunDir(folder), clock_of(10)
    with RankFile(run.recording(0), 0, clock) as file:
        sink = file.signal("cerebellum/TemporalAverage", columns, unit)
        create_result(run.result, ABOUT, clock, file.declared)
        file.begin()
        sink.append(np.arange(1.0, 11.0), np.tile(np.array(values), (10, 1)))
    return open_result(folder)


def test_rates_of_a_mean_field_are_shown_in_spikes_a_second(tmp_path):
    ax = Figure().subplots()
    with recorded(tmp_path, ["PC[left]", "DCN[left]"], "kHz", [0.09, 0.045]) as result:
        panels.mean_field(ax, result, "cerebellum/TemporalAverage", {}, 1.0)
    assert texts(ax) == ["PC", "DCN"]
    assert ax.get_ylabel() == "spikes/s"
    assert ax.get_title(loc="left") == "Mean field: cerebellum, left"
    assert [line.get_ydata()[-1] for line in ax.lines] == pytest.approx([90.0, 45.0])


def test_a_variable_of_two_regions_has_one_colour_and_one_label(tmp_path):
    ax = Figure().subplots()
    columns = ["PC[left]", "PC[right]", "DCN[left]", "DCN[right]"]
    with recorded(tmp_path, columns, "1", [3.0, 5.0, 1.0, 2.0]) as result:
        panels.mean_field(ax, result, "cerebellum/TemporalAverage", {}, 1.0)
    colours = [line.get_color() for line in ax.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    assert texts(ax) == ["PC", "DCN"]


@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.1, 10))
def test_labels_are_moved_apart_and_keep_their_order(wanted, least):
    placed = panels.spread(wanted, least)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    heights = [placed[i] for i in order]
    for below, above in pairwise(heights):
        assert above - below >= least * (1 - 1e-6)
    assert sum(placed) == pytest.approx(sum(wanted), abs=1e-6)


def test_labels_that_are_apart_stay_where_they_are():
    assert panels.spread([10.0, 0.0, 5.0], 4.0) == [10.0, 0.0, 5.0]
    assert panels.spread([0.0, 0.0], 4.0) == [-2.0, 2.0]


def population_of(size, ticks, **more):
    senders = np.zeros(len(ticks), np.int32)
    return SpikeTrains("r", "p", size, 1, 0.1, 100.0, np.array(ticks) / 10, senders, **more)


def test_a_silent_population_is_said_to_be_silent():
    ax = Figure().subplots()
    raster.raster(ax, [population_of(5, [200, 400]), population_of(7, [])], 20.0)
    assert texts(ax).count("silent") == 1
    assert {"5 neurons", "7 neurons"} <= set(texts(ax))


def test_the_mean_rate_stands_on_its_reference_and_words_say_where():
    ax = Figure().subplots()
    band = RateBand(2.0, 5.0)
    trains = [population_of(1, [500], reference=band), population_of(5, [500], reference=band)]
    rows = [population_row(t) for t in trains]
    raster.mean_rates(ax, [*rows, population_row(population_of(5, []))], "from 0 ms on")
    assert texts(ax) == ["10 above", "2", "0"]
    spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    assert spans == [(2.0, 5.0), (2.0, 5.0)]
    assert "grey: reference" in ax.get_xlabel()
