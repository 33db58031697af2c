"""The deep cerebellar nuclei as a model of TVB."""

from __future__ import annotations

import numpy as np

from cosim_tvb import library
from cosim_tvb.cerebellum.transfer import Array
from cosim_tvb.library import traits


def _number(label: str, default: float, doc: str) -> library.Untyped:
    return traits.NArray(label=label, default=np.array([default]), doc=doc)


class CerebellarNuclei(library.ModelNumbaDfun):  # type: ignore[misc]
    r"""Deep cerebellar nuclei: projection neurons DCNp and nucleo-olivary neurons DCNi.

    .. math::
        T \dot{DCNp} = [r_p + g_{mf} f_{mf} - g_{PC} f_{PC}]_+ - DCNp, \quad
        T \dot{DCNi} = [r_i - h_{PC} f_{PC}]_+ - DCNi

    Rates are in kHz. The linear law was measured on the E-GLIF neurons of the awake network with
    26 Purkinje cells and 47 mossy fibres each, over the range in which that network works; it is
    no published model.

    Both inputs come from regions of other models, written into the coupling variables ``PC``
    (weighted sum: the rate of the Purkinje cells that project here) and ``mf`` (weighted sum:
    added to the rate of mossy fibres). These two are 0 in every region of this model. ``DCNp`` is
    a coupling variable, too, for spiking regions that listen; it acts on no region of this model.
    """

    T = _number("T", 3.5, "[ms] Time constant.")
    mf_background = _number("f_mf", 0.004, "[kHz] Rate of mossy fibres without any input.")
    rate_DCNp = _number("r_p", 0.0608, "[kHz] Rate of DCNp without input.")
    gain_mf = _number("g_mf", 0.60, "DCNp per rate of mossy fibres.")
    gain_PC = _number("g_PC", 0.20, "Fall of DCNp per rate of Purkinje cells.")
    rate_DCNi = _number("r_i", 0.0143, "[kHz] Rate of DCNi without input.")
    gain_PC_DCNi = _number("h_PC", 0.021, "Fall of DCNi per rate of Purkinje cells.")

    state_variables = ("DCNp", "DCNi", "PC", "mf")
    _nvar = 4
    cvar = np.array([2, 3, 0], np.int32)
    state_variable_range = traits.Final(
        label="Ranges of initial values",
        default={
            "DCNp": np.array([0.03, 0.06]),
            "DCNi": np.array([0.01, 0.015]),
            "PC": np.zeros(2),
            "mf": np.zeros(2),
        },
    )
    state_variable_boundaries = traits.Final(
        label="Bounds of state variables",
        default={
            "DCNp": np.array([0.0, np.inf]),
            "DCNi": np.array([0.0, np.inf]),
            "PC": np.zeros(2),
            "mf": np.zeros(2),
        },
    )
    variables_of_interest = traits.List(
        of=str,
        label="Variables watched by monitors",
        choices=state_variables,
        default=("DCNp", "DCNi"),
    )

    def dfun(
        self,
        state_variables: Array,
        coupling: Array,
        local_coupling: library.Untyped = 0.0,
    ) -> Array:
        """Return the derivatives by the ms, of the state's shape.

        Parameters
        ----------
        state_variables
            Shape (state variables, regions, 1).
        coupling
            Input of PC and of mf, and that of DCNp, which is not used; shape (3, regions, 1).
        local_coupling
            Of a surface; unused, since nuclei have none.
        """
        purkinje, mossy = coupling[0, :, 0], coupling[1, :, 0] + self.mf_background
        projecting = self.rate_DCNp + self.gain_mf * mossy - self.gain_PC * purkinje
        olivary = self.rate_DCNi - self.gain_PC_DCNi * purkinje
        target = np.zeros(state_variables.shape)
        target[0, :, 0] = np.maximum(projecting, 0.0)
        target[1, :, 0] = np.maximum(olivary, 0.0)
        return np.asarray((target - state_variables) / self.T[:, np.newaxis])
