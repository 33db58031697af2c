"""What crosses the border of a TVB instance, and what is refused there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.clock import Clock
from cosim.errors import BorderError, UsageError
from cosim.messages import Signal, SpikeBatch
from cosim.ports import ProxyIn, RatesIn, SpikesOut, StateOut
from cosim.simulator import Brain, SimulatorSpec
from cosim_tvb import ENGINE, library

STEP = 2  # ticks
LABELS = ("lA", "lB", "rA", "rB")


def config(model="ReducedWongWang", dt="0.1 ms", **entry):
    integrator = entry.pop("integrator", {"HeunDeterministic": {"dt": dt}})
    return ENGINE.config_model().model_validate(
        {"engine": "tvb", "model": model, "integrator": integrator, **entry}
    )


def brain(delay_steps=10):
    weights = np.array(
        [[0.0, 0.5, 1.0, 0.0], [0.7, 0.0, 0.0, 0.9], [0.3, 0.4, 0.0, 0.2], [0.0, 0.6, 0.8, 0.1]]
    )
    lengths = np.full((4, 4), delay_steps * 0.1 * 3.0)
    return Brain(LABELS, weights, lengths, np.zeros((4, 3)), 3.0)


class Recorder:
    def signal(self, name, columns, unit, **about):
        self.columns = columns
        self.rows = []
        return self

    def append(self, time_ms, values):
        self.rows.extend(values)


def create(entry=None, regions=(0, 1, 2, 3), inputs=(), outputs=(), n=5, seed=1, of=None):
    spec = SimulatorSpec(
        name="cortex",
        model="cortex",
        config=entry or config(),
        regions=tuple(regions),
        brain=of or brain(),
        clock=Clock(50_000, n * STEP, 20 * n * STEP),
        seed=seed,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        record_spikes={},
    )
    simulator = ENGINE.create(spec)
    simulator.prepare(Recorder())
    return simulator


def advance(simulator, windows, first=0):
    for k in range(first, first + windows):
        simulator.advance(simulator.spec.clock.at(k))


FROM_RIGHT = ProxyIn("from_right", (2, 3), ("S",), STEP)


def block(window, values, n=5):
    rows = np.broadcast_to(np.asarray(values, float), (n, 2)).copy()
    return Signal(window * n * STEP, STEP, rows)


class TestProxies:
    def history(self, simulator, step, region):
        history = simulator.tvb.history
        return float(history.buffer[step % history.n_time, 0, region, 0])

    def test_the_past_before_the_first_block_holds_its_first_row(self):
        simulator = create(regions=(0, 1), inputs=[FROM_RIGHT])
        rows = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8], [0.9, 1.0]]
        simulator.accept("from_right", Signal(-5 * STEP, STEP, np.array(rows)))
        assert self.history(simulator, 0, 3) == np.float32(1.0)
        assert self.history(simulator, -4, 2) == np.float32(0.1)
        assert {self.history(simulator, s, 2) for s in range(-10, -4)} == {float(np.float32(0.1))}

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 11), st.integers(1, 12), st.data())
    def test_the_ring_holds_what_was_delivered(self, n, delay, data):
        """At any time every step that can still be read holds its own value."""
        legal = (delay + 1) // n
        if legal < 1:
            return
        lag = data.draw(st.integers(1, legal), label="lag")
        simulator = create(regions=(0, 1), inputs=[FROM_RIGHT], n=n, of=brain(delay))
        n_time = simulator.tvb.history.n_time
        for k in range(6):
            first = (k - lag) * n + 1
            steps = np.arange(first, first + n)
            values = np.stack([steps, -steps], axis=1).astype(float)
            simulator.accept("from_right", Signal((k - lag) * n * STEP, STEP, values))
            for step in range(max(k * n - n_time + 1, 1 - lag * n), first + n):
                assert self.history(simulator, step, 2) == step
                assert self.history(simulator, step, 3) == -step
            simulator.advance(simulator.spec.clock.at(k))

    def test_variables_that_no_port_brings_are_zero(self):
        only_r = ProxyIn("only_r", (2, 3), ("r",), STEP)
        only_v = ProxyIn("only_V", (2, 3), ("V",), STEP)
        both = ProxyIn("both", (2, 3), ("r", "V"), STEP)
        couples = {"parameters": {"cr": 1.0, "cv": 1.0}, "initial": {"r": 0.2, "V": -1.5}}
        entry = config("MontbrioPazoRoxin", coupling={"Linear": {"a": 0.1}}, **couples)
        outs = [StateOut("out", (0, 1), ("r", "V"), STEP)]
        cases = (([only_r], 0.0), ([both], 0.0), ([only_r, only_v], -1.0), ([both], -1.0))
        simulators = [(create(entry, (0, 1), inputs, outs), v) for inputs, v in cases]
        for k in range(6):
            for simulator, v in simulators:
                values = {"r": np.full((5, 2), 0.1 * (k + 1)), "V": np.full((5, 2), v)}
                for port in simulator.spec.inputs:
                    columns = np.hstack([values[name] for name in port.variables])
                    simulator.accept(port.name, Signal((k - 1) * 5 * STEP, STEP, columns))
                advance(simulator, 1, k)
        found = [simulator.emit("out").values for simulator, _ in simulators]
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[2], found[3])
        assert not np.array_equal(found[1], found[2])

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite_is_refused_with_region_variable_and_time(self, bad):
        simulator = create(regions=(0, 1), inputs=[FROM_RIGHT])
        data = block(-1, 0.1)
        data.values[3, 1] = bad
        with pytest.raises(BorderError, match=f"S is {bad} at -0.1 ms on port from_right") as err:
            simulator.accept("from_right", data)
        assert err.value.region == "rB"

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (Signal(-10, 1, np.zeros((10, 2))), "no signal on the grid"),
            (SpikeBatch.empty(-10, 0), "no signal on the grid"),
            (Signal(-10, STEP, np.zeros((5, 3))), "expected 2 columns"),
            (Signal(-10, STEP, np.zeros((0, 2))), "expected 2 columns"),
            (Signal(0, STEP, np.zeros((5, 2))), "arrive before step 0 is over"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, data, message):
        simulator = create(regions=(0, 1), inputs=[FROM_RIGHT])
        with pytest.raises(BorderError, match=message):
            simulator.accept("from_right", data)

    def test_a_gap_is_refused(self):
        simulator = create(regions=(0, 1), inputs=[FROM_RIGHT])
        simulator.accept("from_right", block(-1, 0.1))
        advance(simulator, 1)
        with pytest.raises(BorderError, match="data of step -9 follow those of step 0"):
            simulator.accept("from_right", block(-2, 0.1))

    def test_missing_data_stop_the_simulation(self):
        simulator = create(regions=(0, 1), inputs=[FROM_RIGHT], of=brain(9))
        with pytest.raises(BorderError, match="none have arrived"):
            advance(simulator, 1)
        simulator.accept("from_right", block(-1, 0.1))
        advance(simulator, 2)
        with pytest.raises(BorderError, match=r"step 15 of window 2 .* end at step 0: .* 9 steps"):
            advance(simulator, 1, 2)

    def test_regions_that_nobody_sends_have_no_influence(self):
        entry = config(initial={"S": 0.4})
        outs = [StateOut("out", (0, 1), ("S",), STEP)]
        from_ra = ProxyIn("from_rA", (2,), ("S",), STEP)
        cut = brain()
        cut.weights[:, 3] = 0.0
        found = []
        for connectome in (brain(), cut):
            simulator = create(entry, (0, 1), [from_ra], outs, of=connectome)
            simulator.accept("from_rA", Signal(-10, STEP, np.full((5, 1), 0.2)))
            advance(simulator, 1)
            found.append(simulator.emit("out").values)
        np.testing.assert_array_equal(*found)


class TestStates:
    def test_are_emitted_in_the_order_of_variable_region_mode(self):
        entry = config(
            "ReducedSetFitzHughNagumo", initial={"xi": 0.1, "alpha": [0.1, 0.2], "eta": 0.3}
        )
        out = StateOut("out", (3, 1), ("alpha", "xi", "eta"), STEP)
        simulator = create(entry, outputs=[out])
        state = simulator.tvb.current_state.copy()
        rows = simulator.prime("out", 2)
        assert [(b.start, b.stop) for b in rows] == [(-20, -10), (-10, 0)]
        expected = state[np.ix_([2, 0, 1], [3, 1])].ravel()
        for primed in rows:
            np.testing.assert_array_equal(primed.values, np.tile(expected, (5, 1)))
        advance(simulator, 1)
        emitted = simulator.emit("out")
        assert (emitted.start, emitted.step, emitted.values.shape) == (0, STEP, (5, 18))
        last = simulator.tvb.current_state[np.ix_([2, 0, 1], [3, 1])].ravel()
        np.testing.assert_array_equal(emitted.values[-1], last)

    def test_on_a_coarser_grid_are_the_last_of_each_stretch(self):
        fine, coarse = (StateOut(f"{s}", (0, 2), ("S",), s * STEP) for s in (1, 3))
        simulator = create(outputs=[fine, coarse], n=6)
        assert simulator.prime("3", 1)[0].values.shape == (2, 2)
        for k in range(3):
            advance(simulator, 1, k)
            every, third = simulator.emit("1"), simulator.emit("3")
            assert every.stop == third.stop
            np.testing.assert_array_equal(third.values, every.values[2::3])

    def test_blocks_do_not_change_after_they_were_emitted(self):
        simulator = create(outputs=[StateOut("out", (0, 2), ("S",), STEP)])
        advance(simulator, 1)
        emitted = simulator.emit("out")
        kept = emitted.values.copy()
        advance(simulator, 1, 1)
        np.testing.assert_array_equal(emitted.values, kept)


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"regions": (0,), "inputs": [ProxyIn("p", (1,), ("S",), 1)]}, "every 0.05 ms to a mo"),
            ({"regions": (0, 1), "inputs": [ProxyIn("p", (1, 2), ("S",), STEP)]}, "activity of lB"),
            ({"regions": (0,), "inputs": [ProxyIn("p", (1,), ("E",), STEP)]}, "'E' is no coupling"),
            ({"inputs": [RatesIn("p", "E", STEP, None)]}, "has no RatesIn"),
            ({"outputs": [SpikesOut("p", "E", 10, STEP)]}, "no spikes to send"),
            ({"outputs": [StateOut("p", (0,), ("E",), STEP)]}, "'E' is no state variable"),
            ({"outputs": [StateOut("p", (0,), ("S",), 3)]}, "the integration step is 2 ticks"),
            ({"regions": (0,), "outputs": [StateOut("p", (1,), ("S",), STEP)]}, "lB is not simul"),
            ({"regions": ()}, "owns no region"),
            ({"entry": config(dt="0.2 ms")}, "0.5 ms is no multiple of the integration step"),
        ],
    )
    def test_ports_that_do_not_fit(self, options, message):
        with pytest.raises(UsageError, match=message):
            create(**options)

    def test_parameters_that_tvb_cannot_use(self):
        entry = config("ReducedSetFitzHughNagumo", parameters={"sigma": {"l*": 0.3}})
        with pytest.raises(UsageError, match="TVB cannot run model ReducedSetFitzHughNagumo"):
            create(entry)


class TestNotFinite:
    def test_is_reported_with_region_variable_and_first_time(self):
        entry = config("Linear", parameters={"gamma": {"default": -1.0, "rA": 1e200}})
        simulator = create(entry)
        with pytest.raises(BorderError, match=r"x is -?inf at 0\.1 ms|x is nan at 0\.1 ms") as err:
            advance(simulator, 1)
        assert err.value.region == "rA"

    def test_the_time_is_that_of_the_step(self):
        entry = config("Linear", parameters={"gamma": {"default": -1.0, "rB": 1e60}})
        simulator = create(entry, n=10)
        with pytest.raises(BorderError) as err:
            advance(simulator, 1)
        values = np.array([s[0, 3, 0] for s in simulator._trace])
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        assert first > 1
        assert f"at {(first + 1) * 0.1:g} ms" in str(err.value)

    def test_what_others_own_does_not_matter(self):
        entry = config("Linear", parameters={"gamma": {"default": -1.0, "rA": 1e200}})
        advance(create(entry, regions=(0, 1)), 3)


class TestParameters:
    def final(self, entry, **options):
        simulator = create(entry, **options)
        advance(simulator, 10)
        return simulator.tvb.current_state[0, :, 0]

    def test_by_region_reach_their_regions(self):
        quiet = brain()
        quiet.weights[:] = 0.0
        by_region = {"default": 0.32, "lB": 0.4, "r*": 0.2}
        same_start = {"S": 0.3}
        mixed = self.final(config(parameters={"I_o": by_region}, initial=same_start), of=quiet)
        for value, regions in ((0.32, [0]), (0.4, [1]), (0.2, [2, 3])):
            alone = self.final(config(parameters={"I_o": value}, initial=same_start), of=quiet)
            np.testing.assert_array_equal(mixed[regions], alone[regions])
        assert len(set(mixed.tolist())) == 3

    def test_by_region_are_what_tvb_does_with_arrays(self):
        entry = config("Generic2dOscillator", parameters={"a": {"default": -0.5, "rA": 1.5}})
        simulator = create(entry)
        assert simulator.tvb.model.a.ravel().tolist() == [-0.5, -0.5, 1.5, -0.5]

    def test_a_list_as_long_as_the_brain_stays_a_list(self):
        of = Brain(
            tuple("abcdefghij"), np.zeros((10, 10)), np.ones((10, 10)), np.zeros((10, 3)), 3.0
        )
        simulator = create(config("ZerlautAdaptationFirstOrder"), range(10), of=of)
        assert simulator.tvb.model.P_e.shape == (10,)

    @pytest.mark.parametrize(
        ("model", "name", "value"),
        [("KIonEx", "Cm", 2), ("WilsonCowan", "shift_sigmoid", False), ("Epileptor", "Iext", 3)],
    )
    def test_whole_numbers_and_switches_reach_tvb(self, model, name, value):
        simulator = create(config(model, parameters={name: value}))
        found = getattr(simulator.tvb.model, name)
        assert found.tolist() == [value]
        assert found.dtype == getattr(library.model_class(model), name).dtype


class TestInitialState:
    def start(self, entry, **options):
        return create(entry, **options).tvb.current_state[:, :, 0]

    def test_is_what_the_scenario_says(self):
        found = self.start(config("WilsonCowan", initial={"E": 0.2, "I": [0.3, 0.4]}))
        assert found[0].tolist() == [0.2] * 4
        assert ((found[1] >= 0.3) & (found[1] <= 0.4)).all()
        assert len(set(found[1])) == 4

    def test_does_not_depend_on_who_owns_what_but_on_the_seed(self):
        entry = config("WilsonCowan")
        whole = self.start(entry)
        found = self.start(entry, regions=(1, 3))
        np.testing.assert_array_equal(found[:, [1, 3]], whole[:, [1, 3]])
        assert not found[:, [0, 2]].any()
        assert not np.array_equal(self.start(entry, seed=2), whole)
        assert not np.array_equal(whole[0], whole[1])

    def test_other_variables_do_not_change_it(self):
        given = self.start(config("WilsonCowan", initial={"E": 0.2}))
        np.testing.assert_array_equal(given[1], self.start(config("WilsonCowan"))[1])

    def test_is_constant_over_the_past(self):
        simulator = create()
        buffer = simulator.tvb.history.buffer
        assert buffer.shape[0] == 11
        now = simulator.tvb.current_state[0].astype(np.float32)
        np.testing.assert_array_equal(buffer[:, 0], np.broadcast_to(now, buffer[:, 0].shape))
        assert simulator.tvb.current_step == 0


class TestNoise:
    def pure(self, noise, n=10, windows=20, **options):
        """Steps of a model without any dynamics: its noise and nothing else."""
        integrator = {"EulerStochastic": {"dt": "0.1 ms", **noise}}
        entry = config(
            "Linear",
            parameters={"gamma": 0.0},
            coupling={"Linear": {"a": 0.0}},
            integrator=integrator,
            initial={"x": 0.0},
        )
        outs = [StateOut("out", (0, 1, 2, 3), ("x",), STEP)]
        simulator = create(entry, outputs=outs, n=n, **options)
        rows = []
        for k in range(windows):
            advance(simulator, 1, k)
            rows.append(simulator.emit("out").values)
        return np.diff(np.concatenate([np.zeros((1, 4)), *rows]), axis=0)

    def test_has_the_size_that_tvb_gives_it(self):
        steps = self.pure({"nsig": 0.02}, windows=500)
        assert np.std(steps) == pytest.approx(np.sqrt(2 * 0.02 * 0.1), rel=0.02)
        assert abs(np.mean(steps)) < 4 * np.std(steps) / np.sqrt(steps.size)
        assert abs(np.corrcoef(steps.T)[0, 1]) < 0.06
        assert abs(np.corrcoef(steps[1:, 0], steps[:-1, 0])[0, 1]) < 0.06

    def test_of_colour_forgets_with_its_time_constant(self):
        steps = self.pure({"nsig": 0.02, "ntau": "1 ms"}, windows=2000)
        later = [np.mean(steps[k:] * steps[: len(steps) - k]) / np.mean(steps**2) for k in (5, 10)]
        assert later == pytest.approx([np.exp(-0.5), np.exp(-1.0)], abs=0.05)

    def test_does_not_depend_on_the_window_but_on_the_seed(self):
        short, long = self.pure({"nsig": 0.02}), self.pure({"nsig": 0.02}, n=50, windows=4)
        np.testing.assert_array_equal(short, long)
        assert not np.array_equal(short, self.pure({"nsig": 0.02}, seed=2))

    def test_leaves_out_variables_without_any(self):
        integrator = {"EulerStochastic": {"dt": "0.1 ms", "nsig": {"V": 0.01}}}
        noisy = create(config("Generic2dOscillator", integrator=integrator))
        assert noisy.tvb.integrator.noise.nsig.ravel().tolist() == [0.01, 0.0]

    def test_of_two_models_is_not_the_same_in_different_regions(self):
        one, three = (
            create(config(m, integrator={"EulerStochastic": {"dt": "0.1 ms", "nsig": 1e-9}}))
            for m in ("ReducedWongWang", "ReducedSetFitzHughNagumo")
        )
        first = one.tvb.integrator.noise.generate((1, 4, 1)).ravel()
        second = three.tvb.integrator.noise.generate((4, 4, 3)).ravel()
        assert not set(first.tolist()) & set(second.tolist())
