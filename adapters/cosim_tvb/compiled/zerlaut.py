"""The mean fields of adaptive exponential neurons as compiled kernels over all regions.

tvb-library has kernels for the statistics of the membrane and for the threshold; these are
compiled in here. What it does with them is written in NumPy there and once more here, region by
region (Zerlaut et al. 2018, doi:10.1007/s10827-017-0668-2, and di Volo et al. 2019,
doi:10.1162/neco_a_01173, as in its ``zerlaut.py``).
"""

from __future__ import annotations

from math import erfc, sqrt

from numba import njit

from cosim_tvb import library
from cosim_tvb.compiled.native import Array, kernel

#: Parameters of a region in the order of the kernels; P_e and P_i have ten each.
PARAMETERS = (
    "g_L", "E_L_e", "E_L_i", "C_m", "b_e", "a_e", "b_i", "a_i", "tau_w_e", "tau_w_i", "E_e",
    "E_i", "Q_e", "Q_i", "tau_e", "tau_i", "N_tot", "p_connect_e", "p_connect_i", "g", "K_ext_e",
    "K_ext_i", "T", "external_input_ex_ex", "external_input_ex_in", "external_input_in_ex",
    "external_input_in_in", "tau_OU", "weight_noise", "P_e", "P_i",
)  # fmt: skip
_P_E, _P_I = 29, 39
#: Difference of rates (kHz) for numerical derivatives, and TVB's factor on it in these.
_DF, _PER_KHZ = 1e-7, 1e3

_model: library.Untyped = library.model_class("ZerlautAdaptationFirstOrder")
_membrane = njit(error_model="numpy")(_model.get_fluct_regime_vars.py_func)
_threshold = njit(error_model="numpy")(_model.threshold_func.py_func)


@kernel
def statistics(
    fe: float, fi: float, fe_ext: float, fi_ext: float, W: float, E_L: float, q: Array
) -> tuple[float, float, float]:
    """Return mean, deviation and correlation time of the membrane potential."""
    found: tuple[float, float, float] = _membrane(
        fe, fi, fe_ext, fi_ext, W, q[12], q[14], q[10], q[13], q[15], q[11], q[0], q[3], E_L,
        q[16], q[17], q[18], q[19], q[20], q[21],
    )
    return found


@kernel
def rate_at(mu_V: float, sigma_V: float, T_V: float, P: int, q: Array) -> float:
    """Return the rate of a population; `P` is where its polynomial begins."""
    threshold = 1e3 * _threshold(
        mu_V, sigma_V, T_V * q[0] / q[3], q[P], q[P + 1], q[P + 2], q[P + 3], q[P + 4], q[P + 5],
        q[P + 6], q[P + 7], q[P + 8], q[P + 9],
    )
    found: float = erfc((threshold - mu_V) / (sqrt(2.0) * sigma_V)) / (2.0 * T_V)
    return found


@kernel
def rate(
    fe: float, fi: float, fe_ext: float, fi_ext: float, W: float, E_L: float, P: int, q: Array
) -> float:
    """Return the rate of a population at the rates of its inputs."""
    mu_V, sigma_V, T_V = statistics(fe, fi, fe_ext, fi_ext, W, E_L, q)
    found: float = rate_at(mu_V, sigma_V, T_V, P, q)
    return found


@kernel
def first_order(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `ZerlautAdaptationFirstOrder`."""
    for i in range(x.shape[1]):
        q = p[i]
        nu_e, nu_i, W_e, W_i, drift = x[0, i], x[1, i], x[2, i], x[3, i], x[4, i]
        outside = c[0, i] + q[28] * drift
        if outside * q[20] < 0.0:
            outside = 0.0
        to_e, to_i = outside + q[23], outside + q[25]
        mu_V, sigma_V, T_V = statistics(nu_e, nu_i, to_e, q[24], W_e, q[1], q)
        dx[0, i] = (rate_at(mu_V, sigma_V, T_V, _P_E, q) - nu_e) / q[22]
        dx[2, i] = -W_e / q[8] + q[4] * nu_e + q[5] * (mu_V - q[1]) / q[8]
        mu_V, sigma_V, T_V = statistics(nu_e, nu_i, to_i, q[26], W_i, q[2], q)
        dx[1, i] = (rate_at(mu_V, sigma_V, T_V, _P_I, q) - nu_i) / q[22]
        dx[3, i] = -W_i / q[9] + q[6] * nu_i + q[7] * (mu_V - q[2]) / q[9]
        dx[4, i] = -drift / q[27]


@kernel
def derivatives(
    fe: float, fi: float, fe_ext: float, fi_ext: float, W: float, E_L: float, P: int, q: Array
) -> tuple[float, float, float, float, float, float]:
    """Return F, dF/de, dF/di, d2F/de2, d2F/dedi and d2F/di2 as TVB takes them."""
    h, two = _DF, 2.0 * _DF * _PER_KHZ
    F = rate(fe, fi, fe_ext, fi_ext, W, E_L, P, q)
    e_up = rate(fe + h, fi, fe_ext, fi_ext, W, E_L, P, q)
    e_down = rate(fe - h, fi, fe_ext, fi_ext, W, E_L, P, q)
    i_up = rate(fe, fi + h, fe_ext, fi_ext, W, E_L, P, q)
    i_down = rate(fe, fi - h, fe_ext, fi_ext, W, E_L, P, q)
    up_up = rate(fe + h, fi + h, fe_ext, fi_ext, W, E_L, P, q)
    up_down = rate(fe + h, fi - h, fe_ext, fi_ext, W, E_L, P, q)
    down_up = rate(fe - h, fi + h, fe_ext, fi_ext, W, E_L, P, q)
    down_down = rate(fe - h, fi - h, fe_ext, fi_ext, W, E_L, P, q)
    mixed = ((up_up - up_down) / two - (down_up - down_down) / two) / two
    square = (h * _PER_KHZ) ** 2
    return (
        F, (e_up - e_down) / two, (i_up - i_down) / two, (e_up - 2.0 * F + e_down) / square,
        mixed, (i_up - 2.0 * F + i_down) / square,
    )


@kernel
def second_order(x: Array, c: Array, p: Array, dx: Array) -> None:
    """Write the derivatives of `ZerlautAdaptationSecondOrder`, whose last parameter is S_i."""
    for i in range(x.shape[1]):
        q = p[i]
        nu_e, nu_i, C_ee, C_ei, C_ii = x[0, i], x[1, i], x[2, i], x[3, i], x[4, i]
        W_e, W_i, drift, T = x[5, i], x[6, i], x[7, i], q[22]
        to_e = max(c[0, i] + q[23] + q[28] * drift, 0.0)
        to_i = max(q[49] * c[0, i] + q[25] + q[28] * drift, 0.0)
        F, Fe, Fi, Fee, Fei, Fii = derivatives(nu_e, nu_i, to_e, q[24], W_e, q[1], _P_E, q)
        G, Ge, Gi, Gee, Gei, Gii = derivatives(nu_e, nu_i, to_i, q[26], W_i, q[2], _P_I, q)
        off_e, off_i = F - nu_e, G - nu_i
        dx[0, i] = (off_e + 0.5 * C_ee * Fee + C_ei * Fei + 0.5 * C_ii * Fii) / T
        dx[1, i] = (off_i + 0.5 * C_ee * Gee + C_ei * Gei + 0.5 * C_ii * Gii) / T
        N_e, N_i = q[16] * (1.0 - q[19]), q[16] * q[19]
        own_e, own_i = F * (1.0 / T - F) / N_e, G * (1.0 / T - G) / N_i
        dx[2, i] = (own_e + off_e**2 + 2.0 * (C_ee * Fe + C_ei * Fi - C_ee)) / T
        cross = C_ee * Fe + C_ei * Ge + C_ei * Fi + C_ii * Gi
        dx[3, i] = (off_e * off_i + cross - 2.0 * C_ei) / T
        dx[4, i] = (own_i + off_i**2 + 2.0 * (C_ii * Gi + C_ei * Ge - C_ii)) / T
        mu_V = statistics(nu_e, nu_i, to_e, q[24], W_e, q[1], q)[0]
        dx[5, i] = -W_e / q[8] + q[4] * nu_e + q[5] * (mu_V - q[1]) / q[8]
        mu_V = statistics(nu_e, nu_i, to_i, q[26], W_i, q[2], q)[0]
        dx[6, i] = -W_i / q[9] + q[6] * nu_i + q[7] * (mu_V - q[2]) / q[9]
        dx[7, i] = -drift / q[27]
