"""Spike trains against what theory says of them: seeds are fixed, bounds catch 2 % errors.

Steps are 1 ms unless a test is about the grid; a tick is a step.
"""

import numpy as np
import pytest
from scipy import stats

from cosim.clock import Window
from cosim.messages import Signal
from cosim.transformers.base import Context, transformers

KINDS = {
    "poisson": {},
    "mip": {"correlation": 1e-5},
    "sip": {"correlation": 1e-5},
    "gamma": {"shape": 3.0},
    "regular": {},
}


def draw(kind, parameters, rates_hz, trains, *, tick_ms=1.0, seed=11, name="channel"):
    """Return ticks and senders; one rate for each tick."""
    cls = transformers()[kind]
    made = cls(
        cls.Parameters.model_validate(parameters), Context(name, seed, tick_ms, 1, 1, trains)
    )
    rates_hz = np.asarray(rates_hz, np.float64)
    batch = made.convert(Signal(0, 1, rates_hz[:, None]), Window(0, 0, len(rates_hz)))
    assert (np.diff(batch.ticks) >= 0).all()
    assert batch.senders.dtype == np.int32
    return batch.ticks, batch.senders


def times_by_train(ticks, senders, trains):
    order = np.lexsort((ticks, senders))
    return np.split(ticks[order], np.cumsum(np.bincount(senders, minlength=trains))[:-1])


def first_intervals(ticks, senders, trains, count):
    """Return the first so many intervals of each train: a number, as a window prefers short."""
    by_train = times_by_train(ticks, senders, trains)
    assert min(len(t) for t in by_train) > count
    return np.array([np.diff(t[: count + 1]) for t in by_train])


def counts(ticks, senders, trains, length, bin_ticks):
    out = np.zeros((length // bin_ticks, trains))
    np.add.at(out, ((ticks - 1) // bin_ticks, senders), 1)
    return out


def unrounded(values, seed=99):
    """Undo the rounding of intervals to the grid: both ends are spread over their steps."""
    rng = np.random.default_rng(seed)
    return values + rng.random(values.shape) - rng.random(values.shape)


@pytest.fixture(scope="module")
def poisson():
    return draw("poisson", {}, np.full(10_000, 10.0), 1000)


def test_poisson_trains_have_the_rate(poisson):
    # 100,000 spikes: one standard error is 0.3 %.
    assert len(poisson[0]) == pytest.approx(100_000, rel=0.012)


def test_every_poisson_train_has_the_rate(poisson):
    per_train = np.bincount(poisson[1], minlength=1000)
    chi_square = ((per_train - 100.0) ** 2 / 100.0).sum()
    assert stats.chi2.cdf(chi_square, 1000) == pytest.approx(0.5, abs=0.495)


def test_poisson_counts_have_fano_factor_one(poisson):
    n = counts(*poisson, 1000, 10_000, 100)
    assert n.var() / n.mean() == pytest.approx(1.0, abs=0.018)


def test_poisson_trains_are_not_correlated(poisson):
    total = counts(*poisson, 1000, 10_000, 1).sum(axis=1)
    assert total.var() / total.mean() == pytest.approx(1.0, abs=0.05)


def test_poisson_intervals_are_exponential():
    # Spikes of a Poisson process lie uniformly in their step, so the rounding can be undone.
    ticks, senders = draw("poisson", {}, np.full(10_000, 10.0), 1000, seed=12)
    exact = ticks - np.random.default_rng(3).random(len(ticks))
    order = np.lexsort((exact, senders))
    isi = first_intervals(exact[order], senders[order], 1000, 50).ravel()
    assert stats.kstest(isi, stats.expon(scale=100.0).cdf).pvalue > 0.01


def correlation(n):
    matrix = np.corrcoef(n.T)
    return matrix[np.triu_indices(len(matrix), 1)].mean()


@pytest.mark.parametrize("kind", ["mip", "sip"])
@pytest.mark.parametrize("c", [0.1, 0.4])
def test_correlated_trains_have_rate_fano_factor_and_correlation(kind, c):
    steps, trains = 60_000, 20
    ticks, senders = draw(kind, {"correlation": c}, np.full(steps, 200.0), trains, tick_ms=10.0)
    n = counts(ticks, senders, trains, steps, 1)
    error = np.sqrt((1 + (trains - 1) * c) / (2.0 * trains * steps))
    assert 3 * error < 0.01
    assert n.mean() == pytest.approx(2.0, rel=3 * error)
    assert (n.var(axis=0) / n.mean(axis=0)).mean() == pytest.approx(1.0, abs=0.02)
    assert correlation(n) == pytest.approx(c, rel=0.02)


@pytest.mark.parametrize("kind", ["mip", "sip"])
def test_correlated_trains_are_poisson_one_by_one(kind):
    ticks, senders = draw(kind, {"correlation": 0.05}, np.full(20_000, 10.0), 200)
    exact = ticks - np.random.default_rng(3).random(len(ticks))
    order = np.lexsort((exact, senders))
    isi = first_intervals(exact[order], senders[order], 200, 100)
    # Trains share spikes, so each is tested alone; the p values of a true null are uniform
    # in law though not independent.
    p = [stats.kstest(row, stats.expon(scale=100.0).cdf).pvalue for row in isi]
    assert np.mean(np.array(p) < 0.05) < 0.12
    assert isi.mean() == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize("kind", ["mip", "sip"])
def test_the_ends_of_the_range_of_correlations(kind):
    ticks, senders = draw(kind, {"correlation": 1.0}, np.full(2000, 20.0), 30)
    n = counts(ticks, senders, 30, 2000, 1)
    assert (n == n[:, :1]).all()
    assert 20 < n[:, 0].sum() < 60
    ticks, senders = draw(kind, {"correlation": 0.0}, np.full(20_000, 100.0), 30)
    n = counts(ticks, senders, 30, 20_000, 1)
    assert n.mean() == pytest.approx(0.1, rel=0.02)
    assert abs(correlation(n)) < 0.002


@pytest.mark.parametrize("shape", [0.5, 1.0, 4.0])
def test_gamma_intervals_are_gamma(shape):
    ticks, senders = draw("gamma", {"shape": shape}, np.full(12_000, 10.0), 1000)
    isi = unrounded(first_intervals(ticks, senders, 1000, 40).ravel())
    assert isi.mean() == pytest.approx(100.0, rel=0.018)
    assert isi.var() / isi.mean() ** 2 == pytest.approx(1 / shape, rel=0.05 if shape < 1 else 0.02)
    assert shape < 1 or stats.kstest(isi, stats.gamma(shape, scale=100 / shape).cdf).pvalue > 0.01


def test_gamma_counts_of_long_times_vary_as_the_intervals():
    ticks, senders = draw("gamma", {"shape": 4.0}, np.full(10_000, 40.0), 1000)
    n = counts(ticks, senders, 1000, 10_000, 10_000)
    # Cox: the Fano factor tends to 1/k; the remainder is (1 - 1/k**2) / (6 * mean count).
    assert n.var() / n.mean() == pytest.approx(0.25 + (1 - 1 / 16) / 2400, rel=0.12)


@pytest.mark.parametrize(("dead_ms", "shortest"), [(5.0, 5), (2.5, 2), (0.4, 0)])
def test_dead_time_keeps_the_rate_and_the_shortest_interval(dead_ms, shortest):
    rate_hz, trains = 80.0, 500
    parameters = {"shape": 2.0, "refractory": f"{dead_ms} ms"}
    ticks, senders = draw("gamma", parameters, np.full(4000, rate_hz), trains)
    # 160,000 spikes whose counts vary less than Poisson's: one standard error is below 0.2 %.
    assert len(ticks) == pytest.approx(rate_hz * 4 * trains, rel=0.006)
    isi = first_intervals(ticks, senders, trains, 200).ravel()
    assert isi.min() == shortest
    law = stats.gamma(2.0, loc=dead_ms, scale=(1e3 / rate_hz - dead_ms) / 2)
    assert isi.var() == pytest.approx(law.var() + 1 / 6, rel=0.02)
    assert stats.kstest(unrounded(isi), law.cdf).statistic < 0.01


def test_dead_time_below_a_step_allows_several_spikes_in_one():
    ticks, senders = draw(
        "gamma", {"shape": 1.0, "refractory": "0.1 ms"}, np.full(300, 3000.0), 200
    )
    assert len(ticks) == pytest.approx(3.0 * 300 * 200, rel=0.006)
    assert counts(ticks, senders, 200, 300, 1).max() > 4


@pytest.mark.parametrize("dead", ["0 ms", "5 ms", "12.3 ms"])
def test_gamma_trains_start_in_equilibrium(dead):
    trains, rate_hz = 100_000, 50.0
    parameters = {"shape": 4.0, "refractory": dead}
    ticks, _ = draw("gamma", parameters, np.full(40, rate_hz), trains)
    per_step = np.bincount(ticks, minlength=41)[1:]
    expected = trains * rate_hz * 1e-3
    assert np.abs(per_step - expected).max() < 4.5 * np.sqrt(expected)
    assert per_step.sum() == pytest.approx(40 * expected, rel=0.006)


def test_a_rate_too_high_for_the_dead_time_is_clipped_and_counted():
    cls = transformers()["gamma"]
    parameters = cls.Parameters.model_validate({"shape": 1.0, "refractory": "10 ms"})
    gamma = cls(parameters, Context("g", 1, 1.0, 1, 1, 100))
    rates = np.r_[np.full(500, 50.0), np.full(1500, 400.0)][:, None]
    batch = gamma.convert(Signal(0, 1, rates), Window(0, 0, 2000))
    assert (gamma.clipped.high, gamma.clipped.low, gamma.clipped.first_tick) == (1500, 0, 501)
    late = (batch.ticks > 1000).sum() / 100
    assert late == pytest.approx(99.0, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_a_changing_rate_is_followed(kind):
    trains, length = 50_000, 100
    middle = (np.arange(length) + 0.5) / length
    rates = 20.0 * (1 + 0.8 * np.sin(2 * np.pi * middle))
    ticks, _ = draw(kind, KINDS[kind], rates, trains)
    per_step_hz = np.bincount(ticks, minlength=length + 1)[1:] / trains * 1e3
    # 100,000 spikes: one standard error of mean, sine and cosine is 0.3 to 0.5 % of the mean.
    assert per_step_hz.mean() == pytest.approx(20.0, rel=0.012)
    assert 2 * (per_step_hz * np.sin(2 * np.pi * middle)).mean() == pytest.approx(16.0, abs=0.3)
    assert 2 * (per_step_hz * np.cos(2 * np.pi * middle)).mean() == pytest.approx(0.0, abs=0.3)
    assert np.abs(per_step_hz - rates).max() < 4 * np.sqrt(rates.max() / trains * 1e3)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_silent_and_does_not_end_a_train(kind):
    rates = np.r_[np.zeros(50), np.full(50, 1000.0), np.zeros(50), np.full(50, 1000.0)]
    ticks, _ = draw(kind, KINDS[kind], rates, 1000)
    per_step = np.bincount(ticks, minlength=201)[1:]
    assert not per_step[rates == 0].any()
    assert per_step[50:100].sum() == pytest.approx(50_000, rel=0.02)
    assert per_step[150:].sum() == pytest.approx(50_000, rel=0.02)


def test_regular_trains_are_regular_to_the_tick():
    ticks, senders = draw("regular", {}, np.full(100_000, 40.0), 50, tick_ms=0.1)
    by_train = times_by_train(ticks, senders, 50)
    assert all((np.diff(t) == 250).all() and len(t) == 400 for t in by_train)
    starts = np.array([t[0] for t in by_train])
    assert stats.kstest(starts / 250, "uniform").pvalue > 0.01


@pytest.mark.parametrize("rate_hz", [1000.0, 125.0, 100.0, 40.0, 25.0, 5.0])
def test_aligned_trains_fire_together_on_the_multiples_of_the_interval(rate_hz):
    ticks, senders = draw(
        "regular", {"phases": "aligned"}, np.full(60_000, rate_hz), 3, tick_ms=0.1
    )
    interval = round(1e4 / rate_hz)
    assert ticks.tolist() == np.repeat(np.arange(interval, 60_001, interval), 3).tolist()
    assert senders.tolist() == [0, 1, 2] * (len(ticks) // 3)


def test_an_interval_between_ticks_is_met_on_average():
    ticks, _ = draw("regular", {"phases": "aligned"}, np.full(60_000, 30.0), 1, tick_ms=0.1)
    expected = np.ceil(np.arange(1, 181) * 1e4 / 30 - 1e-6)
    assert ticks.tolist() == expected.tolist()


def test_regular_trains_fire_several_times_in_a_step_at_high_rates():
    ticks, senders = draw("regular", {}, np.full(100, 2500.0), 40)
    assert np.bincount(senders).tolist() == [250] * 40
    assert set(np.bincount(ticks)[1:]) <= set(range(80, 121))


@pytest.mark.parametrize("kind", KINDS)
def test_a_finer_grid_out_receives_the_rate_of_the_coarse_step(kind):
    cls = transformers()[kind]
    made = cls(cls.Parameters.model_validate(KINDS[kind]), Context("x", 1, 0.1, 10, 5, 20_000))
    rates = np.array([0.0, 100.0, 0.0, 50.0])[:, None]
    batch = made.convert(Signal(0, 10, rates), Window(0, 0, 40))
    per_step = np.bincount(batch.ticks, minlength=41)
    assert set(np.flatnonzero(per_step)) == {15, 20, 35, 40}
    assert per_step[[15, 20]].sum() == pytest.approx(2000, abs=4 * 45)
    assert per_step[[35, 40]].sum() == pytest.approx(1000, abs=4 * 32)


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_seeds_make_trains_and_nothing_else_does(kind):
    def made(**key):
        ticks, senders = draw(kind, KINDS[kind], np.full(200, 30.0), 100, **key)
        return ticks.tolist(), senders.tolist()

    assert made() == made()
    assert made(seed=12) != made()
    assert made(name="other") != made()
