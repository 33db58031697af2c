"""The compiled loop computes what tvb-library's loop computes, however the run is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tvb_split import calm, parts_of, shortest_border
from tvb_pieces import SEED, STEP, Pieces, clock, config, random_brain

from cosim.simulator import SimulatorSpec
from cosim_tvb import ENGINE
from cosim_tvb.compiled.edges import best_block
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
    """Whether the coupling takes the model's variables and gives all the inputs that it reads."""
    variables = len(model_facts(model).coupling_variables)
    known = facts().couplings[coupling]
    if variables < known.inputs:
        return False
    return known.given(variables) == variables or model in ("JansenRit", "WilsonCowan")


PAIRS = [(m, c) for m in MODELS for c in COUPLINGS if fits(m, c)]


def entry_of(model, coupling, integrator="HeunDeterministic", **more):
    known = model_facts(model)
    cerebellar = model.startswith("Cerebellar")
    strength = STRENGTH.get(model, 1e-3)
    integration = {}
    if "Stochastic" in integrator:
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
        if integrator == "HeunDeterministic":
            assert found < difference(whole(entry, alone), expected) / 100
