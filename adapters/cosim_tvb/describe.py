"""Reads the table of `cosim_tvb.facts` off the classes of an installed tvb-library."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from cosim_tvb import library
from cosim_tvb.facts import (
    OWN,
    CouplingFacts,
    Facts,
    IntegratorFacts,
    ModelFacts,
    MonitorFacts,
    third_party_models,
)

_NOT_PARAMETERS = {"gid", "state_variable_range", "variables_of_interest"}


def describe_library() -> Facts:
    """Return the table of everything the installed tvb-library offers."""
    integrators = _classes(library.integrators, library.integrators.Integrator)
    monitors = _classes(library.monitors, library.monitors.Monitor)
    kernels = _classes(library.equations, library.equations.HRFKernelEquation)
    return Facts(
        library=version("tvb-library"),
        models={n: describe_model(library.model_class(n)) for n in library.model_names()},
        own={
            n: describe_model(e.load())
            for n, e in sorted(third_party_models().items())
            if e.value.startswith(OWN)
        },
        couplings={
            n: _coupling(c)
            for n, c in _classes(library.coupling, library.coupling.Coupling)
            if n != "SparseCoupling"
        },
        integrators={n: _integrator(c) for n, c in integrators if not inspect.isabstract(c)},
        monitors={n: _monitor(c) for n, c in monitors if n != "Projection"},
        hrf_kernels={n: dict(c().parameters) for n, c in kernels},
    )


def describe_model(cls: type) -> ModelFacts:
    """Return what a scenario needs to know of a model's class."""
    model: Any = cls()
    low, high = np.finfo(float).min, np.finfo(float).max
    ranges = {
        name: (float(max(lo, low)), float(min(hi, high)))
        for name, (lo, hi) in model.state_variable_range.items()
    }
    observed = type(model).variables_of_interest
    return ModelFacts(
        state_variables=tuple(model.state_variables),
        coupling_variables=tuple(model.state_variables[i] for i in model.cvar),
        modes=int(model.number_of_modes),
        parameters=_arrays(model),
        ranges=ranges,
        observables=tuple(observed.element_choices or model.state_variables),
        observed=tuple(model.variables_of_interest),
    )


def _classes(module: library.Untyped, base: type) -> Iterator[tuple[str, type]]:
    for name, found in vars(module).items():
        own = inspect.isclass(found) and found.__module__ == module.__name__
        if own and issubclass(found, base) and found is not base:
            yield name, found


def _arrays(thing: library.Untyped) -> Mapping[str, list[float]]:
    found = {}
    for name in type(thing).declarative_attrs:
        value = getattr(thing, name)
        if name in _NOT_PARAMETERS or isinstance(value, str | tuple | list | dict):
            continue
        if isinstance(value, np.ndarray | bool | int | float):
            kind = getattr(getattr(type(thing), name), "dtype", None)
            found[name] = np.atleast_1d(np.asarray(value, kind)).tolist()
    return found


def _coupling(cls: type) -> CouplingFacts:
    coupling: Any = cls()
    base = library.coupling.Coupling
    sums = coupling.__class__.__call__ in {
        base.__call__,
        library.coupling.SparseCoupling.__call__,
    }
    if not sums:
        return CouplingFacts(_arrays(coupling), True, False, 0, 0)
    rng = np.random.default_rng(0)
    x_i, other, x_j = rng.uniform(size=(3, 2, 2, 2, 1))
    reads = not np.array_equal(coupling.pre(x_i, x_j), coupling.pre(other, x_j))
    try:
        coupling.pre(x_i[:, :1], x_j[:, :1])
        inputs = 1
    except IndexError:
        inputs = 2
    outputs = coupling.pre(x_i, x_j).shape[1]
    return CouplingFacts(_arrays(coupling), reads, True, inputs, outputs)


def _integrator(cls: type) -> IntegratorFacts:
    return IntegratorFacts(
        stochastic=issubclass(cls, library.integrators.IntegratorStochastic),
        fixed_step=not issubclass(cls, library.integrators.SciPyODEBase),
    )


def _monitor(cls: type) -> MonitorFacts:
    kinds = library.monitors
    every_step = issubclass(cls, kinds.Raw) and not issubclass(cls, kinds.TemporalAverage)
    described: Any = cls
    return MonitorFacts(
        parameters=tuple(a for a in described.declarative_attrs if a != "gid"),
        period=float(described.period.default),
        every_step=every_step,
        of="coupling" if issubclass(cls, kinds.AfferentCoupling) else "state",
    )
