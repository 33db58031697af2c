"""The compiled loop computes what tvb-library's loop computes, however the run is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tvb_split import calm, parts_of, shortest_border
from tvb_pieces import Pieces, clock, config, idelays, random_brain

from cosim_tvb.compiled.edges import best_block
from cosim_tvb.compiled.loop import CompiledLoop
from cosim_tvb.compiled.support import COUPLINGS, INTEGRATORS, MODELS, flaw
from cosim_tvb.facts import facts, model_facts

STEPS = 40
#: Single precision keeps 6e-8 of a value; some tens of steps add a little to that.
TOLERANCE = 2e-6

#: Strong enough to matter and weak enough not to throw a model out of its range.
STRENGTH = {
    "ReducedWongWang": 0.02, "ReducedWongWangExcInh": 0.05, "WilsonCowan": 0.1, "JansenRit": 0.1,
    "Generic2dOscillator": 0.02, "Epileptor": 0.02, "Epileptor2D": 0.02, "MontbrioPazoRoxin": 0.05,
    "Linear": 0.1, "Kuramoto": 0.05, "ZerlautAdaptationFirstOrder": 0.05,
    "ZerlautAdaptationSecondOrder": 0.05,
}  # fmt: skip
PARAMETERS = {
    "Epileptor": {"Kvf": 0.5, "Kf": 0.2, "Ks": -0.2}, "Epileptor2D": {"Kvf": 0.5, "Ks": -0.2},
    "MontbrioPazoRoxin": {"cv": 0.3},
}  # fmt: skip
CEREBELLUM = {"GrC": [0.0, 0.002], "GoC": [0.005, 0.015], "MLI": [0.01, 0.03], "PC": [0.03, 0.08]}


def coupled(name, strength):
    return {
        "Linear": {"a": strength, "b": strength / 10},
        "Scaling": {"a": strength},
        "HyperbolicTangent": {"a": strength, "b": 1.5, "midpoint": 0.1, "sigma": 0.8},
        "Sigmoidal": {"cmin": 0.0, "cmax": strength, "midpoint": 0.2, "a": 1.2, "sigma": 2.0},
        "SigmoidalJansenRit": {"cmax": strength, "r": 0.5, "midpoint": 0.2, "a": 1.1},
        "Difference": {"a": strength},
        "Kuramoto": {"a": strength},
    }[name]


def fits(model, coupling):
    """Whether the coupling takes as many coupling variables as the model has."""
    return len(model_facts(model).coupling_variables) >= facts().couplings[coupling].inputs


PAIRS = [(m, c) for m in MODELS for c in COUPLINGS if fits(m, c)]


def entry_of(model, coupling, integrator="HeunDeterministic", **more):
    known = model_facts(model)
    cerebellar = model.startswith("Cerebellar")
    strength = STRENGTH.get(model, 1e-3)
    integration = {}
    if "Stochastic" in integrator and "integration" not in more:
        size = 1e-9 if cerebellar or model.startswith("Zerlaut") else 1e-4
        integration = {"integration": {"nsig": size}}
    initial = CEREBELLUM if cerebellar and "GrC" in known.state_variables else calm(known)
    given = {
        "coupling": {coupling: coupled(coupling, strength)},
        "parameters": PARAMETERS.get(model, {}),
        "initial": initial,
        "monitors": ["Raw"],
        "variables_of_interest": list(known.state_variables),
    }
    return config(model, integrator, **integration, **{**given, **more})


def whole(entry, brain, steps=STEPS, n=20):
    known = model_facts(entry.model)
    pieces = Pieces(entry, brain, [range(len(brain.labels))], clock(n, steps)).run()
    return pieces.trajectories(known.state_variables, brain.labels, known.modes)[:steps]


def fast(entry):
    return entry.model_copy(update={"compiled": True})


def difference(found, expected):
    """Largest difference, as a part of the largest value of its variable."""
    scale = np.abs(expected).max(axis=(0, 2, 3), keepdims=True)
    return float((np.abs(found - expected) / np.where(scale > 0, scale, 1.0)).max())


@pytest.mark.parametrize(("model", "coupling"), PAIRS, ids=lambda name: name)
def test_every_pair_with_every_scheme_is_what_tvb_computes(model, coupling):
    brain = random_brain(7)
    alone = random_brain(7)
    alone.weights[:] = 0.0
    for integrator in INTEGRATORS:
        entry = entry_of(model, coupling, integrator)
        assert not flaw(entry)
        expected = whole(entry, brain)
        assert np.isfinite(expected).all()
        found = difference(whole(fast(entry), brain), expected)
        assert found < TOLERANCE
        # No region of the nuclei acts on another one of them.
        if integrator == "HeunDeterministic" and model != "CerebellarNuclei":
            assert found < difference(whole(entry, alone), expected) / 100


NOISY = entry_of("Generic2dOscillator", "Kuramoto", "HeunStochastic", compiled=True)


@settings(max_examples=25, deadline=None)
@given(
    owners=st.lists(st.integers(0, 2), min_size=7, max_size=7),
    seed=st.integers(0, 50),
    shortest_mm=st.floats(0.3, 8.0),
    data=st.data(),
)
def test_no_cut_in_time_or_space_changes_a_bit(owners, seed, shortest_mm, data):
    brain = random_brain(7, seed, shortest_mm)
    split = len(set(owners)) > 1
    longest = shortest_border(brain, owners) + 1 if split else STEPS
    n = data.draw(st.integers(1, longest), label="steps per window")
    parts = parts_of(owners)
    pieces = Pieces(NOISY, brain, parts, clock(n, STEPS)).run()
    found = pieces.trajectories(("V", "W"), brain.labels)[:STEPS]
    np.testing.assert_array_equal(found, whole(NOISY, brain, n=STEPS))


def test_blocks_longer_than_windows_and_shorter_than_the_run():
    brain = random_brain(76, shortest_mm=6.0, density=0.2)
    block = best_block(brain.weights, idelays(brain))
    assert 1 < block < STEPS
    expected = whole(NOISY, brain, n=STEPS)
    for n in (1, 7, block - 1, block, block + 1):
        np.testing.assert_array_equal(whole(NOISY, brain, n=n), expected)


@pytest.mark.parametrize(("n", "lag"), [(1, 1), (7, 1), (12, 1), (13, 3), (20, 2), (30, 1)])
@pytest.mark.parametrize("owners", [[0], [0, 1, 1], [0, 1, 2, 1]], ids=["whole", "two", "three"])
def test_sums_go_on_over_the_end_of_a_window_but_not_beyond_what_others_sent(n, lag, owners):
    brain = random_brain(20, shortest_mm=12.0)
    block, steps = best_block(brain.weights, idelays(brain)), 130
    assert n < block
    parts = parts_of([owners[i % len(owners)] for i in range(20)])
    pieces = Pieces(NOISY, brain, parts, clock(n, steps), smaller_lag=lag == 1)
    assert {c.lag for c in pieces.channels} <= {lag}
    beyond = [0] * len(parts)
    for window in pieces.windows():
        for i, simulator in enumerate(pieces.simulators):
            first, after, _ = simulator._loop._work.held
            assert after - first <= block
            beyond[i] = max(beyond[i], after - 1 - n * (window.index + 1))
    assert min(beyond) > 0
    for simulator in pieces.simulators:
        simulator.finalize()
    found = pieces.trajectories(("V", "W"), brain.labels)[:steps]
    np.testing.assert_array_equal(found, whole(NOISY, brain, steps, n=steps))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_written_late_is_seen_by_every_step_that_follows(data):
    def advance(loop, steps):
        trace = np.empty((steps, 2, 12, 1))
        loop.advance(trace, np.empty((steps, loop.inputs, 12, 1)))
        return trace

    entry = entry_of("Generic2dOscillator", "Linear", compiled=True)
    brain, found = random_brain(12, shortest_mm=1.0), []
    before, after = (data.draw(st.integers(1, 25), label=name) for name in ("before", "after"))
    late = data.draw(st.integers(1, before), label="first late step")
    regions = data.draw(st.sets(st.integers(6, 11), min_size=1), label="regions")
    for anew in (False, True):
        halves = [range(6), range(6, 12)]
        simulator = Pieces(entry, brain, halves, clock(1, 1), poison=None).simulators[0]
        loop, history = simulator._loop, simulator.tvb.history
        advance(loop, before)
        for step in range(late, before + 1):
            history.buffer[step % history.n_time][:, sorted(regions)] = np.sin(step)
        loop.past_changed(range(late, before + 1), sorted(regions))
        if anew:
            loop = CompiledLoop(simulator.tvb, brain.weights, np.arange(6, 12), simulator.pinned)
        found.append(advance(loop, after))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("model", "integrator"),
    [("SupHopf", "HeunDeterministic"), ("ReducedWongWang", "RungeKutta4thOrderDeterministic")],
)
def test_what_has_no_kernel_is_left_to_tvb(model, integrator):
    brain = random_brain(5)
    slow = entry_of(model, "Linear", integrator)
    assert "has no compiled kernel" in flaw(fast(slow))
    np.testing.assert_array_equal(whole(fast(slow), brain, 12), whole(slow, brain, 12))


def test_a_raised_parameter_is_seen_at_its_step():
    brain = random_brain(6)
    pulses = [
        {"regions": "l*", "parameter": "I_o", "add": 0.05, "start": "0.7 ms", "stop": "1.9 ms"},
        {"regions": "r01", "parameter": "I_o", "add": -0.1, "start": "0 ms", "stop": "1.1 ms"},
    ]
    entry = entry_of("ReducedWongWang", "Linear", stimuli=pulses, compiled=True)
    slow = entry.model_copy(update={"compiled": False})
    expected = whole(slow, brain)
    assert difference(whole(entry_of("ReducedWongWang", "Linear"), brain), expected) > 1e-4
    assert difference(whole(entry, brain), expected) < 1e-8
    np.testing.assert_array_equal(whole(entry, brain, n=5), whole(entry, brain, n=20))


def test_parameters_that_differ_between_regions():
    brain = random_brain(6)
    given = {"w": {"l*": 0.5, "r01": 0.8, "default": 0.6}, "I_o": 0.3}
    entry = entry_of("ReducedWongWang", "Linear", parameters=given)
    assert difference(whole(fast(entry), brain), whole(entry, brain)) < 1e-8


@pytest.mark.parametrize("size", [1e-3, {"V": 1e-3}], ids=["one", "by variable"])
@pytest.mark.parametrize(
    "noise", [{}, {"ntau": "3 ms"}, {"noise": {"multiplicative": {"a": 0.5, "b": 0.1}}}], ids=str
)
def test_noise_of_every_kind(noise, size):
    brain = random_brain(6)
    for integrator in ("HeunStochastic", "EulerStochastic"):
        entry = entry_of(
            "Generic2dOscillator", "Linear", integrator, integration={"nsig": size, **noise}
        )
        assert difference(whole(fast(entry), brain), whole(entry, brain)) < TOLERANCE
