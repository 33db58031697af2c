"""Kernels that are compiled when they are first wanted, kept on disk, and called by address."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import float32, float64, int64, njit, types, void
from numpy.typing import NDArray

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Indices = NDArray[np.int64]
#: Objects of Numba, which has no types of its own for them.
Numba: TypeAlias = Any

#: Types of arguments, C-contiguous.
F1 = types.Array(float64, 1, "C")
F2 = types.Array(float64, 2, "C")
F3 = types.Array(float64, 3, "C")
S1 = types.Array(float32, 1, "C")
S3 = types.Array(float32, 3, "C")
I1 = types.Array(int64, 1, "C")

#: Equations of a model: state (variables, regions), input (inputs, regions), parameters
#: (regions, parameters), derivatives (variables, regions).
EQUATIONS = void(F2, F2, F2, F2)
#: What a coupling sends: coupling variables (variables, regions), its parameters, what is
#: delayed and summed (channels, regions).
SENDING = void(F2, F1, F2)
#: What a coupling receives: sums (channels, regions), coupling variables now, sum of weights
#: (regions,), its parameters, input (inputs, regions).
RECEIVING = void(F2, F2, F1, F1, F2)


def record(cls: type[NamedTuple], *fields: Numba) -> Numba:
    """Return the type of a named tuple."""
    make: Numba = types.NamedTuple
    return make(fields, cls)


def kernel(function: Callable[..., Any]) -> Numba:
    """Return a dispatcher of Numba that compiles when asked to and keeps the result on disk.

    Numba looks at the file of a function to see whether what it kept is still good. Kernels hold
    functions of other files and of tvb-library, too, so what `sources` returns is a part of their
    name on disk. Where neither the package's folder nor the user's cache can be written, a kernel
    is compiled in every process.
    """
    function.__qualname__ += f"-{sources(Path(__file__).parents[1])}"
    try:
        return njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        return njit(error_model="numpy")(function)


def inline(function: Callable[..., Any]) -> Numba:
    """Return a dispatcher of Numba that becomes a part of every kernel that calls it.

    Passing arrays to a function that is none costs more than a dozen divisions.
    """
    return njit(error_model="numpy", inline="always")(function)


@cache
def sources(folder: Path) -> str:
    """Return a name for the source of all kernels: tvb-library's version, and a digest.

    Parameters
    ----------
    folder
        Of this adapter.
    """
    digest = blake2b(digest_size=6)
    for package in ("cerebellum", "compiled"):
        for path in sorted((folder / package).glob("*.py")):
            digest.update(path.read_bytes())
    return f"tvb-{version('tvb-library')}-{digest.hexdigest()}"


def compiled(dispatcher: Numba, signature: Numba) -> Numba:
    """Return a kernel as a function for arguments of one signature.

    It does not look at their types, which for arguments that are kernels takes most of a call.
    """
    dispatcher.compile(signature)
    return dispatcher.overloads[signature.args].entry_point


class Native(types.WrapperAddressProtocol):
    """A compiled kernel as an argument of another one.

    A dispatcher may be passed, too, but Numba then looks for the machine code anew at each call,
    which takes three times as long as all else that a call costs.

    Parameters
    ----------
    dispatcher
        Of the kernel.
    signature
        For which it is compiled.
    """

    def __init__(self, dispatcher: Numba, signature: Numba) -> None:
        dispatcher.compile(signature)
        self._kept = dispatcher.overloads[signature.args]
        name = self._kept.fndesc.llvm_cfunc_wrapper_name
        self._address = self._kept.library.get_pointer_to_function(name)
        self._signature = signature

    def __wrapper_address__(self) -> int:
        return int(self._address)

    def signature(self) -> Numba:
        """Return what Numba asks for."""
        return self._signature
