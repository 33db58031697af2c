"""Whatever the window, a network in NEST does the same, and reading it costs the same."""

import numpy as np
import pytest
from nest_pieces import (
    REGION,
    MemoryRecorder,
    balanced,
    clock,
    config,
    joined,
    parrots,
    play,
    spec,
)

from cosim.clock import Clock
from cosim.streams import derived_seed
from cosim_nest import ENGINE
from cosim_nest.config import NestConfig
from cosim_nest.kernel import Kernel, NestFailed
from cosim_nest.reading import SpikeTap

BOTH = ("excitatory", "inhibitory")


def spikes_of(cfg: NestConfig, window_ms: float, duration_ms: float = 60.0) -> list[list[object]]:
    emitted = play(spec(cfg, clock(window_ms, duration_ms), outputs=BOTH))
    return [joined(batches) for batches in emitted.values()]


@pytest.fixture(scope="module")
def long_run() -> list[list[object]]:
    return spikes_of(config(balanced()), 60.0)


@pytest.mark.parametrize("window_ms", [1.0, 2.0, 5.0])
def test_windows_give_the_spikes_of_one_long_run(window_ms, long_run):
    assert sum(map(len, long_run)) > 30
    assert spikes_of(config(balanced()), window_ms) == long_run


def test_two_threads_are_windowed_alike():
    cfg = config(balanced(), threads=2)
    whole = spikes_of(cfg, 20.0, 20.0)
    assert sum(map(len, whole)) > 5
    assert spikes_of(cfg, 1.0, 20.0) == whole


def test_the_adapter_adds_nothing_to_nest_alone(long_run):
    cfg = config(balanced())
    seed = derived_seed(5, "nest", "nest")
    kernel = Kernel("alone", cfg.resolution, 1, seed)
    nest = kernel.nest
    try:
        nodes = cfg.network.built_by.build(nest, cfg.network.parameters, seed)
        recorders = [nest.Create("spike_recorder") for _ in BOTH]
        for name, recorder in zip(BOTH, recorders, strict=True):
            nest.Connect(nodes[name], recorder, syn_spec={"delay": 1.0})
        nest.Simulate(60.0)
        alone = []
        for name, recorder in zip(BOTH, recorders, strict=True):
            events = recorder.get("events")
            first = nodes[name][0].global_id
            ticks = np.rint(np.asarray(events["times"]) * 10).astype(int).tolist()
            alone.append(sorted(zip(ticks, (events["senders"] - first).tolist(), strict=True)))
    finally:
        kernel.close()
    assert alone == long_run


def test_a_tick_finer_than_the_resolution_changes_no_time(long_run):
    fine = play(spec(config(balanced()), clock(5.0, 60.0, tick_ns=20_000), outputs=BOTH))
    assert [[(tick // 5, sender) for tick, sender in joined(b)] for b in fine.values()] == long_run
    assert all((b.ticks % 5 == 0).all() for batches in fine.values() for b in batches)


def test_batches_are_typed_ordered_and_inside_their_window():
    emitted = play(spec(config(balanced()), clock(5.0, 60.0), outputs=["excitatory"]))
    for k, batch in enumerate(emitted["out/excitatory"]):
        assert (batch.start, batch.stop) == (k * 50, (k + 1) * 50)
        assert batch.ticks.dtype == np.int64
        assert batch.senders.dtype == np.int32
        pairs = list(zip(batch.ticks.tolist(), batch.senders.tolist(), strict=True))
        assert pairs == sorted(pairs)
        assert all(batch.start < tick <= batch.stop and 0 <= s < 80 for tick, s in pairs)


def test_recording_keeps_every_nth_neuron(long_run):
    recorder = MemoryRecorder()
    play(
        spec(config(balanced()), clock(5.0, 60.0), record={"excitatory": 1, "inhibitory": 3}),
        recorder=recorder,
    )
    kept = {key: joined(sink.batches) for key, sink in recorder.sinks.items()}
    assert kept == {
        (REGION, "excitatory", 80, 1): long_run[0],
        (REGION, "inhibitory", 20, 3): [p for p in long_run[1] if p[1] % 3 == 0],
    }


def test_nothing_is_sent_for_the_time_before_the_start():
    simulator = ENGINE.create(spec(config(balanced()), clock(2.0, 4.0), outputs=BOTH))
    blocks = simulator.prime("out/excitatory", 3)
    assert [(b.start, b.stop, len(b.ticks)) for b in blocks] == [
        (-60, -40, 0),
        (-40, -20, 0),
        (-20, 0, 0),
    ]


def test_reading_holds_few_spikes_and_loses_none():
    cfg = config(
        parrots(20)
        | {
            "devices": [
                {
                    "device": "poisson_generator",
                    "to": "relay",
                    "parameters": {"rate": 500.0},
                    "synapse": {"weight": 1.0, "delay": "1 ms"},
                }
            ]
        }
    )
    (whole,) = play(spec(cfg, clock(400.0, 400.0), outputs=["relay"])).values()
    (cut_up,) = play(spec(cfg, clock(1.0, 400.0), outputs=["relay"])).values()
    assert joined(cut_up) == joined(whole)
    held = _held_while_reading(400)
    assert max(held[200:]) <= 1.5 * max(held[:200])
    assert max(held) < len(whole[0].ticks) / 10


def _held_while_reading(windows: int) -> list[int]:
    when = Clock(100_000, 10, 10 * windows)
    kernel = Kernel("tap", 0.1, 1, 3)
    try:
        relay = kernel.nest.Create("parrot_neuron", 20)
        noise = kernel.nest.Create("poisson_generator", params={"rate": 500.0})
        kernel.nest.Connect(noise, relay, "all_to_all", {"delay": 1.0})
        tap = SpikeTap(kernel, {"relay": relay}, 1.0, 1)
        held = []
        for k in range(windows):
            kernel.run(1.0)
            tap.read(when.at(k))
            held.append(tap.held)
    finally:
        kernel.close()
    return held


def test_overlapping_populations_are_read_side_by_side():
    kernel = Kernel("tap", 0.1, 1, 3)
    try:
        relay = kernel.nest.Create("parrot_neuron", 4)
        source = kernel.nest.Create("spike_generator", params={"spike_times": [0.3]})
        kernel.nest.Connect(source, relay[1:3], "all_to_all", {"delay": 1.0})
        tap = SpikeTap(kernel, {"all": relay, "late": relay[2:]}, 1.0, 1)
        kernel.run(2.0)
        tap.read(Clock(100_000, 20, 20).at(0))
        found = joined([tap.batch("all")]), joined([tap.batch("late")])
    finally:
        kernel.close()
    assert found == ([(13, 1), (13, 2)], [(13, 0)])


def test_a_window_off_the_minimum_delay_is_refused():
    simulator = ENGINE.create(spec(config(balanced()), clock(1.5, 3.0), outputs=BOTH))
    with pytest.raises(NestFailed, match=r"1\.5 ms is no multiple of the minimum delay, 1 ms"):
        simulator.prepare(MemoryRecorder())


def test_an_unconnected_port_cannot_move_the_minimum_delay():
    """Nothing has the delay of 0.5 ms that was promised, and still its multiples are windows."""
    # NEST's draws depend on its slices only where two sources of randomness share a generator.
    second = {
        "device": "poisson_generator",
        "to": "inhibitory",
        "parameters": {"rate": 300.0},
        "synapse": {"weight": 1.0, "delay": "2 ms"},
    }
    cfg = config(
        {**balanced(60, delay="2 ms"), "devices": [second]},
        receives=[
            {
                "population": "excitatory",
                "from": ["x"],
                "synapse": {"weight": 1.0, "delay": "0.5 ms"},
            }
        ],
    )
    assert ENGINE.exchange_step_ms(cfg) == 0.5
    whole = spikes_of(cfg, 60.0)
    assert sum(map(len, whole)) > 4
    assert spikes_of(cfg, 0.5) == whole
    assert spikes_of(cfg, 1.5) == whole
