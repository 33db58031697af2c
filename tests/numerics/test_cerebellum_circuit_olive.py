"""Climbing fibres and the loop between nuclei and olive."""

import numpy as np
import pytest
from circuit_pieces import SMALLEST, Activity, circuit, require_eglif

from cosim.messages import SpikeBatch
from cosim.ports import TrainsIn

# An input of this weight makes a resting olivary cell fire once.
KICK = {"weight": 100.0, "delay": "1 ms", "receptor_type": 1}
EVENTS_MS = tuple(300.0 + 200.0 * k for k in range(6))
TICKS_PER_MS = 2


def climbing_trains(fibres, stop_ms):
    ticks = np.repeat([round(t * TICKS_PER_MS) for t in EVENTS_MS], fibres)
    senders = np.tile(np.arange(fibres, dtype=np.int32), len(EVENTS_MS))
    return SpikeBatch.ordered(0, round(stop_ms * TICKS_PER_MS), ticks, senders)


@pytest.fixture(scope="module")
def kicked():
    require_eglif()
    cfg, stop_ms = circuit(neuron="eglif"), 1500.0
    olive = cfg.populations["inferior_olive"]
    port = TrainsIn("in", "inferior_olive", olive, 1, KICK)
    given = {"in": climbing_trains(olive, stop_ms)}
    return Activity(cfg, stop_ms, seed=21, ports=[port], given=given)


def around(activity, population, start_ms, stop_ms):
    """Return the mean rate in a span after the olive fires."""
    olive_ms = activity.times_ms["inferior_olive"]
    first = [olive_ms[olive_ms > t].min() for t in EVENTS_MS]
    return activity.mean_hz(population, *[(t + start_ms, t + stop_ms) for t in first])


def test_the_olive_fires_at_each_event_and_is_silent_otherwise(kicked):
    times_ms = kicked.times_ms["inferior_olive"]
    spikes_an_event = len(times_ms) / kicked.sizes["inferior_olive"] / len(EVENTS_MS)
    assert 1 <= spikes_an_event <= 1.5
    late_ms = np.min([np.where(times_ms > t, times_ms - t, np.inf) for t in EVENTS_MS], axis=0)
    assert late_ms.max() <= 10


def test_a_climbing_fibre_makes_a_burst_and_a_pause_of_simple_spikes(kicked):
    usual_hz = around(kicked, "purkinje", -150, 0)
    assert around(kicked, "purkinje", 4, 8) > 3 * usual_hz
    assert around(kicked, "purkinje", 9, 17) < 0.6 * usual_hz
    assert around(kicked, "purkinje", 100, 190) == pytest.approx(usual_hz, rel=0.15)


def test_interneurons_answer_late_and_hold_purkinje_cells_back_again(kicked):
    for kind in ("basket", "stellate"):
        assert around(kicked, kind, 40, 50) > 2 * around(kicked, kind, -150, 0)
    assert around(kicked, "purkinje", 46, 58) < 0.85 * around(kicked, "purkinje", -150, 0)


def test_nuclear_cells_are_silenced_by_the_burst_and_the_olive_excites_its_inhibitors(kicked):
    assert around(kicked, "dcn_p", 10, 18) < 0.6 * around(kicked, "dcn_p", -150, 0)
    assert around(kicked, "dcn_i", 6, 20) > 2 * around(kicked, "dcn_i", -150, 0)


def test_nuclear_inhibition_keeps_the_olive_from_ringing():
    require_eglif()
    climbing = {
        "device": "poisson_generator",
        "to": "inferior_olive",
        "parameters": {"rate": 2.0},
        "synapse": {"weight": 100.0, "delay": "1 ms", "receptor_type": 1},
    }
    rates_hz = {
        scale: Activity(
            circuit(
                SMALLEST, neuron="eglif", devices=[climbing], weight_scales={"dcn_i_olive": scale}
            ),
            900.0,
            seed=22,
        ).mean_hz("inferior_olive", (200.0, 900.0))
        for scale in (1.0, 0.0)
    }
    assert 0 < rates_hz[1.0] < 5
    assert rates_hz[0.0] > 5 * rates_hz[1.0]
