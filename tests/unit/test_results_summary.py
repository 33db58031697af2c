"""The numbers at the end of a run, against plain loops and known processes."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_sample import ABOUT, clock_of, write_sample
from rich.console import Console

from cosim.cli.summary_view import show_summary
from cosim.messages import SpikeBatch
from cosim.recording import RankFile, RunDir, create_result
from cosim.results import (
    ActivityRow,
    PopulationRow,
    RoleRow,
    SpikeTrains,
    open_result,
    settled_ms,
    summary_table,
)
from cosim.results.profile import profile_of
from cosim.results.summary import mean_fano, median_cv, population_row
from cosim.simulator import RateBand


def trains(ticks, senders, size, stop) -> SpikeTrains:
    order = np.lexsort((senders, ticks))
    return SpikeTrains("r", "p", size, 1, 0.1, stop / 10, ticks[order] / 10, senders[order])


SPIKES = st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 7)), unique=True, max_size=80)


@settings(max_examples=60, deadline=None)
@given(SPIKES)
def test_variability_equals_a_loop_over_neurons(spikes):
    ticks, senders = np.array(spikes, np.int64).reshape(-1, 2).T
    population = trains(ticks, senders.astype(np.int32), 8, 5000)
    cvs, fanos = [], []
    for neuron in range(8):
        own = np.sort(ticks[senders == neuron])
        if len(own) >= 3:
            gaps = np.diff(own / 10)
            cvs.append(gaps.std() / gaps.mean())
        if len(own):
            counts = np.histogram(own, bins=np.arange(0.5, 5002, 1000))[0]
            fanos.append(counts.var() / counts.mean())
    assert median_cv(population) == pytest.approx(np.median(cvs) if cvs else math.nan, nan_ok=True)
    assert mean_fano(population, 100.0) == pytest.approx(
        np.mean(fanos) if fanos else math.nan, nan_ok=True
    )


def test_poisson_trains_have_cv_and_fano_of_one():
    fires = np.random.default_rng(5).random((50_000, 100)) < 2e-3
    ticks, senders = np.nonzero(fires)
    population = trains(ticks + 1, senders.astype(np.int32), 100, 50_000)
    assert median_cv(population) == pytest.approx(1.0, abs=0.05)
    assert mean_fano(population, 100.0) == pytest.approx(1.0, abs=0.05)


def test_regular_trains_have_no_variability():
    ticks = np.tile(np.arange(100, 5001, 100), 3)
    population = trains(ticks, np.repeat(np.arange(3), 50).astype(np.int32), 3, 5000)
    assert median_cv(population) == pytest.approx(0.0, abs=1e-6)
    assert mean_fano(population, 100.0) == 0.0


def test_the_table_covers_populations_activity_and_roles(tmp_path):
    write_sample(tmp_path, duration_ms=500)
    with open_result(tmp_path) as result:
        rows = summary_table(result)
        signal = result.signal("cortex/TemporalAverage", between_ms=(100.5, 500)).values
        (account,) = (r for r in profile_of(result).roles if r.role == "to_rPFC")
    populations = [r for r in rows if isinstance(r, PopulationRow)]
    assert [(r.population, r.size) for r in populations] == [("exc", 400), ("inh", 100)]
    assert [round(r.rate_hz) for r in populations] == [
        pytest.approx(6, abs=1),
        pytest.approx(14, abs=2),
    ]
    (activity,) = (r for r in rows if isinstance(r, ActivityRow))
    assert (activity.signal, activity.variable, activity.regions) == (
        "cortex/TemporalAverage", "S", 12,
    )  # fmt: skip
    assert activity.mean == pytest.approx(signal.mean())
    assert activity.sd == pytest.approx(signal.std())
    roles = {r.role: r for r in rows if isinstance(r, RoleRow)}
    assert set(roles) == {"cortex", "rPFC", "to_rPFC", "from_rPFC"}
    slow = roles["to_rPFC"]
    assert slow.spent_s["wait"] == pytest.approx(account.spent_s["wait"].sum())
    assert sum(slow.spent_s.values()) == pytest.approx(account.length_s.sum())
    assert slow.wait_share == pytest.approx(slow.spent_s["wait"] / slow.wall_s)
    assert slow.real_time_factor == pytest.approx(slow.wall_s / 0.5)


@pytest.mark.parametrize(("duration_ms", "expected_ms"), [(5, 1.0), (500, 100.0), (1000, 200.0),
                                                          (60_000, 200.0)])
def test_activity_is_measured_after_the_first_part_of_a_run(tmp_path, duration_ms, expected_ms):
    run = RunDir(tmp_path)
    create_result(run.result, ABOUT, clock_of(duration_ms), [])
    with open_result(tmp_path) as result:
        assert settled_ms(result) == pytest.approx(expected_ms)


@given(SPIKES, st.integers(0, 5000))
def test_what_is_left_out_does_not_count(spikes, start):
    ticks, senders = np.array(spikes, np.int64).reshape(-1, 2).T
    late = trains(ticks, senders.astype(np.int32), 8, 5000).after(start / 10)
    kept = ticks > start
    assert sorted(np.rint(late.time_ms * 10)) == sorted(ticks[kept])
    if start < 5000:
        assert late.mean_rate_hz == pytest.approx(kept.sum() / 8 / (5000 - start) * 1e4)
        rate = late.rate_hz(0.1)
        assert len(rate) == 5000 - start
        assert float(rate.sum()) == pytest.approx(kept.sum() / 8 * 1e4)
        spiking = np.unique(ticks[kept])
        assert rate.time.values[rate.values > 0] == pytest.approx(spiking / 10 - 0.05)
    else:
        assert math.isnan(late.mean_rate_hz)


@pytest.mark.parametrize(
    ("low_hz", "high_hz", "verdict"),
    [(10, 20, "inside"), (5, 10, "inside"), (10.5, 20, "below"), (2, 9.5, "above")],
)
def test_the_verdict_says_where_the_rate_is(low_hz, high_hz, verdict):
    population = trains(np.arange(100, 1001, 100), np.zeros(10, np.int32), 1, 10_000)
    row = population_row(population)
    assert (row.rate_hz, row.verdict) == (10.0, "")
    banded = dataclasses.replace(population, reference=RateBand(low_hz, high_hz))
    assert population_row(banded).verdict == verdict
    nothing = dataclasses.replace(banded.after(1000.0))
    assert population_row(nothing).verdict == ""


def test_references_and_the_order_of_populations_are_kept_in_the_file(tmp_path):
    run, clock = RunDir(tmp_path), clock_of(10)
    band = RateBand(2.0, 6.0, "a paper, table 2")
    with RankFile(run.recording(0), 0, clock) as file:
        file.spikes("z", "granule", 5, 1, band)
        file.spikes("z", "basket", 5)
        file.spikes("a", "trains of b.trains", 5)
        file.spikes("a", "purkinje", 5)
        create_result(run.result, ABOUT, clock, file.declared)
        file.begin()
    with open_result(tmp_path) as result:
        assert result.populations == (("a", "purkinje"), ("z", "granule"), ("z", "basket"))
        assert result.trains == (("a", "trains of b"),)
        assert result.spikes("z", "granule").reference == band
        assert result.spikes("z", "basket").reference is None
        rows = [r for r in summary_table(result) if isinstance(r, PopulationRow)]
    assert [r.reference for r in rows] == [None, band, None]


def test_the_table_shows_a_reference_and_its_source_once(tmp_path):
    run, clock = RunDir(tmp_path), clock_of(1000)
    out = Console(width=140, file=io.StringIO())
    with RankFile(run.recording(0), 0, clock) as file:
        bands = {"few": RateBand(2.0, 6.0, "a paper"), "many": RateBand(2.0, 60.0, "a paper")}
        names = (*bands, "unknown")
        sinks = [file.spikes("r", name, 1, 1, bands.get(name)) for name in names]
        create_result(run.result, ABOUT, clock, file.declared)
        file.begin()
        ticks = np.arange(3000, 9001, 750)
        batch = SpikeBatch.ordered(0, 10_000, ticks, np.zeros(len(ticks), np.int32))
        for sink in sinks:
            sink.append(batch)
    with open_result(tmp_path) as result:
        show_summary(result, out)
    lines = out.file.getvalue().splitlines()
    assert lines[0].startswith("Spiking populations, from 200 ms on")
    words = [line.split() for line in lines]
    assert words[2][:8] == ["r", "few", "1", "11.2", "2", "to", "6", "above"]
    assert words[3][:8] == ["r", "many", "1", "11.2", "2", "to", "60", "inside"]
    assert words[4][:4] == ["r", "unknown", "1", "11.2"]
    assert len(words[4]) == 6
    assert lines.count("reference: a paper") == 1
