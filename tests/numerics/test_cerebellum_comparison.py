"""The measures of the comparison of both kinds of cerebellum, on signals that are known."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import results_sample

from cosim_tvb.cortex.balance import RATE_HZ, gating_at

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "studies" / "cerebellum"


@pytest.fixture(scope="module", autouse=True)
def the_study():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        yield


def rng(seed=3):
    return np.random.default_rng(seed)


def test_connectivity_lists_the_pairs_of_the_upper_triangle():
    from side_by_side import measures

    base = rng().normal(size=(20_000, 3))
    signals = base @ np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1.0]])
    found = measures.connectivity(signals)
    assert found.shape == (3,)
    np.testing.assert_allclose(found, [np.sqrt(0.5), 0, 0], atol=0.03)


def test_likenesses_put_each_pair_where_it_belongs():
    from side_by_side import measures

    one, other = rng(1).normal(size=(2, 400))
    first = [one, one + 1e-3 * other]
    second = [other, other - 1e-3 * one]
    found = measures.likenesses(first, second)
    assert found.within_first == pytest.approx(1, abs=1e-4)
    assert found.within_second == pytest.approx(1, abs=1e-4)
    assert [len(v) for v in (found.within_first, found.between, found.paired)] == [1, 2, 2]
    assert np.abs([*found.between, *found.paired]).max() < 0.3


def test_a_spectrum_has_the_power_of_a_sine_at_its_frequency():
    from side_by_side import measures

    time_ms = np.arange(0, 10_000, 2.0)
    frequencies, power = measures.spectrum(5 + 3 * np.sin(2 * np.pi * 0.040 * time_ms), 2.0)
    assert frequencies[power.argmax()] == pytest.approx(40)
    assert power.sum() * (frequencies[1] - frequencies[0]) == pytest.approx(9 / 2, rel=1e-3)


def test_independent_poisson_neurons_have_the_noise_of_their_number():
    from side_by_side import measures

    cells, rate_hz, step_ms = 50, 20.0, 1.0
    counts = rng().poisson(cells * rate_hz * step_ms * 1e-3, size=200_000)
    _, power = measures.spectrum(counts / (cells * step_ms * 1e-3), step_ms)
    assert power.mean() == pytest.approx(measures.finite_size(rate_hz, cells), rel=0.03)


def test_cortical_rates_are_those_that_hold_the_gates():
    from side_by_side import measures

    rates_hz = np.array([1.0, 3.0, 40.0])
    gating = np.tile(gating_at(rates_hz, 0.641e-3, 100.0), (5, 1))
    np.testing.assert_allclose(measures.cortical_hz(gating), rates_hz)


@pytest.mark.parametrize(("shift", "within"), [(0.5, True), (5.0, False)])
def test_a_difference_is_judged_by_the_spread_over_seeds(shift, within):
    from side_by_side import measures

    first = np.array([1.0, 2.0, 3.0])
    found = measures.difference(first, first + shift + np.array([0.1, 0, -0.1]))
    assert found.mean == pytest.approx(shift)
    assert found.sd == pytest.approx(0.1)
    assert found.spread == pytest.approx(1.0)
    assert found.is_within_spread is within


def test_the_expected_cortex_rests_where_its_inhibition_was_tuned_for():
    from side_by_side import theory

    scenario = ROOT / "configs" / "cerebellum_mean_field.yaml"
    tuned = theory.expected(scenario, {"CbNuc_L": 48.6, "CbNuc_R": 48.6})
    np.testing.assert_allclose(tuned.rate_hz, RATE_HZ, rtol=1e-4)
    assert tuned.connectivity.shape == (76 * 75 // 2,)
    lower = theory.expected(scenario, {"CbNuc_L": 48.6, "CbNuc_R": 40.0})
    change = dict(zip(tuned.labels, lower.rate_hz - tuned.rate_hz, strict=True))
    assert min(change, key=change.get) == "lM1"
    assert abs(change["rM1"]) < 0.1 * abs(change["lM1"])


def test_the_mean_field_alone_settles_and_its_nuclei_follow_their_law():
    from side_by_side import fields

    mossy_hz = np.array([4.0, 40.0])
    found = fields.steady("AWAKE26", mossy_hz, settle_ms=200.0)
    np.testing.assert_allclose(found["PC"], [72.7, 132.8], rtol=2e-3)
    law = 60.8 + 0.60 * mossy_hz - 0.20 * found["PC"]
    np.testing.assert_allclose(found["DCNp"], law, rtol=1e-3)


def test_growth_compares_beginnings_and_reaches_its_goal():
    from side_by_side import measures, rest

    mixing = np.eye(6) + 0.5 * rng(5).random((6, 6))
    goal = measures.connectivity(rng(6).normal(size=(200_000, 6)) @ mixing)
    runs = [(rng(seed).normal(size=(20_000, 6)) @ mixing, 10.0) for seed in (7, 8)]
    found = rest.growth(runs, [0.2, 200.0], goal)
    assert np.mean(found.expected[200.0]) > 0.95
    assert found.seeds[200.0][0] > 0.9
    assert np.mean(found.expected[0.2]) < np.mean(found.expected[200.0])


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """A job whose scenario is that of made-up results; its text is kept as it is written."""
    from side_by_side import runs

    scenario = tmp_path / "sample.yaml"
    scenario.write_text(results_sample.SCENARIO)
    monkeypatch.setattr(runs, "load", lambda path: SimpleNamespace(text=path.read_text()))
    return runs.Job(scenario, 7, 0.1, tmp_path / "run")


def test_a_run_is_taken_up_again_only_if_it_is_this_very_one(sample, tmp_path):
    from side_by_side import runs

    assert not sample.is_done()
    results_sample.write_sample(sample.folder, duration_ms=100)
    assert sample.is_done()
    runs.carry_out([sample])  # starts nothing, for nothing is missing
    for other in ({"seed": 8}, {"seconds": 0.2}, {"folder": tmp_path / "elsewhere"}):
        assert not replace(sample, **other).is_done()
    sample.scenario.write_text(results_sample.SCENARIO + "# changed\n")
    assert not sample.is_done()


def test_a_run_that_failed_is_not_taken_up(sample):
    results_sample.write_sample(sample.folder, duration_ms=100, status="failed: for a test")
    assert not sample.is_done()
