"""Feedback inhibition control, against tvb-library's own equations of the model."""

import subprocess
import sys

import cerebellum_brain_pieces as pieces
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cosim.plan.build import open_case
from cosim_tvb.config import by_region
from cosim_tvb.cortex.balance import RATE_HZ, balance, gating_at, rate_hz
from cosim_tvb.cortex.scenario import MODEL, NotTunable, rewrite, tune
from cosim_tvb.facts import facts

DEFAULTS = {k: v[0] for k, v in facts().models[MODEL].parameters.items()}


def parameters(**changed):
    return {k: v for k, v in {**DEFAULTS, **changed}.items() if k != "J_i"}


def derivative(given, J_i, S_e, S_i, coupling):
    """Return the right-hand side of tvb-library's model."""
    from cosim_tvb import library

    own = {k: np.atleast_1d(np.asarray(v, float)) for k, v in {**given, "J_i": J_i}.items()}
    model = library.model_class(MODEL)(**own)
    model.configure()
    state = np.array([S_e, S_i])[..., np.newaxis]
    return model.dfun(state, np.array(coupling)[np.newaxis, :, np.newaxis])[..., 0]


def test_published_parameters_are_the_defaults():
    # Deco et al. 2014, tables; I_0 is 0.382 nA, J_NMDA 0.15 nA, w_plus 1.4.
    assert DEFAULTS == {
        "a_e": 310.0,
        "b_e": 125.0,
        "d_e": 0.16,
        "gamma_e": 0.641e-3,
        "tau_e": 100.0,
        "w_p": 1.4,
        "J_N": 0.15,
        "W_e": 1.0,
        "a_i": 615.0,
        "b_i": 177.0,
        "d_i": 0.087,
        "gamma_i": 1e-3,
        "tau_i": 10.0,
        "J_i": 1.0,
        "W_i": 0.7,
        "I_o": 0.382,
        "I_ext": 0.0,
        "G": 2.0,
        "lamda": 0.0,
    }


def test_the_rate_is_that_of_the_published_current():
    below_threshold_na = DEFAULTS["b_e"] / DEFAULTS["a_e"] - 0.026
    found = rate_hz(below_threshold_na, *(DEFAULTS[k] for k in ("a_e", "b_e", "d_e")))
    assert found == pytest.approx(RATE_HZ, rel=1e-3)


def test_rate_passes_its_removable_pole_smoothly():
    at_pole = 125.0 / 310.0
    rates = rate_hz(at_pole + np.array([-1e-7, 0.0, 1e-7]), 310.0, 125.0, 0.16)
    assert rates[1] == pytest.approx(1 / 0.16)
    assert (np.diff(rates) > 0).all()


@settings(deadline=None, max_examples=25)
@given(
    weights=arrays(float, (4, 4), elements=st.floats(0, 0.5)),
    drive=arrays(float, 4, elements=st.floats(0, 1)),
    G=st.floats(0, 2),
    lamda=st.floats(0, 1),
    W_e=arrays(float, 4, elements=st.floats(0.98, 1.1)),
    rate=st.floats(2.5, 10),
)
def test_every_region_rests_at_the_rate(weights, drive, G, lamda, W_e, rate):
    given_ = parameters(G=G, lamda=lamda, W_e=W_e)
    found = balance(given_, weights, drive, rate)
    coupling = weights @ found.S_e + drive
    at_rest = derivative(given_, found.J_i, found.S_e, found.S_i, coupling)
    np.testing.assert_allclose(at_rest, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.S_e, gating_at(rate, 0.641e-3, 100.0))
    current = 1.4 * 0.15 * found.S_e - found.J_i * found.S_i + W_e * 0.382 + G * 0.15 * coupling
    np.testing.assert_allclose(rate_hz(current, 310.0, 125.0, 0.16), rate, rtol=1e-8)


@pytest.mark.parametrize("coupling", [0.3, 3.0])
def test_growth_tells_whether_the_brain_stays(coupling):
    weights = coupling * (np.ones((5, 5)) - np.eye(5)) / 4
    given_ = parameters(G=1.0)
    found = balance(given_, weights)
    S_e, S_i = found.S_e + 1e-4, found.S_i.copy()
    for _ in range(800):
        slope = derivative(given_, found.J_i, S_e, S_i, weights @ S_e)
        S_e, S_i = S_e + 0.5 * slope[0], S_i + 0.5 * slope[1]
    grown = np.log((S_e - found.S_e).max() / 1e-4)
    assert np.sign(found.growth_per_ms) == np.sign(grown)
    if found.growth_per_ms < 0:
        assert grown == pytest.approx(400 * found.growth_per_ms, abs=0.5)


def test_a_rate_that_needs_no_inhibition_is_refused():
    with pytest.raises(ValueError, match="region 1 stays below"):
        balance(parameters(W_e=np.array([1.0, 0.5])), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="more than zero"):
        balance(parameters(), np.zeros((1, 1)), rate=0.0)


SHIPPED = [
    (pieces.BRAIN_76, "cortex", pieces.REST_76),
    (pieces.BRAIN_126, "cerebrum", pieces.REST_126),
]


@pytest.mark.parametrize(("path", "model", "rest"), SHIPPED, ids=["76", "126"])
def test_shipped_scenarios_hold_what_the_tool_finds(path, model, rest):
    case, _ = open_case(path)
    tuned = tune(case, rest=rest)
    assert tuned.model == model
    assert tuned.result.growth_per_ms < 0
    written = by_region(case.scenario.models[model].parameters["J_i"], tuned.labels, np.nan)
    np.testing.assert_allclose(written, tuned.result.J_i, atol=1e-5)
    assert rewrite(path.read_text(), tuned) == path.read_text()


def test_rewriting_touches_nothing_else():
    case, _ = open_case(pieces.BRAIN_76)
    tuned = tune(case, rate=4.0, rest=pieces.REST_76)
    old = pieces.BRAIN_76.read_text()
    new = rewrite(old, tuned)
    before, after = yaml.safe_load(old), yaml.safe_load(new)
    inhibition = after["models"]["cortex"]["parameters"].pop("J_i")
    assert inhibition == {
        "default": 1.0,
        **{k: round(float(v), 5) for k, v in zip(tuned.labels, tuned.result.J_i, strict=True)},
    }
    del before["models"]["cortex"]["parameters"]["J_i"]
    assert before == after
    assert [x for x in new.splitlines() if "#" in x] == [x for x in old.splitlines() if "#" in x]


def scenario(**more):
    model = {
        "engine": "tvb",
        "model": MODEL,
        "coupling": {"Linear": {"a": 0.014}},
        "integrator": {"HeunDeterministic": {"dt": "0.5 ms"}},
        **more,
    }
    return {
        "name": "tuned",
        "seed": 1,
        "duration": "10 ms",
        "brain": {"connectome": "tvb-data:connectivity_76.zip", "conduction_speed": "4 m/s"},
        "regions": [{"match": "rest", "as": "cortex"}],
        "models": {"cortex": model},
    }


@pytest.fixture
def written(tmp_path):
    def write(**more):
        path = tmp_path / "scenario.yaml"
        path.write_text(yaml.safe_dump(scenario(**more), sort_keys=False))
        return path

    return write


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"coupling": "HyperbolicTangent"}, "only Linear"),
        ({"model": "ReducedWongWang"}, "name the model"),
    ],
)
def test_what_cannot_be_tuned_is_said(more, message, written):
    with pytest.raises(NotTunable, match=message):
        tune(open_case(written(**more))[0])


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ({}, "hears CbNuc_L"),
        ({"CbNuc_*": "48 mm"}, "activity at rest of CbNuc"),
        ({"CbNux_*": "0.7"}, "matches no region"),
    ],
)
def test_foreign_activity_must_be_known(rest, message):
    with pytest.raises(NotTunable, match=message):
        tune(open_case(pieces.BRAIN_76)[0], rest=rest)


def test_a_rate_at_rest_is_gated():
    case, _ = open_case(pieces.BRAIN_76)
    one = tune(case, rest={"CbNuc_*": "48.6 Hz"})
    other = tune(case, rest={"CbNuc_*": str(float(gating_at(48.6, 0.641e-3, 100.0)))})
    np.testing.assert_allclose(one.result.J_i, other.result.J_i, rtol=1e-12)


def command(*arguments):
    argv = [sys.executable, "-m", "cosim_tvb.cortex", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_command_line_writes_the_scenario(written):
    path = written(parameters={"G": 1.0, "J_i": 1.0})
    done = command(path, "--write")
    assert done.returncode == 0, done.stderr
    assert "76 regions of 'cortex' rest at 3.063 spikes/s" in done.stderr
    found = open_case(path)[0].scenario.models["cortex"].parameters["J_i"]
    assert len(found) == 77
    shown = yaml.safe_load(command(path).stdout)
    assert shown == {"J_i": found}


def test_command_line_warns_of_a_brain_that_will_not_stay(written):
    done = command(written(parameters={"G": 4.0}))
    assert done.returncode == 0
    assert "lower G" in done.stderr


@pytest.mark.parametrize(
    ("parameters_", "message"),
    [({"G": 1.0}, "write 'J_i: 1.0'"), ({"J_i": {"default": 1.0}}, "one number or as {...}")],
)
def test_rewriting_says_what_it_cannot_replace(parameters_, message, written):
    path = written(parameters=parameters_)
    tuned = tune(open_case(path)[0])
    with pytest.raises(NotTunable, match=message):
        rewrite(path.read_text(), tuned)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rest", "rV1"], "--rest rV1: expected"),
        (["--model", "spiking"], "'spiking' is no entry"),
    ],
)
def test_command_line_explains_a_mistake(arguments, message, written):
    done = command(written(), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
