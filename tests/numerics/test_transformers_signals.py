"""Signals that are scaled, gated, resampled and delayed, against independent references."""

import logging

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cosim.errors import BorderError
from cosim.messages import Signal
from cosim.transformers.signals import Affine, DelayLine, Gating, Resample


def signal(values, start=0, step=1):
    values = np.asarray(values, np.float64)
    return Signal(start, step, values[:, np.newaxis] if values.ndim == 1 else values)


def test_affine_scales_and_counts_what_it_clips(caplog):
    affine = Affine(10.0, 4.0, 30.0, name="cortex", tick_ms=0.5)
    with caplog.at_level(logging.WARNING):
        out = affine.convert(signal([0.5, 1.0], start=2, step=2))
        assert not caplog.records
        assert affine.clipped.first_tick is None
        clipped = affine.convert(signal([2.0, -0.5, 3.0, -9.0, 9.0], start=6, step=2))
        affine.convert(signal([-1.0], start=16, step=2))
    assert out.values[:, 0].tolist() == [9.0, 14.0]
    assert clipped.values[:, 0].tolist() == [24.0, 0.0, 30.0, 0.0, 30.0]
    assert (affine.clipped.low, affine.clipped.high, affine.clipped.first_tick) == (3, 2, 10)
    assert [r.getMessage() for r in caplog.records] == [
        "cortex: first value clipped to [0, 30] at 5 ms"
    ]


def test_affine_without_maximum_clips_only_below():
    affine = Affine(1.0, name="x", tick_ms=1.0)
    assert affine.convert(signal([1e6, -1.0])).values[:, 0].tolist() == [1e6, 0.0]
    assert (affine.clipped.low, affine.clipped.high) == (1, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_affine_refuses_what_is_no_number_and_says_when(bad):
    affine = Affine(1.0, name="coupling", tick_ms=0.1)
    with pytest.raises(BorderError, match=r"coupling is (nan|inf|-inf) at 1.4 ms, column 1"):
        affine.convert(signal([[0.0, 1.0], [0.0, bad]], start=10, step=2))


def test_gating_follows_its_differential_equation():
    rng = np.random.default_rng(2)
    rates = rng.uniform(0, 80, 60)
    gating = Gating(100.0, 0.641, initial_rate_hz=3.0, tick_ms=0.5)
    out = gating.convert(signal(rates, step=4)).values[:, 0]
    state = 0.641 * 3e-3 / (0.01 + 0.641 * 3e-3)
    for rate, value in zip(rates, out, strict=True):
        solved = solve_ivp(
            lambda _, s, r=rate: -s / 100 + (1 - s) * 0.641 * r * 1e-3,
            (0, 2.0),
            [state],
            rtol=1e-10,
            atol=1e-12,
        )
        state = solved.y[0, -1]
        assert value == pytest.approx(state, rel=1e-8)


def test_gating_matches_the_fixed_point_of_the_whole_brain_model():
    # TVB's parameters: tau_e = 100 ms, gamma_e = 0.641 / 1000 with rates in spikes/s.
    rate = 3.44
    resting = rate * 0.641e-3 * 100 / (1 + rate * 0.641e-3 * 100)
    gating = Gating(100.0, 0.641, tick_ms=1.0)
    assert gating.steady_state(rate) == pytest.approx(resting)
    out = gating.convert(signal(np.full(3000, rate))).values[:, 0]
    assert out[-1] == pytest.approx(resting, rel=1e-9)
    assert out[0] < 0.003


def test_gating_rests_before_time_zero_and_delays_by_its_time_constant():
    gating = Gating(100.0, 0.641, initial_rate_hz=5.0, tick_ms=1.0)
    before = gating.convert(signal([5.0, 5.0], start=-2))
    assert before.values[:, 0].tolist() == [gating.steady_state(5.0)] * 2
    # Mean delay of the answer to a small step in the rate: area of what is missing.
    out = gating.convert(signal(np.full(2000, 5.01))).values[:, 0]
    low, high = gating.steady_state(5.0), gating.steady_state(5.01)
    delay_ms = ((high - out) / (high - low)).sum() + 0.5
    assert delay_ms == pytest.approx(gating.delay_ms, rel=0.005)


@pytest.mark.parametrize("come", [True, False])
def test_gates_of_a_sender_that_rests_stay_where_they_are(come):
    """The rates before time 0 count, or the initial rate where none come."""
    gating = Gating(100.0, 0.641, initial_rate_hz=30.0 if come else 9.0, tick_ms=1.0)
    if come:
        before = gating.convert(signal([9.0, 9.0], start=-2))
        assert before.values[:, 0].tolist() == [gating.steady_state(9.0)] * 2
    out = gating.convert(signal(np.full(50, 9.0))).values[:, 0]
    np.testing.assert_allclose(out, gating.steady_state(9.0), rtol=1e-14)


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_gating_refuses_what_is_no_rate(bad):
    with pytest.raises(BorderError, match=r"at 2 ms"):
        Gating(100.0, 0.641, tick_ms=1.0).convert(signal([1.0, bad]))


@pytest.mark.parametrize(("tau", "gamma", "rate"), [(0, 1, 1), (1, -1, 1), (1, 1, -1)])
def test_gating_refuses_impossible_parameters(tau, gamma, rate):
    with pytest.raises(ValueError, match="expected a positive time"):
        Gating(tau, gamma, initial_rate_hz=rate, tick_ms=1.0)


def test_to_a_finer_grid_a_value_governs_the_whole_of_its_step():
    out = Resample(5, 1).convert(signal([1.0, 2.0], start=10, step=5))
    assert (out.start, out.step, out.stop) == (10, 1, 20)
    assert out.values[:, 0].tolist() == [1.0] * 5 + [2.0] * 5


def test_to_a_coarser_grid_rates_are_averaged_and_states_sampled():
    fine = signal([1.0, 2.0, 6.0, 0.0, 0.0, 3.0], start=6)
    assert Resample(1, 3).convert(fine).values[:, 0].tolist() == [3.0, 1.0]
    assert Resample(1, 3, "sample").convert(fine).values[:, 0].tolist() == [6.0, 3.0]


def test_between_steps_that_do_not_divide_each_other_time_weighs():
    # Steps of 5 ticks onto steps of 2: the third new step is half in each.
    out = Resample(5, 2).convert(signal([1.0, 3.0], step=5))
    assert out.values[:, 0].tolist() == [1.0, 1.0, 2.0, 3.0, 3.0]
    out = Resample(5, 2, "sample").convert(signal([1.0, 3.0], step=5))
    assert out.values[:, 0].tolist() == [1.0, 1.0, 3.0, 3.0, 3.0]


def test_the_same_grid_changes_nothing():
    given = signal(np.random.default_rng(1).random((7, 3)))
    assert np.array_equal(Resample(1, 1).convert(given).values, given.values)


@pytest.mark.parametrize(("rows", "step"), [(4, 2), (4, 1)])
def test_resampling_refuses_another_grid(rows, step):
    with pytest.raises(ValueError, match="cannot go from steps of 1 to steps of 3"):
        Resample(1, 3).convert(signal(np.zeros(rows), step=step))


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("extra", [0, 2, 14])
def test_a_delay_line_shifts_by_its_delay_whatever_the_lag(lag, extra):
    window, step = 10, 2
    delay = lag * window + extra
    line = DelayLine(delay, step, lag=lag, initial=[-1.0, -2.0])
    ticks = np.arange(1, 41) * step
    values = np.stack([ticks, 10.0 * ticks], axis=1)
    for w in range(8):
        out = line.convert(Signal(w * window, step, values[w * 5 : w * 5 + 5]))
        assert (out.start, out.step) == ((w + lag) * window, step)
        source = out.start + step * np.arange(1, 6) - delay
        expected = np.stack([source, 10 * source], axis=1)
        assert np.array_equal(out.values, np.where(source[:, None] > 0, expected, [-1.0, -2.0]))


@pytest.mark.parametrize(("delay", "lag"), [(3, 0), (-2, 0), (4, -1)])
def test_a_delay_line_refuses_what_it_cannot_do(delay, lag):
    with pytest.raises(ValueError, match="expected a multiple"):
        DelayLine(delay, 2, lag=lag)


def test_a_delay_shorter_than_the_lag_or_a_changing_window_is_refused():
    with pytest.raises(ValueError, match="does not fit a delay of 4 ticks"):
        DelayLine(4, 2, lag=1).convert(signal(np.zeros(5), step=2))
    line = DelayLine(20, 2, lag=1)
    line.convert(signal(np.zeros(5), step=2))
    with pytest.raises(ValueError, match="does not fit a delay of 20 ticks"):
        line.convert(signal(np.zeros(4), start=10, step=2))
