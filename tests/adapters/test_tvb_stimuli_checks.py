"""What may be a stimulus of a mean field, and what is found wrong with one."""

import numpy as np
import pytest

from cosim.clock import Clock
from cosim.errors import UsageError
from cosim.simulator import Brain, RunChecker, SimulatorSpec, engines
from cosim_tvb import ENGINE, library
from cosim_tvb import facts as module
from cosim_tvb.check_stimuli import SHARED
from cosim_tvb.facts import facts, model_facts

LABELS = ("lV1", "lV2", "rV1", "rV2", "rA1")
WHEN = {"start": "10 ms", "stop": "20 ms"}


def config(model="ReducedWongWang", **stimulus):
    pulse = {"regions": "rV1", "parameter": "I_o", "add": 0.1, **WHEN, **stimulus}
    return ENGINE.config_model().model_validate(
        {
            "engine": "tvb",
            "model": model,
            "integrator": {"EulerDeterministic": {"dt": "0.1 ms"}},
            "stimuli": [pulse],
        }
    )


def only(found):
    problems = list(found)
    assert len(problems) == 1, [p.text() for p in problems]
    return problems[0]


@pytest.mark.parametrize(
    ("model", "parameter", "says"),
    [
        ("CerebellarMeanField", "E_syn", "E_syn is a list of"),
        ("Epileptor", "modification", "modification is a switch"),
        ("Hopfield", "dynamic", "dynamic is a whole number"),
        ("EpileptorCodim3", "mu1_start", "is the same in all regions"),
        ("ReducedSetHindmarshRose", "sigma", "is the same in all regions"),
    ],
)
def test_parameters_that_no_stimulus_can_change(model, parameter, says):
    problem = only(ENGINE.check(config(model, parameter=parameter), LABELS))
    assert problem.path == ("stimuli", 0, "parameter")
    assert says in problem.message
    assert problem.expected


@pytest.mark.parametrize(
    ("model", "parameter"), [("KIonEx", "Cm"), ("CerebellarNuclei", "mf_background")]
)
def test_parameters_that_a_stimulus_can_change(model, parameter):
    assert list(ENGINE.check(config(model, parameter=parameter), LABELS)) == []


def test_a_number_may_be_written_as_yaml_reads_no_number():
    assert config(add="1e-3").stimuli[0].add == 1e-3


def test_a_pattern_means_what_the_model_simulates():
    assert isinstance(engines()["tvb"], RunChecker)
    ours = config(regions=["?V1", "r*"])
    assert list(ENGINE.check_run(ours, LABELS, [0, 2], 20.0)) == []
    problem = only(ENGINE.check_run(ours, LABELS, [0, 1], 20.0))
    assert problem.path == ("stimuli", 0, "regions", 1)
    assert problem.text() == (
        "this model simulates no region that 'r*' matches; expected some of lV1, lV2"
    )


@pytest.mark.parametrize(("end_ms", "key"), [(10.0, "start"), (19.9, "stop"), (20.0, None)])
def test_the_run_must_reach_its_end(end_ms, key):
    found = list(ENGINE.check_run(config(), LABELS, [2], end_ms))
    assert [p.path for p in found] == ([("stimuli", 0, key)] if key else [])


def derivative(model, name, value, state, coupling):
    setattr(model, name, value)
    model.update_derived_parameters()
    with np.errstate(all="ignore"):
        return np.array(model.dfun(state.copy(), coupling.copy(), 0.0))


def differs_by_region(cls, name):
    """Tell whether each region follows its own number of a parameter, and no other's."""
    model = cls()
    model.configure()
    rng = np.random.default_rng(1)
    regions, raised = 5, [1, 3]
    ranges = [np.clip(model.state_variable_range[v], -1e3, 1e3) for v in model.state_variables]
    state = np.array([rng.uniform(*r, (regions, model.number_of_modes)) for r in ranges])
    state = state[model.state_variable_mask]
    coupling = rng.uniform(0.1, 0.3, (len(model.cvar), regions, model.number_of_modes))
    low = np.ravel(getattr(model, name)).astype(float)
    high = low * 1.01 if low[0] else low + 0.01
    mixed = np.full(regions, low[0])
    mixed[raised] = high[0]
    expected, everywhere = (derivative(model, name, v, state, coupling) for v in (low, high))
    expected[:, raised] = everywhere[:, raised]
    try:
        found = derivative(
            model, name, mixed.reshape(model.spatial_param_reshape), state, coupling
        )
    except ValueError:
        return False
    return np.array_equal(found, expected, equal_nan=True)


#: Compiling these takes minutes; what a stimulus does to them is tried when they are built.
SLOW = ("ZerlautAdaptationFirstOrder", "ZerlautAdaptationSecondOrder")


@pytest.mark.parametrize("model", [m for m in facts().models if m not in SLOW])
def test_every_other_parameter_of_tvb_follows_its_region(model):
    """The end points of the codimension-3 models only matter in states that are not tried."""
    cls = library.model_class(model)
    numbers = [
        name for name, default in model_facts(model).parameters.items()
        if len(default) == 1 and type(default[0]) is float
    ]
    wrong = {name for name in numbers if not differs_by_region(cls, name)}
    shared = set(SHARED.get(model, ()))
    assert wrong <= shared
    assert {n for n in shared - wrong if "end" not in n} == set()


class Registered:
    """An entry point of a model that computes something once, from its first region."""

    name = "Once"
    value = "elsewhere:Once"

    def load(self):
        class Once(library.models.Linear):
            """A model that does not come with tvb-library."""

            def dfun(self, state, coupling, local_coupling=0.0):
                return np.ravel(self.gamma)[0] * state + coupling

        return Once


def test_a_third_partys_model_is_tried(monkeypatch):
    monkeypatch.setattr(
        module, "providers",
        lambda group: {"Once": Registered()} if group == "cosim_tvb.models" else {},
    )
    for cached in (module.third_party_models, module.model_facts):
        cached.cache_clear()
    nothing = np.zeros((5, 5))
    brain = Brain(LABELS, nothing, nothing, np.zeros((5, 3)), 3.0)

    def create(**stimulus):
        given = config("Once", parameter="gamma", **stimulus)
        assert list(ENGINE.check(given, LABELS)) == []
        spec = SimulatorSpec(
            "s", "m", given, tuple(range(5)), brain, Clock(100_000, 1, 300), 0, (), (), {}
        )
        return ENGINE.create(spec)

    try:
        with pytest.raises(UsageError, match="a stimulus cannot change gamma of Once"):
            create()
        create(add=0)  # changes nothing, so nothing is tried
    finally:
        for cached in (module.third_party_models, module.model_facts):
            cached.cache_clear()
