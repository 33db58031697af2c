"""Both simulators tell the time by their own account, to the nanosecond."""

import nest_pieces
import pytest
import test_tvb_borders as tvb_pieces

from cosim.roles.simulator_guard import ClockWatch
from cosim.simulator import Timekeeper
from cosim_nest import ENGINE


@pytest.fixture
def network():
    """Return a prepared network and its clock, with windows of 1 ms."""
    spec = nest_pieces.spec(
        nest_pieces.config(nest_pieces.parrots(2)), nest_pieces.clock(1.0, 20.0),
        outputs=("relay",),
    )
    simulator = ENGINE.create(spec)
    simulator.prepare(nest_pieces.MemoryRecorder())
    yield simulator, spec.clock
    simulator.finalize()


def test_nest_tells_its_time(network):
    simulator, clock = network
    assert isinstance(simulator, Timekeeper)
    for k in range(20):
        simulator.advance(clock.at(k))
        assert simulator.now_ns() == (k + 1) * 1_000_000


def test_a_network_that_falls_behind_is_found(network, monkeypatch):
    simulator, clock = network
    watch = ClockWatch("nest", "stop", clock)
    simulator.advance(clock.at(0))
    assert watch.see(simulator, clock.at(0)) is None
    kernel = simulator._kernel
    monkeypatch.setattr(kernel, "run", lambda time_ms: type(kernel).run(kernel, time_ms - 0.1))
    simulator.advance(clock.at(1))
    found = watch.see(simulator, clock.at(1))
    assert "is at 1.9 ms by its own clock after the window that ends at 2 ms" in found.text
    assert "0.1 ms behind" in found.text
    assert watch.note() is not None


def test_tvb_tells_its_time():
    simulator = tvb_pieces.create(n=3)
    assert isinstance(simulator, Timekeeper)
    clock, watch = simulator.spec.clock, ClockWatch("tvb", "stop", simulator.spec.clock)
    for k in range(7):
        tvb_pieces.advance(simulator, 1, first=k)
        assert simulator.now_ns() == (k + 1) * 300_000
        assert watch.see(simulator, clock.at(k)) is None
    # A window too many makes it run ahead.
    tvb_pieces.advance(simulator, 1, first=7)
    assert "0.3 ms ahead" in watch.see(simulator, clock.at(6)).text
