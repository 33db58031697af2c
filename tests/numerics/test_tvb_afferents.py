"""Input of a spiking region, computed ahead by its sources, equals what TVB would give it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tvb_pieces import DT_MS, SEED, STEP, Pieces, clock, config, idelays, plain, random_brain

from cosim.errors import UsageError
from cosim.ports import AfferentOut
from cosim_tvb import library
from cosim_tvb.build import initial_state
from cosim_tvb.facts import model_facts
from cosim_tvb.library import coupling, integrators

COUPLINGS = {
    "Linear": ({"a": 0.02, "b": 0.1}, coupling.Linear),
    "Sigmoidal": ({"midpoint": 0.5, "sigma": 2.0}, coupling.Sigmoidal),
    "HyperbolicTangent": ({"a": 0.2, "sigma": 0.7}, coupling.HyperbolicTangent),
}
MODELS = {"ReducedWongWang": "S", "WilsonCowan": "I"}


def brain_without_loop(target, seed=3):
    """A region's input from itself does not cross a border; take it away on both sides."""
    brain = random_brain(8, seed, shortest_mm=3.0)
    brain.weights[target, target] = 0.0
    return brain


def unsplit_inputs(entry, brain, model, coupled, target, variable, steps):
    """TVB's coupling that governs each step, in a simulator that holds the target as well."""
    facts = model_facts(model)
    cls = COUPLINGS[coupled][1]
    parameters = {k: np.array([v]) for k, v in COUPLINGS[coupled][0].items()}
    simulator = plain(
        entry,
        brain,
        library.model_class(model)(),
        cls(**parameters),
        integrators.HeunDeterministic(dt=DT_MS),
        [],
        initial_state(entry, facts, SEED, len(brain.labels)),
    )
    found, state = [], simulator.current_state
    for step in range(1, steps + 1):
        inputs = simulator.coupling(step, simulator.history)
        found.append(inputs[facts.coupling_variables.index(variable), target, 0])
        state = simulator.integrate_next_step(state, simulator.model, inputs, 0.0, 0.0)
        simulator.history.update(step, state)
    return np.array(found)


def sent_inputs(entry, brain, target, time, ports):
    """What the sources send: everything else is one piece, the target another."""
    others = [r for r in range(len(brain.labels)) if r != target]
    pieces = Pieces(entry, brain, [others, [target]], time, extra_outputs={0: ports})
    sender = pieces.simulators[0]
    blocks = {p.name: list(sender.prime(p.name, p.lag)) for p in ports}
    for _ in pieces.windows():
        for p in ports:
            blocks[p.name].append(sender.emit(p.name))
    return blocks


def rows(blocks, window):
    """Values of consecutive blocks; the blocks must tile time from 0."""
    for k, block in enumerate(blocks):
        assert (block.start, block.stop) == (k * window, (k + 1) * window)
        assert block.values.shape[1] == 1
        assert block.values.dtype == np.float64
    return np.concatenate([b.values[:, 0] for b in blocks])


def port(brain, target, variable, lag, stride=1, name="to_target"):
    sources = tuple(int(r) for r in np.flatnonzero(brain.weights[target]))
    return AfferentOut(name, target, sources, variable, stride * STEP, lag)


def shortest(brain, target):
    return int(idelays(brain)[target][brain.weights[target] != 0].min())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("coupled", COUPLINGS)
def test_inputs_are_those_of_the_whole_brain(model, coupled):
    target, n, variable = 5, 3, MODELS[model]
    brain = brain_without_loop(target)
    entry = config(model, coupling={coupled: COUPLINGS[coupled][0]})
    lag = (shortest(brain, target) + 1) // n
    assert lag > 2
    blocks = sent_inputs(entry, brain, target, clock(n, 60), [port(brain, target, variable, lag)])[
        "to_target"
    ]
    found = rows(blocks, n * STEP)
    expected = unsplit_inputs(entry, brain, model, coupled, target, variable, len(found))
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 20), target=st.integers(0, 7), data=st.data())
def test_any_legal_window_lag_and_grid_give_the_same_inputs(seed, target, data):
    brain = brain_without_loop(target, seed)
    if not brain.weights[target].any():
        return
    reach = shortest(brain, target) + 1
    n = data.draw(st.integers(1, reach), label="steps per window")
    lag = data.draw(st.integers(1, reach // n), label="lag")
    stride = data.draw(st.sampled_from([d for d in range(1, n + 1) if n % d == 0]), label="stride")
    entry = config(coupling={"Linear": COUPLINGS["Linear"][0]})
    ports = [port(brain, target, "S", lag, stride)]
    # Pieces also exchange with the target, whose own border may allow shorter windows only.
    back = idelays(brain)[:, target][brain.weights[:, target] != 0]
    if back.size and n > back.min() + 1:
        return
    blocks = sent_inputs(entry, brain, target, clock(n, 30), ports)["to_target"]
    found = rows(blocks, n * STEP)
    steps = len(found) * stride
    expected = unsplit_inputs(entry, brain, "ReducedWongWang", "Linear", target, "S", steps)
    np.testing.assert_array_equal(found, expected[stride - 1 :: stride])


def test_several_ports_do_not_disturb_each_other():
    brain = random_brain(9, seed=1)
    brain.weights[[7, 8]] *= np.arange(9) < 7
    entry = config("WilsonCowan", coupling={"Linear": COUPLINGS["Linear"][0]})
    near = port(brain, 7, "E", 1, name="a")
    ports = [
        near,
        port(brain, 7, "I", 1, name="b"),
        port(brain, 8, "E", 2, name="c"),
        AfferentOut("d", 7, near.sources[:2], "E", STEP, 1),
        port(brain, 8, "I", 1, name="e"),
    ]

    def all_sent(wanted):
        pieces = Pieces(entry, brain, [range(7), [7, 8]], clock(4, 24), extra_outputs={0: wanted})
        sender = pieces.simulators[0]
        sent = {p.name: list(sender.prime(p.name, p.lag)) for p in wanted}
        for _ in pieces.windows():
            for p in reversed(wanted):
                sent[p.name].append(sender.emit(p.name))
        return {k: np.concatenate([b.values for b in v]) for k, v in sent.items()}

    together = all_sent(ports)
    for alone in ports:
        np.testing.assert_array_equal(all_sent([alone])[alone.name], together[alone.name])
    assert len({v.tobytes() for v in together.values()}) == len(ports)


class TestRefused:
    target = 5

    def build(self, entry, variable="S", n=3, lag=1, brain=None, sources=None):
        brain = brain or brain_without_loop(self.target)
        wanted = port(brain, self.target, variable, lag)
        if sources is not None:
            wanted = AfferentOut("to_target", self.target, sources, variable, STEP, lag)
        others = [r for r in range(8) if r != self.target]
        Pieces(entry, brain, [others, [self.target]], clock(n, 30), extra_outputs={0: [wanted]})

    @pytest.mark.parametrize("name", ["Difference", "Kuramoto"])
    def test_couplings_that_read_the_target(self, name):
        with pytest.raises(UsageError, match=f"input of r05 .*coupling {name} reads the state"):
            self.build(config(coupling=name))

    def test_several_modes(self):
        with pytest.raises(UsageError, match="3 modes"):
            self.build(config("ReducedSetFitzHughNagumo"), variable="xi")

    def test_further_ahead_than_the_delay(self):
        brain = brain_without_loop(self.target)
        ahead = (shortest(brain, self.target) + 1) // 3
        self.build(config(), lag=ahead)
        nearest = np.where(brain.weights[self.target] != 0, idelays(brain)[self.target], 1000)
        source = brain.labels[nearest.argmin()]
        with pytest.raises(UsageError, match=f"r05 from {source} cannot be computed {ahead + 1} "):
            self.build(config(), lag=ahead + 1)

    def test_a_variable_that_is_not_coupled(self):
        with pytest.raises(UsageError, match="'S_i' is no coupling variable; expected S_e"):
            self.build(config("ReducedWongWangExcInh"), variable="S_i")

    def test_a_variable_for_which_the_coupling_has_no_input(self):
        with pytest.raises(UsageError, match="gives no input for variable y2"):
            self.build(config("JansenRit", coupling="SigmoidalJansenRit"), variable="y2")

    def test_sources_of_another_simulator(self):
        with pytest.raises(UsageError, match="r05 is not simulated here"):
            self.build(config(), sources=(1, self.target))
