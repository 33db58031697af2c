"""What enters a NEST population arrives when, and as often as, it should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nest_pieces import REGION, MemoryRecorder, balanced, clock, config, joined, parrots, play, spec

from cosim.errors import BorderError
from cosim.messages import Signal, SpikeBatch
from cosim.ports import RatesIn, TrainsIn
from cosim.streams import derived_seed
from cosim_nest import ENGINE
from cosim_nest.kernel import Kernel, NestFailed

DELAY = 5  # ticks of 0.1 ms
SYNAPSE = {"weight": 1.0, "delay": "0.5 ms"}


def relay_config(size, through="poisson", **more):
    entry = {"population": "relay", "from": ["cortex"], "through": through}
    return config(parrots(size), receives=[{**entry, "synapse": {**SYNAPSE, **more}}])


def trains(pairs, stop):
    ticks = np.array([t for t, _ in pairs], np.int64)
    senders = np.array([s for _, s in pairs], np.int32)
    return SpikeBatch.ordered(0, stop, ticks, senders)


def relayed(pairs, window_ms, *, fibres=4, size=4, duration_ms=6.0, **more):
    """Return what parrots repeat of spike trains, with the synaptic delay taken off."""
    cfg, when = relay_config(size, **more), clock(window_ms, duration_ms)
    port = TrainsIn("in", "relay", fibres, 1, cfg.receives[0].synapse)
    what = spec(cfg, when, inputs=[port], outputs=["relay"])
    (batches,) = play(what, {"in": trains(pairs, when.duration)}).values()
    return [(tick - DELAY, sender) for tick, sender in joined(batches)]


def test_a_spike_arrives_one_delay_later_and_as_often_as_sent():
    pairs = [(1, 0), (7, 2), (7, 2), (7, 2), (8, 2), (9, 1)]
    assert relayed(pairs, 0.5) == pairs


@pytest.mark.parametrize("window_ms", [0.5, 1.0, 2.0])
def test_both_edges_of_a_window_are_fed(window_ms):
    n = round(window_ms * 10)
    pairs = [(t, s) for k in range(2) for t in (k * n + 1, (k + 1) * n) for s in (0, 3)]
    assert relayed(pairs, window_ms) == pairs


spikes = st.lists(st.tuples(st.integers(1, 55), st.integers(0, 3)), max_size=30)


@settings(max_examples=100, deadline=None)
@given(spikes, st.sampled_from([0.5, 1.0, 1.5, 3.0, 6.0]))
def test_every_train_is_relayed_exactly_whatever_the_window(pairs, window_ms):
    assert relayed(pairs, window_ms) == sorted(pairs)


def test_fewer_fibres_than_neurons_reach_all_of_them():
    assert relayed([(3, 1)], 1.0, fibres=2) == [(3, 0), (3, 1), (3, 2), (3, 3)]


def test_a_rule_of_nest_may_join_fibres_and_neurons():
    found = relayed([(3, 0), (3, 1)], 1.0, fibres=2, rule={"fixed_indegree": {"indegree": 3}})
    assert sorted(found) == [(3, s) for s in range(4) for _ in range(3)]


def test_one_to_one_needs_as_many_fibres_as_neurons():
    with pytest.raises(NestFailed, match="same size"):
        relayed([(3, 0)], 1.0, fibres=3, rule="one_to_one")


def test_a_tick_finer_than_the_resolution_is_converted():
    cfg, when = relay_config(2), clock(1.0, 3.0, tick_ns=20_000)
    port = TrainsIn("in", "relay", 2, 5, cfg.receives[0].synapse)
    what = spec(cfg, when, inputs=[port], outputs=["relay"])
    (batches,) = play(what, {"in": trains([(5, 0), (60, 1)], when.duration)}).values()
    assert joined(batches) == [(30, 0), (85, 1)]


def test_recorded_input_replayed_into_nest_alone_gives_the_same_spikes():
    """The reference has no adapter: the builder's network and preloaded spike generators."""
    entry = {"population": "excitatory", "from": ["cortex"]}
    # All weights are multiples of 0.5 nS, so that the order of addition cannot matter.
    network = balanced(100)
    fibre = {"weight": "4 nS", "delay": "1 ms"}
    cfg = config(network, receives=[{**entry, "synapse": fibre}])
    when = clock(2.0, 100.0)
    rng = np.random.default_rng(7)
    drawn_pairs = np.stack([rng.integers(1, 1000, 400), rng.integers(0, 80, 400)], axis=1)
    pairs = sorted(map(tuple, drawn_pairs.tolist()))
    port = TrainsIn("in", "excitatory", 80, 1, cfg.receives[0].synapse)
    coupled = spec(cfg, when, inputs=[port], outputs=["excitatory"])
    (with_input,) = play(coupled, {"in": trains(pairs, 1000)}).values()
    (without,) = play(spec(cfg, when, outputs=["excitatory"])).values()
    assert joined(with_input) != joined(without)
    assert joined(with_input) == _alone(cfg, pairs, 100.0)


def _alone(cfg, pairs, duration_ms):
    seed = derived_seed(5, "nest", "nest")
    kernel = Kernel("alone", cfg.resolution, 1, seed)
    nest = kernel.nest
    try:
        target = cfg.network.built_by.build(nest, cfg.network.parameters, seed)["excitatory"]
        for fibre in range(len(target)):
            times_ms = [tick / 10 for tick, sender in pairs if sender == fibre]
            generator = nest.Create("spike_generator", params={"spike_times": times_ms})
            nest.Connect(generator, target[fibre], syn_spec={"weight": 4.0, "delay": 1.0})
        recorder = nest.Create("spike_recorder")
        nest.Connect(target, recorder, syn_spec={"delay": 1.0})
        nest.Simulate(duration_ms)
        events = recorder.get("events")
        ticks = np.rint(np.asarray(events["times"]) * 10).astype(int).tolist()
        senders = (events["senders"] - target[0].global_id).tolist()
    finally:
        kernel.close()
    return sorted(zip(ticks, senders, strict=True))


def drawn(rates_hz, window_ms, size=200, seed=5):
    """Return spikes of parrots fed by a rate on the grid of 0.1 ms, delay taken off."""
    cfg, when = relay_config(size, "rates"), clock(window_ms, len(rates_hz) / 10)
    port = RatesIn("in", "relay", 1, cfg.receives[0].synapse)
    what = spec(cfg, when, inputs=[port], outputs=["relay"], seed=seed)
    signal = Signal(0, 1, np.asarray(rates_hz, float)[:, None])
    (batches,) = play(what, {"in": signal}).values()
    return [(tick - DELAY, sender) for tick, sender in joined(batches)]


def test_each_row_of_a_rate_governs_the_step_that_ends_at_its_tick():
    rates_hz = np.zeros(60)
    governed = [7, 20, 21, 35, 50]
    rates_hz[[t - 1 for t in governed]] = 50_000.0
    ticks = np.array([tick for tick, _ in drawn(rates_hz, 1.0)])
    assert sorted(set(ticks.tolist())) == governed
    # 200 neurons at 5 spikes a step: 1,000 +- 32.
    counts = np.array([(ticks == t).sum() for t in governed])
    assert (abs(counts - 1000) < 5 * 32).all()


def test_the_first_step_of_a_run_is_never_active():
    rates_hz = np.zeros(20)
    rates_hz[0] = 1e6
    assert drawn(rates_hz, 1.0) == []


def test_rates_give_independent_trains_of_that_mean():
    rate_hz, size, duration_ms = 200.0, 200, 500.0
    found = drawn(np.full(round(duration_ms * 10), rate_hz), 5.0, size)
    expected = rate_hz * (duration_ms - 0.6) / 1e3
    counts = np.bincount([s for _, s in found], minlength=size)
    assert abs(counts.mean() - expected) < 5 * np.sqrt(expected / size)
    # Independent Poisson counts over neurons: variance over mean is 1 +- sqrt(2 / size).
    assert abs(counts.var() / counts.mean() - 1) < 5 * np.sqrt(2 / size)


def test_rates_do_not_see_the_window():
    rates_hz = 300.0 * (1 + np.sin(np.arange(200) / 9.0)) * (np.arange(200) % 40 < 25)
    whole = drawn(rates_hz, 20.0)
    assert len(whole) > 100
    assert drawn(rates_hz, 0.5) == whole
    assert drawn(rates_hz, 2.0) == whole


def test_a_rate_lasts_until_it_changes():
    rates_hz = np.repeat([400.0, 0.0, 400.0], 40)
    ticks = np.array([tick for tick, _ in drawn(rates_hz, 1.0)])
    first, second, third = (((ticks > a) & (ticks <= a + 40)).sum() for a in (0, 40, 80))
    assert second == 0
    assert min(first, third) > 150


BAD_SPIKES = {
    "outside the window": trains([(11, 0)], 10),
    "4 fibres": trains([(3, 4)], 10),
    "takes spikes": Signal(0, 1, np.zeros((10, 1))),
    "came before": SpikeBatch.empty(10, 20),
    "but 0 senders": SpikeBatch(0, 10, np.array([3]), np.empty(0, np.int32)),
}
BAD_RATES = {
    "rate nan": Signal(0, 1, np.full((10, 1), np.nan)),
    "rate inf": Signal(0, 1, np.full((10, 1), np.inf)),
    r"rate -1.0 spikes/s at tick 1": Signal(0, 1, np.full((10, 1), -1.0)),
    "shape": Signal(0, 1, np.zeros((10, 2))),
    "every 2 ticks": Signal(0, 2, np.zeros((5, 1))),
    "takes rates": SpikeBatch.empty(0, 10),
    "came before": Signal(10, 1, np.zeros((10, 1))),
}


def refusal(port, cfg, block):
    simulator = ENGINE.create(spec(cfg, clock(1.0, 3.0), inputs=[port]))
    try:
        simulator.prepare(MemoryRecorder())
        with pytest.raises(BorderError) as caught:
            simulator.accept("in", block)
    finally:
        simulator.finalize()
    assert caught.value.region == REGION
    return str(caught.value)


@pytest.mark.parametrize("message", BAD_SPIKES)
def test_spikes_that_must_not_enter_are_refused(message):
    cfg = relay_config(4)
    port = TrainsIn("in", "relay", 4, 1, cfg.receives[0].synapse)
    assert message in refusal(port, cfg, BAD_SPIKES[message])


def test_spikes_off_the_grid_of_nest_are_refused():
    cfg = relay_config(4)
    port = TrainsIn("in", "relay", 4, 2, cfg.receives[0].synapse)
    assert "tick 3 off NEST's grid" in refusal(port, cfg, trains([(2, 0), (3, 0)], 10))


@pytest.mark.parametrize("message", BAD_RATES)
def test_rates_that_must_not_enter_are_refused(message):
    cfg = relay_config(4, "rates")
    port = RatesIn("in", "relay", 1, cfg.receives[0].synapse)
    assert message in refusal(port, cfg, BAD_RATES[message])
