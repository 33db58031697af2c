"""A stimulus is a parameter of tvb-library that somebody switches by hand, bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tvb_pieces import DT_MS, SEED, Pieces, clock, config, plain, random_brain

from cosim_tvb import library
from cosim_tvb.build import initial_state
from cosim_tvb.facts import facts, model_facts
from cosim_tvb.library import coupling, integrators

STEPS = 60
BRAIN = random_brain()
REGIONS = len(BRAIN.labels)
RAW = [{"Raw": {}}]

#: By model: its coupling, a parameter, by how much it is raised.
MODELS = {
    "ReducedWongWang": ({"Linear": {"a": 0.0155}}, "I_o", 0.05),
    "ReducedWongWangExcInh": ({"Linear": {"a": 0.01}}, "I_o", 0.1),
    "Generic2dOscillator": ({"Linear": {"a": 0.01}}, "I", 0.7),
    "JansenRit": ({"SigmoidalJansenRit": {}}, "mu", 0.1),
    "MontbrioPazoRoxin": ({"Linear": {"a": 0.01}}, "eta", 1.0),
    "ReducedSetFitzHughNagumo": ({"Linear": {"a": 0.01}}, "tau", 0.5),
    "ZetterbergJansen": ({"Linear": {"a": 0.01}}, "ke", 0.02),
    "KIonEx": ({"Linear": {"a": 0.01}}, "Cm", 0.5),
    "CerebellarMeanField": ({"Linear": {"a": 0.01}}, "mf_background", 0.04),
    "CerebellarNuclei": ({"Linear": {"a": 0.01}}, "mf_background", 0.04),
}
#: States from which these models do not run away at the step of the tests.
INITIAL = {
    "ReducedSetFitzHughNagumo": {
        "xi": [-0.5, 0.5], "eta": [-0.5, 0.5], "alpha": 0.1, "beta": 0.1,
    },
    "KIonEx": {"x": [0.01, 0.05], "V": [-75, -65], "n": 0.1, "DKi": -0.1, "Kg": 0.1},
}


def model_class(name):
    if name in facts().models:
        return library.model_class(name)
    import cosim_tvb.cerebellum.mean_field as cortex
    import cosim_tvb.cerebellum.nuclei as nuclei

    return getattr(cortex, name, None) or getattr(nuclei, name)


def stimulus(regions, parameter, add, first, end):
    times = {"start": f"{first * DT_MS:.1f} ms", "stop": f"{end * DT_MS:.1f} ms"}
    return {"regions": regions, "parameter": parameter, "add": add, **times}


def entry(model, stimuli, **more):
    more = {"integrator": "HeunDeterministic", "initial": INITIAL.get(model, {}), **more}
    known = model_facts(model)
    watched = [v for v in known.state_variables if v in known.observables]
    given = {"coupling": MODELS[model][0], "monitors": RAW, "variables_of_interest": watched}
    return config(model, stimuli=stimuli, **given, **more)


def trajectories(given, parts=None, steps=STEPS, window=6):
    pieces = Pieces(given, BRAIN, parts or [range(REGIONS)], clock(window, steps)).run()
    variables = given.variables_of_interest
    return pieces.trajectories(variables, BRAIN.labels, model_facts(given.model).modes)[:steps]


def by_hand(given, switches, steps=STEPS):
    """Integrate with tvb-library alone; before a step, set the parameters that `switches` has.

    Each of these is an array over regions.
    """
    model = model_class(given.model)(variables_of_interest=given.variables_of_interest)
    (kind, parameters), = [(given.coupling.name, given.coupling.parameters)]
    built = getattr(coupling, kind)(**{k: np.array([v]) for k, v in parameters.items()})
    scheme = getattr(integrators, given.integrator.name)(dt=DT_MS)
    initial = initial_state(given, model_facts(given.model), SEED, REGIONS)
    sim = plain(given, BRAIN, model, built, scheme, (), initial)
    states = []
    with np.errstate(over="ignore"):
        for step in range(steps):
            for name, values in switches.get(step, {}).items():
                setattr(sim.model, name, values.reshape(sim.model.spatial_param_reshape))
                sim.model.update_derived_parameters()
            node_coupling = sim._loop_compute_node_coupling(step + 1)
            state = sim.integrate_next_step(
                sim.current_state, sim.model, node_coupling, 0.0, 0.0
            )
            sim._loop_update_history(step + 1, state)
            sim.current_state = state
            states.append(sim.model.observe(state))
    return np.array(states)


def default(model, parameter):
    return np.full(REGIONS, model_facts(model).parameters[parameter][0])


@pytest.mark.parametrize("model", MODELS)
def test_equals_a_parameter_that_is_switched_by_hand(model):
    _, parameter, add = MODELS[model]
    hit = [1, 4, 6]
    given = entry(model, [stimulus([BRAIN.labels[i] for i in hit], parameter, add, 17, 41)])
    rest = default(model, parameter)
    raised = rest.copy()
    raised[hit] += add
    expected = by_hand(given, {17: {parameter: raised}, 41: {parameter: rest}})
    found = trajectories(given)
    assert np.array_equal(found, expected)
    resting = by_hand(given, {})
    assert np.array_equal(found[:17], resting[:17])
    assert (found[17][:, hit] != resting[17][:, hit]).any(axis=(0, 2)).all()
    others = np.setdiff1d(np.arange(REGIONS), hit)
    assert np.array_equal(found[17][:, others], resting[17][:, others])


@pytest.mark.parametrize("model", MODELS)
def test_of_nothing_changes_no_bit(model):
    _, parameter, add = MODELS[model]
    cancelling = [stimulus("*", parameter, a, 10, 30) for a in (add, -add)]
    zero = [stimulus("l*", parameter, 0, 10, 30)]
    expected = trajectories(entry(model, []))
    assert np.array_equal(trajectories(entry(model, zero)), expected)
    assert np.array_equal(trajectories(entry(model, cancelling)), expected)


def test_those_that_overlap_add_up():
    model, rest = "ReducedWongWang", default("ReducedWongWang", "I_o")
    stimuli = [
        stimulus("l*", "I_o", 0.05, 5, 30),
        stimulus([BRAIN.labels[0], "l*", BRAIN.labels[1]], "I_o", -0.02, 20, 50),
        stimulus("*", "w", 0.1, 20, 60),
    ]
    left = np.array([label[0] == "l" for label in BRAIN.labels])
    second = left.copy()
    second[[0, 1]] = True
    offsets = {5: 0.05 * left, 20: 0.05 * left - 0.02 * second, 30: -0.02 * second, 50: 0.0 * rest}
    switches = {step: {"I_o": rest + offset} for step, offset in offsets.items()}
    switches[20]["w"] = default(model, "w") + 0.1
    given = entry(model, stimuli)
    assert np.array_equal(trajectories(given), by_hand(given, switches))


def test_adds_to_numbers_that_differ_between_regions():
    given = entry(
        "ReducedWongWang", [stimulus("r*", "I_o", 0.05, 12, 48)],
        parameters={"I_o": {"default": 0.3, BRAIN.labels[3]: 0.35}},
    )
    rest = np.full(REGIONS, 0.3)
    rest[3] = 0.35
    raised = rest + 0.05 * np.array([label[0] == "r" for label in BRAIN.labels])
    expected = by_hand(given, {0: {"I_o": rest}, 12: {"I_o": raised}, 48: {"I_o": rest}})
    assert np.array_equal(trajectories(given), expected)


NOISY = {"integrator": "HeunStochastic", "integration": {"nsig": 1e-4}}
WHOLE = {
    end: trajectories(
        entry("ReducedWongWang", [stimulus("*[0-5]", "I_o", 0.05, 11, end)], **NOISY), window=1
    )
    for end in (12, 37)
}


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    owners=st.lists(st.integers(0, 2), min_size=REGIONS, max_size=REGIONS),
    window=st.sampled_from([1, 2, 5, 10]),
    end=st.sampled_from([12, 37]),
)
def test_neither_windows_nor_pieces_matter(owners, window, end):
    parts = [[i for i, o in enumerate(owners) if o == k] for k in range(3)]
    given = entry("ReducedWongWang", [stimulus("*[0-5]", "I_o", 0.05, 11, end)], **NOISY)
    found = trajectories(given, [part for part in parts if part], window=window)
    assert np.array_equal(found, WHOLE[end])


def test_the_activity_moves_to_its_new_level_and_back():
    """Of nuclei without input the levels are known: DCNp = r_p + 0.6 f_mf, T = 3.5 ms."""
    given = entry("CerebellarNuclei", [stimulus("l*", "mf_background", 0.04, 500, 1000)])
    found = trajectories(given, steps=1500, window=20)
    left = np.array([label[0] == "l" for label in BRAIN.labels])
    rest, raised = 0.0608 + 0.6 * 0.004, 0.0608 + 0.6 * 0.044
    assert found[499, 0, :, 0] == pytest.approx(np.full(REGIONS, rest), rel=1e-5)
    assert found[999, 0, left, 0] == pytest.approx(np.full(left.sum(), raised), rel=1e-5)
    assert found[999, 0, ~left, 0] == pytest.approx(np.full((~left).sum(), rest), rel=1e-5)
    assert found[1499, 0, :, 0] == pytest.approx(np.full(REGIONS, rest), rel=1e-5)
    # Heun's method in between, whose factor by step is 1 - h + h^2/2 with h = dt/T.
    factor = 1 - DT_MS / 3.5 + (DT_MS / 3.5) ** 2 / 2
    rising = raised + (found[499, 0, left, 0] - raised) * factor**30
    assert found[529, 0, left, 0] == pytest.approx(rising, rel=1e-9)
