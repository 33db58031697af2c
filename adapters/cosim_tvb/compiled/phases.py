"""The phases of Kuramoto as a compiled kernel over all regions."""

from __future__ import annotations

from cosim_tvb.compiled.native import Array, kernel


@kernel
def kuramoto(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of TVB's `Kuramoto` without a surface: omega plus the input."""
    for i in range(x.shape[1]):
        dx[0, i] = p[i, 0] + c[0, i]
