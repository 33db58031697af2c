"""The equations of `cosim_tvb.cerebellum.CerebellarNuclei` as a compiled kernel."""

from __future__ import annotations

from cosim_tvb.compiled.native import Array, kernel


@kernel
def nuclei(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `CerebellarNuclei`."""
    for i in range(x.shape[1]):
        q = p[i]
        T, purkinje, mossy = q[0], c[0, i], c[1, i] + q[1]
        dx[0, i] = (max(q[2] + q[3] * mossy - q[4] * purkinje, 0.0) - x[0, i]) / T
        dx[1, i] = (max(q[5] - q[6] * purkinje, 0.0) - x[1, i]) / T
        dx[2, i] = -x[2, i] / T
        dx[3, i] = -x[3, i] / T
