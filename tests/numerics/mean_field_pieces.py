"""The transfer function written out a second time, and mean fields run by TVB's integrators."""

from math import e, erfc, log, sqrt

import numpy as np

from cosim_tvb import library
from cosim_tvb.cerebellum import parameter_set

POPULATIONS = ("GrC", "GoC", "MLI", "PC")
COLD = np.array([0.5, 5.0, 15.0, 38.0])


def plain_rate(name, population, rates_khz):
    """F in kHz from a parameter file, in plain Python; rates by the names of the sources."""
    parameters = parameter_set(name)
    own = parameters.populations[population]
    synapses = parameters.of_population(population)
    mu = {s: one.K * one.Q * one.tau * rates_khz[s] for s, one in synapses.items()}
    total = own.g_L + sum(mu.values())
    tau_m = own.C / total
    mean = e * (sum(mu[s] * one.E for s, one in synapses.items()) + own.g_L * own.E_L) / total
    variance = area = 0.0
    for s, one in synapses.items():
        height = one.Q * (one.E - mean) / total
        half = e * height * one.tau / (2 * (one.tau + tau_m))
        variance += (2 * tau_m + one.tau) * half**2 * one.K * rates_khz[s]
        area += one.K * (rates_khz[s] + 1e-12) * (height * one.tau * e) ** 2
    spread = sqrt(variance)
    time = 0.5 * area / variance
    p = own.P
    threshold = 1000 * (
        p[0]
        + p[1] * (mean + 60) / 10
        + p[2] * (spread - 4) / 6
        + p[3] * (time * own.g_L / own.C - 0.5)
        + p[4] * log(total / own.g_L)
    )
    return own.alpha / (2 * time) * erfc((threshold - mean) / (sqrt(2) * spread))


def integrator(model, kind="EulerDeterministic", dt=0.1):
    found = getattr(library.integrators, kind)(dt=dt)
    found.configure()
    found.configure_boundaries(model)
    return found


def start(model, regions, rates_hz=COLD):
    """A state with rates in Hz, shape (populations,) or (populations, regions)."""
    state = np.zeros((model.nvar, regions, 1))
    rates = np.asarray(rates_hz, float) / 1e3
    state[:4, :, 0] = rates.reshape(4, -1)
    return state


def run(
    model, drive_hz, steps, *, rates_hz=COLD, parallel_hz=0.0, kind="EulerDeterministic", dt=0.1
):
    """Every region with its own mossy drive on top of the background.

    Returns
    -------
    array
        States in Hz (covariances in Hz^2), shape (steps + 1, state variables, regions).
    """
    model.configure()
    drive = np.atleast_1d(np.asarray(drive_hz, float))
    coupling = np.stack([parallel_hz + 0 * drive, drive])[..., np.newaxis] / 1e3
    scheme = integrator(model, kind, dt).scheme
    states = [start(model, len(drive), rates_hz)]
    for _ in range(steps):
        states.append(scheme(states[-1].copy(), model.dfun, coupling, 0.0, 0.0))
    found = np.array(states)[..., 0]
    scale = np.array([1e6 if v.startswith("c_") else 1e3 for v in model.state_variables])
    return found * scale[:, np.newaxis]


def without_background(cls, **parameters):
    return cls(mf_background=np.array([0.0]), **parameters)


def steady(model, drive_hz, **options):
    """Stationary rates in Hz, shape (populations, regions)."""
    found = run(model, drive_hz, 3000, **options)
    assert np.abs(found[-1] - found[-50]).max() < 1e-6
    return found[-1, :4]
