"""Equations of TVB's models as compiled kernels over all regions.

Where tvb-library has a kernel of its own for one region, that very function is compiled into
these; see `cosim_tvb.compiled.table`. TVB calls it with arrays of one element; it gets tuples
here, which cost nothing to make, where an array that is a part of another one costs 5 ns.
"""

from __future__ import annotations

from numba import njit

from cosim_tvb import library
from cosim_tvb.compiled.native import Array, Numba, kernel


def _own(module: str, name: str = "_numba_dfun") -> Numba:
    """Return the function from which a module of tvb-library compiles its kernel."""
    found = getattr(library.model_module(module), name)
    return njit(error_model="numpy", inline="always")(found.gufunc_builder.py_func)


_wong_wang = _own("wong_wang")
_wong_wang_exc_inh = _own("wong_wang_exc_inh")
_wilson_cowan = _own("wilson_cowan")
_jansen_rit = _own("jansen_rit", "_numba_dfun_jr")
_oscillator = _own("oscillator", "_numba_dfun_g2d")
_epileptor = _own("epileptor")
_epileptor_2d = _own("epileptor", "_numba_dfun_epi2d")

#: Local coupling of a brain without a surface, of one variable and of two.
_NONE, _NONE_OF_TWO = (0.0,), (0.0, 0.0)


@kernel
def reduced_wong_wang(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `ReducedWongWang`."""
    for i in range(x.shape[1]):
        q = p[i]
        _wong_wang(
            (x[0, i],), (c[0, i],),
            (q[0],), (q[1],), (q[2],), (q[3],), (q[4],), (q[5],), (q[6],), (q[7],), dx[:, i],
        )


@kernel
def reduced_wong_wang_exc_inh(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `ReducedWongWangExcInh`."""
    for i in range(x.shape[1]):
        q = p[i]
        _wong_wang_exc_inh(
            (x[0, i], x[1, i]), (c[0, i],),
            (q[0],), (q[1],), (q[2],), (q[3],), (q[4],), (q[5],), (q[6],), (q[7],), (q[8],),
            (q[9],), (q[10],), (q[11],), (q[12],), (q[13],), (q[14],), (q[15],), (q[16],),
            (q[17],), (q[18],), dx[:, i],
        )


@kernel
def wilson_cowan(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `WilsonCowan`."""
    for i in range(x.shape[1]):
        q = p[i]
        # The last one is asked whether it is true, which a tuple always is.
        _wilson_cowan(
            (x[0, i], x[1, i]), (c[0, i],), _NONE_OF_TWO,
            (q[0],), (q[1],), (q[2],), (q[3],), (q[4],), (q[5],), (q[6],), (q[7],), (q[8],),
            (q[9],), (q[10],), (q[11],), (q[12],), (q[13],), (q[14],), (q[15],), (q[16],),
            (q[17],), (q[18],), (q[19],), (q[20],), (q[21],), q[22] != 0.0, dx[:, i],
        )


@kernel
def jansen_rit(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `JansenRit`."""
    for i in range(x.shape[1]):
        q = p[i]
        _jansen_rit(
            (x[0, i], x[1, i], x[2, i], x[3, i], x[4, i], x[5, i]), (c[0, i],), _NONE,
            (q[0],), (q[1],), (q[2],), (q[3],), (q[4],), (q[5],), (q[6],), (q[7],), (q[8],),
            (q[9],), (q[10],), (q[11],), (q[12],), dx[:, i],
        )


@kernel
def generic_2d_oscillator(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `Generic2dOscillator`."""
    for i in range(x.shape[1]):
        q = p[i]
        _oscillator(
            (x[0, i], x[1, i]), (c[0, i],),
            (q[0],), (q[1],), (q[2],), (q[3],), (q[4],), (q[5],), (q[6],), (q[7],), (q[8],),
            (q[9],), (q[10],), (q[11],), _NONE, dx[:, i],
        )


@kernel
def epileptor(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `Epileptor`."""
    for i in range(x.shape[1]):
        q = p[i]
        _epileptor(
            (x[0, i], x[1, i], x[2, i], x[3, i], x[4, i], x[5, i]), (c[0, i], c[1, i]),
            (q[0],), (q[1],), (q[2],), (q[3],), (q[4],), (q[5],), (q[6],), (q[7],), (q[8],),
            (q[9],), (q[10],), (q[11],), (q[12],), (q[13],), (q[14],), (q[15],), (q[16],),
            dx[:, i],
        )


@kernel
def epileptor_2d(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `Epileptor2D`."""
    for i in range(x.shape[1]):
        q = p[i]
        _epileptor_2d(
            (x[0, i], x[1, i]), (c[0, i],),
            (q[0],), (q[1],), (q[2],), (q[3],), (q[4],), (q[5],), (q[6],), (q[7],), (q[8],),
            (q[9],), (q[10],), (q[11],), dx[:, i],
        )
