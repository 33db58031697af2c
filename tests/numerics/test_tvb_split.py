"""A brain split over several TVB instances equals the brain in one piece, bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tvb_pieces import (
    DT_MS,
    SEED,
    STEP,
    Pieces,
    clock,
    config,
    idelays,
    plain,
    plain_run,
    random_brain,
)

from cosim.errors import BorderError
from cosim_tvb import library
from cosim_tvb.build import initial_state
from cosim_tvb.facts import facts, model_facts
from cosim_tvb.library import coupling, equations, integrators
from cosim_tvb.noise import StreamAdditive, StreamMultiplicative

STEPS = 78

# model, its coupling, its integrator, and the same three in TVB's own words.
CASES = {
    "wong-wang": (
        {"model": "ReducedWongWang", "parameters": {"w": 0.6, "I_o": 0.32}},
        {"Linear": {"a": 0.0155}},
        "HeunDeterministic",
        {},
        lambda: {"w": np.array([0.6]), "I_o": np.array([0.32])},
        lambda: coupling.Linear(a=np.array([0.0155])),
    ),
    "wong-wang-noise": (
        {"model": "ReducedWongWang"},
        {"Linear": {"a": 0.03, "b": 0.01}},
        "HeunStochastic",
        {"nsig": 1e-3},
        dict,
        lambda: coupling.Linear(a=np.array([0.03]), b=np.array([0.01])),
    ),
    "exc-inh-coloured": (
        {"model": "ReducedWongWangExcInh"},
        "Scaling",
        "EulerStochastic",
        {"nsig": {"S_e": 1e-4}, "ntau": "5 ms"},
        dict,
        lambda: coupling.Scaling(),
    ),
    "wilson-cowan": (
        {"model": "WilsonCowan"},
        {"Sigmoidal": {"midpoint": 0.5, "sigma": 2.0}},
        "EulerDeterministic",
        {},
        dict,
        lambda: coupling.Sigmoidal(midpoint=np.array([0.5]), sigma=np.array([2.0])),
    ),
    "oscillator-difference": (
        {"model": "Generic2dOscillator", "parameters": {"a": -0.5}},
        {"Difference": {"a": 0.05}},
        "HeunStochastic",
        {"nsig": {"V": 1e-3, "W": 2e-3}, "noise": {"multiplicative": {"a": 0.5, "b": 0.1}}},
        lambda: {"a": np.array([-0.5])},
        lambda: coupling.Difference(a=np.array([0.05])),
    ),
    "kuramoto": (
        {"model": "Kuramoto", "parameters": {"omega": 0.3}},
        {"Kuramoto": {"a": 0.4}},
        "RungeKutta4thOrderDeterministic",
        {},
        lambda: {"omega": np.array([0.3])},
        lambda: coupling.Kuramoto(a=np.array([0.4])),
    ),
    "three-modes": (
        {"model": "ReducedSetFitzHughNagumo", "initial": {"xi": [-0.5, 0.5], "alpha": 0.1}},
        {"HyperbolicTangent": {"a": 0.1, "sigma": 3.0}},
        "HeunStochastic",
        {"nsig": 1e-4},
        dict,
        lambda: coupling.HyperbolicTangent(a=np.array([0.1]), sigma=np.array([3.0])),
    ),
    "jansen-rit": (
        {"model": "JansenRit"},
        "SigmoidalJansenRit",
        "HeunDeterministic",
        {},
        dict,
        lambda: coupling.SigmoidalJansenRit(),
    ),
    "theta-neurons": (
        {"model": "MontbrioPazoRoxin"},
        {"Linear": {"a": 0.1}},
        "HeunStochastic",
        {"nsig": {"r": 1e-4, "V": 1e-3}},
        dict,
        lambda: coupling.Linear(a=np.array([0.1])),
    ),
}


def entry_of(case):
    model, coupled, integrator, integration, *_ = CASES[case]
    variables = model_facts(model["model"]).state_variables
    return config(
        integrator=integrator,
        integration=integration,
        coupling=coupled,
        monitors=["Raw"],
        variables_of_interest=list(variables),
        **model,
    )


def noise_of(entry, brain, integration):
    """The adapter's noise, plugged into a simulator of TVB that knows nothing of it."""
    known = model_facts(entry.model)
    nsig = integration["nsig"]
    if isinstance(nsig, dict):
        sizes = np.array([nsig.get(v, 0.0) for v in known.state_variables])
    else:
        sizes = np.array([nsig])
    if "noise" in integration:
        factor = equations.Linear(parameters=dict(integration["noise"]["multiplicative"]))
        noise = StreamMultiplicative(nsig=sizes, b=factor)
    else:
        noise = StreamAdditive(nsig=sizes, ntau=5.0 if "ntau" in integration else 0.0)
    shape = (len(known.state_variables), len(brain.labels), known.modes)
    noise.draw_from(SEED, STEP, shape)
    return noise


def reference(case, brain, steps=STEPS):
    """What TVB's own loop computes, shape (steps, state variables, regions, modes)."""
    entry = entry_of(case)
    model, _, integrator, integration, parameters, coupled = CASES[case]
    known = model_facts(entry.model)
    kind = getattr(integrators, integrator)
    extra = {"noise": noise_of(entry, brain, integration)} if integration else {}
    simulator = plain(
        entry,
        brain,
        library.model_class(model["model"])(
            variables_of_interest=known.state_variables, **parameters()
        ),
        coupled(),
        kind(dt=DT_MS, **extra),
        [library.monitors.Raw()],
        initial_state(entry, known, SEED, len(brain.labels)),
    )
    times, values = plain_run(simulator, steps)[0]
    assert times[0] == DT_MS
    return values


def split(case, brain, parts, n, steps=STEPS, **options):
    entry = entry_of(case)
    known = model_facts(entry.model)
    pieces = Pieces(entry, brain, parts, clock(n, steps), **options).run()
    return pieces.trajectories(known.state_variables, brain.labels, known.modes)[:steps]


def parts_of(owners):
    return [[r for r, o in enumerate(owners) if o == part] for part in sorted(set(owners))]


def shortest_border(brain, owners):
    borders = np.not_equal.outer(np.array(owners), np.array(owners)) & (brain.weights != 0)
    return int(idelays(brain)[borders].min())


@pytest.mark.parametrize("case", CASES)
def test_one_piece_is_what_tvb_computes(case):
    brain = random_brain()
    whole = split(case, brain, [range(9)], n=6)
    expected = reference(case, brain)
    assert np.ptp(expected, axis=0).min() > 0
    np.testing.assert_array_equal(whole, expected)


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("case", CASES)
def test_pieces_are_what_tvb_computes(case, parts):
    brain = random_brain()
    owners = [i % parts for i in range(9)]
    n = shortest_border(brain, owners) + 1
    expected = reference(case, brain)
    np.testing.assert_array_equal(split(case, brain, parts_of(owners), n), expected)
    np.testing.assert_array_equal(split(case, brain, parts_of(owners), 3), expected)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    owners=st.lists(st.integers(0, 3), min_size=8, max_size=8).filter(lambda o: len(set(o)) > 1),
    seed=st.integers(0, 50),
    shortest_mm=st.floats(0.3, 8.0),
    data=st.data(),
)
def test_any_split_and_any_legal_window_change_nothing(owners, seed, shortest_mm, data):
    brain = random_brain(8, seed, shortest_mm)
    n = data.draw(st.integers(1, shortest_border(brain, owners) + 1), label="steps per window")
    smaller_lag = data.draw(st.booleans(), label="exchange with a lag of one window")
    case = "wong-wang-noise"
    found = split(case, brain, parts_of(owners), n, steps=40, smaller_lag=smaller_lag)
    np.testing.assert_array_equal(found, reference(case, brain, steps=40))


def test_a_single_region_owned_alone():
    brain = random_brain()
    found = split("wong-wang-noise", brain, [[4], [0, 1, 2, 3, 5, 6, 7, 8]], n=5)
    np.testing.assert_array_equal(found, reference("wong-wang-noise", brain))


def test_no_edge_between_pieces():
    brain = random_brain()
    brain.weights[:4, 4:] = brain.weights[4:, :4] = 0.0
    found = split("wong-wang", brain, [range(4), range(4, 9)], n=30)
    np.testing.assert_array_equal(found, reference("wong-wang", brain))


def test_a_piece_without_any_input():
    brain = random_brain()
    brain.weights[:2] = 0.0
    found = split("wong-wang", brain, [range(2), range(2, 9)], n=5)
    np.testing.assert_array_equal(found, reference("wong-wang", brain))


def test_asymmetric_delays_keep_target_and_source_apart():
    brain = random_brain()
    transposed = random_brain()
    transposed.weights[:] = brain.weights.T
    transposed.tract_lengths_mm[:] = brain.tract_lengths_mm.T
    found = split("wong-wang", brain, [range(4), range(4, 9)], n=4)
    assert not np.array_equal(found, split("wong-wang", transposed, [range(4), range(4, 9)], n=4))


class TestTooLongAWindow:
    owners = (0, 0, 0, 0, 1, 1, 1, 1, 1)

    def test_is_refused_with_the_regions_that_are_too_near(self):
        brain = random_brain()
        n = shortest_border(brain, self.owners) + 2
        borders = np.not_equal.outer(np.array(self.owners), np.array(self.owners))
        delays = np.where(borders & (brain.weights != 0), idelays(brain), 1000)
        target, source = np.unravel_index(delays.argmin(), delays.shape)
        edge = f"{delays.min()} steps from {brain.labels[source]} to {brain.labels[target]}"
        with pytest.raises(BorderError, match=edge) as caught:
            split("wong-wang", brain, parts_of(self.owners), n)
        assert brain.labels[source] in caught.value.region

    def test_would_change_the_result(self, monkeypatch):
        monkeypatch.setattr("cosim_tvb.proxies.Proxies.require", lambda *_: None)
        brain = random_brain()
        legal = shortest_border(brain, self.owners) + 1
        expected = reference("wong-wang", brain)
        parts = parts_of(self.owners)
        np.testing.assert_array_equal(split("wong-wang", brain, parts, legal), expected)
        assert not np.array_equal(split("wong-wang", brain, parts, legal + 1), expected)


def test_the_default_connectome_of_tvb():
    found = library.Connectivity.from_file("connectivity_76.zip")
    brain = random_brain(76)
    brain.weights[:] = found.weights
    brain.tract_lengths_mm[:] = found.tract_lengths
    owners = [0] * 38 + [1] * 38
    n = shortest_border(brain, owners) + 1
    assert n > 5
    expected = reference("wong-wang-noise", brain, steps=104)
    for steps in (1, 5, n):
        np.testing.assert_array_equal(
            split("wong-wang-noise", brain, parts_of(owners), steps, steps=104), expected
        )


def calm(facts):
    """Initial values near the middle of TVB's ranges: some models blow up from their edges."""
    return {v: [lo + 0.45 * (hi - lo), (lo + hi) / 2] for v, (lo, hi) in facts.ranges.items()}


#: At its own pace this model needs a shorter step than the others.
SLOWER = {"GastSchmidtKnosche_SF": {"tau": 10.0}}


@pytest.mark.slow
@pytest.mark.parametrize("name", facts().models)
def test_every_model_of_the_library(name):
    brain = random_brain()
    known = model_facts(name)
    entry = config(
        name,
        coupling={"Linear": {"a": 0.001}},
        monitors=["Raw"],
        variables_of_interest=list(known.observables),
        initial=calm(known),
        parameters=SLOWER.get(name, {}),
    )
    parameters = {k: np.array([v]) for k, v in SLOWER.get(name, {}).items()}
    simulator = plain(
        entry,
        brain,
        library.model_class(name)(variables_of_interest=known.observables, **parameters),
        coupling.Linear(a=np.array([0.001])),
        integrators.HeunDeterministic(dt=DT_MS),
        [library.monitors.Raw()],
        initial_state(entry, known, SEED, 9),
    )
    steps = 36
    expected = plain_run(simulator, steps)[0][1]
    pieces = Pieces(entry, brain, [range(4), range(4, 9)], clock(6, steps)).run()
    found = pieces.trajectories(known.observables, brain.labels, known.modes)
    np.testing.assert_array_equal(found, expected)
