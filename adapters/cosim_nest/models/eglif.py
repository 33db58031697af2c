"""The E-GLIF neuron: compiled by ``cosim build-models``, loaded into a NEST kernel by `install`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cosim.errors import UsageError
from cosim_nest.models import build as _build

MODEL = "eglif_fast_neuron"
MODULE_NAME = "cosim_eglif_module"
SOURCE = _build.ModelSource(Path(__file__).with_name(f"{MODEL}.nestml"), MODEL, MODULE_NAME)

#: What to say where the neuron is wanted and not compiled.
MEND = "run 'cosim build-models' once on this machine"


def available() -> bool:
    """Return whether the neuron is compiled for the NEST of this Python; imports nothing."""
    path = SOURCE.compiled()
    return path is not None and path.exists()


def absence() -> str:
    """Return that the neuron is not compiled, with the mend; empty if it is."""
    return "" if available() else f"the neuron model {MODEL} is not compiled for this NEST; {MEND}"


def build(force: bool = False) -> Path:
    """Compile the neuron unless it is compiled, and return the module.

    Parameters
    ----------
    force
        Whether to compile it again.

    Raises
    ------
    UsageError
        If NEST, its headers, NESTML or a compiler is missing, or compiling fails.
    """
    return _build.build(SOURCE, force=force)[0]


def install(nest: Any) -> None:  # noqa: ANN401 - NEST has no types
    """Load the neuron into NEST's kernel unless it is there; a reset of the kernel unloads it.

    Parameters
    ----------
    nest
        NEST's module.

    Raises
    ------
    UsageError
        If the neuron is not compiled, or NEST cannot load it.
    """
    if MODEL in nest.node_models:
        return
    if lacking := absence():
        raise UsageError(lacking)
    path = SOURCE.compiled()
    try:
        nest.Install(str(path))
    except nest.NESTError as error:
        cause = f"NEST cannot load {path}: {error}"
        raise UsageError(f"{cause}; run 'cosim build-models --force'") from error


def install_if_named(nest: Any, models: Iterable[str]) -> None:  # noqa: ANN401
    """Load the neuron into NEST's kernel if it is one of these models.

    Raises
    ------
    UsageError
        If it is, but is not compiled, or NEST cannot load it.
    """
    if MODEL in models:
        install(nest)
