"""What a compiled piece of a brain records and sends is what the steps one by one would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compiled import difference, entry_of
from test_tvb_afferents import brain_without_loop, port, rows, sent_inputs, shortest
from tvb_pieces import DT_MS, Memory, Pieces, clock, random_brain

from cosim_tvb.recording import Recording

REGIONS = 6
MONITORS = [
    "Raw",
    {"TemporalAverage": {"period": "0.5 ms"}},
    {"TemporalAverage": {"period": "0.1 ms", "variables_of_interest": ["W"]}},
    {"SubSample": {"period": "0.7 ms"}},
    {"GlobalAverage": {"period": "0.3 ms"}},
    {"SpatialAverage": {"period": "0.4 ms", "spatial_mask": {"l*": 1}}},
    {"Bold": {"period": "4 ms", "hrf_length": "40 ms"}},
    "AfferentCoupling",
]


@settings(max_examples=10, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 17), min_size=1, max_size=8),
    owned=st.sets(st.integers(0, 5), min_size=1),
)
def test_monitors_that_see_many_steps_at_once_record_the_same(cuts, owned):
    entry = entry_of("Generic2dOscillator", "Linear", monitors=MONITORS)
    brain, rng = random_brain(REGIONS), np.random.default_rng(0)
    rest = sorted(set(range(REGIONS)) - owned)
    parts = [sorted(owned)] + [rest] * bool(rest)
    kept = []
    states = rng.normal(size=(sum(cuts), 2, REGIONS, 1))
    inputs = rng.normal(size=(sum(cuts), 1, REGIONS, 1))
    for at_once in (False, True):
        built = Pieces(entry, brain, parts, clock(1, 1)).simulators[0]._built
        memory = Memory()
        recording = Recording(built, entry, "part", memory)
        first = 0
        for cut in cuts:
            if at_once:
                recording.couplings(first, inputs[first : first + cut])
                recording.states(first + 1, states[first : first + cut])
            else:
                for row in range(first, first + cut):
                    recording.coupling(row, inputs[row])
                    recording.state(row + 1, states[row])
            recording.flush()
            first += cut
        kept.append(memory.signals)
    for name, one_by_one in kept[0].items():
        assert kept[1][name].times == one_by_one.times
        np.testing.assert_array_equal(kept[1][name].values, one_by_one.values)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("coupled", ["Linear", "HyperbolicTangent", "Sigmoidal"])
def test_input_of_a_spiking_region_is_what_tvb_gives_it(coupled, stride):
    target, lag, steps = 2, 2, 48
    brain = brain_without_loop(target)
    n = (shortest(brain, target) + 1) // lag // 2 * 2
    assert n >= 2
    time = clock(n, steps)
    ports = [port(brain, target, "I", lag, stride)]
    entry = entry_of("WilsonCowan", coupled)
    found, expected = (
        rows(sent_inputs(e, brain, target, time, ports)["to_target"], time.window)
        for e in (entry.model_copy(update={"compiled": True}), entry)
    )
    assert len(found) == len(expected) >= steps // stride
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(found, expected, rtol=3e-7, atol=1e-7)


def test_all_that_is_recorded_follows_the_library():
    brain = random_brain(REGIONS)
    entry = entry_of("Generic2dOscillator", "Linear", monitors=MONITORS)
    time = clock(8, 80)
    slow, quick = (
        Pieces(e, brain, [range(REGIONS)], time).run().memories[0].signals
        for e in (entry, entry.model_copy(update={"compiled": True}))
    )
    assert slow.keys() == quick.keys()
    for name, signal in slow.items():
        assert quick[name].times == signal.times, name
        assert len(signal.times) >= 2, name
        values, expected = (np.array(s.rows)[:, None, :, None] for s in (quick[name], signal))
        assert difference(values, expected) < 1e-6, name
    assert slow["part0/Raw"].times[-1] == pytest.approx(80 * DT_MS)
