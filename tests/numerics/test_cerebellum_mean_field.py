"""First-order mean field of the cerebellar cortex: transfer functions, rates, drives, order."""

from io import StringIO
from math import e

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mean_field_pieces import COLD, POPULATIONS, plain_rate, run, start, steady, without_background
from pydantic import ValidationError

from cosim_tvb.cerebellum import (
    CerebellarMeanField,
    CerebellarMeanFieldAwake,
    CerebellarNuclei,
    ParameterSet,
    parameter_set,
)
from cosim_tvb.cerebellum.parameters import SYNAPSES
from cosim_tvb.cerebellum.transfer import cell, statistics, transfer_hz

SETS = {"PLOS23": CerebellarMeanField, "AWAKE26": CerebellarMeanFieldAwake}

# Stationary rates in Hz at a mossy rate, of the published first-order equations.
PLOS23 = {
    0.1: (0.00, 2.298, 18.337, 44.826),
    4: (0.092, 4.451, 18.549, 45.470),
    8: (0.437, 7.748, 19.357, 47.626),
    12: (0.911, 11.695, 20.507, 50.324),
    20: (2.067, 20.575, 23.509, 56.583),
    30: (3.561, 31.638, 27.756, 64.402),
    40: (4.914, 41.665, 31.938, 71.221),
    50: (6.113, 50.602, 35.904, 77.001),
    60: (7.192, 58.601, 39.675, 81.952),
    70: (8.187, 65.805, 43.326, 86.281),
    80: (9.132, 72.318, 46.950, 90.163),
    100: (11.008, 83.529, 54.590, 97.122),
}
AWAKE26 = {
    4: (4.4, 10.1, 34.7, 72.7),
    12: (7.4, 13.4, 39.9, 81.8),
    20: (10.6, 17.1, 45.8, 94.3),
    40: (19.2, 27.3, 63.8, 132.8),
    60: (28.1, 38.3, 86.2, 170.7),
    80: (37.4, 49.4, 114.0, 198.4),
}
# Rates in Hz of the awake spiking network (cerebellar-models) with all mossy fibres at 4, 8, ...
# 80 Hz; MLI are basket and stellate cells together.
NETWORK_HZ = np.arange(4.0, 81.0, 4.0)
NETWORK = np.loadtxt(
    StringIO("""
    3.8 6.0 8.1 9.9 12.0 14.1 16.5 18.9 20.6 23.4
    25.8 27.8 30.2 32.7 34.7 36.7 38.9 41.7 44.7 47.3
    12.0 15.4 18.2 21.1 23.8 26.7 28.9 31.3 33.4 35.7
    37.8 40.0 41.9 44.1 46.4 48.3 50.3 52.2 54.2 56.5
    20.8 28.6 35.9 41.5 47.6 53.5 59.8 65.3 70.6 75.9
    81.2 86.3 91.4 96.5 101.0 104.9 110.2 114.8 119.2 124.0
    91.7 97.1 102.6 106.5 111.8 116.4 122.2 127.4 131.9 137.6
    142.9 147.5 153.1 157.9 163.0 166.2 172.1 176.8 181.5 187.0
    """)
).reshape(4, 20)


class TestTransferFunction:
    rates = st.floats(0.01, 150.0)

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(list(SETS)), st.sampled_from(POPULATIONS), st.data())
    def test_is_the_formula(self, name, population, data):
        sources = list(parameter_set(name).of_population(population))
        rates = [data.draw(self.rates, label=s) for s in sources]
        khz = {s: r / 1e3 for s, r in zip(sources, rates, strict=True)}
        found = transfer_hz(np.array([rates]), cell(parameter_set(name), population))[0]
        assert found == pytest.approx(1e3 * plain_rate(name, population, khz), rel=1e-9, abs=1e-12)

    def test_multiplies_the_leak_by_e(self):
        """The published oddity: a cell without input is not at its leak potential."""
        silent = statistics(np.zeros((1, 2)), cell(parameter_set("PLOS23"), "GrC"))[0]
        assert silent[0] == pytest.approx(-62.0 * e)
        assert silent[3] == 0.2899

    @pytest.mark.parametrize("population", POPULATIONS)
    def test_is_silent_without_input(self, population):
        one = cell(parameter_set("PLOS23"), population)
        found = transfer_hz(np.zeros((1, len(one.K))), one)
        assert found[0] == pytest.approx(0.0, abs=1e-12)

    def test_of_a_cell_without_synapses_is_zero(self):
        one = cell(parameter_set("PLOS23"), "GrC")
        cut = one._replace(K=np.zeros(2))
        assert transfer_hz(np.array([[40.0, 10.0]]), cut).tolist() == [0.0]


class TestParameterSets:
    @pytest.mark.parametrize("name", SETS)
    def test_say_where_every_number_comes_from(self, name):
        parameters = parameter_set(name)
        told = {word.strip() for key in parameters.provenance for word in key.split(",")}
        assert told == {"T", "P", "alpha", "K", "Q", "tau", "E", "g_L", "C", "E_L", "N"}
        assert parameters.sources.keys() == {"paper", "code"}

    def changed(self, **changes):
        return {**parameter_set("PLOS23").model_dump(), **changes}

    def test_without_a_synapse_are_refused(self):
        synapses = parameter_set("PLOS23").model_dump()["synapses"]
        del synapses["MLI_PC"]
        with pytest.raises(ValidationError, match="missing or unknown: MLI_PC"):
            ParameterSet.model_validate(self.changed(synapses=synapses))

    @pytest.mark.parametrize(
        ("where", "value"), [("tau", 0.0), ("K", -1.0), ("Q", float("nan")), ("weight", 1.0)]
    )
    def test_with_impossible_synapses_are_refused(self, where, value):
        synapses = parameter_set("PLOS23").model_dump()["synapses"]
        synapses["mf_GrC"][where] = value
        with pytest.raises(ValidationError, match=f"synapses.mf_GrC.{where}"):
            ParameterSet.model_validate(self.changed(synapses=synapses))

    def test_of_unknown_populations_are_none(self):
        with pytest.raises(KeyError, match="no population 'IO'"):
            parameter_set("PLOS23").of_population("IO")

    @pytest.mark.parametrize("name", SETS)
    def test_are_what_the_model_computes_with(self, name):
        model = SETS[name]()
        parameters = parameter_set(name)
        for synapse in SYNAPSES:
            assert getattr(model, f"K_{synapse}").tolist() == [parameters.synapses[synapse].K]
            assert getattr(model, f"Q_{synapse}").tolist() == [parameters.synapses[synapse].Q]
        for population in POPULATIONS:
            own = parameters.populations[population]
            assert getattr(model, f"P_{population}").tolist() == list(own.P)
        assert model.alpha.tolist() == [parameters.populations[p].alpha for p in POPULATIONS]


class TestStationaryRates:
    def test_are_those_of_the_published_equations(self):
        found = steady(without_background(CerebellarMeanField), list(PLOS23))
        expected = np.array(list(PLOS23.values())).T
        # The table has three decimals.
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=5e-4)

    def test_of_the_awake_set(self):
        found = steady(without_background(CerebellarMeanFieldAwake), list(AWAKE26))
        expected = np.array(list(AWAKE26.values())).T
        # The table has one decimal, and alpha of MLI and PC three figures.
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=0.051)

    def test_of_the_awake_set_are_near_the_spiking_network(self):
        found = steady(without_background(CerebellarMeanFieldAwake), NETWORK_HZ)
        percent = 100 * np.mean(np.abs(found / NETWORK - 1), axis=1)
        assert (np.round(percent) <= [16, 21, 16, 9]).all(), percent

    def test_do_not_depend_on_the_start(self):
        expected = steady(without_background(CerebellarMeanField), [4, 20, 60])
        for rates in ([0, 0, 0, 0], [40, 80, 120, 200]):
            model = without_background(CerebellarMeanField)
            found = steady(model, [4, 20, 60], rates_hz=np.array(rates))
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)

    def test_of_purkinje_cells_have_three_gains(self):
        edges = [0, 12, 13, 35, 36, 70]
        pc = steady(without_background(CerebellarMeanField), edges)[3]
        gains = np.diff(pc)[::2] / np.diff(edges)[::2]
        np.testing.assert_allclose(gains, [0.46, 0.77, 0.52], atol=0.005)

    def test_of_purkinje_cells_grow_linearly_with_the_parallel_fibres_that_reach_them(self):
        factors = np.array([0.05, 0.35, 0.65, 1.0])
        model = without_background(CerebellarMeanField, K_GrC_PC=374.50 * factors)
        pc = steady(model, [54] * 4)[3]
        np.testing.assert_allclose(pc, [36, 51, 64, 79], atol=0.5)
        line = np.polyval(np.polyfit(factors, pc, 1), factors)
        assert np.abs(pc - line).max() < 0.02 * np.ptp(pc)

    def test_of_purkinje_cells_grow_with_the_parallel_fibre_conductance(self):
        weights = 1.126 * np.array([0.05, 0.35, 0.65, 1.0])
        pc = steady(without_background(CerebellarMeanField, Q_GrC_PC=weights), [54] * 4)[3]
        assert (np.diff(pc) > 10).all()


class TestDynamics:
    def test_a_step_of_the_drive_overshoots(self):
        resting = steady(without_background(CerebellarMeanField), [4.0])
        model = without_background(CerebellarMeanField)
        found = run(model, [54.0], 2000, rates_hz=resting)[:, :4, 0]
        np.testing.assert_allclose(found.max(axis=0), [15.5, 63, 66, 93], atol=0.5)
        np.testing.assert_allclose(found[-1], [6.6, 54, 37, 79], atol=0.5)
        # Golgi cells are late, so that granule cells peak before them.
        assert found[:, 0].argmax() < found[:, 1].argmax()

    @pytest.mark.parametrize(
        ("kind", "order"), [("EulerDeterministic", 1), ("HeunDeterministic", 2)]
    )
    def test_errors_shrink_with_the_order_of_the_scheme(self, kind, order):
        def after_5ms(dt, kind=kind):
            model = without_background(CerebellarMeanField)
            return run(model, [20.0], round(5 / dt), kind=kind, dt=dt)[-1, :4, 0]

        exact = after_5ms(0.0025, "RungeKutta4thOrderDeterministic")
        errors = [np.abs(after_5ms(dt) - exact).max() for dt in (0.2, 0.1, 0.05, 0.025)]
        np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), order, atol=0.12)

    @pytest.mark.parametrize("cls", SETS.values())
    def test_regions_do_not_know_each_other(self, cls):
        rng = np.random.default_rng(3)
        drive, rates = rng.uniform(0, 80, 27), rng.uniform(0, 60, (4, 27))
        weights, T = rng.uniform(0.05, 1, 27), rng.uniform(3, 4, 27)
        together = run(cls(Q_GrC_PC=weights, T=T), drive, 30, rates_hz=rates)
        for region in range(27):
            one = {"Q_GrC_PC": weights[[region]], "T": T[[region]]}
            alone = run(cls(**one), drive[[region]], 30, rates_hz=rates[:, [region]])
            np.testing.assert_array_equal(together[..., [region]], alone)

    def test_rates_never_fall_below_zero(self):
        model = CerebellarMeanField()
        found = run(model, [-30.0], 100, rates_hz=np.array([1e-9, 0.0, 0.0, 0.0]))
        assert found.min() == 0.0
        assert np.isfinite(found).all()


class TestInputs:
    def slopes(self, model, rates_hz, parallel_hz=0.0, mossy_hz=0.0):
        model.configure()
        coupling = np.array([[[parallel_hz / 1e3]], [[mossy_hz / 1e3]]])
        return model.dfun(start(model, 1, rates_hz), coupling)[:, 0, 0]

    def test_mossy_input_adds_to_the_background(self):
        model = CerebellarMeanField()
        assert model.mf_background.tolist() == [0.004]
        both = self.slopes(model, COLD, mossy_hz=16.0)
        alone = self.slopes(CerebellarMeanField(mf_background=np.array([0.020])), COLD)
        np.testing.assert_allclose(both, alone, rtol=1e-12)

    def test_parallel_fibres_are_granule_cells_to_all_but_granule_cells(self):
        model = CerebellarMeanField()
        found = self.slopes(model, COLD, parallel_hz=3.0)
        more = self.slopes(model, COLD + np.array([3.0, 0, 0, 0]))
        np.testing.assert_allclose(found[1:4], more[1:4], rtol=1e-12)
        assert found[0] == self.slopes(model, COLD)[0]
        assert (np.abs(found[1:4] - self.slopes(model, COLD)[1:4]) > 1e-6).all()

    def test_noise_is_a_part_of_the_mossy_rate(self):
        model = CerebellarMeanField(tau_noise=np.array([2.0]))
        model.configure()
        state = start(model, 1)
        state[-1] = 0.5
        found = model.dfun(state, np.zeros((2, 1, 1)))[:, 0, 0]
        np.testing.assert_allclose(found[:4], self.slopes(model, COLD, mossy_hz=2.0)[:4])
        assert found[-1] == -0.25


class TestNuclei:
    def rates_hz(self, purkinje_hz, mossy_hz, **parameters):
        model = CerebellarNuclei(**parameters)
        model.configure()
        coupling = np.array([[[purkinje_hz]], [[mossy_hz]]]) / 1e3
        state = np.zeros((4, 1, 1))
        for _ in range(2000):
            state = state + 0.1 * model.dfun(state, coupling)
        return state[:, 0, 0] * 1e3

    @pytest.mark.parametrize(("purkinje", "mossy"), [(0, 0), (91.3, 0), (140, 36)])
    def test_follow_the_linear_law(self, purkinje, mossy):
        found = self.rates_hz(purkinje, mossy)
        mf = mossy + 4
        expected = [60.8 + 0.6 * mf - 0.2 * purkinje, 14.3 - 0.021 * purkinje, 0, 0]
        np.testing.assert_allclose(found, expected, atol=1e-9)

    def test_at_rest_fire_as_in_the_spiking_network(self):
        assert self.rates_hz(91.3, 0)[0] == pytest.approx(45.2, abs=1.4)

    def test_are_silent_under_strong_inhibition(self):
        assert self.rates_hz(1000, 0).tolist() == [0, 0, 0, 0]

    def test_approach_it_with_their_time_constant(self):
        model = CerebellarNuclei()
        model.configure()
        state = np.zeros((4, 2, 1))
        found = model.dfun(state, np.zeros((2, 2, 1)))[0, :, 0]
        np.testing.assert_allclose(found, (0.0608 + 0.6 * 0.004) / 3.5)
