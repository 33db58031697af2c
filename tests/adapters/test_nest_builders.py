"""The networks that builders make, and what is asked of a builder."""

from typing import ClassVar

import numpy as np
import pytest
from nest_pieces import MemoryRecorder, balanced, clock, config, play, spec

from cosim.scenario.model import Section
from cosim_nest import ENGINE
from cosim_nest.balanced import BalancedEI
from cosim_nest.builders import builder, builder_names
from cosim_nest.kernel import NestFailed

SETTLED = 3000  # ticks


def activity(size, duration_ms=1300.0, **more):
    """Return rates in spikes/s of both populations and the mean CV of intervals, once settled."""
    cfg = config({**balanced(size), **more})
    what = spec(cfg, clock(50.0, duration_ms), outputs=["excitatory", "inhibitory"])
    rates_hz, irregularity = [], []
    for batches in play(what).values():
        ticks = np.concatenate([b.ticks for b in batches])
        senders = np.concatenate([b.senders for b in batches])[ticks > SETTLED]
        ticks = ticks[ticks > SETTLED]
        neurons = ENGINE.populations(cfg)["excitatory" if not rates_hz else "inhibitory"]
        rates_hz.append(len(ticks) / neurons / (duration_ms - SETTLED / 10) * 1e3)
        for neuron in np.unique(senders):
            intervals = np.diff(ticks[senders == neuron])
            if len(intervals) >= 4:
                irregularity.append(intervals.std() / intervals.mean())
    return *rates_hz, float(np.mean(irregularity))


@pytest.mark.parametrize("size", [200, 500])
def test_the_balanced_circuit_fires_slowly_and_irregularly_at_any_size(size):
    excitatory_hz, inhibitory_hz, irregularity = activity(size)
    assert 3 < excitatory_hz < 7
    assert 3 < inhibitory_hz < 7
    assert 0.7 < irregularity < 1.3


def test_the_balanced_circuit_follows_further_input():
    def stimulus(rate_hz):
        return {
            "device": "poisson_generator",
            "to": "excitatory",
            "parameters": {"rate": rate_hz},
            "synapse": {"weight": "1.5 nS"},
        }

    rates_hz = [activity(200, devices=[stimulus(r)])[0] for r in (0.0, 100.0, 400.0)]
    assert rates_hz[0] + 1 < rates_hz[1] < rates_hz[2] - 3


def test_the_builder_is_found_by_its_entry_point():
    assert "balanced_ei" in builder_names()
    assert isinstance(builder("balanced_ei"), BalancedEI)


class _Parameters(Section):
    promised_ms: float = 1.0
    size: int = 4


class Liar:
    """Has a shorter delay than it says, and one neuron less."""

    Parameters: ClassVar[type[Section]] = _Parameters

    def populations(self, parameters):
        return {"all": parameters.size}

    def min_delay_ms(self, parameters):
        return parameters.promised_ms

    def build(self, nest, parameters, seed):
        nodes = nest.Create("parrot_neuron", 4)
        nest.Connect(nodes, nodes, "one_to_one", {"delay": 0.5})
        return {"all": nodes}


@pytest.fixture
def liar(monkeypatch):
    for module in ("cosim_nest.builders", "cosim_nest.sections"):
        monkeypatch.setattr(f"{module}.builder", lambda _: Liar())
        monkeypatch.setattr(f"{module}.builder_names", lambda: ("liar",))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"promised_ms": 1.0}, "liar promised 1 ms but has 0.5 ms"),
        ({"promised_ms": 0.5, "size": 5}, "promised 5 neurons in all and made 4"),
    ],
)
def test_a_builder_is_held_to_its_word(liar, parameters, message):
    cfg = config({"builder": "liar", **parameters})
    simulator = ENGINE.create(spec(cfg, clock(1.0, 2.0), outputs=["all"]))
    try:
        with pytest.raises(NestFailed, match=message):
            simulator.prepare(MemoryRecorder())
    finally:
        simulator.finalize()


def test_a_builder_that_keeps_its_word_runs(liar):
    cfg = config({"builder": "liar", "promised_ms": 0.5})
    (batches,) = play(spec(cfg, clock(0.5, 1.0), outputs=["all"])).values()
    assert [len(b.ticks) for b in batches] == [0, 0]
