"""Fits of transfer functions: what a transfer function gives leads back to its coefficients."""

import subprocess
import sys

import numpy as np
import pytest
import yaml

from cosim.errors import UsageError
from cosim_nest.sweep import Input, Timing, grid, sweep, write_table
from cosim_tvb.cerebellum import parameter_set
from cosim_tvb.cerebellum.fit import fit, main, read_table
from cosim_tvb.cerebellum.transfer import cell, transfer_hz

AXES = {
    "GrC": [(4, 8, 12, 20, 30, 40, 55, 80), (5, 10, 20, 30, 45, 60)],
    "GoC": [(2, 10, 30, 60), (1, 5, 12, 25), (5, 20, 50)],
    "MLI": [(2, 5, 10, 20, 35), (10, 30, 60, 100)],
    "PC": [(1, 4, 8, 15, 25, 40), (10, 30, 60, 100, 130)],
}


def synthetic(name, population):
    one = cell(parameter_set(name), population)
    points = grid(AXES[population])
    return one, points, transfer_hz(points, one)


@pytest.mark.parametrize("known_alpha", [False, True])
@pytest.mark.parametrize("population", AXES)
@pytest.mark.parametrize("name", ["PLOS23", "AWAKE26"])
def test_coefficients_come_back(name, population, known_alpha):
    one, points, rates_hz = synthetic(name, population)
    blank = one._replace(P=np.zeros(5), alpha=1.0)
    found = fit(points, rates_hz, blank, one.alpha if known_alpha else None)
    np.testing.assert_allclose(found.fitted.P, one.P, rtol=1e-6)
    assert found.fitted.alpha == pytest.approx(one.alpha, rel=1e-9)
    assert found.relative.max() < 1e-9
    assert found.rms_hz < 1e-9


def test_rates_with_noise_are_met_within_the_noise():
    one, points, rates_hz = synthetic("PLOS23", "PC")
    rng = np.random.default_rng(1)
    found = fit(points, rates_hz * rng.normal(1.0, 0.02, len(rates_hz)), one)
    assert found.relative.mean() < 0.02
    np.testing.assert_allclose(found.rates_hz, rates_hz, rtol=0.05)


def test_errors_are_those_of_the_fit():
    one, points, rates_hz = synthetic("PLOS23", "PC")
    bent = rates_hz * (1 + 0.2 * np.sin(np.arange(len(rates_hz))))
    found = fit(points, bent, one)
    given = transfer_hz(points, found.fitted)
    np.testing.assert_array_equal(found.rates_hz, given)
    assert found.rms_hz == pytest.approx(np.sqrt(np.mean((given - bent) ** 2)))
    told = found.summary()
    relative = np.abs(given / bent - 1)[bent >= 1]
    assert told["mean_relative_error"] == pytest.approx(relative.mean(), abs=1e-4)
    assert told["largest_relative_error"] == pytest.approx(relative.max(), abs=1e-4)
    assert told["rows"] == len(points)


def test_too_few_rates_are_refused():
    one, points, _ = synthetic("PLOS23", "PC")
    with pytest.raises(UsageError, match="only 3 rows fire"):
        fit(points, np.where(np.arange(len(points)) < 3, 20.0, 0.5), one)


class TestTables:
    inputs = (Input("mf", 4, 0.23, 1), Input("GoC", 2.5, 0.336, 2))

    def write(self, path):
        one, points, rates_hz = synthetic("PLOS23", "GrC")
        write_table(path, self.inputs, points, rates_hz)
        return one, points, rates_hz

    def test_come_back(self, tmp_path):
        _, points, rates_hz = self.write(tmp_path / "table.csv")
        found = read_table(tmp_path / "table.csv", ["mf", "GoC"])
        np.testing.assert_allclose(found[0], points, rtol=1e-9)
        np.testing.assert_allclose(found[1], rates_hz, rtol=1e-9)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("mf_hz,rate_hz\n1,2\n", "no table of mf_hz, GoC_hz, rate_hz: 'GoC_hz'"),
            ("mf_hz,GoC_hz,rate_hz\n1,2,x\n", "could not convert"),
            ("mf_hz,GoC_hz,rate_hz\n", "has no rows"),
        ],
    )
    def test_that_are_none_are_refused(self, text, message, tmp_path):
        (tmp_path / "table.csv").write_text(text)
        with pytest.raises(UsageError, match=message):
            read_table(tmp_path / "table.csv", ["mf", "GoC"])

    def test_are_fitted_by_the_command(self, tmp_path):
        one, *_ = self.write(tmp_path / "table.csv")
        table = str(tmp_path / "table.csv")
        main([table, "--population", "GrC", "--set", "PLOS23", "--out", str(tmp_path / "fit.yaml")])
        found = yaml.safe_load((tmp_path / "fit.yaml").read_text())
        np.testing.assert_allclose(found["P"], one.P, rtol=1e-4)
        assert found["alpha"] == pytest.approx(one.alpha, rel=1e-4)

    def test_are_fitted_by_the_module(self, tmp_path):
        self.write(tmp_path / "table.csv")
        options = ["--population", "GrC", "--set", "PLOS23", "--alpha", "2"]
        module = "cosim_tvb.cerebellum.fit"
        done = subprocess.run(
            [sys.executable, "-m", module, str(tmp_path / "table.csv"), *options],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert yaml.safe_load(done.stdout)["alpha"] == 2.0


class TestSweeps:
    def test_grids_combine_all_rates(self):
        assert grid([(1, 2), (3, 4)]).tolist() == [[1, 3], [1, 4], [2, 3], [2, 4]]

    def test_count_what_enters(self):
        """Parrots repeat every spike, so that rates add up to those of all presynaptic cells."""
        inputs = (Input("a", 3.5, 1.0), Input("b", 10, 1.0))
        points = grid([(0, 20), (0, 5, 40)])
        found = sweep("parrot_neuron", {}, inputs, points, Timing(duration_ms=4000.0))
        expected = 3.5 * points[:, 0] + 10 * points[:, 1]
        # Sixteen seconds of Poisson trains at each point.
        assert (np.abs(found - expected) <= 4 * np.sqrt(expected / 16)).all()

    def test_are_repeatable(self):
        run = (("parrot_neuron", {}, (Input("a", 4, 1.0),), grid([(10, 30)])), Timing(500.0))
        one, same, other = (sweep(*run[0], run[1], seed=s) for s in (1, 1, 2))
        assert one.tolist() == same.tolist() != other.tolist()

    def test_of_cells_lead_to_a_transfer_function(self):
        """A conductance-based cell of NEST, of which nothing but its membrane is told."""
        parameters = parameter_set("AWAKE26")
        one = cell(parameters, "PC")
        receptors = {"E_rev": [0.0, -80.0], "tau_syn": one.tau.tolist()}
        membrane = {"C_m": one.C, "g_L": one.g_L, "E_L": one.E_L, "V_th": -43.0, "V_reset": -69.0}
        pacemaker = {"I_e": 700.0, "V_peak": -30.0, "a": 0.0, "b": 0.0, "t_ref": 0.5}
        cell_of_nest = {**membrane, **receptors, **pacemaker}
        sources = parameters.of_population("PC").items()
        inputs = [Input(name, s.K, s.Q, i + 1) for i, (name, s) in enumerate(sources)]
        points = grid([(4, 8, 15, 25, 40), (10, 30, 60, 100)])
        timing = Timing(duration_ms=1000.0, copies=2)
        rates_hz = sweep("aeif_cond_alpha_multisynapse", cell_of_nest, inputs, points, timing)
        assert np.ptp(rates_hz) > 50
        found = fit(points, rates_hz, one)
        assert found.relative.mean() < 0.1
