"""Compiled equations and couplings are those of tvb-library, at any state and parameters."""

from importlib.metadata import version

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compiled import PAIRS, coupled

from cosim_tvb import library
from cosim_tvb.compiled.loop import CompiledLoop
from cosim_tvb.compiled.native import kernel, sources
from cosim_tvb.compiled.support import KERNEL, MODELS
from cosim_tvb.facts import third_party_models

REGIONS = 5
DT_MS = 0.1
#: Second derivatives by differences of 1e-7 kHz turn the last bit of `erfc` into 1e-6 of a value.
ROUNDING = {"ZerlautAdaptationSecondOrder": 1e-4}


def model_of(name, rng=None):
    """A model, with every number that may differ between regions doing so by up to a tenth."""
    if name in third_party_models():
        cls = third_party_models()[name].load()
    else:
        cls = library.model_class(name)
    spread = {}
    names = type_parameters(name, cls)
    for n in names if rng is not None else ():
        default = np.asarray(getattr(cls, n).default, float)
        if default.size == 1 and getattr(cls, n).dtype == np.float64 and default[0] != 0.0:
            spread[n] = default * rng.uniform(0.95, 1.05, REGIONS)
    return cls(**spread)


def type_parameters(name, cls):
    single = MODELS[name].parameters.split()
    # The cerebellum takes these as one number for all regions.
    shared = {"tau_syn", "E_syn", "g_L", "C_m", "E_L", "alpha", "N"} if "Cereb" in name else set()
    return [n for n in (single or cls.declarative_attrs) if is_number(cls, n) and n not in shared]


def is_number(cls, name):
    return isinstance(getattr(getattr(cls, name), "default", None), np.ndarray)


def simulator(model, coupling, seed=0):
    """A configured simulator of TVB with a past that changes."""
    rng = np.random.default_rng(seed)
    shape = (REGIONS, REGIONS)
    connectivity = library.Connectivity(
        weights=rng.uniform(0.1, 1.0, shape) * (rng.uniform(size=shape) < 0.7),
        tract_lengths=rng.uniform(0.0, 6.0, shape),
        centres=np.zeros((REGIONS, 3)),
        region_labels=np.array([f"r{i}" for i in range(REGIONS)]),
        speed=np.array([3.0]),
    )
    connectivity.configure()
    connectivity.set_idelays(DT_MS)
    past = np.array(
        [
            rng.uniform(lo, hi, (connectivity.horizon, REGIONS, 1))
            for lo, hi in (model.state_variable_range[v] for v in model.state_variables)
        ]
    )
    built = library.Simulator(
        model=model,
        coupling=coupling,
        integrator=library.integrators.EulerDeterministic(dt=DT_MS),
        connectivity=connectivity,
        conduction_speed=3.0,
        monitors=(),
        initial_conditions=np.moveaxis(past, 0, 1),
    )
    built.configure()
    return built


def one_step(built):
    """Input and derivative of a step, from the compiled loop."""
    nobody, before = np.empty(0, np.int64), built.current_state.copy()
    loop = CompiledLoop(
        built, built.connectivity.weights, nobody, np.empty((len(before), 0, 1))
    )
    after, inputs = np.empty((1, *before.shape)), np.empty((1, loop.inputs, REGIONS, 1))
    loop.advance(after, inputs)
    return inputs[0], after[0]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize("name", MODELS)
def test_a_step_is_what_the_model_says(name, seed):
    rng = np.random.default_rng(seed)
    built = simulator(model_of(name, rng), library.coupling.Linear(a=np.array([0.01])), seed)
    before, step = built.current_state.copy(), built.current_step + 1
    inputs, after = one_step(built)
    with np.errstate(all="ignore"):
        expected = built.integrator.integrate(before, built.model, inputs, 0.0, 0.0)
    assert built.current_step == step
    if MODELS[name].source == KERNEL:
        np.testing.assert_array_equal(after, expected)
    scale = np.abs(expected).max(axis=(1, 2), keepdims=True)
    error = np.abs(after - expected) / np.where(scale > 0, scale, 1.0)
    assert error.max() <= ROUNDING.get(name, 1e-12)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize("name", sorted({c for _, c in PAIRS}))
def test_a_coupling_is_what_it_says(name, seed):
    made = {k: np.array([v]) for k, v in coupled(name, 0.1).items()}
    model = model_of("JansenRit")
    expected = simulator(model, getattr(library.coupling, name)(**made), seed)
    inputs, _ = one_step(simulator(model, getattr(library.coupling, name)(**made), seed))
    theirs = expected.coupling(expected.current_step + 1, expected.history)
    assert inputs.shape == theirs.shape
    assert np.ptp(theirs) > 0
    # TVB adds in single precision, and the largest summand sets what is lost.
    sums = np.abs(expected.history.buffer).max() * expected.connectivity.weights.sum(1).max()
    np.testing.assert_allclose(inputs, theirs, rtol=3e-7, atol=3e-7 * 0.1 * (1 + sums))


def test_a_coupling_sums_over_sources_and_not_over_targets():
    built = simulator(model_of("Linear"), library.coupling.Linear(a=np.array([1.0])))
    right, _ = one_step(built)
    turned = simulator(model_of("Linear"), library.coupling.Linear(a=np.array([1.0])))
    turned.connectivity.weights = turned.connectivity.weights.T.copy()
    wrong, _ = one_step(turned)
    assert np.abs(right - wrong).max() > 1e-2


def test_a_kernel_that_cannot_be_kept_on_disk_is_compiled_all_the_same():
    space = {}
    exec("def double(x, y):\n    y[0] = 2.0 * x[0]\n", space)  # Numba finds no place for it
    doubled = np.zeros(1)
    kernel(space["double"])(np.ones(1), doubled)
    assert doubled[0] == 2.0


@pytest.mark.parametrize("package", ["compiled", "cerebellum"])
def test_a_kernel_kept_on_disk_is_not_used_for_other_source(package, tmp_path):
    names = []
    for i, text in enumerate(("a = 1\n", "a = 2\n", "a = 1\n")):
        folder = tmp_path / str(i)
        (folder / package).mkdir(parents=True)
        (folder / package / "part.py").write_text(text)
        names.append(sources(folder))
    assert names[0] == names[2] != names[1]
    assert all(f"tvb-{version('tvb-library')}-" in name for name in names)
