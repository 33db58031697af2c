"""When activity arrives, to the step.

With a step dt and an edge of n = rint(delay / dt) steps, of a change stamped t:

- spikes into a mean field: the field changes at t + (n + 1) dt, as between fields of TVB, whose
  step s reads the states of step s - 1 - n;
- a mean field into spikes: the rate changes in the step that ends at t + (n + 1) dt, and neurons
  one synaptic delay later;
- spikes into spikes: rate, or relayed spikes, change at t + n dt, and neurons one synaptic delay
  later.

Kernels add the delay that the plan states, in the mean, and nothing to the first change.
"""

import hybrid_pieces as pieces
import numpy as np
import pytest

DT_MS = 0.1
SPIKE_MS = 5.5
#: Not on the grid of steps, so that rounding shows: 33, 47 and 62 steps.
TO_FIELD_MS, TO_SPIKES_MS, BETWEEN_SPIKES_MS = 3.34, 4.66, 6.23
KERNELS = {
    "boxcar": {"width": "1.25 ms"},
    "exponential": {"tau": "1 ms"},
    "alpha": {"tau": "0.8 ms"},
    "gaussian": {"sigma": "0.7 ms", "peak": "2 ms"},
}
ONE_STEP = {"rate": {"kernel": "boxcar", "width": "0.1 ms"}}
SYNAPSE = {"weight": 1.0, "delay": "1 ms"}


def triangle(folder):
    """Spikes of R0 reach R2 directly, and by way of the mean field R1."""
    delays_ms, weights = np.zeros((3, 3)), np.zeros((3, 3))
    for source, target, delay_ms, weight in (
        (0, 1, TO_FIELD_MS, 1.0),
        (1, 2, TO_SPIKES_MS, 2.0),
        (0, 2, BETWEEN_SPIKES_MS, 0.5),
    ):
        delays_ms[target, source], weights[target, source] = delay_ms, weight
    pieces.write_brain(folder / "brain.zip", delays_ms, weights)
    sends = [
        {"population": "all", "to": ["field"], "as": "x", "through": ONE_STEP, "gain": "1 /Hz"},
        {
            "population": "all",
            "to": ["target"],
            "through": {"rate": {"kernel": "alpha", "tau": "1 ms"}},
        },
    ]
    regular = {"regular": {"phases": "aligned"}}
    fed = (
        ("by_field", "field", regular, "10 Hz"),
        ("by_rate", "source", regular, 100.0),
        ("relayed", "source", "relay", None),
    )
    target = {
        "engine": "nest",
        "network": {"populations": {n: {"model": "parrot_neuron", "size": 4} for n, *_ in fed}},
        "receives": [
            {"population": name, "from": [model], "through": through, "synapse": SYNAPSE}
            | ({} if gain is None else {"gain": gain})
            for name, model, through, gain in fed
        ],
    }
    rules = [{"match": f"R{i}", "as": m} for i, m in enumerate(("source", "field", "target"))]
    models = {
        "source": pieces.parrots([SPIKE_MS - 1.0], sends=sends),
        "field": pieces.integrating(),
        "target": target,
    }
    return pieces.write(folder, rules, models, duration="60 ms", record={"trains": True})


@pytest.fixture(scope="module", params=["1 ms", "3 ms"])
def run(request, tmp_path_factory):
    found = pieces.serial(triangle(tmp_path_factory.mktemp("triangle")), window=request.param)
    np.testing.assert_array_equal(found.spikes("R0", "all")[0], SPIKE_MS)
    return found


def steps(delay_ms):
    return round(delay_ms / DT_MS)


def exactly(ms):
    return pytest.approx(ms, abs=1e-9)


def test_spikes_reach_a_mean_field_after_the_delay_and_a_step(run):
    assert run.first_change_ms("border/R0.all.to.field/rate") == exactly(SPIKE_MS)
    assert run.first_change_ms("border/R0.all.to.field/output") == exactly(SPIKE_MS)
    expected = SPIKE_MS + (steps(TO_FIELD_MS) + 1) * DT_MS
    assert run.first_change_ms("field/Raw") == exactly(expected)


def test_a_mean_field_reaches_spikes_after_the_delay_and_a_step(run):
    changed = run.first_change_ms("field/Raw")
    expected = changed + (steps(TO_SPIKES_MS) + 1) * DT_MS
    assert run.first_change_ms("border/R2.by_field.in0/input") == exactly(expected)
    # The rate is so high that every fibre fires in the first step.
    rate_hz = run.column("border/R2.by_field.in0/rate")[1].max()
    assert rate_hz * DT_MS / 1e3 >= 1
    assert run.train("R2", "R2.by_field.in0")[0][0] == exactly(expected)
    assert run.spikes("R2", "by_field")[0][0] == exactly(expected + 1.0)


def test_spikes_reach_spikes_as_a_rate_after_the_delay(run):
    expected = SPIKE_MS + steps(BETWEEN_SPIKES_MS) * DT_MS
    assert run.first_change_ms("border/R2.by_rate.in1/input") == exactly(expected)


def test_the_kernel_of_the_sender_adds_what_the_plan_says(run):
    time_ms, rate = run.column("border/R2.by_rate.in1/input")
    arrival_ms = SPIKE_MS + steps(BETWEEN_SPIKES_MS) * DT_MS
    stated_ms = run.transformer("R2.by_rate.in1")["delay_ms"]
    assert stated_ms == pytest.approx(2.0, abs=DT_MS)
    assert (time_ms * rate).sum() / rate.sum() == pytest.approx(arrival_ms + stated_ms, abs=1e-6)
    # One spike of every neuron: the integral is the edge's weight.
    assert rate.sum() * DT_MS / 1e3 == pytest.approx(0.5, rel=1e-9)


def test_relayed_spikes_keep_sender_and_time(run):
    expected = SPIKE_MS + steps(BETWEEN_SPIKES_MS) * DT_MS
    for (time_ms, senders), when in (
        (run.train("R2", "R2.relayed.in2"), expected),
        (run.spikes("R2", "relayed"), expected + 1.0),
    ):
        np.testing.assert_allclose(time_ms, when, rtol=0, atol=1e-9)
        assert senders.tolist() == [0, 1, 2, 3]


def volley(duration_ms):
    return [SPIKE_MS - 1.0], [1]


def ramp(duration_ms):
    """Step k brings k spikes."""
    count = steps(duration_ms - SPIKE_MS)
    return [round(SPIKE_MS - 1.0 + k * DT_MS, 1) for k in range(1, count)], list(range(1, count))


def step_up(duration_ms):
    times_ms, _ = ramp(duration_ms)
    return times_ms, [1] * len(times_ms)


def into_a_field(folder, kernel, input_of, duration_ms):
    delays_ms, weights = np.zeros((2, 2)), np.zeros((2, 2))
    delays_ms[1, 0], weights[1, 0] = TO_FIELD_MS, 1.0
    pieces.write_brain(folder / "brain.zip", delays_ms, weights)
    through = {"rate": {"kernel": kernel, **KERNELS[kernel]}}
    sends = [{"population": "all", "to": ["field"], "as": "x", "through": through, "gain": "1 /Hz"}]
    times_ms, multiplicities = input_of(duration_ms)
    source = pieces.parrots(times_ms, size=1, sends=sends)
    source["network"]["devices"][0]["parameters"]["spike_multiplicities"] = multiplicities
    rules = [{"match": "R0", "as": "source"}, {"match": "R1", "as": "field"}]
    path = pieces.write(
        folder,
        rules,
        {"source": source, "field": pieces.integrating()},
        duration=f"{duration_ms} ms",
        window="2 ms",
    )
    found = pieces.serial(path)
    stated_ms = found.transformer("R0.all.to.field")["delay_ms"]
    time_ms, state = found.column("field/Raw")
    return found, stated_ms, time_ms, np.diff(state, prepend=0.0) / DT_MS


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_volley_is_delayed_in_the_mean_by_edge_and_kernel(kernel, tmp_path):
    found, stated_ms, time_ms, felt = into_a_field(tmp_path, kernel, volley, 60)
    sent_ms, rate = found.column("border/R0.all.to.field/rate")
    assert (sent_ms * rate).sum() / rate.sum() == pytest.approx(SPIKE_MS + stated_ms, abs=1e-6)
    expected = SPIKE_MS + stated_ms + (steps(TO_FIELD_MS) + 1) * DT_MS
    # TVB keeps its history in single precision.
    assert (time_ms * felt).sum() / felt.sum() == pytest.approx(expected, abs=1e-4)
    assert found.first_change_ms("field/Raw") == exactly(
        SPIKE_MS + (steps(TO_FIELD_MS) + 1) * DT_MS
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_ramp_lags_by_edge_and_kernel(kernel, tmp_path):
    _, stated_ms, time_ms, felt = into_a_field(tmp_path, kernel, ramp, 40)
    slope = 1e3 / DT_MS / DT_MS  # spikes/s and ms: one spike more in each step
    lag_ms = time_ms[-1] - SPIKE_MS - felt[-1] / slope
    assert lag_ms == pytest.approx(stated_ms + (steps(TO_FIELD_MS) + 1) * DT_MS, abs=1e-4)


def test_a_step_is_delayed_by_edge_and_kernel(tmp_path):
    _, stated_ms, time_ms, felt = into_a_field(tmp_path, "exponential", step_up, 40)
    first_ms = SPIKE_MS + DT_MS
    missing = (1.0 - felt / felt[-1])[time_ms > first_ms - DT_MS / 2].sum() * DT_MS
    assert missing == pytest.approx(stated_ms + (steps(TO_FIELD_MS) + 1) * DT_MS, abs=1e-4)
