"""However time is cut into windows, every transformer gives the same bits."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.clock import Window
from cosim.messages import Signal, SpikeBatch
from cosim.transformers.base import Context, transformers
from cosim.transformers.kernels import KernelFilter, gaussian
from cosim.transformers.signals import Affine, DelayLine, Gating, Resample

GENERATORS = {
    "poisson": ("poisson", {}),
    "poisson, 7 trains": ("poisson", {"trains": 7}),
    "mip": ("mip", {"correlation": 0.3}),
    "mip without correlation": ("mip", {"correlation": 0}),
    "sip": ("sip", {"correlation": 0.3}),
    "gamma": ("gamma", {"shape": 2.5}),
    "gamma with dead time": ("gamma", {"shape": 2, "refractory": "1.3 ms"}),
    "gamma with short dead time": ("gamma", {"shape": 1, "refractory": "0.05 ms"}),
    "regular": ("regular", {}),
    "regular aligned": ("regular", {"phases": "aligned"}),
}
SMOOTHERS = {
    "boxcar": {"kernel": "boxcar", "width": "3.3 ms"},
    "exponential": {"tau": "4 ms", "initial_rate": "7 Hz"},
    "alpha": {"kernel": "alpha", "tau": "2 ms", "initial_rate": "7 Hz"},
    "gaussian": {"kernel": "gaussian", "sigma": "2 ms", "peak": "3 ms", "initial_rate": "7 Hz"},
}
# Steps in, steps out, both in ticks; windows are multiples of 6.
GRIDS = st.sampled_from([(1, 1), (1, 2), (3, 1), (2, 3), (6, 6)])
LENGTHS = st.lists(st.integers(1, 9).map(lambda n: 6 * n), min_size=1, max_size=8)


def make(kind, parameters, step_in, step_out, size=20):
    cls = transformers()[kind]
    context = Context("channel", 5, 0.1, step_in, step_out, size)
    return cls(cls.Parameters.model_validate(parameters), context)


def windows(lengths):
    stops = np.cumsum(lengths).tolist()
    return [
        Window(k, start, stop)
        for k, (start, stop) in enumerate(zip([0, *stops], stops, strict=False))
    ]


def cut_signal(signal, window):
    rows = slice(window.start // signal.step, window.stop // signal.step)
    return Signal(window.start, signal.step, signal.values[rows])


def cut_spikes(batch, window):
    inside = (batch.ticks > window.start) & (batch.ticks <= window.stop)
    return SpikeBatch(window.start, window.stop, batch.ticks[inside], batch.senders[inside])


def spikes(stop, step, size, seed):
    rng = np.random.default_rng(seed)
    steps, senders = np.nonzero(rng.random((stop // step, size)) < 0.05)
    return SpikeBatch(0, stop, (steps + 1) * step, senders.astype(np.int32))


def rates(stop, step, seed):
    rng = np.random.default_rng(seed)
    return Signal(0, step, rng.uniform(0, 900, (stop // step, 1)))


@pytest.mark.parametrize("case", GENERATORS)
@settings(max_examples=25, deadline=None)
@given(lengths=LENGTHS, grid=GRIDS, seed=st.integers(0, 99))
def test_trains(case, lengths, grid, seed):
    given_rates = rates(sum(lengths), grid[0], seed)
    whole = make(*GENERATORS[case], *grid).convert(given_rates, Window(0, 0, sum(lengths)))
    parts = make(*GENERATORS[case], *grid)
    batches = [parts.convert(cut_signal(given_rates, w), w) for w in windows(lengths)]
    for window, batch in zip(windows(lengths), batches, strict=True):
        assert (batch.start, batch.stop) == (window.start, window.stop)
        assert ((batch.ticks > window.start) & (batch.ticks <= window.stop)).all()
        assert not (batch.ticks % grid[1]).any()
    assert np.concatenate([b.ticks for b in batches]).tolist() == whole.ticks.tolist()
    assert np.concatenate([b.senders for b in batches]).tolist() == whole.senders.tolist()
    pairs = list(zip(whole.ticks.tolist(), whole.senders.tolist(), strict=True))
    assert pairs == sorted(pairs)
    assert set(whole.senders.tolist()) <= set(range(parts.trains))


@pytest.mark.parametrize("case", SMOOTHERS)
@settings(max_examples=25, deadline=None)
@given(lengths=LENGTHS, grid=GRIDS, seed=st.integers(0, 99))
def test_rates(case, lengths, grid, seed):
    batch = spikes(sum(lengths), grid[0], 20, seed)
    whole = make("rate", SMOOTHERS[case], *grid).convert(batch, Window(0, 0, sum(lengths)))
    parts = make("rate", SMOOTHERS[case], *grid)
    signals = [parts.convert(cut_spikes(batch, w), w) for w in windows(lengths)]
    assert [s.start for s in signals] == [w.start for w in windows(lengths)]
    assert np.array_equal(np.concatenate([s.values for s in signals]), whole.values)


@settings(max_examples=40, deadline=None)
@given(lengths=LENGTHS, grid=GRIDS, seed=st.integers(0, 99))
def test_relay(lengths, grid, seed):
    batch = spikes(sum(lengths), grid[0], 20, seed)
    whole = make("relay", {}, *grid).convert(batch, Window(0, 0, sum(lengths)))
    parts = make("relay", {}, *grid)
    batches = [parts.convert(cut_spikes(batch, w), w) for w in windows(lengths)]
    assert np.concatenate([b.ticks for b in batches]).tolist() == whole.ticks.tolist()
    assert np.concatenate([b.senders for b in batches]).tolist() == whole.senders.tolist()
    expected = sorted(
        (int(np.ceil(t / grid[1])) * grid[1], s)
        for t, s in zip(batch.ticks.tolist(), batch.senders.tolist(), strict=True)
    )
    assert list(zip(whole.ticks.tolist(), whole.senders.tolist(), strict=True)) == expected


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    sigma=st.floats(0.1, 8),
    seed=st.integers(0, 99),
)
def test_long_finite_kernels_on_arbitrary_numbers(lengths, sigma, seed):
    values = np.random.default_rng(seed).normal(size=sum(lengths))
    kernel = gaussian(sigma, 0.1)
    whole = KernelFilter(kernel, 1.0).filter(values)
    parts = KernelFilter(kernel, 1.0)
    pieces = np.split(values, np.cumsum(lengths)[:-1])
    assert np.array_equal(np.concatenate([parts.filter(p) for p in pieces]), whole)


@pytest.mark.parametrize(
    "create",
    [
        lambda *_: Affine(0.3, -20.0, 200.0, name="x", tick_ms=0.1),
        lambda *_: Gating(100.0, 0.641, initial_rate_hz=3.0, tick_ms=0.1),
        Resample,
        lambda i, o: Resample(i, o, "sample"),
        lambda i, _: DelayLine(7 * i, i, initial=[1.0, 2.0, 3.0]),
    ],
    ids=["affine", "gating", "mean", "sample", "delay"],
)
@settings(max_examples=25, deadline=None)
@given(lengths=LENGTHS, grid=GRIDS, seed=st.integers(0, 99))
def test_signals(create, lengths, grid, seed):
    values = np.random.default_rng(seed).uniform(0, 900, (sum(lengths) // grid[0], 3))
    signal = Signal(0, grid[0], values)
    once, parts = create(*grid), create(*grid)
    whole = once.convert(signal)
    signals = [parts.convert(cut_signal(signal, w)) for w in windows(lengths)]
    assert [s.start for s in signals] == [w.start for w in windows(lengths)]
    assert np.array_equal(np.concatenate([s.values for s in signals]), whole.values)
    assert getattr(parts, "clipped", None) == getattr(once, "clipped", None)


@pytest.mark.parametrize("case", GENERATORS)
@pytest.mark.parametrize("lag", [0, 1, 3])
def test_windows_before_time_zero_leave_no_trace(case, lag):
    signal = rates(120, 1, 3)
    expected = make(*GENERATORS[case], 1, 1).convert(signal, Window(0, 0, 120))
    generator = make(*GENERATORS[case], 1, 1)
    for k in range(-lag, 0):
        before = generator.convert(
            Signal(120 * k, 1, np.full((120, 1), 500.0)), Window(k, 120 * k, 120 * (k + 1))
        )
        assert len(before.ticks) == 0
    out = generator.convert(signal, Window(0, 0, 120))
    assert out.ticks.tolist() == expected.ticks.tolist()
    assert out.senders.tolist() == expected.senders.tolist()


@pytest.mark.parametrize("case", GENERATORS)
def test_work_in_python_follows_steps_not_trains(case):
    kind, parameters = GENERATORS[case]
    generator = make(kind, {**parameters, "trains": 100_000}, 1, 1)
    signal = Signal(0, 1, np.full((50, 1), 10.0))
    generator.convert(signal, Window(0, 0, 50))
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        batch = generator.convert(Signal(50, 1, signal.values), Window(1, 50, 100))
    finally:
        sys.setprofile(None)
    assert calls < 50 * 120
    # 5000 spikes are expected; a few common events carry many in the correlated ones.
    assert len(batch.ticks) > 2000 or kind in ("mip", "sip") or "aligned" in case
