"""Networks of neurons that NEST lacks: loaded where they are named, explained where they lack."""

import pytest
from nest_pieces import MemoryRecorder, clock, config, joined, parrots, play, spec

from cosim.errors import UsageError
from cosim_nest import ENGINE
from cosim_nest.kernel import Kernel, load
from cosim_nest.models import eglif
from cosim_nest.models.cells import cell_parameters


@pytest.fixture
def compiled():
    if not eglif.available():
        pytest.importorskip("pynestml", reason="optional: NESTML is not installed")
    return eglif.build()


@pytest.fixture
def not_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def golgi(size=20, **parameters):
    """Return a network of Golgi cells that inhibit each other."""
    model, values = cell_parameters("golgi", "awake", "eglif")
    cells = {
        "model": model,
        "size": size,
        "parameters": {**values, **parameters},
        "initial": {"V_m": {"uniform": [-62.0, -55.0]}},
    }
    loop = {
        "from": "golgi",
        "to": "golgi",
        "rule": {"fixed_indegree": {"indegree": 5}},
        "synapse": {"weight": 0.1, "delay": "4 ms", "receptor_type": 2},
    }
    return {"populations": {"golgi": cells}, "projections": [loop]}


def test_a_network_of_such_neurons_is_legal_and_fires(compiled):
    cfg = config(golgi())
    assert list(ENGINE.check(cfg, ["cerebellum"])) == []
    (batches,) = play(spec(cfg, clock(4.0, 1000.0), outputs=["golgi"])).values()
    assert 20 * 5 < len(joined(batches)) < 20 * 20


def test_its_spikes_do_not_depend_on_the_window(compiled):
    cfg = config(golgi())
    once, often = (
        joined(play(spec(cfg, clock(window_ms, 400.0), outputs=["golgi"]))["out/golgi"])
        for window_ms in (400.0, 4.0)
    )
    assert len(once) > 50
    assert once == often


def test_it_survives_that_another_network_was_checked_and_run(compiled):
    for network in (golgi(), parrots(1), golgi()):
        cfg = config(network)
        assert list(ENGINE.check(cfg, ["cerebellum"])) == []
        play(spec(cfg, clock(4.0, 8.0)))


def test_wrong_parameters_are_found(compiled):
    (problem,) = ENGINE.check(config(golgi(k_adapt=1.0)), ["cerebellum"])
    assert problem.path == ("network", "populations", "golgi", "parameters", "k_adapt")
    assert "'k_adap'" in problem.text()


def test_a_receptor_must_be_chosen(compiled):
    network = golgi()
    del network["projections"][0]["synapse"]["receptor_type"]
    (problem,) = ENGINE.check(config(network), ["cerebellum"])
    assert "choose a receptor_type that eglif_fast_neuron has" in problem.text()


def test_the_check_says_that_it_is_not_compiled(not_compiled):
    (problem,) = ENGINE.check(config(golgi()), ["cerebellum"])
    assert problem.path == ("network", "populations", "golgi", "model")
    assert problem.message == "'eglif_fast_neuron' is not compiled for this NEST"
    assert problem.hint == "run 'cosim build-models' once on this machine"


@pytest.mark.parametrize("neuron", ["eglif", "stand_in", "auto"])
def test_the_check_says_that_a_builder_needs_it(not_compiled, neuron):
    network = {"builder": "cerebellar_circuit", "box": ["150 um", "130 um"], "neuron": neuron}
    found = list(ENGINE.check(config(network), ["cerebellum"]))
    assert [p.path for p in found] == [("network", "builder")] * (neuron == "eglif")
    assert all("run 'cosim build-models'" in p.text() for p in found)


def test_a_run_says_that_it_is_not_compiled(not_compiled):
    simulator = ENGINE.create(spec(config(golgi()), clock(4.0, 8.0)))
    try:
        with pytest.raises(UsageError, match="is not compiled for this NEST; run 'cosim build-mod"):
            simulator.prepare(MemoryRecorder())
    finally:
        simulator.finalize()


def test_a_check_beside_a_running_simulator_asks_nothing_of_its_kernel(compiled):
    kernel = Kernel("running", 0.1, 1, 1)
    try:
        assert list(ENGINE.check(config(golgi()), ["cerebellum"])) == []
        assert eglif.MODEL not in kernel.nest.node_models
    finally:
        kernel.close()


def test_it_is_loaded_once_into_every_kernel(compiled):
    nest = load()
    for _ in range(2):
        nest.ResetKernel()
        assert eglif.MODEL not in nest.node_models
        eglif.install_if_named(nest, {"parrot_neuron"})
        assert eglif.MODEL not in nest.node_models
        eglif.install(nest)
        eglif.install(nest)
        assert eglif.MODEL in nest.node_models
    nest.ResetKernel()


def test_a_damaged_module_is_named(not_compiled):
    path = eglif.SOURCE.compiled()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x7fELF, or what is left of it")
    nest = load()
    nest.ResetKernel()
    with pytest.raises(UsageError, match=r"(?s)NEST cannot load .*build-models --force"):
        eglif.install(nest)
    (problem,) = ENGINE.check(config(golgi()), ["cerebellum"])
    assert "not compiled" in problem.message
