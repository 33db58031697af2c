"""tvb-library, imported without its side effects: the only place where it is imported.

On import tvb replaces the handlers of the root logger, opens a log file below the home
directory, creates folders there (which fails when several ranks do it at once) and warns about
optional parts that are missing. None of that belongs into a rank of a co-simulation.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import logging.config
import os
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, TypeAlias


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    for name in ("tvb", "numba", "numexpr", "cosim_tvb.noise"):
        logging.getLogger(name).setLevel(logging.ERROR)
    configure = logging.config.fileConfig
    home = os.environ.get("TVB_USER_HOME")
    with tempfile.TemporaryDirectory(prefix="tvb-") as scratch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Geodesic distance module is unavailable")
        logging.config.fileConfig = lambda *_args, **_options: None
        os.environ["TVB_USER_HOME"] = scratch
        try:
            yield
        finally:
            logging.config.fileConfig = configure
            if home is None:
                del os.environ["TVB_USER_HOME"]
            else:
                os.environ["TVB_USER_HOME"] = home


with _quietly():
    from tvb.basic.neotraits import api as traits
    from tvb.datatypes import equations
    from tvb.datatypes.connectivity import Connectivity
    from tvb.simulator import coupling, integrators, models, monitors, noise
    from tvb.simulator.history import SparseHistory
    from tvb.simulator.models import ModelsEnum
    from tvb.simulator.models.base import ModelNumbaDfun
    from tvb.simulator.simulator import Simulator

__all__ = [
    "Connectivity",
    "ModelNumbaDfun",
    "ModelsEnum",
    "Simulator",
    "SparseHistory",
    "Untyped",
    "coupling",
    "equations",
    "integrators",
    "model_class",
    "model_module",
    "model_names",
    "models",
    "monitors",
    "noise",
    "traits",
]

#: Objects of tvb-library, which has no types.
Untyped: TypeAlias = Any


def model_names() -> tuple[str, ...]:
    """Return the names of the models that tvb-library ships, in its own order."""
    return tuple(m.value for m in ModelsEnum if m is not ModelsEnum.BASE_MODEL)


def model_class(name: str) -> type:
    """Return a shipped model's class; compiles it where it is written for Numba."""
    found: type = ModelsEnum(name).get_class()
    return found


def model_module(name: str) -> Untyped:
    """Return the module of tvb-library that defines a model; compiles what is in it."""
    return importlib.import_module(f"tvb.simulator.models.{name}")
