"""The networks that builders make, and what is asked of a builder."""

from typing import ClassVar

import numpy as np
import pytest
from nest_pieces import MemoryRecorder, balanced, clock, config, play, spec

from cosim.scenario.fields import Section
from cosim.simulator import RateBand
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


class Knowing(Liar):
    """Knows a rate of one population, and of one that it does not have."""

    def reference_rates(self, parameters):
        return {"all": RateBand(1.0, parameters.size, "a paper"), "none": RateBand(0.0, 1.0)}


def test_what_a_builder_knows_of_rates_is_recorded(liar, monkeypatch):
    recorder = MemoryRecorder()
    for known in ({}, {"all": RateBand(1.0, 4.0, "a paper")}):
        assert recorder.bands == {}
        cfg = config({"builder": "liar", "promised_ms": 0.5})
        play(spec(cfg, clock(0.5, 1.0), record={"all": 1}), recorder=recorder)
        assert recorder.bands == known
        monkeypatch.setattr("cosim_nest.sections.builder", lambda _: Knowing())


def test_a_rate_that_is_known_of_a_population_is_recorded():
    neuron = {"model": "parrot_neuron", "size": 2}
    known = {"rate": ["2 Hz", "0.006 kHz"], "source": "a paper"}
    cfg = config({"populations": {"a": neuron, "b": {**neuron, "reference": known}}})
    recorder = MemoryRecorder()
    play(spec(cfg, clock(0.5, 1.0), record={"a": 1, "b": 1}), recorder=recorder)
    assert recorder.bands == {"b": RateBand(2.0, 6.0, "a paper")}


@pytest.mark.parametrize("state", ["awake", "vitro"])
def test_the_rates_of_the_cerebellar_circuit_are_of_its_populations(state):
    cfg = config({"builder": "cerebellar_circuit", "state": state})
    bands = cfg.network.reference_rates
    assert bands.keys() <= ENGINE.populations(cfg).keys()
    assert "purkinje" in bands
    assert all(0 <= b.low_hz < b.high_hz and "4 spikes/s" in b.source for b in bands.values())
    assert not config({"builder": "balanced_ei"}).network.reference_rates
