"""How long activity takes inside the spiking circuit, by the conductances that it opens."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "numerics"))

from circuit_pieces import RESOLUTION_MS, require_eglif

from cosim_nest.cerebellum.circuit import CEREBELLAR_CIRCUIT
from cosim_nest.cerebellum.parameters import CerebellarParameters
from cosim_nest.cerebellum.synapses import synapse_types
from cosim_nest.cerebellum.wiring import wire
from cosim_nest.kernel import Kernel
from cosim_nest.models.cells import cell_parameters

SEED = 5
DURATION_MS = 60.0
#: Where Purkinje cells and mossy fibres end, by receptor: the cells that send, and the delay.
PATHS = {
    "dcn_p": {1: ("mossy_fibres", "mossy_dcn_p"), 2: ("purkinje", "purkinje_dcn_p")},
    "dcn_i": {2: ("purkinje", "purkinje_dcn_i")},
    "purkinje": {2: ("basket", "basket_purkinje")},
}
#: What else opens the same receptor.
ALSO = {("purkinje", 2): ("stellate", "stellate_purkinje")}
DELAYS_MS = {
    "mossy_dcn_p": 4.0,
    "purkinje_dcn_p": 4.0,
    "purkinje_dcn_i": 4.0,
    "basket_purkinje": 4.0,
    "stellate_purkinje": 5.0,
}


class Recorded:
    """Spikes of a short run, and conductances of some of its cells on the grid."""

    def __init__(self):
        require_eglif()
        self.parameters = CerebellarParameters.model_construct(
            box=(150.0, 130.0), background=40.0, neuron="eglif"
        )
        self.wiring = wire(self.parameters.box, SEED)
        kernel = Kernel("delays", RESOLUTION_MS, 1, SEED)
        try:
            self._run(kernel)
        finally:
            kernel.close()

    def _run(self, kernel):
        nest = kernel.nest
        nodes = CEREBELLAR_CIRCUIT.build(nest, self.parameters, SEED)
        senders = ("mossy_fibres", "purkinje", "basket", "stellate")
        recorders = {name: nest.Create("spike_recorder") for name in senders}
        meters = {}
        for name, recorder in recorders.items():
            nest.Connect(nodes[name], recorder, syn_spec={"delay": 1.0})
        for name, receptors in PATHS.items():
            what = {"interval": RESOLUTION_MS, "record_from": [f"g{r}" for r in receptors]}
            meters[name] = nest.Create("multimeter", params=what)
            nest.Connect(meters[name], nodes[name], syn_spec={"delay": 1.0})
        kernel.run(DURATION_MS)
        self.spikes = {
            name: (recorder.events["times"], recorder.events["senders"] - first_of(nodes[name]))
            for name, recorder in recorders.items()
        }
        self.g_nS = {}
        for name, meter in meters.items():
            events = meter.events
            order = np.lexsort((events["times"], events["senders"]))
            self.times_ms = np.unique(events["times"])
            shape = (len(nodes[name]), len(self.times_ms))
            for receptor in PATHS[name]:
                self.g_nS[name, receptor] = events[f"g{receptor}"][order].reshape(shape)

    def opened_nS(self, target, receptor, delay_ms=None):
        """Return the conductance that the spikes of all senders open, shape (cells, times)."""
        tau_ms = cell_parameters(target, "awake", "eglif")[1][f"tau_syn{receptor}"]
        total = np.zeros(self.g_nS[target, receptor].shape)
        paths = [PATHS[target][receptor]]
        paths += [ALSO[target, receptor]] if (target, receptor) in ALSO else []
        for source, projection in paths:
            pairs = self.wiring.projections[projection]
            weight_nS = synapse_types()[projection].pair_weight_nS("awake") * pairs.multiplicity
            weight_nS = np.broadcast_to(weight_nS, len(pairs))
            times_ms, cells = self.spikes[source]
            late_ms = DELAYS_MS[projection] if delay_ms is None else delay_ms
            for pre, post, weight in zip(pairs.pre, pairs.post, weight_nS, strict=True):
                since_ms = self.times_ms - times_ms[cells == pre][:, np.newaxis] - late_ms
                s = np.maximum(since_ms, 0.0) / tau_ms
                total[post] += weight * (s * np.exp(1.0 - s)).sum(axis=0)
        return total


def first_of(population):
    return int(population[0].global_id)


@pytest.fixture(scope="module")
def recorded():
    return Recorded()


@pytest.mark.parametrize(
    ("target", "receptor"), [(name, r) for name, receptors in PATHS.items() for r in receptors]
)
def test_a_spike_opens_conductances_after_its_delay(target, receptor, recorded):
    found = recorded.g_nS[target, receptor]
    assert found.max() > 0.01
    np.testing.assert_allclose(found, recorded.opened_nS(target, receptor), rtol=0, atol=1e-6)


@pytest.mark.parametrize("late_ms", [3.5, 4.5])
def test_half_a_millisecond_would_show(late_ms, recorded):
    wrong = recorded.opened_nS("dcn_p", 2, late_ms)
    assert np.abs(recorded.g_nS["dcn_p", 2] - wrong).max() > 0.01
