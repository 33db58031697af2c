"""Feedback inhibition control of the reduced Wong-Wang model with excitation and inhibition.

Equations, symbols and units are those of tvb-library's ``ReducedWongWangExcInh`` (Deco et al.
2014, J Neurosci 34:7886): currents in nA, rates in spikes/s, times in ms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Rate of the excitatory neurons where Deco et al. hold it, 0.026 nA below the threshold b_e / a_e.
RATE_HZ = 3.063

Array = NDArray[np.float64]
#: One number, or one a region.
Values = Array | float
#: The model's parameters by their TVB name, one value or one a region.
Parameters = Mapping[str, Values]

#: Beyond all currents (nA) and gating variables that can occur, and how often it is halved.
_BOUND, _HALVINGS = 10.0, 64


@dataclass(frozen=True)
class Balance:
    """A brain whose excitatory rates all rest at one value.

    Parameters
    ----------
    J_i
        Local inhibition, shape (regions,), nA.
    S_e, S_i
        Gating at rest, shape (regions,).
    growth_per_ms
        Rate at which the slowest small deviation grows; negative if it dies away.
    """

    J_i: Array
    S_e: Array
    S_i: Array
    growth_per_ms: float


def rate_hz(current_na: Values, gain: Values, shift: Values, curve: Values) -> Array:
    """Return the rate at an input current: H of the model, for a, b and d of a population."""
    x = np.asarray(gain * current_na - shift)
    # x / (1 - exp(-d x)), whose limit at x = 0 is 1 / d.
    small = np.abs(x) < 1e-9
    safe = np.where(small, 1.0, x)
    with np.errstate(over="ignore"):
        return np.asarray(np.where(small, 1.0 / curve, safe / -np.expm1(-curve * safe)))


def gating_at(rate: Values, gamma_e: Values, tau_e_ms: Values) -> Array:
    """Return the excitatory gating S_e at rest under a steady rate in spikes/s."""
    opened = np.asarray(gamma_e * tau_e_ms * rate)
    return opened / (1.0 + opened)


def balance(
    parameters: Parameters, weights: Array, drive: Values = 0.0, rate: float = RATE_HZ
) -> Balance:
    """Find the local inhibition under which every region rests at the same rate.

    At rest the rate fixes S_e, the input that excitatory neurons need, and S_i; J_i is what
    makes the input that they get equal to the one that they need. Noise shifts the mean rate a
    little, for H is convex.

    Parameters
    ----------
    parameters
        All parameters of the model but J_i.
    weights
        Coupling among the regions after TVB's coupling function, shape (regions, regions),
        [target, source].
    drive
        Coupling input from regions that other models simulate, shape (regions,).
    rate
        Where the excitatory neurons are to rest, spikes/s.

    Raises
    ------
    ValueError
        If the rate is not positive, or inhibition would have to be negative.
    """
    if not rate > 0:
        raise ValueError(f"the rate is {rate} spikes/s; expected more than zero")
    n = len(weights)
    p = {k: np.broadcast_to(np.asarray(v, float), n) for k, v in parameters.items()}
    S_e = gating_at(rate, p["gamma_e"], p["tau_e"])
    coupled = p["G"] * p["J_N"] * (weights @ S_e + drive)
    to_inhibition = p["J_N"] * S_e + p["W_i"] * p["I_o"] + p["lamda"] * coupled
    needed = _zero(lambda x: _rate(p, "e", x) - rate, n)
    # S_i lowers the very current that it follows.
    S_i = _zero(lambda s: s - p["gamma_i"] * p["tau_i"] * _rate(p, "i", to_inhibition - s), n)
    given = p["w_p"] * p["J_N"] * S_e + p["W_e"] * p["I_o"] + coupled + p["I_ext"]
    J_i = (given - needed) / S_i
    if (J_i < 0).any():
        raise ValueError(
            f"region {int(J_i.argmin())} stays below {rate:g} spikes/s even without inhibition"
        )
    return Balance(J_i, S_e, S_i, _growth(p, weights, J_i, needed, to_inhibition, S_e, S_i))


def _rate(p: Mapping[str, Array], kind: str, current_na: Array) -> Array:
    return rate_hz(current_na, p[f"a_{kind}"], p[f"b_{kind}"], p[f"d_{kind}"])


def _zero(rising: Callable[[Array], Array], n: int) -> Array:
    """Return where rising functions of n regions are zero, to the last bit, by bisection."""
    low: Array = np.full(n, -_BOUND)
    high: Array = np.full(n, _BOUND)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = rising(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(0.5 * (low + high))


def _slope(p: Mapping[str, Array], kind: str, current_na: Array) -> Array:
    step_na = 1e-6
    up, down = (_rate(p, kind, current_na + side * step_na) for side in (1, -1))
    return np.asarray((up - down) / (2.0 * step_na))


def _growth(
    p: Mapping[str, Array], weights: Array, J_i: Array, x_e: Array, to_inhibition: Array,
    S_e: Array, S_i: Array,
) -> float:
    """Return the largest real part of the linearised brain's eigenvalues, without delays."""
    n = len(weights)
    one = np.eye(n)
    rate = _rate(p, "e", x_e)
    into_e = ((1.0 - S_e) * p["gamma_e"] * _slope(p, "e", x_e))[:, None]
    into_i = (p["gamma_i"] * _slope(p, "i", to_inhibition - S_i))[:, None]
    coupled = (p["G"] * p["J_N"])[:, None] * weights
    recurrent = (p["w_p"] * p["J_N"])[:, None] * one
    matrix = np.block([
        [
            into_e * (recurrent + coupled) - np.diag(1.0 / p["tau_e"] + p["gamma_e"] * rate),
            -into_e * np.diag(J_i),
        ],
        [
            into_i * (np.diag(p["J_N"]) + p["lamda"][:, None] * coupled),
            -into_i * one - np.diag(1.0 / p["tau_i"]),
        ],
    ])
    return float(np.linalg.eigvals(matrix).real.max())
