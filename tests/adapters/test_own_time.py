"""Both simulators tell the time by their own account, to the nanosecond."""

import nest_pieces
import pytest
import test_tvb_borders as tvb_pieces

from cosim.roles.simulator_guard import ClockWatch
from cosim.simulator import Timekeeper
from cosim_nest import ENGINE


@pytest.fixture
def network():
    """Return a prepared network and its clock, with 50 windows of 1 ms."""
    spec = nest_pieces.spec(
        nest_pieces.config(nest_pieces.parrots(2)), nest_pieces.clock(1.0, 50.0),
        outputs=("relay",),
    )
    simulator = ENGINE.create(spec)
    simulator.prepare(nest_pieces.MemoryRecorder())
    yield simulator, spec.clock
    simulator.finalize()


def test_nest_tells_its_time_now_and_then_and_at_the_end(network):
    simulator, clock = network
    assert isinstance(simulator, Timekeeper)
    told = {}
    for k in range(50):
        simulator.advance(clock.at(k))
        if (now_ns := simulator.now_ns()) is not None:
            told[k + 1] = now_ns
    assert {1, 50} < set(told)
    assert len(told) < 10
    assert told == {passed: passed * 1_000_000 for passed in told}


def test_a_network_that_falls_behind_is_found(network, monkeypatch):
    simulator, clock = network
    watch = ClockWatch("nest", "stop", clock)
    simulator.advance(clock.at(0))
    assert watch.see(simulator, clock.at(0)) is None
    kernel = simulator._kernel
    monkeypatch.setattr(kernel, "run", lambda time_ms: type(kernel).run(kernel, time_ms - 0.1))
    found = None
    for k in range(1, 50):
        simulator.advance(clock.at(k))
        if found := watch.see(simulator, clock.at(k)):
            break
    at_ms = k + 1
    assert k < 49, "found at the end only"
    said = f"is at {at_ms - 0.1 * k:.12g} ms by its own clock after the window that ends at {at_ms}"
    assert said in found.text
    assert f"{0.1 * k:.6g} ms behind" in found.text
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
