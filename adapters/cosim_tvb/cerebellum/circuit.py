"""Compiled equations of the cerebellar cortex over all regions of a brain.

Arrays of regions have the region last, as in TVB. Rates are in kHz, times in ms.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from cosim_tvb.cerebellum.parameters import POPULATIONS, SYNAPSES
from cosim_tvb.cerebellum.transfer import Array, rate
from cosim_tvb.compiled.native import inline, kernel

#: All that fires: the populations, and the mossy fibres last.
FIRING: Final = (*POPULATIONS, "mf")
#: Covariances, by the two that they join; the upper triangle, row by row.
PAIRS: Final = tuple((a, b) for i, a in enumerate(FIRING) for b in FIRING[i:])

_N: Final = len(POPULATIONS)
_MF: Final = _N
_GRC: Final = 0
_SOURCE: Final = tuple(FIRING.index(name.split("_")[0]) for name in SYNAPSES)
_TARGETS: Final = [name.split("_")[1] for name in SYNAPSES]
#: Where the synapses of each population begin, and where the last ones end.
_FIRST: Final = (*(_TARGETS.index(p) for p in POPULATIONS), len(SYNAPSES))

#: Difference of rates for derivatives, as a part of the rate; and the smallest rate in kHz at
#: which they are taken, since the transfer function has no second derivative at zero.
_PART: Final = 1e-3
_LEAST: Final = 1e-6


class Circuit(NamedTuple):
    """Parameters of the circuit as arrays.

    Parameters
    ----------
    K, Q
        Shape (regions, synapses).
    tau, E
        Shape (synapses,).
    g_L, C, E_L, alpha
        Shape (populations,).
    P
        Shape (populations, 5).
    T
        Shape (regions,).
    """

    K: Array
    Q: Array
    tau: Array
    E: Array
    g_L: Array
    C: Array
    E_L: Array
    alpha: Array
    P: Array
    T: Array


@inline
def _presynaptic(rates: Array, node: int, mossy: float, parallel: float, r: Array) -> None:
    for s in range(r.size):
        source = _SOURCE[s]
        if source == _MF:
            r[s] = max(mossy, 0.0)
        elif source == _GRC:
            r[s] = max(rates[_GRC, node] + parallel, 0.0)
        else:
            r[s] = max(rates[source, node], 0.0)


@inline
def _rate_of(p: int, r: Array, K: Array, Q: Array, c: Circuit) -> float:
    first, last = _FIRST[p], _FIRST[p + 1]
    g_L, C, E_L, alpha = c.g_L[p], c.C[p], c.E_L[p], c.alpha[p]
    found: float = rate(r, K, Q, c.tau, c.E, first, last, g_L, C, E_L, alpha, c.P, p)
    return found


@kernel
def first_order(rates: Array, mossy: Array, parallel: Array, c: Circuit, out: Array) -> None:
    """Write T dv/dt = F - v of every population.

    Parameters
    ----------
    rates
        Shape (populations, regions).
    mossy
        Rate of the mossy fibres, shape (regions,).
    parallel
        Rate of granule cells elsewhere whose parallel fibres come in, shape (regions,).
    c
        Parameters.
    out
        Derivatives by the ms, shape (populations, regions).
    """
    r = np.empty(len(_SOURCE))
    for node in range(rates.shape[1]):
        _presynaptic(rates, node, mossy[node], parallel[node], r)
        T, K, Q = c.T[node], c.K[node], c.Q[node]
        for p in range(_N):
            out[p, node] = (_rate_of(p, r, K, Q, c) - rates[p, node]) / T


@inline
def _derivatives(
    p: int, r: Array, K: Array, Q: Array, c: Circuit, slope: Array, curve: Array
) -> None:
    """Write first and second derivatives of F with respect to all that fires.

    `slope` has shape (firing,), `curve` (firing, firing); `r` is restored.
    """
    slope[:] = 0.0
    curve[:] = 0.0
    at = np.maximum(r, _LEAST)
    middle = _rate_of(p, at, K, Q, c)
    first, last = _FIRST[p], _FIRST[p + 1]
    for s in range(first, last):
        a, here = _SOURCE[s], at[s]
        h = _PART * here
        at[s] = here + h
        up = _rate_of(p, at, K, Q, c)
        at[s] = here - h
        down = _rate_of(p, at, K, Q, c)
        at[s] = here
        slope[a] = (up - down) / (2 * h)
        curve[a, a] = (up - 2 * middle + down) / h**2
        for t in range(first, s):
            b, there = _SOURCE[t], at[t]
            k = _PART * there
            mixed = 0.0
            for i in (-1, 1):
                for j in (-1, 1):
                    at[s], at[t] = here + i * h, there + j * k
                    mixed += i * j * _rate_of(p, at, K, Q, c)
            at[s], at[t] = here, there
            curve[a, b] = curve[b, a] = mixed / (4 * h * k)


@kernel
def derivatives(
    rates: Array, mossy: float, parallel: float, c: Circuit
) -> tuple[Array, Array, Array]:
    """Return F of all populations of the first region, with its derivatives.

    Parameters
    ----------
    rates
        Shape (populations, regions).
    mossy, parallel
        As in `first_order`, of that region.
    c
        Parameters.

    Returns
    -------
    tuple of arrays
        F (populations,), dF (populations, firing), ddF (populations, firing, firing).
    """
    r = np.empty(len(_SOURCE))
    _presynaptic(rates, 0, mossy, parallel, r)
    F = np.empty(_N)
    slope, curve = np.empty((_N, _N + 1)), np.empty((_N, _N + 1, _N + 1))
    for p in range(_N):
        F[p] = _rate_of(p, r, c.K[0], c.Q[0], c)
        _derivatives(p, r, c.K[0], c.Q[0], c, slope[p], curve[p])
    return F, slope, curve


@inline
def _unfold(packed: Array, node: int, cov: Array) -> None:
    i = 0
    for a in range(_N + 1):
        for b in range(a, _N + 1):
            cov[a, b] = cov[b, a] = packed[i, node]
            i += 1


@kernel
def second_order(
    rates: Array,
    packed: Array,
    mossy: Array,
    parallel: Array,
    c: Circuit,
    N: Array,
    out: Array,
    out_packed: Array,
) -> None:
    """Write the derivatives of means and covariances.

    El Boustani and Destexhe (2009), Neural Comput 21:46, doi:10.1162/neco.2009.02-08-710, with
    the mossy fibres as a fifth population whose mean is imposed::

        T dv_a/dt  = F_a - v_a + 1/2 sum_bc c_bc d2F_a / dv_b dv_c
        T dc_ab/dt = delta_ab F_a (1/T - F_a) / N_a + (F_a - v_a) (F_b - v_b)
                     + sum_k c_bk dF_a/dv_k + sum_k c_ak dF_b/dv_k - 2 c_ab

    Parameters
    ----------
    rates, mossy, parallel, c
        As in `first_order`.
    packed
        Covariances in kHz^2, shape (pairs, regions), in the order of `PAIRS`.
    N
        Cells of all that fires, shape (firing,).
    out, out_packed
        Derivatives by the ms of `rates` and `packed`.
    """
    size = _N + 1
    r = np.empty(len(_SOURCE))
    F, drift = np.empty(size), np.zeros(size)
    slope, curve = np.zeros((size, size)), np.empty((size, size))
    cov = np.empty((size, size))
    for node in range(rates.shape[1]):
        T, K, Q = c.T[node], c.K[node], c.Q[node]
        _presynaptic(rates, node, mossy[node], parallel[node], r)
        _unfold(packed, node, cov)
        for p in range(_N):
            F[p] = _rate_of(p, r, K, Q, c)
            drift[p] = F[p] - rates[p, node]
            _derivatives(p, r, K, Q, c, slope[p], curve)
            out[p, node] = (drift[p] + 0.5 * np.sum(cov * curve)) / T
        F[_MF] = max(mossy[node], 0.0)
        i = 0
        for a in range(size):
            for b in range(a, size):
                change = drift[a] * drift[b] - 2.0 * cov[a, b]
                for k in range(size):
                    change += cov[b, k] * slope[a, k] + cov[a, k] * slope[b, k]
                if a == b:
                    change += F[a] * (1.0 / T - F[a]) / N[a]
                out_packed[i, node] = change / T
                i += 1
