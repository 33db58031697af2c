"""tvb-library's own Simulator as a user would run it.

``python -m benchmarks.library_program CONNECTOME MILLISECONDS`` prints the seconds that its loop
took, as JSON. The model is that of `benchmarks.scenarios.only_mean_field`.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def main() -> None:
    """Run and print."""
    from tvb.datatypes.connectivity import Connectivity
    from tvb.simulator import coupling, integrators, models, monitors, noise, simulator

    path, duration_ms = sys.argv[1], float(sys.argv[2])
    connectivity = Connectivity.from_file(path)
    connectivity.weights = connectivity.weights / connectivity.weights.max()
    connectivity.speed = np.array([4.0])
    sim = simulator.Simulator(
        model=models.ReducedWongWang(w=np.array([0.6]), I_o=np.array([0.315])),
        connectivity=connectivity,
        coupling=coupling.Linear(a=np.array([0.035])),
        integrator=integrators.HeunStochastic(
            dt=0.1, noise=noise.Additive(nsig=np.array([1e-5]))
        ),
        monitors=(monitors.TemporalAverage(period=1.0),),
    )
    sim.configure()
    # What is compiled at the first call is not the loop's.
    for _ in sim(simulation_length=1.0):
        pass
    begin = time.perf_counter()
    for _ in sim(simulation_length=duration_ms):
        pass
    print(json.dumps({"seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main()
