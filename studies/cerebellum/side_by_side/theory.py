"""What to expect of the cortex: its rest under given nuclei, and correlations around it.

The model of the scenario is linearised at rest, without its delays, and driven by its noise. The
covariance of a linear system dx = A x dt + noise of power D solves A C + C A' + D = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_continuous_lyapunov

from cosim.scenario.load import load
from cosim_tvb import library
from cosim_tvb.config import by_region
from cosim_tvb.cortex.balance import gating_at
from side_by_side.measures import GAMMA_E, TAU_E_S

Array = NDArray[np.float64]

#: Of derivatives, in S; and steps of Newton's method, which begins near the rest.
_SMALL, _NEWTON_STEPS = 1e-6, 8


@dataclass(frozen=True)
class Expected:
    """The cortex at rest.

    Parameters
    ----------
    labels
        Of its regions.
    rate_hz
        Shape (regions,).
    connectivity
        Correlations of S_e, the upper triangle row by row.
    weights
        Of the tracts between the same pairs, both ways together.
    """

    labels: tuple[str, ...]
    rate_hz: Array
    connectivity: Array
    weights: Array


def expected(scenario: Path, nuclei_hz: dict[str, float]) -> Expected:
    """Return what to expect of a scenario's ``cortex`` when nuclei fire at given rates.

    Parameters
    ----------
    scenario
        The file.
    nuclei_hz
        Rate of the projecting cells by region.
    """
    case = load(scenario)
    config = case.scenario.models["cortex"]
    labels = case.brain.labels
    nuclei = [labels.index(label) for label in nuclei_hz]
    cerebellum = [r for r, label in enumerate(labels) if label.startswith("Cb")]
    own = [r for r in range(len(labels)) if r not in cerebellum]
    weights = config.coupling.parameters["a"] * case.brain.weights[own]
    gates = gating_at(np.array(list(nuclei_hz.values())), GAMMA_E, TAU_E_S)
    drive = weights[:, nuclei] @ gates
    inhibition = by_region(config.parameters["J_i"], labels, 1.0)[own]
    nsig = config.integrator.parameters["nsig"]
    return _solve(
        tuple(labels[r] for r in own),
        _Cortex(weights[:, own], drive, inhibition, config.parameters["G"]),
        nsig,
    )


class _Cortex:
    """The model as a function of its state: S_e of all regions, then S_i."""

    def __init__(self, weights: Array, drive: Array, inhibition: Array, gain: float) -> None:
        self.weights, self._drive = weights, drive
        self._model = library.model_class("ReducedWongWangExcInh")(
            J_i=inhibition, G=np.array([gain])
        )
        self._model.configure()

    def __call__(self, state: Array) -> Array:
        regions = len(self.weights)
        coupling = self.weights @ state[:regions] + self._drive
        given = state.reshape(2, regions, 1), coupling.reshape(1, regions, 1)
        return np.asarray(self._model.dfun(*given, 0.0)).ravel()

    def jacobian(self, state: Array) -> Array:
        columns = (
            (self(state + step) - self(state - step)) / (2 * _SMALL)
            for step in _SMALL * np.eye(len(state))
        )
        return np.stack(list(columns), axis=1)


def _solve(labels: tuple[str, ...], cortex: _Cortex, nsig: float) -> Expected:
    regions = len(labels)
    state = np.repeat([0.164, 0.039], regions)
    for _ in range(_NEWTON_STEPS):
        state = state - np.linalg.solve(cortex.jacobian(state), cortex(state))
    # TVB's noise of dispersion nsig has the power 2 nsig.
    covariance = solve_continuous_lyapunov(cortex.jacobian(state), -2 * nsig * np.eye(2 * regions))[
        :regions, :regions
    ]
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    gating = state[:regions]
    pairs = np.triu_indices(regions, 1)
    return Expected(
        labels,
        gating / (1 - gating) / (TAU_E_S * GAMMA_E),
        correlation[pairs],
        (cortex.weights + cortex.weights.T)[pairs],
    )
