"""What the compiled loop can run, as a table that needs neither tvb nor Numba."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosim_tvb.config import TvbConfig

#: How the kernel of a model came about.
KERNEL = "tvb-library's own kernel for one region"
TEXT = "tvb-library's text for its template backend"
PARTS = "written anew around kernels of tvb-library"
WRITTEN = "written anew"
OURS = "the kernels of this package's own model"


@dataclass(frozen=True)
class Known:
    """A model that has a compiled kernel.

    Parameters
    ----------
    module, function
        Where it is, below this package.
    parameters
        Their names in the order of the kernel, after those that the module lists as
        ``PARAMETERS``.
    source
        How it came about.
    """

    module: str
    function: str
    parameters: str
    source: str


MODELS = {
    "ReducedWongWang": Known(
        "models", "reduced_wong_wang", "a b d gamma tau_s w J_N I_o", KERNEL
    ),
    "ReducedWongWangExcInh": Known(
        "models", "reduced_wong_wang_exc_inh",
        "a_e b_e d_e gamma_e tau_e w_p W_e J_N a_i b_i d_i gamma_i tau_i W_i J_i G lamda I_o I_ext",
        KERNEL,
    ),
    "WilsonCowan": Known(
        "models", "wilson_cowan",
        "c_ee c_ei c_ie c_ii tau_e tau_i a_e b_e c_e theta_e a_i b_i theta_i c_i r_e r_i k_e k_i "
        "P Q alpha_e alpha_i shift_sigmoid",
        KERNEL,
    ),
    "JansenRit": Known(
        "models", "jansen_rit", "nu_max r v0 a a_1 a_2 a_3 a_4 A b B J mu", KERNEL
    ),
    "Generic2dOscillator": Known(
        "models", "generic_2d_oscillator", "tau I a b c d e f g beta alpha gamma", KERNEL
    ),
    "Epileptor": Known(
        "models", "epileptor",
        "x0 Iext Iext2 a b slope tt Kvf c d r Ks Kf aa bb tau modification", KERNEL,
    ),
    "Epileptor2D": Known(
        "models", "epileptor_2d", "x0 Iext a b slope c d r Kvf Ks tt modification", KERNEL
    ),
    "MontbrioPazoRoxin": Known("text", "montbrio_pazo_roxin", "tau Delta eta J I cr cv", TEXT),
    "Linear": Known("text", "linear", "gamma", TEXT),
    "Kuramoto": Known("phases", "kuramoto", "omega", WRITTEN),
    "ZerlautAdaptationFirstOrder": Known("zerlaut", "first_order", "", PARTS),
    "ZerlautAdaptationSecondOrder": Known("zerlaut", "second_order", "S_i", PARTS),
    "CerebellarMeanField": Known("cerebellum", "first_order", "", OURS),
    "CerebellarMeanFieldAwake": Known("cerebellum", "first_order", "", OURS),
    "CerebellarMeanFieldSecondOrder": Known("cerebellum", "second_order", "N", OURS),
    "CerebellarMeanFieldSecondOrderAwake": Known("cerebellum", "second_order", "N", OURS),
    "CerebellarNuclei": Known(
        "nuclei", "nuclei",
        "T mf_background rate_DCNp gain_mf gain_PC rate_DCNi gain_PC_DCNi", WRITTEN,
    ),
}

COUPLINGS = (
    "Linear", "Scaling", "HyperbolicTangent", "Sigmoidal", "SigmoidalJansenRit", "Difference",
    "Kuramoto",
)  # fmt: skip

INTEGRATORS = ("EulerDeterministic", "EulerStochastic", "HeunDeterministic", "HeunStochastic")


def flaw(config: TvbConfig) -> str:
    """Return why the compiled loop cannot run a model's entry; empty if it can."""
    for kind, name, legal in (
        ("model", config.model, MODELS),
        ("coupling", config.coupling.name, COUPLINGS),
        ("integrator", config.integrator.name, INTEGRATORS),
    ):
        if name not in legal:
            return f"{kind} {name} has no compiled kernel"
    return ""


def remark(config: TvbConfig) -> str:
    """Return what to tell a user who asked for a compiled loop and does not get it, or nothing."""
    why = flaw(config) if config.compiled else ""
    return f"the steps are taken by TVB's own loop, for {why}" if why else ""
