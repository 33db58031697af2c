"""Parameters of the cells of the cerebellar circuit, from ``cells.yaml``, which has sources."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

import yaml

from cosim_nest.models.eglif import MODEL

State = Literal["awake", "vitro"]
Neuron = Literal["eglif", "stand_in"]

#: The neuron of NEST that takes the place of E-GLIF where that cannot be compiled. It has the
#: same receptors and conductances, but neither noise of its own nor resonance.
STAND_IN = "aeif_cond_alpha_multisynapse"

_SHARED = ("C_m", "E_L", "t_ref", "V_reset", "V_th")
# In units of Delta_T.
_PEAK_ABOVE_THRESHOLD = 6.0


@cache
def table() -> Mapping[str, Any]:
    """Return all of ``cells.yaml``."""
    text = (files("cosim_nest.models") / "cells.yaml").read_text(encoding="utf-8")
    read: Mapping[str, Any] = yaml.safe_load(text)
    return read


def cell_populations() -> tuple[str, ...]:
    """Return the names of all populations of which there are cells."""
    return tuple(table()["cells"])


def cell_parameters(
    population: str, state: State, neuron: Neuron
) -> tuple[str, dict[str, float | list[float]]]:
    """Return a cell as NEST creates it.

    Parameters
    ----------
    population
        One of `cell_populations`.
    state
        Excitability: ``awake``, or ``vitro`` as in a slice.
    neuron
        ``eglif``, which must have been compiled, or the built-in ``stand_in``.

    Returns
    -------
    model : str
        Name of the model in NEST.
    parameters : dict
        Parameters in NEST's units. Receptors 1 and 3 excite, receptor 2 inhibits; weights are
        peak conductances in nS and positive.

    Raises
    ------
    KeyError
        If there is no such population.
    ValueError
        If there is no such state or neuron.
    """
    for given, known in ((state, get_args(State)), (neuron, get_args(Neuron))):
        if given not in known:
            raise ValueError(f"'{given}' is none of {', '.join(known)}")
    cell = table()["cells"][population]
    changes = cell.get("awake", {}) if state == "awake" else {}
    eglif = {**cell["eglif"], **changes.get("eglif", {})}
    reversals, rises = table()["E_rev"], cell["tau_syn"]
    if neuron == "eglif":
        receptors = {f"E_rev{i}": value for i, value in enumerate(reversals, 1)}
        receptors |= {f"tau_syn{i}": value for i, value in enumerate(rises, 1)}
        return MODEL, {**eglif, **receptors}
    fitted = {**cell["stand_in"], **changes.get("stand_in", {})}
    return STAND_IN, {
        **{key: eglif[key] for key in _SHARED},
        "g_L": eglif["C_m"] / eglif["tau_m"],
        "V_peak": eglif["V_th"] + _PEAK_ABOVE_THRESHOLD * fitted["Delta_T"],
        "a": 0.0,
        **fitted,
        "E_rev": list(reversals),
        "tau_syn": list(rises),
    }


def start_values(nest: Any, population: str, neuron: Neuron) -> dict[str, Any]:  # noqa: ANN401
    """Return where a cell should start, as NEST creates it: V_m drawn, and I_adap if it has any.

    Equal starts would make autorhythmic cells fire in step; a start near the threshold would
    leave an undamped resonator, such as a cell of the inferior olive, firing for ever.

    Parameters
    ----------
    nest
        NEST's module, which draws.
    population
        One of `cell_populations`.
    neuron
        ``eglif`` or ``stand_in``.

    Raises
    ------
    KeyError
        If there is no such population.
    """
    cell = table()["cells"][population]
    anywhere = {"V_m": (cell["eglif"]["E_L"], cell["eglif"]["V_th"]), "I_adap": 0.0}
    start = cell.get("start", anywhere)
    drawn = {"V_m": nest.random.uniform(*start["V_m"])}
    return {**drawn, "I_adap": start["I_adap"]} if neuron == "eglif" else drawn
