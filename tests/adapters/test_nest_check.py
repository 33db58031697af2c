"""What only NEST itself knows is wrong, and where."""

import pytest
from nest_pieces import MemoryRecorder, clock, config, joined, play, spec
from test_nest_config import example

from cosim.errors import Problem
from cosim_nest import ENGINE


def problems(**edits) -> dict[tuple, Problem]:
    cfg = ENGINE.config_model().model_validate(example(**edits))
    found = list(ENGINE.check(cfg, ["thalamus"]))
    assert all(isinstance(p, Problem) for p in found)
    return {p.path: p for p in found}


def test_the_example_has_no_problem():
    assert problems() == {}


IN = ("network", "populations", "inhibitory")
PROJECTION = ("network", "projections", 0)
FINDINGS = [
    ("network__populations__inhibitory__model", "iaf_cond_exq", (*IN, "model"), "'iaf_cond_exp'"),
    ("network__populations__inhibitory__model", "poisson_generator", (*IN, "model"), "a neuron"),
    (
        "network__populations__inhibitory__parameters",
        {"Cm": 200.0},
        (*IN, "parameters", "Cm"),
        "did you mean 'C_m'?",
    ),
    (
        "network__populations__inhibitory__initial",
        {"Vm": -60.0},
        (*IN, "initial", "Vm"),
        "did you mean 'V_m'?",
    ),
    (
        "network__populations__inhibitory__parameters",
        {"V_th": -90.0},
        (*IN, "parameters"),
        "Reset potential must be smaller than threshold",
    ),
    (
        "network__projections__0__rule",
        {"pairwise_bernouli": {"p": 0.1}},
        (*PROJECTION, "rule"),
        "did you mean 'pairwise_bernoulli'?",
    ),
    (
        "network__projections__0__synapse",
        {"weight": 1.0, "delay": "1 ms", "model": "stdp_synaps"},
        (*PROJECTION, "synapse", "model"),
        "did you mean 'stdp_synapse'?",
    ),
    (
        "network__projections__0__synapse",
        {"weight": 1.0, "delay": "1 ms", "receptr_type": 1},
        (*PROJECTION, "synapse", "receptr_type"),
        "did you mean 'receptor_type'?",
    ),
    (
        "network__projections__0__synapse",
        {"weight": 1.0, "delay": "1 ms", "receptor_type": 7},
        (*PROJECTION, "synapse"),
        "Receptor type 7 is not available in iaf_cond_exp",
    ),
    (
        "network__devices__0__device",
        "poison_generator",
        ("network", "devices", 0, "device"),
        "did you mean 'poisson_generator'?",
    ),
    (
        "network__devices__0__parameters",
        {"rates": 3.0},
        ("network", "devices", 0, "parameters", "rates"),
        "did you mean 'rate'?",
    ),
    (
        "network__devices__0__parameters",
        {"rate": -3.0},
        ("network", "devices", 0, "parameters"),
        "NEST refuses them",
    ),
    (
        "receives__0__synapse",
        {"weight": 1.0, "model": "stdp_synaps"},
        ("receives", 0, "synapse", "model"),
        "did you mean 'stdp_synapse'?",
    ),
    (
        "receives__0__synapse",
        {"weight": 1.0, "rule": "one_to_on"},
        ("receives", 0, "synapse", "rule"),
        "did you mean 'one_to_one'?",
    ),
]


@pytest.mark.parametrize(("path", "value", "place", "message"), FINDINGS)
def test_what_nest_lacks_is_found_at_its_place(path, value, place, message):
    found = problems(**{path: value})
    assert message in found[place].text()


def test_a_model_that_needs_a_receptor_says_so():
    model = {"model": "iaf_psc_exp_multisynapse", "size": 20, "parameters": {"tau_syn": [2.0, 5.0]}}
    found = problems(network__populations__inhibitory=model)
    hints = {place: p.hint for place, p in found.items()}
    assert "receptor_type" in hints[(*PROJECTION, "synapse")]


def test_every_problem_is_found_in_one_go():
    one_each = [FINDINGS[k] for k in (2, 5, 7, 10, 13)]
    found = problems(**{path: value for path, value, _, _ in one_each})
    assert set(found) == {place for _, _, place, _ in one_each}


def test_a_list_of_one_value_for_each_neuron_is_no_problem():
    initial = {"V_m": [-60.0 + i / 10 for i in range(20)]}
    assert problems(network__populations__inhibitory__initial=initial) == {}


def test_checking_beside_a_running_simulator_leaves_it_alone():
    cfg = config(example()["network"])
    whole = play(spec(cfg, clock(0.7, 7.0), outputs=["excitatory"]))
    simulator = ENGINE.create(spec(cfg, clock(0.7, 7.0), outputs=["excitatory"]))
    when = clock(0.7, 7.0)
    spikes = []
    try:
        simulator.prepare(MemoryRecorder())
        for k in range(when.windows):
            assert list(ENGINE.check(cfg, [])) == []
            simulator.advance(when.at(k))
            spikes.append(simulator.emit("out/excitatory"))
    finally:
        simulator.finalize()
    assert joined(spikes) == joined(whole["out/excitatory"])
    assert len(joined(spikes)) > 0
