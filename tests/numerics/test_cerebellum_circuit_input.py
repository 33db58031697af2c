"""What the circuit is in NEST, and how activity from outside reaches it."""

import logging

import numpy as np
import pytest
from circuit_pieces import SMALLEST, Activity, circuit, require_eglif

from cosim.messages import Signal, SpikeBatch
from cosim.ports import RatesIn, TrainsIn
from cosim_nest import ENGINE
from cosim_nest.builders import builder
from cosim_nest.cerebellum.circuit import CEREBELLAR_CIRCUIT, CerebellarCircuit, neuron_kind
from cosim_nest.cerebellum.synapses import synapse_types
from cosim_nest.cerebellum.wiring import wire
from cosim_nest.kernel import Kernel
from cosim_nest.models import eglif

STAND_IN = {"box": SMALLEST, "neuron": "stand_in"}
RELAY = {"weight": 1.0, "delay": "1 ms"}
KICK = {"weight": 100.0, "delay": "1 ms", "receptor_type": 1}


def receives(population, synapse, through="poisson"):
    entry = {"population": population, "from": ["cortex"], "through": through, "gain": "1 Hz"}
    return [{**entry, "synapse": synapse}]


def test_the_builder_is_found_by_its_entry_point():
    assert isinstance(builder("cerebellar_circuit"), CerebellarCircuit)


def test_nest_has_the_connections_of_the_wiring():
    parameters = circuit(**STAND_IN, weight_scales={"golgi_golgi": 0.5}).network.parameters
    kernel = Kernel("wiring", 0.5, 1, 1)
    try:
        nodes = CEREBELLAR_CIRCUIT.build(kernel.nest, parameters, 9)
        found = found_connections(kernel.nest, nodes)
    finally:
        kernel.close()
    expected = {}
    for name, pairs in wire(parameters.box, 9).projections.items():
        kind = synapse_types()[name]
        weight_nS = kind.pair_weight_nS("awake") * (0.5 if name == "golgi_golgi" else 1)
        delays_ms, receptors = (np.full(len(pairs), v) for v in (kind.delay, kind.receptor))
        columns = (pairs.pre, pairs.post, weight_nS * pairs.multiplicity, delays_ms, receptors)
        expected.setdefault((kind.source, kind.target), []).append(np.column_stack(columns))
    assert found.keys() == expected.keys()
    for ends, tables in expected.items():
        assert np.array_equal(found[ends], in_order(np.concatenate(tables))), ends


def in_order(table):
    return table[np.lexsort(table.T[::-1])]


def found_connections(nest, nodes):
    """Return tables of (pre, post, weight, delay, receptor) by the names of both ends."""
    found = {}
    for kind in synapse_types().values():
        source, target = nodes[kind.source], nodes[kind.target]
        made = nest.GetConnections(source, target)
        columns = [made.get(k) for k in ("source", "target", "weight", "delay", "receptor")]
        table = np.column_stack(columns)
        table[:, :2] -= int(source[0].global_id), int(target[0].global_id)
        found[kind.source, kind.target] = in_order(table)
    return found


def test_trains_from_outside_are_mossy_fibres():
    cfg = circuit(**STAND_IN, background="0 Hz", receives=receives("mossy_fibres", RELAY))
    fibres = cfg.populations["mossy_fibres"]
    rng = np.random.default_rng(1)
    ticks, senders = np.sort(rng.integers(1, 95, 40)), rng.integers(0, fibres, 40, np.int32)
    trains = SpikeBatch.ordered(0, 100, ticks, senders)
    port = TrainsIn("in", "mossy_fibres", fibres, 1, cfg.receives[0].synapse)
    activity = Activity(cfg, 50.0, ports=[port], given={"in": trains})
    sent = sorted(zip((trains.ticks / 2 + 1.0).tolist(), trains.senders.tolist(), strict=True))
    relayed = zip(
        activity.times_ms["mossy_fibres"].tolist(),
        activity.cells["mossy_fibres"].tolist(),
        strict=True,
    )
    assert sorted(relayed) == sent


def test_rates_from_outside_become_independent_trains_of_mossy_fibres():
    given = receives("mossy_fibres", RELAY, "rates")
    cfg = circuit(**STAND_IN, background="0 Hz", receives=given)
    port = RatesIn("in", "mossy_fibres", 1, cfg.receives[0].synapse)
    rates_hz = Signal(0, 1, np.full((80, 1), 500.0))
    activity = Activity(cfg, 40.0, ports=[port], given={"in": rates_hz})
    numbers = activity.rates_hz("mossy_fibres", (2.0, 40.0)) * 0.038
    expected = 500.0 * 0.038 * len(numbers)
    assert abs(numbers.sum() - expected) < 4 * expected**0.5
    assert len(set(numbers)) > 5


@pytest.mark.parametrize("neuron", ["eglif", "stand_in"])
@pytest.mark.parametrize("population", ["mossy_fibres", "inferior_olive", "golgi"])
def test_input_by_receptor_passes_all_checks(neuron, population):
    if neuron == "eglif":
        require_eglif()
    synapse = RELAY if population == "mossy_fibres" else KICK
    cfg = circuit(SMALLEST, neuron=neuron, receives=receives(population, synapse))
    assert not list(ENGINE.check(cfg, ("cerebellum",)))
    assert cfg.receives[0].synapse.parameters.get("receptor_type") == synapse.get("receptor_type")


def test_a_receptor_of_the_olive_is_reached_from_outside():
    require_eglif()
    cfg = circuit(
        SMALLEST, neuron="eglif", background="0 Hz", receives=receives("inferior_olive", KICK)
    )
    olive = cfg.populations["inferior_olive"]
    port = TrainsIn("in", "inferior_olive", olive, 1, cfg.receives[0].synapse)
    one = SpikeBatch.ordered(0, 100, np.array([40]), np.array([1], np.int32))
    activity = Activity(cfg, 50.0, ports=[port], given={"in": one})
    assert set(activity.cells["inferior_olive"]) == {1}
    assert 21 < activity.times_ms["inferior_olive"].min() < 30


def test_two_regions_of_one_brain_are_wired_differently():
    cfg = circuit(**STAND_IN)
    left, right, again = (Activity(cfg, 20.0, name=name) for name in ("left", "right", "left"))
    for population in ("glomeruli", "purkinje"):
        assert np.array_equal(left.times_ms[population], again.times_ms[population])
        assert np.array_equal(left.cells[population], again.cells[population])
        assert not np.array_equal(left.cells[population], right.cells[population])


def test_auto_says_what_it_chose(caplog, monkeypatch):
    parameters = circuit(SMALLEST).network.parameters
    for there, kind in ((True, "eglif"), (False, "stand_in")):
        monkeypatch.setattr(eglif, "available", lambda there=there: there)
        with caplog.at_level(logging.INFO, "cosim_nest"):
            assert neuron_kind(parameters) == kind
        assert kind in caplog.records[-1].getMessage()
