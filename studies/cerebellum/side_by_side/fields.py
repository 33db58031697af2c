"""The mean field of the cerebellum alone, with nuclei behind it, at any course of mossy input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim_tvb import library
from cosim_tvb.cerebellum import CerebellarMeanField, CerebellarMeanFieldAwake, CerebellarNuclei
from cosim_tvb.cerebellum.parameters import POPULATIONS, SetName

Array = NDArray[np.float64]

STEP_MS = 0.1
MODELS = {"PLOS23": CerebellarMeanField, "AWAKE26": CerebellarMeanFieldAwake}
#: Where all runs begin, near rest, in Hz.
START_HZ = {"GrC": 0.5, "GoC": 5.0, "MLI": 15.0, "PC": 38.0, "DCNp": 45.0, "DCNi": 13.0}


@dataclass(frozen=True)
class Field:
    """Rates over time.

    Parameters
    ----------
    time_ms
        Shape (steps + 1,).
    rates_hz
        By population, shape (steps + 1, columns of the input).
    """

    time_ms: Array
    rates_hz: dict[str, Array]

    def last_hz(self) -> dict[str, Array]:
        """Return the rates at the end, shape (columns,) each."""
        return {name: rates[-1] for name, rates in self.rates_hz.items()}


def respond(name: SetName, mossy_hz: Array) -> Field:
    """Integrate the mean field of one parameter set, and the nuclei that it inhibits.

    Parameters
    ----------
    name
        The parameter set.
    mossy_hz
        Rate of all mossy fibres in steps of `STEP_MS`, shape (steps, columns); each column is a
        cerebellum of its own.
    """
    mossy = mossy_hz / 1e3
    cortex = MODELS[name](mf_background=np.zeros(1))
    seen = _integrate(cortex, np.stack([np.zeros_like(mossy), mossy], axis=1), POPULATIONS)
    # The nuclei's step reads the Purkinje cells of the step before.
    purkinje = seen["PC"][:-1] / 1e3
    nuclei = CerebellarNuclei(mf_background=np.zeros(1))
    seen |= _integrate(nuclei, np.stack([purkinje, mossy], axis=1), ("DCNp", "DCNi"))
    return Field(STEP_MS * np.arange(len(mossy_hz) + 1), seen)


def steady(name: SetName, mossy_hz: Array, settle_ms: float = 500.0) -> dict[str, Array]:
    """Return the rates in Hz after a long time of constant input, shape of the input each."""
    return respond(name, np.tile(mossy_hz, (round(settle_ms / STEP_MS), 1))).last_hz()


def _integrate(
    model: library.Untyped, coupling: Array, populations: tuple[str, ...]
) -> dict[str, Array]:
    """Return the rates in Hz of the first state variables of a model, without noise.

    `coupling` is in kHz, shape (steps, coupling variables, columns).
    """
    model.configure()
    integrator = library.integrators.HeunDeterministic(dt=STEP_MS)
    integrator.configure()
    integrator.configure_boundaries(model)
    state = np.zeros((model.nvar, coupling.shape[2], 1))
    for row, population in enumerate(populations):
        state[row] = START_HZ[population] / 1e3
    rates = np.empty((len(coupling) + 1, len(populations), coupling.shape[2]))
    rates[0] = state[: len(populations), :, 0]
    for step, given in enumerate(coupling):
        state = integrator.scheme(state, model.dfun, given[..., np.newaxis], 0.0, 0.0)
        rates[step + 1] = state[: len(populations), :, 0]
    return {p: 1e3 * rates[:, row] for row, p in enumerate(populations)}
