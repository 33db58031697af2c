"""TVB's couplings as linear sums of what each region sends.

TVB computes a function of the states of source and target for each edge and then sums. Where
that function splits into factors of source and target, it is computed once for each region and
step, and what remains for each edge is a product: with `sent` the channels that a region sends,

=====================  =======================================================================
`Linear`               sends x_j; a sum + b
`Scaling`              sends x_j; a sum
`HyperbolicTangent`    sends a (1 + tanh((b x_j - midpoint) / sigma)); sum
`Sigmoidal`            sends x_j; cmin + (cmax - cmin) / (1 + exp(-a (sum - midpoint) / sigma))
`SigmoidalJansenRit`   sends the sigmoid of the difference of two variables; a sum, the same for
                       all inputs
`Difference`           sends x_j; a (sum - x_i sum of weights)
`Kuramoto`             sends sin x_j and cos x_j; a (cos x_i sum of sines - sin x_i sum of
                       cosines) over the number of coupling variables, by which TVB divides
=====================  =======================================================================

`tests/numerics/test_compiled_equations.py` compares each with TVB's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, exp, sin, tanh
from typing import Any

import numpy as np

from cosim_tvb.compiled.native import RECEIVING, SENDING, Array, Native, kernel
from cosim_tvb.library import Untyped


@kernel
def _state(x: Array, q: Array, sent: Array) -> None:
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            sent[i, r] = x[i, r]


@kernel
def _hyperbolic(x: Array, q: Array, sent: Array) -> None:
    a, b, midpoint, sigma = q[0], q[1], q[2], q[3]
    for i in range(x.shape[0]):
        for r in range(x.shape[1]):
            sent[i, r] = a * (1.0 + tanh((b * x[i, r] - midpoint) / sigma))


@kernel
def _jansen_rit(x: Array, q: Array, sent: Array) -> None:
    low, high, midpoint, steepness = q[0], q[1], q[2], q[3]
    for r in range(x.shape[1]):
        power = steepness * (midpoint - (x[0, r] - x[1, r]))
        sent[0, r] = low + (high - low) / (1.0 + exp(power))


@kernel
def _circle(x: Array, q: Array, sent: Array) -> None:
    n = x.shape[0]
    for i in range(n):
        for r in range(x.shape[1]):
            sent[i, r] = sin(x[i, r])
            sent[n + i, r] = cos(x[i, r])


@kernel
def _as_it_is(sums: Array, x: Array, weight: Array, q: Array, found: Array) -> None:
    for i in range(found.shape[0]):
        for r in range(found.shape[1]):
            found[i, r] = sums[i, r]


@kernel
def _line(sums: Array, x: Array, weight: Array, q: Array, found: Array) -> None:
    for i in range(found.shape[0]):
        for r in range(found.shape[1]):
            found[i, r] = q[0] * sums[i, r] + q[1]


@kernel
def _scaled(sums: Array, x: Array, weight: Array, q: Array, found: Array) -> None:
    for i in range(found.shape[0]):
        for r in range(found.shape[1]):
            found[i, r] = q[0] * sums[i, r]


@kernel
def _one_for_all(sums: Array, x: Array, weight: Array, q: Array, found: Array) -> None:
    for i in range(found.shape[0]):
        for r in range(found.shape[1]):
            found[i, r] = q[4] * sums[0, r]


@kernel
def _sigmoid(sums: Array, x: Array, weight: Array, q: Array, found: Array) -> None:
    low, high, midpoint, a, sigma = q[0], q[1], q[2], q[3], q[4]
    for i in range(found.shape[0]):
        for r in range(found.shape[1]):
            power = -a * ((sums[i, r] - midpoint) / sigma)
            found[i, r] = low + (high - low) / (1.0 + exp(power))


@kernel
def _difference(sums: Array, x: Array, weight: Array, q: Array, found: Array) -> None:
    for i in range(found.shape[0]):
        for r in range(found.shape[1]):
            found[i, r] = q[0] * (sums[i, r] - x[i, r] * weight[r])


@kernel
def _turn(sums: Array, x: Array, weight: Array, q: Array, found: Array) -> None:
    n = found.shape[0]
    for i in range(n):
        for r in range(found.shape[1]):
            turned = cos(x[i, r]) * sums[i, r] - sin(x[i, r]) * sums[n + i, r]
            found[i, r] = q[0] / n * turned


@dataclass(frozen=True)
class _Known:
    parameters: tuple[str, ...]
    send: Any
    receive: Any
    channels: Callable[[int], int] = lambda variables: variables


_KNOWN = {
    "Linear": _Known(("a", "b"), _state, _line),
    "Scaling": _Known(("a",), _state, _scaled),
    "HyperbolicTangent": _Known(("a", "b", "midpoint", "sigma"), _hyperbolic, _as_it_is),
    "Sigmoidal": _Known(("cmin", "cmax", "midpoint", "a", "sigma"), _state, _sigmoid),
    "SigmoidalJansenRit": _Known(
        ("cmin", "cmax", "midpoint", "r", "a"), _jansen_rit, _one_for_all, lambda variables: 1
    ),
    "Difference": _Known(("a",), _state, _difference),
    "Kuramoto": _Known(("a",), _circle, _turn, lambda variables: 2 * variables),
}

@dataclass(frozen=True)
class Coupling:
    """A coupling with its kernels.

    Parameters
    ----------
    send, receive
        See `cosim_tvb.compiled.native`.
    parameters
        In the order of the kernels.
    channels, inputs
        How many numbers a region sends, and how many inputs it gets.
    """

    send: Native
    receive: Native
    parameters: Array
    channels: int
    inputs: int


def coupling(theirs: Untyped, variables: int) -> Coupling:
    """Return the kernels of a coupling of TVB.

    Parameters
    ----------
    theirs
        TVB's object; its class is one of `cosim_tvb.compiled.support.COUPLINGS`.
    variables
        Number of coupling variables.
    """
    known = _KNOWN[type(theirs).__name__]
    values = [float(np.ravel(getattr(theirs, name))[0]) for name in known.parameters]
    return Coupling(
        Native(known.send, SENDING),
        Native(known.receive, RECEIVING),
        np.array(values),
        known.channels(variables),
        variables,
    )
