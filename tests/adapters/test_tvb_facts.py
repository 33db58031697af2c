"""The table of what tvb-library offers tells the truth about the one that is installed."""

import json
import logging
import os
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

from cosim.clock import Clock
from cosim.ports import StateOut
from cosim.simulator import Brain, SimulatorSpec
from cosim_tvb import ENGINE, library
from cosim_tvb import facts as module
from cosim_tvb.describe import describe_library
from cosim_tvb.facts import facts, model_facts, model_names, reads_target_state


def test_the_table_equals_the_installed_library():
    table = (files("cosim_tvb") / "models.json").read_text(encoding="utf-8")
    assert table == describe_library().text(), "run `python -m cosim_tvb.facts`"


def test_the_table_comes_back_as_it_was_written():
    assert json.loads(facts().text()) == json.loads(describe_library().text())


def test_every_entry_belongs_to_a_class():
    known = facts()
    assert len(known.models) > 20
    for name, model in known.models.items():
        assert set(model.coupling_variables) <= set(model.state_variables), name
        assert set(model.ranges) == set(model.state_variables), name
        assert set(model.observed) <= set(model.observables), name
    assert all(hasattr(library.coupling, name) for name in known.couplings)
    assert all(hasattr(library.integrators, name) for name in known.integrators)
    assert all(hasattr(library.monitors, name) for name in known.monitors)


@pytest.mark.parametrize("name", [n for n, c in facts().couplings.items() if c.sums_over_sources])
def test_reads_target_state_is_what_the_coupling_does(name):
    coupling = getattr(library.coupling, name)()
    x_i, x_j = np.zeros((2, 2, 2, 2, 1))
    same = np.array_equal(coupling.pre(x_i, x_j), coupling.pre(x_i + 0.5, x_j))
    assert reads_target_state(name) is not same


def test_presigmoidal_passes_nothing_between_regions():
    """The reason why it is refused: a region's input follows its own past, not its sources'."""
    weights = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 4.0], [5.0, 6.0, 0.0]])
    coupling = library.coupling.PreSigmoidal(dynamic=False)
    coupling.configure()

    def inputs(changed):
        history = library.SparseHistory(weights, np.full((3, 3), 2), np.array([0]), 1)
        history.buffer[:] = 0.5
        history.buffer[:, 0, changed] = 0.6
        return coupling(5, history)[0, :, 0]

    resting = inputs([])
    for region in range(3):
        assert np.flatnonzero(inputs([region]) != resting).tolist() == [region]
    assert not facts().couplings["PreSigmoidal"].sums_over_sources


def test_unknown_names_are_none():
    assert model_facts("Nothing") is None
    with pytest.raises(KeyError):
        reads_target_state("Nothing")


class Registered:
    """An entry point of a third party's model."""

    name = "Leaky"
    value = "elsewhere:Leaky"

    def load(self):
        class Leaky(library.models.Linear):
            """A model that does not come with tvb-library."""

        return Leaky


def run_leaky():
    config = ENGINE.config_model().model_validate(
        {
            "engine": "tvb",
            "model": "Leaky",
            "parameters": {"gamma": -2.0},
            "integrator": {"EulerDeterministic": {"dt": "0.1 ms"}},
            "initial": {"x": 1.0},
        }
    )
    assert list(ENGINE.check(config, ["a"])) == []
    nothing = np.zeros((1, 1))
    brain = Brain(("a",), nothing, nothing, np.zeros((1, 3)), 3.0)
    out = StateOut("out", (0,), ("x",), 1)
    clock = Clock(100_000, 3, 3)
    spec = SimulatorSpec("s", "m", config, (0,), brain, clock, 0, (), (out,), {})
    simulator = ENGINE.create(spec)
    simulator.advance(clock.at(0))
    assert simulator.emit("out").values[:, 0] == pytest.approx([0.8, 0.64, 0.512])


def test_models_of_third_parties_are_looked_up(monkeypatch):
    def found(group):
        assert group == "cosim_tvb.models"
        return {"Leaky": Registered()}

    monkeypatch.setattr(module, "providers", found)
    for cached in (module.third_party_models, module.model_facts):
        cached.cache_clear()
    try:
        assert "Leaky" in model_names()
        assert model_facts("Leaky") == model_facts("Linear")
        run_leaky()
    finally:
        for cached in (module.third_party_models, module.model_facts):
            cached.cache_clear()


def test_importing_tvb_leaves_logging_warnings_and_home_alone(tmp_path):
    code = """
import logging, os, sys, warnings
handler = logging.StreamHandler(sys.stdout)
logging.basicConfig(handlers=[handler], level=logging.INFO)
before = dict(os.environ)
import cosim_tvb.library
assert logging.getLogger().handlers == [handler]
assert logging.getLogger().level == logging.INFO
assert dict(os.environ) == before
from cosim_tvb.library import Simulator
logging.getLogger("tvb.simulator").warning("not shown")
logging.getLogger("tvb.simulator").error("shown")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ERROR:tvb.simulator:shown\n"
    assert list(tmp_path.iterdir()) == []
    assert logging.getLogger("tvb").level == logging.ERROR
