"""What a user would write instead: one process that steps TVB and NEST in turns.

``python -m benchmarks.serial_program MILLISECONDS`` prints, as JSON, the seconds that the loop took
and how many spikes there were. The model is that of `benchmarks.scenarios.rates_into_one`: 75
regions as reduced Wong-Wang mean fields, one as a network whose excitatory neurons are driven by
the coupling that the region gets, and whose rate opens the synaptic gates by which the other
regions see it. With `NEURONS` both simulators cost about the same.

Nothing here comes from this project: neither its loop nor its adapters. It is written with care:
NEST is prepared once and run window by window, its input is one device, its recorder is emptied now
and then, and TVB's library runs a whole window in one call.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

WINDOW_MS, STEP_MS = 2.0, 0.1
STEPS = round(WINDOW_MS / STEP_MS)
REGION = "rV2"
NEURONS, EXCITATORY = 600, 480
RATE_TAU_MS, GATE_TAU_MS, GAMMA = 10.0, 100.0, 0.641
GAIN_HZ, FIBRE_WEIGHT_NS, DELAY_MS = 1000.0, 3.0, 1.0
#: Windows after which the recorder is emptied, for which NEST must be left.
CLEAR_EVERY = 100
NEURON = {
    "C_m": 200.0, "g_L": 10.0, "E_L": -60.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0,
    "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "E_ex": 0.0, "E_in": -80.0,
}


def network(nest: Any) -> tuple[Any, Any, Any]:
    """Build the circuit; return its excitatory neurons, their input and the recorder."""
    nest.ResetKernel()
    nest.set(resolution=STEP_MS, rng_seed=42)
    neurons = nest.Create("iaf_cond_exp", NEURONS, {**NEURON, "V_m": nest.random.uniform(-60, -50)})
    excitatory, inhibitory = neurons[:EXCITATORY], neurons[EXCITATORY:]
    for source, inputs, weight in ((excitatory, 80, 0.5), (inhibitory, 20, -20.0)):
        rule = {"rule": "fixed_indegree", "indegree": inputs, "allow_autapses": False}
        nest.Connect(source, neurons, rule, {"weight": weight, "delay": DELAY_MS})
    background = nest.Create("poisson_generator", params={"rate": 400.0})
    nest.Connect(background, neurons, "all_to_all", {"weight": 1.5, "delay": DELAY_MS})
    drive = nest.Create("inhomogeneous_poisson_generator")
    nest.Connect(
        drive, excitatory, "all_to_all", {"weight": FIBRE_WEIGHT_NS, "delay": DELAY_MS}
    )
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    nest.Connect(neurons, recorder, "all_to_all", {"delay": DELAY_MS})
    return excitatory, drive, recorder


def brain() -> tuple[Any, int]:
    """Build TVB's simulator; return it and the index of the spiking region."""
    import tvb_data.connectivity
    from tvb.datatypes.connectivity import Connectivity
    from tvb.simulator import coupling, integrators, models, monitors, noise, simulator

    atlas = Path(tvb_data.connectivity.__file__).parent / "connectivity_76.zip"
    connectivity = Connectivity.from_file(str(atlas))
    connectivity.weights = connectivity.weights / connectivity.weights.max()
    connectivity.speed = np.array([4.0])
    sim = simulator.Simulator(
        model=models.ReducedWongWang(w=np.array([0.6]), I_o=np.array([0.315])),
        connectivity=connectivity,
        coupling=coupling.Linear(a=np.array([0.035])),
        integrator=integrators.HeunStochastic(
            dt=STEP_MS, noise=noise.Additive(nsig=np.array([1e-5]))
        ),
        monitors=(monitors.TemporalAverage(period=1.0),),
        simulation_length=WINDOW_MS,
    )
    sim.configure()
    return sim, int(np.flatnonzero(connectivity.region_labels == REGION)[0])


class Loop:
    """Both simulators, and what passes between them."""

    def __init__(self) -> None:
        import nest

        nest.verbosity = nest.VerbosityLevel.QUIET
        self.nest = nest
        self.excitatory, self.drive, self.recorder = network(nest)
        self.ids = (int(self.excitatory[0].global_id), int(self.excitatory[-1].global_id))
        self.sim, self.region = brain()
        self.rate_hz, self.gate, self.spikes = 0.0, 0.0, 0
        self.averages: list[Any] = []

    def run(self, windows: int) -> None:
        """Take so many windows."""
        self.nest.Prepare()
        for window in range(windows):
            self.set_rates(window)
            self.averages.extend(self.sim(simulation_length=WINDOW_MS))
            self.nest.Run(WINDOW_MS)
            self.write_gate(self.open_gates(self.counts(window)))
            if window % CLEAR_EVERY == CLEAR_EVERY - 1:
                self.nest.Cleanup()
                self.recorder.n_events = 0
                self.nest.Prepare()
        self.nest.Cleanup()

    def set_rates(self, window: int) -> None:
        """Give NEST the coupling that the region gets in every step of the window."""
        history, step = self.sim.history, self.sim.current_step
        connectivity, region = self.sim.connectivity, self.region
        sources = np.flatnonzero(connectivity.weights[region])
        delays = connectivity.idelays[region, sources]
        weights = connectivity.weights[region, sources]
        steps = step + np.arange(STEPS)[:, None] - delays
        past = history.buffer[steps % history.n_time, 0, sources, 0]
        rates_hz = np.maximum(GAIN_HZ * 0.035 * (past * weights).sum(axis=1), 0.0)
        times_ms = np.round(window * WINDOW_MS + np.arange(1, STEPS + 1) * STEP_MS, 4)
        self.drive.set(rate_times=times_ms[window == 0 :], rate_values=rates_hz[window == 0 :])

    def counts(self, window: int) -> np.ndarray[Any, Any]:
        """Return the excitatory spikes in every step of the window."""
        events = self.recorder.get("events")
        steps, senders = np.asarray(events["times"], np.int64), np.asarray(events["senders"])
        since = steps - window * STEPS - 1
        self.spikes += int((since >= 0).sum())
        ours = (since >= 0) & (senders >= self.ids[0]) & (senders <= self.ids[1])
        return np.bincount(since[ours], minlength=STEPS)

    def open_gates(self, counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the open fraction of the gates that the spikes drive."""
        decay = np.exp(-STEP_MS / RATE_TAU_MS)
        gates = np.empty(STEPS)
        for i, count in enumerate(counts):
            self.rate_hz += (1.0 - decay) * (count * 1e3 / STEP_MS / EXCITATORY - self.rate_hz)
            change = -self.gate / GATE_TAU_MS + (1.0 - self.gate) * GAMMA * self.rate_hz / 1e3
            self.gate += STEP_MS * change
            gates[i] = self.gate
        return gates

    def write_gate(self, gates: np.ndarray[Any, Any]) -> None:
        """Put the region's activity into TVB's history in the place of its mean field."""
        history, step = self.sim.history, self.sim.current_step
        steps = step - STEPS + 1 + np.arange(STEPS)
        history.buffer[steps % history.n_time, 0, self.region, 0] = gates
        self.sim.current_state[0, self.region] = gates[-1]


def main() -> None:
    """Run and print."""
    windows = round(float(sys.argv[1]) / WINDOW_MS)
    loop = Loop()
    begin = time.perf_counter()
    loop.run(windows)
    print(json.dumps({"seconds": time.perf_counter() - begin, "spikes": loop.spikes}))


if __name__ == "__main__":
    main()
