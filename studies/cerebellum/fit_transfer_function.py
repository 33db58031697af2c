"""Fit transfer functions of the cerebellar mean field to the neurons of the spiking circuit.

Simulates one cell of a population in NEST over a grid of presynaptic rates, and fits P and alpha
to it. Membrane, convergences and conductances are those of the mean field's parameter set AWAKE26,
so that the fitted numbers can take the place of the set's own; the cell is the circuit's.

    python studies/cerebellum/fit_transfer_function.py --out fits --populations GrC PC

It writes ``<population>.csv``, the rates, and ``<population>.yaml``, the fit, for each population.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from cosim_nest.models import eglif
from cosim_nest.models.cells import cell_parameters
from cosim_nest.sweep import Input, Timing, grid, sweep, write_table
from cosim_tvb.cerebellum.fit import main
from cosim_tvb.cerebellum.parameters import parameter_set
from cosim_tvb.cerebellum.transfer import cell, transfer_hz

SET = "AWAKE26"

#: The circuit's name of a population, and of each of its inputs the receptor and the rates in Hz
#: of one presynaptic cell, over the range in which the circuit works.
CELLS = {
    "GrC": (
        "granule",
        {"mf": (1, (4, 8, 12, 20, 30, 40, 55, 70, 80)), "GoC": (2, (5, 10, 20, 30, 45, 60))},
    ),
    "PC": (
        "purkinje",
        {"GrC": (1, (1, 2, 4, 8, 12, 18, 25, 35, 45)), "MLI": (2, (10, 25, 45, 70, 100, 130))},
    ),
}


def simulate(
    population: str, neuron: str, timing: Timing
) -> tuple[list[Input], np.ndarray, np.ndarray]:
    """Return inputs, grid and rates of one population's cell."""
    name, axes = CELLS[population]
    synapses = parameter_set(SET).of_population(population)
    inputs = [Input(source, s.K, s.Q, axes[source][0]) for source, s in synapses.items()]
    points = grid([axes[source][1] for source in synapses])
    model, parameters = cell_parameters(name, "awake", neuron)
    return inputs, points, sweep(model, parameters, inputs, points, timing)


def run() -> None:
    """Sweep and fit the populations of the command line, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--populations", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument("--out", type=Path, default=Path("fits"))
    parser.add_argument("--duration", type=float, default=2000.0, help="ms at each point")
    given = parser.parse_args()
    neuron = "eglif" if eglif.available() else "stand_in"
    timing = Timing(duration_ms=given.duration, resolution_ms=0.25 if neuron == "eglif" else 0.1)
    given.out.mkdir(parents=True, exist_ok=True)
    print(f"neuron: {neuron}")
    for population in given.populations:
        inputs, points, rates_hz = simulate(population, neuron, timing)
        table, report = given.out / f"{population}.csv", given.out / f"{population}.yaml"
        write_table(table, inputs, points, rates_hz)
        main([str(table), "--population", population, "--set", SET, "--out", str(report)])
        print(report.read_text(), end="")
        published = transfer_hz(points, cell(parameter_set(SET), population))
        error = np.abs(published - rates_hz)[rates_hz >= 1] / rates_hz[rates_hz >= 1]
        print(f"published coefficients: mean relative error {error.mean():.3f}")


if __name__ == "__main__":
    run()
