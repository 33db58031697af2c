"""The cerebellar cortex as models of TVB."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from cosim_tvb import library
from cosim_tvb.cerebellum.circuit import PAIRS, Circuit, first_order, second_order
from cosim_tvb.cerebellum.parameters import (
    POPULATIONS,
    SYNAPSES,
    ParameterSet,
    SetName,
    parameter_set,
)
from cosim_tvb.cerebellum.transfer import Array
from cosim_tvb.library import traits

_MEANS = len(POPULATIONS)
#: Rates in kHz between which initial values are drawn.
_STARTS = {"GrC": (0.0, 0.002), "GoC": (0.0, 0.015), "MLI": (0.005, 0.03), "PC": (0.03, 0.08)}
_UNBOUNDED = np.inf


def _array(label: str, default: object, doc: str) -> library.Untyped:
    values = np.atleast_1d(np.asarray(default, np.float64))
    return traits.NArray(label=label, default=values, doc=doc)


def _drive(parameters: ParameterSet) -> dict[str, Any]:
    return {
        "T": _array("T", parameters.T, "[ms] Time constant of all rates."),
        "mf_background": _array("f_mf", 0.004, "[kHz] Rate of mossy fibres without any input."),
        "noise_weight": _array("w_noise", 0.004, "[kHz] Mossy rate per unit of `noise`."),
        "tau_noise": _array("tau_noise", 3.5, "[ms] Correlation time of `noise`."),
    }


def _synapses(parameters: ParameterSet) -> dict[str, Any]:
    found = {}
    for name in SYNAPSES:
        one, between = parameters.synapses[name], " to ".join(name.split("_"))
        found[f"K_{name}"] = _array(f"K {name}", one.K, f"Cells that reach one cell, {between}.")
        found[f"Q_{name}"] = _array(f"Q {name}", one.Q, f"[nS] Peak conductance, {between}.")
    order = ", ".join(SYNAPSES)
    all_of = [parameters.synapses[name] for name in SYNAPSES]
    found["tau_syn"] = _array(
        "tau", [s.tau for s in all_of], f"[ms] Time to the peak conductance: {order}."
    )
    found["E_syn"] = _array("E", [s.E for s in all_of], f"[mV] Reversal potentials: {order}.")
    return found


def _populations(parameters: ParameterSet) -> dict[str, Any]:
    all_of = [parameters.populations[name] for name in POPULATIONS]
    order = ", ".join(POPULATIONS)
    found = {
        "g_L": _array("g_L", [p.g_L for p in all_of], f"[nS] Leak conductances: {order}."),
        "C_m": _array("C_m", [p.C for p in all_of], f"[pF] Capacitances: {order}."),
        "E_L": _array("E_L", [p.E_L for p in all_of], f"[mV] Leak potentials: {order}."),
        "alpha": _array("alpha", [p.alpha for p in all_of], f"Factors on the rates: {order}."),
    }
    for name in POPULATIONS:
        doc = f"[V] Coefficients P0 to P4 of the threshold of {name}."
        found[f"P_{name}"] = _array(f"P {name}", parameters.populations[name].P, doc)
    return found


def _sizes(parameters: ParameterSet) -> dict[str, Any]:
    cells = [*(parameters.populations[p].N for p in POPULATIONS), parameters.mossy_fibres]
    order = ", ".join((*POPULATIONS, "mf"))
    return {"N": _array("N", cells, f"Number of cells, which sets fluctuations: {order}.")}


def _first_order_parameters(name: SetName) -> dict[str, Any]:
    parameters = parameter_set(name)
    return {**_drive(parameters), **_synapses(parameters), **_populations(parameters)}


def _second_order_parameters(name: SetName) -> dict[str, Any]:
    return {**_first_order_parameters(name), **_sizes(parameter_set(name))}


def _ranges(covariances: tuple[str, ...] = ()) -> library.Untyped:
    starts = {**_STARTS, **dict.fromkeys((*covariances, "mf", "noise"), (0.0, 0.0))}
    return traits.Final(
        label="Ranges of initial values", default={k: np.array(v) for k, v in starts.items()}
    )


def _bounds(not_negative: tuple[str, ...]) -> library.Untyped:
    bounds = {name: np.array([0.0, _UNBOUNDED]) for name in not_negative}
    return traits.Final(
        label="Bounds of state variables", default={**bounds, "mf": np.array([0.0, 0.0])}
    )


def _watched(names: tuple[str, ...]) -> library.Untyped:
    return traits.List(
        of=str, label="Variables watched by monitors", choices=names, default=POPULATIONS
    )


class _CerebellarCortex(library.ModelNumbaDfun):  # type: ignore[misc]
    """What first and second order share: parameters as arrays, and the two inputs."""

    def _by_region(self, letter: str, regions: int) -> Array:
        found = np.empty((regions, len(SYNAPSES)))
        for s, name in enumerate(SYNAPSES):
            found[:, s] = getattr(self, f"{letter}_{name}")
        return found

    def _circuit(self, regions: int) -> Circuit:
        P = np.empty((_MEANS, 5))
        for p, name in enumerate(POPULATIONS):
            P[p] = getattr(self, f"P_{name}")
        return Circuit(
            K=self._by_region("K", regions),
            Q=self._by_region("Q", regions),
            tau=self.tau_syn,
            E=self.E_syn,
            g_L=self.g_L,
            C=self.C_m,
            E_L=self.E_L,
            alpha=self.alpha,
            P=P,
            T=self.T + np.zeros(regions),
        )

    def _inputs(
        self, state: Array, coupling: Array, local_coupling: library.Untyped
    ) -> tuple[Array, Array]:
        """Return the rate of mossy fibres and that of foreign granule cells."""
        mossy = self.mf_background + self.noise_weight * state[-1] + coupling[1]
        parallel = coupling[0] + local_coupling * state[0]
        return mossy, parallel


class CerebellarMeanField(_CerebellarCortex):
    r"""Cerebellar cortex of four populations, first order, with the published parameters.

    .. math::
        T \dot v_p = F_p(\ldots) - v_p

    for granule cells GrC (inputs: mossy fibres, GoC), Golgi cells GoC (mossy fibres, GrC, GoC),
    molecular-layer interneurons MLI (GrC, MLI) and Purkinje cells PC (GrC, MLI), with the
    transfer functions F of `cosim_tvb.cerebellum.transfer` (Lorenzi et al. 2023, PLoS Comput
    Biol 19(9):e1011434). Rates are in kHz, as TVB's time is in ms; they never fall below 0.

    Regions see each other through two coupling variables:

    - ``GrC``: the weighted sum over regions is the rate of parallel fibres from elsewhere, added
      to the rate of granule cells that GoC, MLI and PC see;
    - ``mf``: the weighted sum is added to the rate of mossy fibres. It is 0 in every region of
      this model and is there for regions of other models: their activity is written into it.

    ``noise`` is an Ornstein-Uhlenbeck process where the integrator gives it noise, and 0
    otherwise; the mossy rate is ``mf_background + noise_weight * noise + sum w mf``. With
    dispersion ``nsig`` of 0.5e-6 on ``noise`` alone it is that of Lorenzi et al. (2025), npj Syst
    Biol Appl 11:66.

    ``K_*``, ``Q_*``, ``T``, ``mf_background`` and the noise's two parameters may differ between
    regions; the others are lists in the order of their documentation.
    """

    parameter_set: ClassVar[SetName] = "PLOS23"
    state_variables = (*POPULATIONS, "mf", "noise")
    _nvar = 6
    cvar = np.array([0, 4], np.int32)
    state_variable_range = _ranges()
    state_variable_boundaries = _bounds(POPULATIONS)
    variables_of_interest = _watched(state_variables)
    locals().update(_first_order_parameters(parameter_set))

    def dfun(
        self, state_variables: Array, coupling: Array, local_coupling: library.Untyped = 0.0
    ) -> Array:
        """Return the derivatives by the ms, of the state's shape.

        Parameters
        ----------
        state_variables
            Shape (state variables, regions, 1).
        coupling
            Input of GrC and of mf, shape (2, regions, 1).
        local_coupling
            Of a surface.
        """
        x, regions = state_variables[..., 0], state_variables.shape[1]
        mossy, parallel = self._inputs(x, coupling[..., 0], local_coupling)
        out = np.zeros(x.shape)
        first_order(x, mossy, parallel, self._circuit(regions), out)
        out[-1] = -x[-1] / self.tau_noise
        return out[..., np.newaxis]


class CerebellarMeanFieldAwake(CerebellarMeanField):
    """`CerebellarMeanField` with the parameters of the awake spiking network, AWAKE26."""

    parameter_set: ClassVar[SetName] = "AWAKE26"
    locals().update(_first_order_parameters(parameter_set))


_COVARIANCES = tuple(f"c_{a}_{b}" for a, b in PAIRS)


class CerebellarMeanFieldSecondOrder(_CerebellarCortex):
    """Cerebellar cortex of four populations, second order, with the published parameters.

    As `CerebellarMeanField`, with the covariances ``c_*`` (kHz^2) of the four populations and the
    mossy fibres among the state variables; see `cosim_tvb.cerebellum.circuit.second_order`. They
    are zero initially, and come from the finite numbers of cells ``N`` and from the rates' distance
    to their stationary values, (F - v)^2.

    The latter holds for drives that change little within T. A drive that jumps by tens of Hz makes
    so much variance that the rates may settle far away from those of the first order, at a point
    where F differs from v for good: the closure has such points, the first order has not. With
    PLOS23 this happens at steps from 4 Hz to 20 to 32 Hz and to 72 Hz or more; with AWAKE26 not at
    steps from 4 Hz to up to 100 Hz, but at starts far from rest.
    """

    parameter_set: ClassVar[SetName] = "PLOS23"
    state_variables = (*POPULATIONS, *_COVARIANCES, "mf", "noise")
    _nvar = len(state_variables)
    cvar = np.array([0, len(state_variables) - 2], np.int32)
    state_variable_range = _ranges(_COVARIANCES)
    state_variable_boundaries = _bounds((*POPULATIONS, *(f"c_{a}_{b}" for a, b in PAIRS if a == b)))
    variables_of_interest = _watched(state_variables)
    locals().update(_second_order_parameters(parameter_set))

    def dfun(
        self, state_variables: Array, coupling: Array, local_coupling: library.Untyped = 0.0
    ) -> Array:
        """Return the derivatives by the ms; as `CerebellarMeanField.dfun`."""
        x, regions = state_variables[..., 0], state_variables.shape[1]
        mossy, parallel = self._inputs(x, coupling[..., 0], local_coupling)
        out = np.zeros(x.shape)
        circuit = self._circuit(regions)
        rates, pairs = slice(_MEANS), slice(_MEANS, -2)
        second_order(x[rates], x[pairs], mossy, parallel, circuit, self.N, out[rates], out[pairs])
        out[-1] = -x[-1] / self.tau_noise
        return out[..., np.newaxis]


class CerebellarMeanFieldSecondOrderAwake(CerebellarMeanFieldSecondOrder):
    """`CerebellarMeanFieldSecondOrder` with the parameters of AWAKE26."""

    parameter_set: ClassVar[SetName] = "AWAKE26"
    locals().update(_second_order_parameters(parameter_set))
