"""Kernels against their continuous definitions, and the rate of a population."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from cosim.clock import Window
from cosim.messages import SpikeBatch
from cosim.transformers.base import Context
from cosim.transformers.kernels import KernelFilter
from cosim.transformers.spikes_to_rates import RateParameters, SpikesToRates

HALF = math.sqrt(2 / math.pi) / 5
SHIFTED = 1 / (5 * math.sqrt(2 * math.pi)) / (0.5 * math.erfc(-8 / 5 / math.sqrt(2)))
# Parameters, continuous kernel of the time in ms, its mean in ms.
CASES = {
    "boxcar": ({"kernel": "boxcar", "width": "7 ms"}, lambda t: (t <= 7) / 7, 3.5),
    "boxcar between steps": (
        {"kernel": "boxcar", "width": "7.03 ms"},
        lambda t: (t <= 7.03) / 7.03,
        7.03 / 2,
    ),
    "exponential": ({"kernel": "exponential", "tau": "5 ms"}, lambda t: math.exp(-t / 5) / 5, 5.0),
    "alpha": ({"kernel": "alpha", "tau": "4 ms"}, lambda t: t * math.exp(-t / 4) / 16, 8.0),
    "half gaussian": (
        {"kernel": "gaussian", "sigma": "5 ms"},
        lambda t: HALF * math.exp(-(t**2) / 50),
        5 * math.sqrt(2 / math.pi),
    ),
    "gaussian": (
        {"kernel": "gaussian", "sigma": "5 ms", "peak": "8 ms"},
        lambda t: SHIFTED * math.exp(-((t - 8) ** 2) / 50),
        8 + 25 * SHIFTED * math.exp(-64 / 50),
    ),
}


def response(parameters, step_ms, rows=4000):
    kernel = RateParameters.model_validate(parameters).build(step_ms)
    impulse = np.zeros(rows)
    impulse[0] = 1.0
    return kernel, KernelFilter(kernel).filter(impulse)


@pytest.mark.parametrize("step_ms", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("case", CASES)
def test_a_kernel_is_the_integral_of_its_continuous_form_over_each_step(case, step_ms):
    parameters, continuous, _ = CASES[case]
    _, h = response(parameters, step_ms)
    for i in (0, 1, 7, 30, 69, 70, 140):
        a, b = i * step_ms, (i + 1) * step_ms
        edges = [e for e in (7.0, 7.03) if a < e < b]
        expected = quad(continuous, a, b, points=edges or None)[0]
        assert h[i] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("step_ms", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("case", CASES)
def test_the_integral_is_one_and_the_delay_is_the_mean_of_the_response(case, step_ms):
    parameters, _, mean_ms = CASES[case]
    kernel, h = response(parameters, step_ms)
    assert h.sum() == pytest.approx(1.0, abs=1e-13)
    assert kernel.delay_steps == pytest.approx((np.arange(len(h)) * h).sum(), abs=1e-9)
    # A spike lies on average half a step before the end of its bin; the rest is curvature.
    assert kernel.delay_steps * step_ms == pytest.approx(mean_ms - step_ms / 2, abs=0.03 * step_ms)


@pytest.mark.parametrize("case", CASES)
def test_no_kernel_answers_before_its_cause_or_goes_negative(case):
    parameters, _, _ = CASES[case]
    kernel = RateParameters.model_validate(parameters).build(0.1)
    impulse = np.zeros(500)
    impulse[100] = 1.0
    out = KernelFilter(kernel).filter(impulse)
    assert not out[:100].any()
    assert out.min() >= -1e-16


@pytest.mark.parametrize("case", CASES)
def test_a_kernel_settled_at_a_rate_stays_there(case):
    parameters, _, _ = CASES[case]
    kernel = RateParameters.model_validate(parameters).build(0.1)
    out = KernelFilter(kernel, initial=8.0).filter(np.full(3000, 8.0))
    np.testing.assert_allclose(out, 8.0, rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_a_kernel_forgets_its_initial_rate_with_its_own_shape(case):
    parameters, _, _ = CASES[case]
    kernel, h = response(parameters, 0.1)
    out = KernelFilter(kernel, initial=8.0).filter(np.zeros(300))
    np.testing.assert_allclose(out, 8.0 * (1 - np.cumsum(h[:300])), atol=1e-11)


def test_a_kernel_much_shorter_than_the_step_passes_counts_on():
    _, h = response({"kernel": "exponential", "tau": "0.001 ms"}, 1.0)
    assert h[0] == 1.0
    _, h = response({"kernel": "boxcar", "width": "0.2 ms"}, 1.0)
    assert h[0] == 1.0


def population(parameters, *, size, step_in=1, step_out=5, tick_ms=0.1):
    given = RateParameters.model_validate(parameters)
    return SpikesToRates(given, Context("rate", 1, tick_ms, step_in, step_out, size))


def test_the_rate_is_spikes_per_second_of_one_neuron():
    rng = np.random.default_rng(5)
    size, stop = 400, 20_000
    spikes = rng.poisson(12.0 * 1e-4 * size, stop)
    ticks = np.repeat(np.arange(1, stop + 1), spikes)
    senders = rng.integers(size, size=len(ticks)).astype(np.int32)
    rate = population({"tau": "5 ms"}, size=size)
    out = rate.convert(SpikeBatch(0, stop, ticks, senders), Window(0, 0, stop))
    # 9600 spikes expected: compared with what was drawn, not with what was asked for.
    drawn_hz = len(ticks) / size / (stop * 1e-4)
    assert out.values[400:].mean() == pytest.approx(drawn_hz, rel=0.005)
    assert (out.start, out.stop, out.step) == (0, stop, 5)


def test_one_spike_has_area_one_over_size_and_the_reported_delay():
    rate = population({"kernel": "alpha", "tau": "3 ms"}, size=50)
    batch = SpikeBatch(0, 2000, np.array([100]), np.array([7], np.int32))
    values = rate.convert(batch, Window(0, 0, 2000)).values[:, 0]
    times_ms = np.arange(1, 401) * 0.5
    assert values.sum() * 0.5e-3 == pytest.approx(1 / 50)
    assert (values * times_ms).sum() / values.sum() - 10.0 == pytest.approx(rate.delay_ms)
    assert rate.trains == 0


@pytest.mark.parametrize(("tick", "row"), [(1, 0), (5, 0), (6, 1), (10, 1), (11, 2)])
def test_a_spike_at_the_end_of_a_step_belongs_to_that_step(tick, row):
    rate = population({"kernel": "boxcar", "width": "0.5 ms"}, size=1)
    batch = SpikeBatch(0, 20, np.array([tick]), np.array([0], np.int32))
    values = rate.convert(batch, Window(0, 0, 20)).values[:, 0]
    assert np.flatnonzero(values).tolist() == [row]
    assert values[row] == pytest.approx(2000.0)


def test_before_time_zero_there_is_the_initial_rate():
    rate = population({"tau": "5 ms", "initial_rate": "4 Hz"}, size=10)
    for k in (-2, -1):
        window = Window(k, 50 * k, 50 * (k + 1))
        out = rate.convert(SpikeBatch.empty(window.start, window.stop), window)
        assert out.values.tolist() == [[4.0]] * 10
    out = rate.convert(SpikeBatch.empty(0, 50), Window(0, 0, 50))
    np.testing.assert_allclose(out.values[:, 0], 4.0 * np.exp(-np.arange(1, 11) * 0.5 / 5))
