"""The numbers at the end of a run, against plain loops and known processes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_sample import write_sample

from cosim.results import (
    ActivityRow,
    PopulationRow,
    RoleRow,
    SpikeTrains,
    open_result,
    summary_table,
)
from cosim.results.summary import mean_fano, median_cv


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
        signal = result.signal("cortex/TemporalAverage").values
        wait_s = float(result.timing("to_rPFC").wait_s.sum())
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
    assert slow.wait_s == pytest.approx(wait_s)
    assert slow.wait_share == pytest.approx(wait_s / slow.wall_s)
    assert slow.real_time_factor == pytest.approx(slow.wall_s / 0.5)
