"""From spiking to mean field: fit a population's transfer function to rates of single cells.

``python -m cosim_tvb.cerebellum.fit table.csv --population GrC --set AWAKE26`` takes membrane and
synapses from a parameter set, and from the table the rates of a cell with these synapses: a column
``<source>_hz`` for each synapse, and ``rate_hz``. It finds the coefficients P0 to P4 and alpha of
`cosim_tvb.cerebellum.transfer`.

A rate F at known mu_V, sigma_V and T_V belongs to the effective threshold::

    V_thr = mu_V + sqrt(2) sigma_V erfcinv(2 T_V F / alpha)

which is linear in P, so that least squares give P for any alpha (Zerlaut et al. 2018, J Comput
Neurosci 44:45, doi:10.1007/s10827-017-0668-2). This weighs silent and saturated cells as much as
those that carry signals, so P and alpha of the best are then refined on the rates themselves.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import yaml
from scipy.optimize import least_squares
from scipy.special import erfc, erfcinv

from cosim.errors import UsageError
from cosim_tvb.cerebellum.parameters import POPULATIONS, SetName, parameter_set
from cosim_tvb.cerebellum.transfer import Array, Cell, cell, statistics, transfer_hz

#: Rates below this say nothing of a threshold, and relative errors below it mean nothing.
LEAST_HZ = 1.0

_ALPHAS = 16
_REFINED = 3


@dataclass(frozen=True)
class Fit:
    """A fitted transfer function.

    Parameters
    ----------
    fitted
        The population with its new `P` and `alpha`.
    rates_hz
        What it gives for the rows of the table.
    relative
        Relative error of each row whose rate is `LEAST_HZ` or more.
    rms_hz
        Root of the mean square error over all rows.
    """

    fitted: Cell
    rates_hz: Array
    relative: Array
    rms_hz: float

    def summary(self) -> dict[str, float | int]:
        """Return the errors in short."""
        return {
            "rows": len(self.rates_hz),
            "mean_relative_error": round(float(self.relative.mean()), 4),
            "median_relative_error": round(float(np.median(self.relative)), 4),
            "largest_relative_error": round(float(self.relative.max()), 4),
            "rms_error_hz": round(self.rms_hz, 3),
        }


class _Problem:
    """The table in the variables in which the threshold is linear."""

    def __init__(self, inputs_hz: Array, rates_hz: Array, start: Cell) -> None:
        mu_V, sigma_V, T_VN, mu_G = statistics(inputs_hz, start).T
        self.rates = rates_hz / 1e3
        self.mu_V, self.width = mu_V, np.sqrt(2.0) * sigma_V
        self.half_T = start.g_L / (2.0 * T_VN * start.C)
        columns = [
            np.ones(len(mu_V)),
            (mu_V + 60.0) / 10.0,
            (sigma_V - 4.0) / 6.0,
            T_VN - 0.5,
            np.log(mu_G / start.g_L),
        ]
        # An orthonormal basis keeps the search well conditioned where inputs hardly vary.
        self.basis, self.to_basis = np.linalg.qr(np.stack(columns, axis=1))
        self.firing = rates_hz >= LEAST_HZ
        self.scale = self.rates + 0.05 * self.rates.max()

    def least_alpha(self) -> float:
        """Return the alpha at which the fastest row is at its ceiling."""
        return float((self.rates / self.half_T)[self.firing].max() / 2.0)

    def linear(self, alpha: float) -> Array:
        """Return the threshold's coordinates from the firing rows, for one alpha."""
        part = self.rates / (alpha * self.half_T)
        use = self.firing & (part < 2.0)
        threshold = self.mu_V[use] + self.width[use] * erfcinv(part[use])
        found = np.linalg.lstsq(self.basis[use], threshold, rcond=None)[0]
        return np.asarray(found)

    def residuals(self, x: Array) -> Array:
        distance = (self.basis @ x[:5] - self.mu_V) / self.width
        rates = np.exp(x[5]) * self.half_T * erfc(distance)
        return np.asarray((rates - self.rates) / self.scale)

    def refine(self, x: Array, alpha: float | None) -> tuple[float, Array]:
        """Return cost and point where least squares end."""
        if alpha is None:
            found = least_squares(self.residuals, x, xtol=1e-14, ftol=1e-14, gtol=1e-14)
            return float(found.cost), found.x

        def fixed(y: Array) -> Array:
            return self.residuals(np.append(y, np.log(alpha)))

        found = least_squares(fixed, x[:5], xtol=1e-14, ftol=1e-14, gtol=1e-14)
        return float(found.cost), np.append(found.x, np.log(alpha))


def fit(inputs_hz: Array, rates_hz: Array, start: Cell, alpha: float | None = None) -> Fit:
    """Fit P and alpha of a population.

    Parameters
    ----------
    inputs_hz
        Presynaptic rates, shape (rows, synapses), in the order of `start`.
    rates_hz
        Rate of the cell, shape (rows,). Squared errors count relative to this rate plus 5 % of
        the largest one.
    start
        Membrane and synapses; its P and alpha are not used.
    alpha
        To keep it at a value.

    Raises
    ------
    UsageError
        If fewer than 10 rows fire at `LEAST_HZ`.
    """
    inputs_hz, rates_hz = np.asarray(inputs_hz, float), np.asarray(rates_hz, float)
    problem = _Problem(inputs_hz, rates_hz, start)
    if problem.firing.sum() < 10:
        raise UsageError(f"only {problem.firing.sum()} rows fire at {LEAST_HZ:g} Hz or more")
    least = problem.least_alpha()
    alphas = least * np.geomspace(1.01, 10.0, _ALPHAS) if alpha is None else np.array([alpha])
    starts = [np.append(problem.linear(a), np.log(a)) for a in alphas]
    starts.sort(key=lambda x: float(np.sum(problem.residuals(x) ** 2)))
    _, best = min((problem.refine(x, alpha) for x in starts[:_REFINED]), key=lambda r: r[0])
    P = np.linalg.solve(problem.to_basis, best[:5]) / 1e3
    fitted = start._replace(P=P, alpha=float(np.exp(best[5])))
    given = transfer_hz(inputs_hz, fitted)
    error = np.abs(given - rates_hz)
    relative = error[problem.firing] / rates_hz[problem.firing]
    return Fit(fitted, given, relative, float(np.sqrt(np.mean(error**2))))


def read_table(path: Path, sources: Sequence[str]) -> tuple[Array, Array]:
    """Return the presynaptic rates, shape (rows, sources), and the rates of a table.

    Raises
    ------
    UsageError
        If a column is missing or holds what is no number.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = [*(f"{source}_hz" for source in sources), "rate_hz"]
    try:
        values = np.array([[float(row[name]) for name in names] for row in rows])
    except (KeyError, TypeError, ValueError) as err:
        raise UsageError(f"{path} is no table of {', '.join(names)}: {err}") from err
    if not len(values):
        raise UsageError(f"{path} has no rows")
    return values[:, :-1], values[:, -1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit a population to a table, and print or write P, alpha and the errors as YAML."""
    parser = argparse.ArgumentParser(prog="python -m cosim_tvb.cerebellum.fit")
    parser.add_argument("table", type=Path)
    parser.add_argument("--population", choices=POPULATIONS, required=True)
    parser.add_argument("--set", choices=get_args(SetName), default="AWAKE26", dest="name")
    parser.add_argument("--alpha", type=float, help="keep alpha at this value")
    parser.add_argument("--out", type=Path, help="YAML file to write; standard output without it")
    given = parser.parse_args(arguments)
    parameters = parameter_set(given.name)
    inputs_hz, rates_hz = read_table(given.table, list(parameters.of_population(given.population)))
    found = fit(inputs_hz, rates_hz, cell(parameters, given.population), given.alpha)
    text = yaml.safe_dump(
        {
            "population": given.population,
            "membrane_and_synapses": given.name,
            "alpha": round(found.fitted.alpha, 6),
            "P": [round(float(p), 9) for p in found.fitted.P],
            "error": found.summary(),
        },
        sort_keys=False,
    )
    if given.out is None:
        print(text, end="")
    else:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
