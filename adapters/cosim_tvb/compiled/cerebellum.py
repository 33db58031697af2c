"""The equations of `cosim_tvb.cerebellum` as compiled kernels over all regions."""

from __future__ import annotations

import numpy as np

from cosim_tvb.cerebellum import circuit as equations
from cosim_tvb.cerebellum.circuit import Circuit
from cosim_tvb.cerebellum.parameters import POPULATIONS, SYNAPSES
from cosim_tvb.compiled.native import Array, kernel

_N, _S = len(POPULATIONS), len(SYNAPSES)
_LISTS = ("tau_syn", "E_syn", "g_L", "C_m", "E_L", "alpha", *(f"P_{p}" for p in POPULATIONS))
#: Parameters of a region in the order of the kernels; second order has the list N at the end.
PARAMETERS = (
    *(f"K_{s}" for s in SYNAPSES), *(f"Q_{s}" for s in SYNAPSES), "T", "mf_background",
    "noise_weight", "tau_noise", *_LISTS,
)  # fmt: skip
_T, _MF, _WEIGHT, _TAU = 2 * _S, 2 * _S + 1, 2 * _S + 2, 2 * _S + 3
_SYN = 2 * _S + 4
_CELL = _SYN + 2 * _S
_P = _CELL + 4 * _N
_SIZES = _P + 5 * _N


@kernel
def _circuit(p: Array) -> Circuit:
    q = p[0]
    return Circuit(
        np.ascontiguousarray(p[:, :_S]), np.ascontiguousarray(p[:, _S:_T]), q[_SYN : _SYN + _S],
        q[_SYN + _S : _CELL], q[_CELL : _CELL + _N], q[_CELL + _N : _CELL + 2 * _N],
        q[_CELL + 2 * _N : _CELL + 3 * _N], q[_CELL + 3 * _N : _P],
        q[_P:_SIZES].copy().reshape(_N, 5), np.ascontiguousarray(p[:, _T]),
    )


@kernel
def first_order(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `CerebellarMeanField`."""
    mossy = p[:, _MF] + p[:, _WEIGHT] * x[-1] + c[1]
    dx[:] = 0.0
    equations.first_order(x, mossy, c[0], _circuit(p), dx)
    dx[-1] = -x[-1] / p[:, _TAU]


@kernel
def second_order(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `CerebellarMeanFieldSecondOrder`."""
    mossy = p[:, _MF] + p[:, _WEIGHT] * x[-1] + c[1]
    dx[:] = 0.0
    equations.second_order(
        x[:_N], x[_N:-2], mossy, c[0], _circuit(p), p[0][_SIZES:], dx[:_N], dx[_N:-2]
    )
    dx[-1] = -x[-1] / p[:, _TAU]
