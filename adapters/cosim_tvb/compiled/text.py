"""Equations that tvb-library has as text for its template backend, compiled.

They are compiled anew in each process, which takes a few tenths of a second: Numba keeps on disk
only what stands in a file.
"""

from __future__ import annotations

import math

from numba import njit

from cosim_tvb import library
from cosim_tvb.compiled.native import Numba


def _compile(cls: library.Untyped) -> Numba:
    """Return a kernel with the signature of `cosim_tvb.compiled.native.EQUATIONS`."""
    # Names with two underscores, so that no variable of a model hides them.
    lines = ["def equations(x__, c__, p__, dx__):", "    for i__ in range(x__.shape[1]):"]
    model = cls()
    for place, names in (
        ("x__[{}, i__]", model.state_variables),
        ("c__[{}, i__]", model.coupling_terms),
        ("p__[i__, {}]", model.parameter_names),
    ):
        lines += [f"        {name} = {place.format(k)}" for k, name in enumerate(names)]
    for k, name in enumerate(model.state_variables):
        lines.append(f"        dx__[{k}, i__] = {model.state_variable_dfuns[name]}")
    space: dict[str, Numba] = {n: getattr(math, n) for n in ("pi", "exp", "sin", "cos", "tanh")}
    exec("\n".join(lines), space)  # the library's own text
    return njit(error_model="numpy")(space["equations"])


montbrio_pazo_roxin = _compile(library.model_class("MontbrioPazoRoxin"))
linear = _compile(library.model_class("Linear"))
