"""What the watches find depends on spikes and values, and never on how time is cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.clock import NS_PER_MS, Clock
from cosim.errors import BorderError
from cosim.messages import Signal, SpikeBatch
from cosim.roles.guard import Column, check
from cosim.roles.watch_rates import NegativeRates, RunawayRates
from cosim.roles.watch_spikes import RunawaySpikes, SilentSpikes
from cosim.scenario.guards import Runaway, Silent

#: One tick is 1 ms, so that times in ms can be read off.
CLOCK = Clock(NS_PER_MS, 10, 10_000)
SIZE = 4
COLUMNS = [Column("r", "A"), Column("r", "B"), Column("x", "A"), Column("x", "B")]
FEW = settings(max_examples=60, deadline=None, derandomize=True)


def runaway(above="300 Hz", length="10 ms", then="warn"):
    return Runaway.model_validate({"above": above, "for": length, "then": then})


def silent(length="10 ms", cell_time="1 ms", then="warn"):
    return Silent.model_validate({"for": length, "cell_time": cell_time, "then": then})


@st.composite
def cuttings(draw, end):
    """Return two ways to cut the time from 0 to an end."""
    ways = st.sets(st.integers(1, end - 1), max_size=12)
    return [(0, *sorted(draw(ways)), end) for _ in range(2)]


@st.composite
def trains(draw):
    """Return an end and spikes up to it, in bursts, pauses and at any time."""
    end = draw(st.integers(2, 120))
    ticks = draw(st.lists(st.integers(1, end), max_size=60))
    burst = draw(st.integers(1, end))
    ticks += [burst] * draw(st.integers(0, 60))
    return end, np.sort(np.array(ticks, np.int64)), draw(cuttings(end))


def spikes(ticks, start, stop):
    inside = ticks[(ticks > start) & (ticks <= stop)]
    return SpikeBatch(start, stop, inside, np.zeros(len(inside), np.int32))


def outcome(watch, blocks):
    """Return what a watch says the first time, and at the end."""
    found = [f for f in map(watch.see, blocks) if f is not None]
    assert len(found) <= 1, "said once"
    return found, watch.note()


@FEW
@given(trains())
def test_runaway_populations_are_found_whatever_the_windows(case):
    end, ticks, cuts = case
    outcomes = [
        outcome(
            RunawaySpikes("all of A", SIZE, runaway(), CLOCK),
            [spikes(ticks, *window) for window in pairwise(cut)],
        )
        for cut in cuts
    ]
    assert outcomes[0] == outcomes[1]
    # 4 neurons at 300 spikes/s fire 12 times in 10 ms.
    counts = [int(((ticks > k) & (ticks <= k + 10)).sum()) for k in range(0, end - 9, 10)]
    bad = [k for k, count in enumerate(counts) if count > 12]
    found, note = outcomes[0]
    assert [f.tick for f in found] == [10 * (k + 1) for k in bad[:1]]
    assert (note is None) == (not bad)
    if bad:
        assert f"in {len(bad)} stretch{'es' * (len(bad) > 1)} of 10 ms" in note
        assert f"first in ({10 * bad[0]}, {10 * bad[0] + 10}] ms" in note
        assert f"last in ({10 * bad[-1]}, {10 * bad[-1] + 10}] ms" in note
        assert f"{counts[bad[0]] / SIZE * 100:.4g} spikes/s" in found[0].text
        assert "limit is 300 Hz" in found[0].text


@FEW
@given(trains())
def test_silent_populations_are_found_whatever_the_windows(case):
    end, ticks, cuts = case
    outcomes = [
        outcome(
            SilentSpikes("all of A", SIZE, silent(), CLOCK),
            [spikes(ticks, *window) for window in pairwise(cut)],
        )
        for cut in cuts
    ]
    assert outcomes[0] == outcomes[1]
    times = [0, *ticks.tolist()]
    pauses = [(a, b) for a, b in pairwise(times) if b - a > 10]
    if end - times[-1] >= 10:
        pauses.append((times[-1], None))
    found, note = outcomes[0]
    assert [f.tick for f in found] == [begin + 10 for begin, _ in pauses[:1]]
    assert (note is None) == (not pauses)
    if pauses:
        begin, stop = pauses[0]
        until = f"to {stop} ms" if stop else f"to the end at {end} ms"
        assert f"from {begin} {until}" in note
        assert ("further pause" in note) == (len(pauses) > 1)
        if len(pauses) > 1:
            assert f"{len(pauses) - 1} further pause{'s' * (len(pauses) > 2)} of" in note


@st.composite
def signals(draw):
    """Return values around both limits, and two ways to cut them."""
    rows = draw(st.integers(2, 40))
    values = st.sampled_from([-2.0, -0.5, -0.0, 0.0, 1.0, 299.0, 300.0, 301.0, 999.0])
    table = draw(st.lists(st.lists(values, min_size=4, max_size=4), min_size=rows, max_size=rows))
    return np.array(table), draw(cuttings(rows))


STEP = 2


def cut_signal(values, cut):
    return [
        Signal(a * STEP, STEP, values[a:b]) for a, b in pairwise(cut)
    ]


@FEW
@given(signals())
def test_negative_rates_are_found_whatever_the_windows(case):
    values, cuts = case
    outcomes = [
        outcome(
            NegativeRates(COLUMNS, [0, 1], "Hz", "warn", CLOCK), cut_signal(values, cut)
        )
        for cut in cuts
    ]
    assert outcomes[0] == outcomes[1]
    bad = values[:, :2] < 0
    steps = np.flatnonzero(bad.any(axis=1))
    found, note = outcomes[0]
    assert [f.tick for f in found] == [STEP * (s + 1) for s in steps[:1]]
    assert (note is None) == (not len(steps))
    if len(steps):
        first = "AB"[int(bad[steps[0]].argmax())]
        assert found[0].region == first
        assert f"r of {first} is" in found[0].text
        assert f"r in {bad.any(axis=0).sum()} of 2 regions was below 0" in note
        assert f"in {len(steps)} step" in note
        assert f"at worst {values[:, :2].min():.4g} Hz" in note


@FEW
@given(signals())
def test_runaway_rates_are_found_whatever_the_windows(case):
    values, cuts = case
    outcomes = [
        outcome(
            RunawayRates(COLUMNS, [1], "Hz", 1.0, STEP, runaway(length="5 ms"), CLOCK),
            cut_signal(values, cut),
        )
        for cut in cuts
    ]
    assert outcomes[0] == outcomes[1]
    # 5 ms are three steps of 2 ms.
    above = values[:, 1] > 300
    long = [i for i in range(2, len(above)) if above[i - 2 : i + 1].all()]
    found, note = outcomes[0]
    assert [f.tick for f in found] == [STEP * (i + 1) for i in long[:1]]
    assert (note is None) == (not long)
    if long:
        assert found[0].region == "B"
        assert f"first in B at {STEP * (long[0] + 1)} ms" in note
        assert f"last at {STEP * (long[-1] + 1)} ms" in note


def test_a_small_population_may_be_silent_for_longer():
    nobody = SpikeBatch.empty(0, 2500)
    rule = silent("1 s", "10 s")
    assert SilentSpikes("a", 10, rule, CLOCK).see(nobody).tick == 1000
    assert SilentSpikes("a", 5, rule, CLOCK).see(nobody).tick == 2000
    assert SilentSpikes("a", 4, rule, CLOCK).see(nobody).tick == 2500
    assert SilentSpikes("a", 3, rule, CLOCK).see(nobody) is None


def test_the_default_bears_with_an_olive():
    """Seven cells at 1 spike/s in one rhythm pause for a second; no spike in 15 s is silence."""
    rule = Silent()
    ticks = np.repeat(np.arange(500, 14_000, 1100), 7).astype(np.int64)
    batch = SpikeBatch(0, 14_000, ticks, np.zeros(len(ticks), np.int32))
    assert SilentSpikes("olive", 7, rule, CLOCK).see(batch) is None
    assert SilentSpikes("olive", 7, rule, CLOCK).see(SpikeBatch.empty(0, 15_000)) is not None


def test_rates_in_other_units_have_the_same_limit():
    kilo = RunawayRates(COLUMNS, [0], "kHz", 1e3, STEP, runaway(length="2 ms"), CLOCK)
    assert kilo.see(Signal(0, STEP, np.full((1, 4), 0.3))) is None
    assert "0.3 kHz" in kilo.see(Signal(STEP, STEP, np.full((1, 4), 0.31))).text


def test_what_was_before_the_start_is_not_judged():
    before = Signal(-STEP, STEP, np.full((1, 4), -1.0))
    assert NegativeRates(COLUMNS, [0], "Hz", "warn", CLOCK).see(before) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(value):
    values = np.ones((3, 4))
    values[1, 3] = value
    with pytest.raises(BorderError, match=rf"^here: value {value} in x of B at 14 ms; ") as caught:
        check(Signal(10, STEP, values), "here", CLOCK, COLUMNS)
    assert caught.value.region == "B"


@pytest.mark.parametrize("tick", [10, 21])
def test_a_spike_outside_its_window_is_named(tick):
    batch = SpikeBatch(10, 20, np.array([11, tick]), np.array([0, 5], np.int32))
    told = rf"^here: a spike at {tick} ms of sender 5, in the window \(10, 20\] ms; "
    with pytest.raises(BorderError, match=told):
        check(batch, "here", CLOCK)
