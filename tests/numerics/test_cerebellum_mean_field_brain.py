"""The cerebellum's models in TVB's own simulator, and beside a cortex in a scenario."""

import os
import subprocess
import sys

import hybrid_pieces as hybrid
import numpy as np
import pytest
from mean_field_pieces import steady, without_background

from cosim.scenario.fields import Named
from cosim_tvb import ENGINE, cerebellum, library
from cosim_tvb.cerebellum import CerebellarMeanField
from cosim_tvb.facts import model_facts, model_names

NAMES = [name for name in cerebellum.__all__ if name.startswith("Cerebellar")]
DT_MS = 0.1


def random_connectivity(regions=27):
    rng = np.random.default_rng(2)
    weights = rng.uniform(0, 0.2, (regions, regions)) * (rng.uniform(size=(regions, regions)) < 0.3)
    np.fill_diagonal(weights, 0.0)
    return library.Connectivity(
        weights=weights,
        tract_lengths=rng.uniform(5, 60, (regions, regions)),
        centres=np.zeros((regions, 3)),
        region_labels=np.array([f"lobule {i}" for i in range(regions)]),
        speed=np.array([3.0]),
    )


def simulated(model, integrator, duration_ms=20.0, connectivity=None):
    connectivity = connectivity or random_connectivity()
    simulator = library.Simulator(
        model=model,
        coupling=library.coupling.Linear(a=np.array([1.0])),
        integrator=integrator,
        connectivity=connectivity,
        conduction_speed=3.0,
        monitors=(library.monitors.Raw(),),
    )
    simulator.configure()
    ((_, values),) = simulator.run(simulation_length=duration_ms)
    return values[..., 0]


def everything(name):
    cls = getattr(cerebellum, name)
    return cls(variables_of_interest=tuple(cls.state_variables))


class TestPlainTvb:
    def test_imports_as_any_model(self):
        code = (
            "from cosim_tvb.cerebellum import CerebellarMeanField as M\n"
            "from tvb.simulator.models.base import Model\n"
            "assert issubclass(M, Model)\n"
            "print(M().Q_GrC_PC[0])"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )
        assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "1.126")

    @pytest.mark.parametrize("name", NAMES)
    def test_runs_with_noise_and_delays(self, name):
        integrator = library.integrators.HeunStochastic(
            dt=DT_MS, noise=library.noise.Additive(nsig=np.array([1e-7]))
        )
        model = everything(name)
        values = simulated(model, integrator)
        assert values.shape == (200, model.nvar, 27)
        assert np.isfinite(values).all()
        names = model.state_variables
        for variable in ("mf", *({"PC"} if name == "CerebellarNuclei" else ())):
            assert not values[:, names.index(variable)].any()
        rates = [i for i, v in enumerate(names) if not v.startswith("c_") and v != "noise"]
        assert values[:, rates].min() >= 0.0

    def test_noise_alone_moves_everything(self):
        sizes = np.array([0, 0, 0, 0, 0, 0.5e-2])
        integrator = library.integrators.HeunStochastic(
            dt=DT_MS, noise=library.noise.Additive(nsig=sizes)
        )
        values = simulated(everything("CerebellarMeanField"), integrator, 300.0)
        settled = values[1000:]
        # Variance of the process is nsig times its correlation time.
        assert settled[:, -1].std() == pytest.approx(np.sqrt(0.5e-2 * 3.5), rel=0.1)
        assert (settled[:, :4].std(axis=0) > 0).all()

    def test_parallel_fibres_cross_regions(self):
        """Two regions: the granule cells of one are input of the other, seen through a delay."""
        connectivity = library.Connectivity(
            weights=np.array([[0.0, 0.0], [0.7, 0.0]]),
            tract_lengths=np.full((2, 2), 6.0),
            centres=np.zeros((2, 3)),
            region_labels=np.array(["from", "to"]),
            speed=np.array([3.0]),
        )
        drive = np.array([0.040, 0.004])
        model = CerebellarMeanField(mf_background=drive)
        integrator = library.integrators.EulerDeterministic(dt=DT_MS)
        found = 1e3 * simulated(model, integrator, 400.0, connectivity)[-1]
        alone = steady(without_background(CerebellarMeanField), [40.0])[:, 0]
        np.testing.assert_allclose(found[:, 0], alone, rtol=1e-6)
        reached = steady(without_background(CerebellarMeanField), [4.0], parallel_hz=0.7 * alone[0])
        # TVB's history is in single precision.
        np.testing.assert_allclose(found[:, 1], reached[:, 0], rtol=1e-5)
        assert found[3, 1] > steady(without_background(CerebellarMeanField), [4.0])[3, 0] + 5

    def test_regions_may_differ(self):
        model = CerebellarMeanField(Q_GrC_PC=np.linspace(0.3, 1.126, 27))
        integrator = library.integrators.EulerDeterministic(dt=DT_MS)
        values = simulated(model, integrator, 100.0)
        assert (np.diff(values[-1, 3]) != 0).all()


class TestFacts:
    @pytest.mark.parametrize("name", NAMES)
    def test_are_found_by_name(self, name):
        assert name in model_names()
        facts = model_facts(name)
        assert facts.modes == 1
        assert set(facts.ranges) == set(facts.state_variables)
        nuclear, cortical = ("PC", "mf", "DCNp"), ("GrC", "mf")
        assert facts.coupling_variables == (nuclear if "Nuclei" in name else cortical)
        assert facts.ranges["mf"] == (0.0, 0.0)
        assert set(facts.observed) <= set(facts.observables) == set(facts.state_variables)

    def test_tell_the_sets_apart(self):
        one, other = (model_facts(f"CerebellarMeanField{k}").parameters for k in ("", "Awake"))
        assert one.keys() == other.keys()
        assert one["Q_GrC_PC"] == [1.126]
        assert other["Q_GrC_PC"] == [0.275]
        assert len(one["tau_syn"]) == 9
        assert len(one["P_PC"]) == 5

    def test_of_both_orders_exchange_states(self):
        signatures = {ENGINE.signature(entry(name)) for name in NAMES if "Nuclei" not in name}
        assert len(signatures) == 1
        assert ENGINE.signature(entry("CerebellarNuclei")) not in signatures


def entry(model, **more):
    given = {"engine": "tvb", "model": model, "integrator": {"HeunDeterministic": {"dt": "0.1 ms"}}}
    return ENGINE.config_model().model_validate({**given, **more})


class TestCheck:
    labels = ("lCb", "rCb")

    @pytest.mark.parametrize("name", NAMES)
    def test_finds_nothing_wrong(self, name):
        by_region = {"mf_background": {"default": 0.004, "l*": 0.006}}
        noisy = Named(name="HeunStochastic", parameters={"dt": "0.1 ms", "nsig": 1e-7})
        found = entry(name, parameters=by_region, initial={"mf": 0.0}, monitors=["Raw"])
        found = found.model_copy(update={"integrator": noisy})
        assert list(ENGINE.check(found, self.labels)) == []

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"parameters": {"Q_GrC_PD": 1.0}}, "no parameter of CerebellarMeanField 'Q_GrC_PD'"),
            ({"parameters": {"P_PC": [1.0, 2.0]}}, "P_PC has 2 numbers"),
            ({"parameters": {"T": {"Cortex": 3.0}}}, "no region of the brain matches 'Cortex'"),
            ({"initial": {"GrX": 0.1}}, "no state variable 'GrX'"),
            ({"variables_of_interest": ["DCNp"]}, "no observable of CerebellarMeanField 'DCNp'"),
        ],
    )
    def test_says_what_is_wrong(self, more, message):
        (problem,) = ENGINE.check(entry("CerebellarMeanField", **more), self.labels)
        assert message in problem.message


CORTEX_KHZ = 0.016
STARTS = {"GrC": 0.0005, "GoC": 0.005, "MLI": 0.015, "PC": 0.038}


def constant_cortex():
    return hybrid.integrating(
        coupling={"Linear": {"a": 0.0}}, initial={"x": CORTEX_KHZ}, monitors=[]
    )


def cerebellar(model, initial, activity, translate):
    return {
        "engine": "tvb",
        "model": model,
        "coupling": {"Linear": {"a": 1.0}},
        "integrator": {"HeunDeterministic": {"dt": "0.1 ms"}},
        "initial": initial,
        "activity": {"of": activity, "unit": "kHz"},
        "translate": translate,
        "monitors": ["Raw"],
    }


def brain_of_three(folder, parts=None, duration="300 ms"):
    """A cortical region R0, two cerebellar ones of which R1 hears the cortex, nuclei R3."""
    weights = np.zeros((4, 4))
    weights[1, 0], weights[3, 0] = 1.0, 0.25
    weights[2, 1], weights[3, 1], weights[3, 2] = 0.6, 0.5, 0.5
    hybrid.write_brain(folder / "brain.zip", np.full((4, 4), 2.0), weights)
    mossy = {"from": ["cortex"], "as": "mf", "gain": "1000 Hz"}
    purkinje = {"from": ["cerebellum"], "of": "PC", "unit": "kHz", "as": "PC", "gain": 1.0}
    models = {
        "cortex": constant_cortex(),
        "cerebellum": cerebellar("CerebellarMeanField", STARTS, "GrC", [mossy]),
        "nuclei": cerebellar("CerebellarNuclei", {"DCNp": 0.05}, "mf", [mossy, purkinje]),
    }
    rules = [{"match": "R0", "as": "cortex"}, {"match": "R3", "as": "nuclei"}]
    split = parts or [{"match": ["R1", "R2"], "as": "cerebellum"}]
    return hybrid.write(folder, [*rules, *split], models, duration=duration)


def last_hz(found, signal):
    _, values, columns = found.arrays[signal]
    return dict(zip(columns.tolist(), 1e3 * values[-1], strict=True))


class TestScenario:
    def test_each_kind_of_input_enters_where_it_belongs(self, tmp_path):
        """Regions of other models are a source of what they translate to, and of nothing else."""
        found = hybrid.serial(brain_of_three(tmp_path))
        cells = last_hz(found, "cerebellum/Raw")
        driven = steady(without_background(CerebellarMeanField), [20.0])[:, 0]
        model = without_background(CerebellarMeanField)
        quiet = steady(model, [4.0], parallel_hz=0.6 * driven[0])[:, 0]
        for region, expected in (("R1", driven), ("R2", quiet)):
            rates = [cells[f"{p}[{region}]"] for p in ("GrC", "GoC", "MLI", "PC")]
            np.testing.assert_allclose(rates, expected, rtol=1e-5)
        nuclei = last_hz(found, "nuclei/Raw")
        purkinje = (driven[3] + quiet[3]) / 2
        law = 60.8 + 0.6 * (4 + 0.25 * 16) - 0.2 * purkinje
        assert nuclei["DCNp[R3]"] == pytest.approx(law, rel=1e-5)
        assert nuclei["DCNi[R3]"] == pytest.approx(14.3 - 0.021 * purkinje, rel=1e-5)

    def test_a_split_cerebellum_is_the_same(self, tmp_path):
        halves = [
            {"match": "R1", "as": "cerebellum", "simulator": "one"},
            {"match": "R2", "as": "cerebellum", "simulator": "two"},
        ]
        for folder in ("whole", "split"):
            (tmp_path / folder).mkdir()
        whole = hybrid.serial(brain_of_three(tmp_path / "whole", duration="20 ms"), window="2 ms")
        split = hybrid.serial(
            brain_of_three(tmp_path / "split", halves, duration="20 ms"), window="1 ms"
        )
        expected, labels = whole.arrays["cerebellum/Raw"][1:]
        for name in ("one", "two"):
            values, columns = split.arrays[f"{name}/Raw"][1:]
            for i, column in enumerate(columns):
                np.testing.assert_array_equal(
                    values[:, i], expected[:, labels.tolist().index(column)]
                )
