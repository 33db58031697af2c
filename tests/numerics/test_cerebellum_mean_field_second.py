"""Second-order mean field of the cerebellar cortex: derivatives, covariances, limits."""

import numpy as np
import pytest
from mean_field_pieces import POPULATIONS, plain_rate, run, start, steady, without_background

from cosim_tvb.cerebellum import (
    CerebellarMeanField,
    CerebellarMeanFieldAwake,
    CerebellarMeanFieldSecondOrder,
    CerebellarMeanFieldSecondOrderAwake,
    parameter_set,
)
from cosim_tvb.cerebellum.circuit import FIRING, PAIRS, derivatives

ORDERS = {
    "PLOS23": (CerebellarMeanField, CerebellarMeanFieldSecondOrder),
    "AWAKE26": (CerebellarMeanFieldAwake, CerebellarMeanFieldSecondOrderAwake),
}
DRIVES_HZ = [4.0, 20.0, 40.0, 60.0, 80.0]


def plain(name, population):
    """F in Hz of a population as a function of the rates of all that fires, in Hz."""
    sources = list(parameter_set(name).of_population(population))

    def rate(x):
        khz = {s: x[FIRING.index(s)] / 1e3 for s in sources}
        return 1e3 * plain_rate(name, population, khz)

    return rate


def slope_of(f, i, h):
    """Fourth-order difference quotient of the first derivative, as a function."""

    def slope(x):
        at = [f(x + k * h * np.eye(5)[i]) for k in (-2, -1, 1, 2)]
        return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h)

    return slope


class TestDerivatives:
    @pytest.mark.parametrize("name", ORDERS)
    @pytest.mark.parametrize("drive", [8.0, 40.0])
    def test_are_those_of_the_formula(self, name, drive):
        first, second = ORDERS[name]
        rates = steady(without_background(first), [drive])
        model = second()
        model.configure()
        F, slope, curve = derivatives(rates / 1e3, drive / 1e3, 0.0, model._circuit(1))
        x = np.append(rates[:, 0], drive)
        for p, population in enumerate(POPULATIONS):
            f = plain(name, population)
            assert 1e3 * F[p] == pytest.approx(f(x), rel=1e-9)
            slopes = [slope_of(f, i, 5e-3 * x[i]) for i in range(5)]
            expected = [of(x) for of in slopes]
            np.testing.assert_allclose(slope[p], expected, rtol=1e-4, atol=1e-9)
            bends = [[slope_of(of, j, 5e-3 * x[j])(x) for j in range(5)] for of in slopes]
            size = np.abs(bends).max()
            np.testing.assert_allclose(curve[p] / 1e3, bends, rtol=1e-2, atol=1e-4 * size)

    def test_of_silent_inputs_are_finite(self):
        model = CerebellarMeanFieldSecondOrder()
        model.configure()
        for found in derivatives(np.zeros((4, 1)), 0.0, 0.0, model._circuit(1)):
            assert np.isfinite(found).all()


class TestEquations:
    def test_are_the_published_ones(self):
        """Each covariance's derivative, from F and its slopes alone, for a random state."""
        rng = np.random.default_rng(5)
        model = CerebellarMeanFieldSecondOrder()
        model.configure()
        rates, drive, T = rng.uniform(2, 60, 4) / 1e3, 0.03, 3.5
        factor = rng.normal(size=(5, 5)) * 1e-3
        cov = factor @ factor.T
        F, slope, curve = derivatives(rates[:, np.newaxis], drive, 0.0, model._circuit(1))
        F, drift = np.append(F, drive), np.append(F - rates, 0.0)
        slope = np.vstack([slope, np.zeros(5)])
        N = model.N
        noise = np.diag(F * (1 / T - F) / N)
        flow = noise + np.outer(drift, drift) + slope @ cov + (slope @ cov).T - 2 * cov
        state = start(model, 1, rates * 1e3)
        for i, (a, b) in enumerate(PAIRS):
            state[4 + i] = cov[FIRING.index(a), FIRING.index(b)]
        coupling = np.array([[[0.0]], [[drive - 0.004]]])
        found = model.dfun(state, coupling)[:, 0, 0]
        expected = [flow[FIRING.index(a), FIRING.index(b)] / T for a, b in PAIRS]
        np.testing.assert_allclose(found[4:19], expected, rtol=1e-9)
        means = drift[:4] + 0.5 * np.einsum("bc,pbc->p", cov, curve)
        np.testing.assert_allclose(found[:4], means / T, rtol=1e-9)


@pytest.mark.parametrize("name", ORDERS)
class TestLimits:
    def settled(self, name, factor=1.0, steps=2000):
        first, second = ORDERS[name]
        rates = steady(without_background(first), DRIVES_HZ)
        size = second.N.default * factor
        found = run(without_background(second, N=size), DRIVES_HZ, steps, rates_hz=rates)
        assert np.abs(found[-1] - found[-50]).max() < 1e-4
        return rates, found[-1]

    def test_many_cells_fire_as_in_the_first_order(self, name):
        rates, found = self.settled(name, factor=1e6)
        np.testing.assert_allclose(found[:4], rates, rtol=2e-5)
        assert np.abs(found[4:19]).max() < 1e-3

    def test_the_shift_is_small_and_falls_with_the_number_of_cells(self, name):
        rates, few = self.settled(name)
        _, more = self.settled(name, factor=10.0)
        shift, smaller = few[:4] - rates, more[:4] - rates
        assert np.abs(shift).max() < 4
        assert (np.abs(shift[3]) / rates[3]).max() < 0.03
        large = np.abs(shift) > 0.05
        assert large.any()
        assert (np.abs(smaller[large]) < 0.2 * np.abs(shift[large])).all()

    def test_variances_of_mossy_fibres_are_those_of_independent_trains(self, name):
        _, found = self.settled(name)
        variance = found[4 + PAIRS.index(("mf", "mf"))]
        f = np.array(DRIVES_HZ)
        np.testing.assert_allclose(variance, f * (1e3 / 3.5 - f) / 2336 / 2, rtol=1e-9)

    def test_covariances_are_positive_semidefinite(self, name):
        _, found = self.settled(name)
        for region in range(len(DRIVES_HZ)):
            matrix = np.zeros((5, 5))
            for i, (a, b) in enumerate(PAIRS):
                a, b = FIRING.index(a), FIRING.index(b)
                matrix[a, b] = matrix[b, a] = found[4 + i, region]
            scale = np.sqrt(np.diag(matrix))
            assert np.linalg.eigvalsh(matrix / np.outer(scale, scale)).min() > -1e-9

    def test_the_settled_state_is_stable(self, name):
        _, expected = self.settled(name)
        model = without_background(ORDERS[name][1])
        found = run(model, DRIVES_HZ, 2000, rates_hz=1.05 * expected[:4])
        np.testing.assert_allclose(found[-1, :4], expected[:4], rtol=1e-4)

    def test_regions_do_not_know_each_other(self, name):
        model = ORDERS[name][1]()
        together = run(model, DRIVES_HZ, 20)
        for region, drive in enumerate(DRIVES_HZ):
            np.testing.assert_array_equal(together[..., [region]], run(model, [drive], 20))


def test_a_step_to_54_hz_comes_back_to_the_first_order():
    resting = steady(without_background(CerebellarMeanField), [4.0])
    model = without_background(CerebellarMeanFieldSecondOrder)
    found = run(model, [54.0], 3000, rates_hz=resting)[-1, :4, 0]
    expected = steady(without_background(CerebellarMeanField), [54.0])[:, 0]
    np.testing.assert_allclose(found, expected, rtol=0.04)


@pytest.mark.parametrize("drive", [20.0, 30.0, 80.0])
def test_a_jump_of_the_drive_may_end_where_only_the_closure_is_at_rest(drive):
    """What the documentation warns of: F differs from the rates, and their variance holds it."""
    first = without_background(CerebellarMeanField)
    expected = steady(first, [drive])[:, 0]
    resting = steady(without_background(CerebellarMeanField), [4.0])
    model = without_background(CerebellarMeanFieldSecondOrder)
    states = run(model, [drive], 3000, rates_hz=resting)
    found = states[-1, :4, 0]
    assert np.abs(found / expected - 1).max() > 0.3
    assert np.abs(states[-1] - states[-50]).max() < 0.01 * np.abs(states[-1]).max()
    F, _, _ = derivatives(states[-1, :4] / 1e3, drive / 1e3, 0.0, model._circuit(1))
    assert np.abs(1e3 * F - found).max() > 1.0


def test_the_awake_set_bears_jumps_of_the_drive():
    drives = [8.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    expected = steady(without_background(CerebellarMeanFieldAwake), drives)
    resting = steady(without_background(CerebellarMeanFieldAwake), [4.0] * 6)
    model = without_background(CerebellarMeanFieldSecondOrderAwake)
    found = run(model, drives, 3000, rates_hz=resting)[-1, :4]
    np.testing.assert_allclose(found, expected, rtol=0.06)
