"""The transfer function of a population: rates of its inputs to its own rate, in stationary state.

The semi-analytic form of Zerlaut et al. (2018), J Comput Neurosci 44:45,
doi:10.1007/s10827-017-0668-2, as Lorenzi et al. (2023), doi:10.1371/journal.pcbi.1011434, adapted
it to alpha-shaped conductances. Units are ms, kHz, mV, pF and nS throughout.

For a cell with synapses s (K partners, peak conductance Q, time to peak tau, reversal potential
E) at presynaptic rates r, with e = exp(1)::

    mu_s    = K Q tau r,  mu_G = g_L + sum mu_s,  T_m = C / mu_G
    mu_V    = e (sum mu_s E + g_L E_L) / mu_G
    U_s     = Q (E - mu_V) / mu_G
    sigma_V = sqrt|sum (2 T_m + tau) (e U_s tau / (2 (tau + T_m)))^2 K r|
    T_V     = 1/2 sum K r (U_s tau e)^2 / sigma_V^2,  T_VN = T_V g_L / C
    V_thr   = P0 + P1 (mu_V + 60) / 10 + P2 (sigma_V - 4) / 6 + P3 (T_VN - 0.5)
              + P4 ln(mu_G / g_L)
    F       = alpha / (2 T_V) erfc((V_thr - mu_V) / (sqrt(2) sigma_V))

In mu_V the factor e, which is the area of an alpha function over its peak and time to peak,
multiplies the leak too, and mu_G lacks it. A correct mean would have it on the synaptic terms of
both. So mu_V is not the mean potential of a cell (it is -168 mV without input), and the threshold
is not one either. The published code computes it so, and the coefficients P of the published fits
absorb it: with a corrected mu_V they give nonsense. Every set of parameters here was fitted, or is
fitted by `cosim_tvb.cerebellum.fit`, with the formula as it stands.
"""

from __future__ import annotations

from math import e, erfc, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim_tvb.cerebellum.parameters import ParameterSet
from cosim_tvb.compiled.native import inline, kernel

Array = NDArray[np.float64]

#: Keep a silent cell's formula finite: added to rates in T_V (kHz), and to sigma_V (mV).
_RATE_FLOOR = 1e-12
_SIGMA_FLOOR = 1e-17


class Cell(NamedTuple):
    """A population's membrane and threshold, and its synapses as arrays in a common order."""

    g_L: float
    C: float
    E_L: float
    alpha: float
    P: Array
    K: Array
    Q: Array
    tau: Array
    E: Array


def cell(parameters: ParameterSet, population: str) -> Cell:
    """Return a population of a parameter set."""
    own = parameters.populations[population]
    inputs = parameters.of_population(population).values()
    columns = (np.array([getattr(s, name) for s in inputs]) for name in ("K", "Q", "tau", "E"))
    return Cell(own.g_L, own.C, own.E_L, own.alpha, np.array(own.P), *columns)


@inline
def moments(
    r: Array, K: Array, Q: Array, tau: Array, E: Array, first: int, last: int, g_L: float,
    C: float, E_L: float,
) -> tuple[float, float, float, float]:
    """Return mu_V, sigma_V, T_VN and mu_G of a cell at presynaptic rates `r`.

    Its synapses are those from `first` to before `last`: to make a part of each array would cost
    more than what is computed from it.
    """
    mu_G = g_L
    drive = g_L * E_L
    for s in range(first, last):
        mu = K[s] * Q[s] * tau[s] * r[s]
        mu_G += mu
        drive += mu * E[s]
    mu_V = e * drive / mu_G
    T_m = C / mu_G
    variance = 0.0
    area = 0.0
    for s in range(first, last):
        reach = e * Q[s] * (E[s] - mu_V) / mu_G * tau[s]
        variance += (2 * T_m + tau[s]) * (reach / (2 * (tau[s] + T_m))) ** 2 * K[s] * r[s]
        area += K[s] * (r[s] + _RATE_FLOOR) * reach**2
    sigma_V = sqrt(abs(variance)) + _SIGMA_FLOOR
    return mu_V, sigma_V, 0.5 * area / sigma_V**2 * g_L / C, mu_G


@inline
def rate(
    r: Array, K: Array, Q: Array, tau: Array, E: Array, first: int, last: int, g_L: float,
    C: float, E_L: float, alpha: float, P: Array, p: int,
) -> float:
    """Return the rate F of a cell in kHz at presynaptic rates `r`; see the module.

    Its synapses are those from `first` to before `last`, its threshold is row `p` of `P`.
    """
    mu_V, sigma_V, T_VN, mu_G = moments(r, K, Q, tau, E, first, last, g_L, C, E_L)
    if not T_VN > 0.0:
        return 0.0
    threshold = 1e3 * (
        P[p, 0]
        + P[p, 1] * (mu_V + 60.0) / 10.0
        + P[p, 2] * (sigma_V - 4.0) / 6.0
        + P[p, 3] * (T_VN - 0.5)
        + P[p, 4] * log(mu_G / g_L)
    )
    distance = (threshold - mu_V) / (sqrt(2.0) * sigma_V)
    found: float = alpha * g_L / (2.0 * T_VN * C) * erfc(distance)
    return found


@kernel
def _table(rates: Array, a_cell: Cell) -> tuple[Array, Array]:
    found = np.empty((rates.shape[0], 4))
    out = np.empty(rates.shape[0])
    g, C, E_L, alpha, P, K, Q, tau, E = a_cell
    all_of, row_of_P = rates.shape[1], P.reshape(1, P.size)
    for row in range(rates.shape[0]):
        r = rates[row]
        found[row] = moments(r, K, Q, tau, E, 0, all_of, g, C, E_L)
        out[row] = rate(r, K, Q, tau, E, 0, all_of, g, C, E_L, alpha, row_of_P, 0)
    return found, out


def statistics(rates_hz: Array, a_cell: Cell) -> Array:
    """Return mu_V (mV), sigma_V (mV), T_VN and mu_G (nS) as columns.

    Parameters
    ----------
    rates_hz
        Presynaptic rates, shape (rows, synapses).
    a_cell
        The population.
    """
    return np.asarray(_table(_rows(rates_hz), a_cell)[0])


def transfer_hz(rates_hz: Array, a_cell: Cell) -> Array:
    """Return the rate of a population in Hz, shape (rows,).

    Parameters
    ----------
    rates_hz
        Presynaptic rates, shape (rows, synapses).
    a_cell
        The population.
    """
    return 1e3 * np.asarray(_table(_rows(rates_hz), a_cell)[1])


def _rows(rates_hz: Array) -> Array:
    return np.ascontiguousarray(rates_hz, dtype=np.float64) / 1e3
