"""Single cells of the cerebellum: rates, resonance, conductances, noise; both neurons."""

from math import exp, pi

import numpy as np
import pytest

from cosim_nest.kernel import Kernel
from cosim_nest.models import eglif
from cosim_nest.models.cells import (
    STAND_IN,
    cell_parameters,
    cell_populations,
    start_values,
    table,
)
from cosim_nest.models.compare import CURRENTS_PA, kinds
from cosim_nest.models.compare import table as comparison
from cosim_nest.models.single import Cell, respond

STEPS_MS = (0.1, 0.25, 0.5)

#: Rates at rest of the published cells, spikes/s.
AT_REST = {
    ("granule", "vitro"): 0.0,
    ("golgi", "vitro"): 12.8,
    ("purkinje", "vitro"): 45.6,
    ("purkinje", "awake"): 83.2,
    ("basket", "vitro"): 9.51,
    ("dcn_p", "vitro"): 32.9,
    ("dcn_p", "awake"): 61.8,
    ("dcn_i", "vitro"): 14.1,
    ("inferior_olive", "vitro"): 0.0,
}
#: Rates over one second at added currents in pA, by an adaptive integrator.
AT_CURRENTS = {
    ("granule", "vitro"): {16: 70, 20: 86, 24: 102},
    ("golgi", "vitro"): {100: 28, 200: 40, 400: 60, 600: 79},
    ("purkinje", "vitro"): {500: 81, 1000: 115, 2400: 205},
    ("purkinje", "awake"): {500: 125, 1000: 163},
    ("basket", "vitro"): {12: 44, 24: 73, 36: 99},
    ("dcn_p", "vitro"): {142: 76, 284: 113, 426: 146},
    ("dcn_p", "awake"): {142: 111, 284: 149},
    ("dcn_i", "vitro"): {56: 35, 112: 50, 168: 63},
    ("inferior_olive", "vitro"): {400: 44},
}
#: Slopes of the published early f-I curves in spikes/s/pA, the least current of the line, and
#: the tolerance.
SLOPES = {
    ("granule", "vitro"): (3.70, 1.0, 0.05),
    ("golgi", "vitro"): (0.20, 1.0, 0.06),
    ("purkinje", "vitro"): (0.08, 1.0, 0.05),
    ("purkinje", "awake"): (0.095, 1.0, 0.07),
    ("basket", "vitro"): (2.16, 1.0, 0.06),
    ("dcn_p", "vitro"): (0.28, 0.0, 0.07),
    ("dcn_p", "awake"): (0.256, 1.0, 0.08),
    ("dcn_i", "vitro"): (0.42, 1.0, 0.10),  # published as 0.40 to 0.44
}
#: By how much the stand-in's rates may differ from E-GLIF's.
STAND_IN_TOLERANCE = {
    ("granule", "vitro"): 0.20,
    ("golgi", "vitro"): 0.11,
    ("purkinje", "vitro"): 0.05,
    ("purkinje", "awake"): 0.13,
    ("basket", "vitro"): 0.11,
    ("dcn_p", "vitro"): 0.05,
    ("dcn_p", "awake"): 0.13,
    ("dcn_i", "vitro"): 0.13,
    ("inferior_olive", "vitro"): 0.42,
}


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    if not eglif.available():
        pytest.importorskip("pynestml", reason="optional: NESTML is not installed")
        eglif.build()


def opened(step_ms):
    kernel = Kernel("cells", step_ms, 1, 3)
    eglif.install(kernel.nest)
    return kernel


@pytest.fixture
def kernel():
    opened_one = opened(0.1)
    yield opened_one
    opened_one.close()


@pytest.fixture(scope="module", params=STEPS_MS)
def measured(request):
    currents = {
        kind: sorted({*CURRENTS_PA[kind[0]], *map(float, AT_CURRENTS[kind])}) for kind in AT_REST
    }
    cells = {Cell(*kind, "eglif"): currents[kind] for kind in AT_REST}
    # The first intervals of this one scatter most.
    noisy = Cell("dcn_p", "awake", "eglif")
    responses = respond(cells, resolution_ms=request.param, count=60)
    responses |= respond({noisy: cells[noisy]}, resolution_ms=request.param, count=400)
    return {(cell.population, cell.state): response for cell, response in responses.items()}


@pytest.mark.parametrize("kind", AT_REST)
def test_cells_rest_at_the_published_rates(measured, kind):
    assert measured[kind].rest_hz == pytest.approx(AT_REST[kind], rel=0.05, abs=0.1)


@pytest.mark.parametrize("kind", AT_CURRENTS)
def test_cells_answer_currents_as_with_an_adaptive_integrator(measured, kind):
    response = measured[kind]
    rates = dict(zip(response.currents_pA, response.mean_hz, strict=True))
    found = {current: rates[current] for current in AT_CURRENTS[kind]}
    assert found == pytest.approx(AT_CURRENTS[kind], rel=0.05)


@pytest.mark.parametrize("kind", SLOPES)
def test_early_rates_rise_with_current_as_published(measured, kind):
    slope, least_pA, tolerance = SLOPES[kind]
    assert measured[kind].early_slope(least_pA) == pytest.approx(slope, rel=tolerance)


def test_the_stand_in_is_as_near_as_it_is_said_to_be():
    both = {**kinds("eglif"), **kinds("stand_in")}
    responses = respond(both, resolution_ms=0.1, count=6)
    for kind, tolerance in STAND_IN_TOLERANCE.items():
        own, other = responses[Cell(*kind, "eglif")], responses[Cell(*kind, "stand_in")]
        assert other.mean_hz == pytest.approx(own.mean_hz, rel=tolerance, abs=0.2), kind
    assert responses[Cell("inferior_olive", "vitro", "stand_in")].rest_hz == 0.0


def test_the_comparison_shows_every_kind_of_cell_at_every_current(monkeypatch):
    monkeypatch.setattr(
        "cosim_nest.models.compare.CURRENTS_PA", {"golgi": (200.0,), "purkinje": (500.0,)}
    )
    head, *rows = comparison(resolution_ms=0.5)
    assert "E-GLIF" in head
    assert "stand-in" in head
    assert [row.split()[:2] for row in rows[::2]] == [
        ["golgi", "vitro"], ["purkinje", "vitro"], ["purkinje", "awake"],
    ]  # fmt: skip
    assert all(row.endswith("%") for row in rows)


def resonance_hz(values):
    """Return the resonance of the linear part of a cell, from its equations."""
    trace = 1 / values["tau_m"] - values["k_2"]
    determinant = values["k_adap"] / values["C_m"] - values["k_2"] / values["tau_m"]
    return 1000 * (determinant - trace**2 / 4) ** 0.5 / (2 * pi)


def spikeless(population):
    model, values = cell_parameters(population, "vitro", "eglif")
    return model, {**values, "V_th": 1000.0}


@pytest.mark.parametrize("step_ms", [0.1, 0.5])
@pytest.mark.parametrize(("population", "published_hz"), [("granule", 6.0), ("golgi", 5.0)])
def test_granular_layer_cells_resonate_in_the_theta_band(population, published_hz, step_ms):
    frequencies = np.arange(1.0, 12.1, 0.5)
    kernel = opened(step_ms)
    try:
        nest, swings = kernel.nest, []
        model, values = spikeless(population)
        for hz in frequencies:
            cell = nest.Create(model, params=values)
            drive = nest.Create("ac_generator", params={"amplitude": 1.0, "frequency": hz})
            meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
            nest.Connect(drive, cell)
            nest.Connect(meter, cell)
            swings.append(meter)
        still = nest.Create(model, params=values)
        meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
        nest.Connect(meter, still)
        kernel.run(3000.0)
        own = meter.events["V_m"]
        driven = [np.std(m.events["V_m"] - own) for m in swings]
    finally:
        kernel.close()
    assert resonance_hz(values) == pytest.approx(published_hz, abs=0.1)
    assert frequencies[int(np.argmax(driven))] == pytest.approx(published_hz, abs=0.5)


@pytest.mark.parametrize("step_ms", STEPS_MS)
@pytest.mark.parametrize("population", ["granule", "inferior_olive"])
def test_undamped_cells_neither_gain_nor_lose_energy(population, step_ms):
    kernel = opened(step_ms)
    try:
        model, values = spikeless(population)
        cell = kernel.nest.Create(model, params=values)
        meter = kernel.nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
        kernel.nest.Connect(meter, cell)
        kernel.run(20_000.0)
        potential = meter.events["V_m"]
    finally:
        kernel.close()
    early, late = np.ptp(potential[:2000]), np.ptp(potential[-2000:])
    assert early > 5.0
    decay = exp((20_000.0 - 2000.0) / 2 * (1 / values["tau_m"] - values["k_2"]))
    assert late / early == pytest.approx(decay, rel=0.02)
    crossings = np.flatnonzero(np.diff(np.sign(potential - potential.mean())) > 0)
    period_ms = np.diff(crossings).mean()
    assert 1000 / period_ms == pytest.approx(resonance_hz(values), rel=0.02)


@pytest.mark.parametrize("step_ms", STEPS_MS)
def test_granule_and_olivary_cells_are_silent_by_themselves(step_ms):
    kernel = opened(step_ms)
    try:
        nest = kernel.nest
        recorder = nest.Create("spike_recorder")
        for population in ("granule", "inferior_olive"):
            model, values = cell_parameters(population, "awake", "eglif")
            start = start_values(nest, population, "eglif")
            cells = nest.Create(model, 20, {**values, **start})
            nest.Connect(cells, recorder)
        kernel.run(12_000.0)
        assert recorder.n_events == 0
    finally:
        kernel.close()


@pytest.mark.parametrize("population", cell_populations())
def test_cells_are_refractory_and_reset_as_given(kernel, population):
    nest = kernel.nest
    model, values = cell_parameters(population, "awake", "eglif")
    cell = nest.Create(model, params={**values, "I_e": values["I_e"] + 40.0 * values["C_m"]})
    names = ["V_m", "I_dep", "I_adap"]
    meter = nest.Create("multimeter", params={"record_from": names, "interval": 0.1})
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    nest.Connect(meter, cell)
    nest.Connect(cell, recorder)
    kernel.run(300.0)
    spikes = recorder.events["times"].astype(int)
    rest_steps = round(values["t_ref"] / 0.1)
    assert len(spikes) > 20
    assert np.diff(spikes).min() > rest_steps
    assert np.diff(spikes).min() <= rest_steps + 10
    recorded = {name: meter.events[name] for name in names}
    at = spikes[spikes < 2900] - 1  # the first recorded value is that of step 1
    for later in range(rest_steps + 1):
        assert (recorded["V_m"][at + later] == values["V_reset"]).all()
    assert (recorded["I_dep"][at] == values["A1"]).all()
    jump = recorded["I_adap"][at] - recorded["I_adap"][at - 1] * exp(-values["k_2"] * 0.1)
    drift = values["k_adap"] * 0.1 * (abs(values["V_th"] - values["E_L"]) + 100.0)
    assert jump == pytest.approx(values["A2"], abs=drift)


@pytest.mark.parametrize("population", cell_populations())
def test_conductances_are_alpha_functions_with_the_weight_as_peak(kernel, population):
    nest = kernel.nest
    model, values = cell_parameters(population, "awake", "eglif")
    cell = nest.Create(model, params={**values, "V_th": 1000.0})
    source = nest.Create("spike_generator", params={"spike_times": [10.0]})
    names = ["g1", "g2", "g3"]
    weights_nS = {"g1": 0.23, "g2": 0.8, "g3": 1.6}
    meter = nest.Create("multimeter", params={"record_from": names, "interval": 0.1})
    nest.Connect(meter, cell)
    for receptor, weight_nS in enumerate(weights_nS.values(), 1):
        late_ms = 2.0 * receptor
        nest.Connect(source, cell, syn_spec={
            "receptor_type": receptor, "weight": weight_nS, "delay": late_ms,
        })  # fmt: skip
    kernel.run(100.0)
    for receptor, (name, weight_nS) in enumerate(weights_nS.items(), 1):
        tau_ms = values[f"tau_syn{receptor}"]
        since_ms = meter.events["times"] - 10.0 - 2.0 * receptor
        alpha = np.where(since_ms > 0, since_ms / tau_ms * np.exp(1 - since_ms / tau_ms), 0.0)
        assert meter.events[name] == pytest.approx(weight_nS * alpha, abs=1e-9)


@pytest.mark.parametrize("neuron", ["eglif", "stand_in"])
def test_receptors_one_and_three_excite_and_two_inhibits(kernel, neuron):
    nest = kernel.nest
    source = nest.Create("spike_generator", params={"spike_times": [10.0]})
    meters = {}
    for receptor in (1, 2, 3, None):
        model, values = cell_parameters("golgi", "awake", neuron)
        cell = nest.Create(model, params=values)
        meters[receptor] = nest.Create("multimeter", params={"record_from": ["V_m"]})
        nest.Connect(meters[receptor], cell)
        if receptor:
            nest.Connect(source, cell, syn_spec={"receptor_type": receptor, "weight": 1.0})
    kernel.run(15.0)
    last = {receptor: meter.events["V_m"][-1] for receptor, meter in meters.items()}
    assert last[2] < last[None] < min(last[1], last[3])


@pytest.mark.parametrize("receptor", [0, 4])
@pytest.mark.parametrize("neuron", ["eglif", "stand_in"])
def test_other_receptors_are_refused(kernel, neuron, receptor):
    nest = kernel.nest
    model, values = cell_parameters("golgi", "awake", neuron)
    cell, source = nest.Create(model, params=values), nest.Create("spike_generator")
    with pytest.raises(nest.NESTError, match="Receptor"):
        nest.Connect(source, cell, syn_spec={"receptor_type": receptor, "weight": 1.0})


@pytest.mark.parametrize("above_mV", [-2.0, 1.0])
@pytest.mark.parametrize("step_ms", [0.1, 0.5])
def test_a_cell_held_at_a_potential_escapes_at_the_rate_of_that_potential(step_ms, above_mV):
    kernel = opened(step_ms)
    try:
        held = {"V_m": -50.0, "E_L": -50.0, "V_reset": -50.0, "V_th": -50.0 - above_mV}
        still = {"I_e": 0.0, "A1": 0.0, "A2": 0.0, "k_adap": 0.0, "t_ref": 0.0}
        noise = {"lambda_0": 0.05, "tau_V": 1.0}
        cells = kernel.nest.Create(eglif.MODEL, 200, {**held, **still, **noise})
        recorder = kernel.nest.Create("spike_recorder")
        kernel.nest.Connect(cells, recorder)
        kernel.run(5000.0)
        spikes = recorder.n_events
    finally:
        kernel.close()
    chance = 1 - exp(-0.05 * exp(above_mV) * step_ms)
    expected = 200 * 5000.0 / step_ms * chance
    assert spikes == pytest.approx(expected, abs=4 * expected**0.5)


def test_every_number_has_a_source():
    sources, provenance = table()["sources"], table()["provenance"]
    cited = {source for part in provenance.values() for source in part.values()}
    assert cited == set(sources)
    for name, cell in table()["cells"].items():
        states = [cell, cell.get("awake", {})]
        for part in ("eglif", "stand_in"):
            given = {key for state in states for key in state.get(part, {})}
            missing = [k for k in given if not {k, f"{name}.{k}"} & provenance[part].keys()]
            assert not missing, name
        assert cell.get("start", {}).keys() <= provenance["start"].keys()
        assert len(cell["tau_syn"]) == len(table()["E_rev"]) == 3


def test_parameters_are_complete_and_their_own():
    for population in cell_populations():
        for state in ("awake", "vitro"):
            model, values = cell_parameters(population, state, "eglif")
            assert model == eglif.MODEL
            assert len(values) == 21
            assert values["E_L"] < values["V_th"]
            model, values = cell_parameters(population, state, "stand_in")
            assert model == STAND_IN
            assert values["V_peak"] > values["V_th"]
            values["E_rev"].append(1.0)
            assert cell_parameters(population, state, "stand_in")[1]["E_rev"] == [0.0, -80.0, 0.0]


def test_a_cell_starts_at_rest_or_anywhere_below_threshold(kernel):
    nest = kernel.nest
    for population in cell_populations():
        model, values = cell_parameters(population, "awake", "eglif")
        cells = nest.Create(model, 50, {**values, **start_values(nest, population, "eglif")})
        assert len(set(cells.V_m)) == 50
        assert max(cells.V_m) < values["V_th"]
        assert "I_adap" not in start_values(nest, population, "stand_in")
    olive = cell_parameters("inferior_olive", "awake", "eglif")[1]
    cells = nest.Create(eglif.MODEL, 1, {**olive, "V_th": 1000.0, "I_adap": -95.756})
    cells.V_m = -49.5196
    kernel.run(100.0)
    assert cells.V_m == pytest.approx(-49.5196, abs=1e-3)
    assert cells.I_adap == pytest.approx(-95.756, abs=1e-2)


def test_awake_differs_where_it_should():
    changed = {
        population
        for population in cell_populations()
        if cell_parameters(population, "awake", "eglif")
        != cell_parameters(population, "vitro", "eglif")
    }
    assert changed == {"purkinje", "dcn_p"}


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (("martinotti", "awake", "eglif"), KeyError),
        (("golgi", "asleep", "eglif"), ValueError),
        (("golgi", "awake", "izhikevich"), ValueError),
    ],
)
def test_unknown_cells_states_and_neurons_are_refused(asked, error):
    with pytest.raises(error, match=r"martinotti|asleep|izhikevich"):
        cell_parameters(*asked)
