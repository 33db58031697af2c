"""Several mean-field models in one brain, each in its own TVB and with its own step."""

import hybrid_pieces as pieces
import numpy as np
import pytest


@pytest.fixture(scope="module", params=["0.1 ms", "0.2 ms"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    path = pieces.two_models(folder, request.param)
    return path, pieces.serial(path, window="0.6 ms")


@pytest.mark.parametrize("window", ["0.2 ms", "1 ms", "3 ms"])
def test_windows_change_nothing(window, run):
    path, expected = run
    assert pieces.differences(pieces.serial(path, window=window), expected) == []


def test_each_model_keeps_its_own_step(run):
    path, found = run
    for name, dt in (("slow", 0.1), ("fast", 0.2 if "0.2 ms" in path.read_text() else 0.1)):
        time_ms, values, columns = found.arrays[f"{name}/Raw"]
        np.testing.assert_allclose(time_ms, np.arange(1, len(time_ms) + 1) * dt)
        assert time_ms[-1] == 60.0
        assert len(columns) == 2
        assert np.ptp(values, axis=0).min() > 1e-3


def first_change_ms(one, other, name):
    time_ms, values, _ = one.arrays[name]
    return time_ms[(values != other.arrays[name][1]).any(axis=1)][0]


@pytest.mark.parametrize(
    ("who", "hears", "noise", "shortest_ms"),
    [("slow", "fast", "nsig: 1e-4", 3.0), ("fast", "slow", "E: 1e-5", 3.8)],
)
def test_each_model_feels_the_other_after_the_shortest_tract(
    who, hears, noise, shortest_ms, run, tmp_path
):
    path, found = run
    (tmp_path / "brain.zip").write_bytes((path.parent / "brain.zip").read_bytes())
    noisier = tmp_path / "hybrid.yaml"
    text = path.read_text()
    assert text.count(noise) == 1
    noisier.write_text(text.replace(noise, noise.replace("1e", "4e")))
    other = pieces.serial(noisier, window="0.6 ms")
    steps_ms = {name: found.arrays[f"{name}/Raw"][0][0] for name in (who, hears)}
    assert first_change_ms(found, other, f"{who}/Raw") == steps_ms[who]
    # A step reads what was known one step and the delay before it began to count.
    step_ms = steps_ms[hears]
    steps = np.ceil(round((steps_ms[who] + shortest_ms) / step_ms, 6)) + 1
    assert first_change_ms(found, other, f"{hears}/Raw") == pytest.approx(steps * step_ms)


def chain(folder, dt_a, dt_b):
    """A field x of constant speed 1 per ms, and another one that integrates it."""
    pieces.write_brain(
        folder / "brain.zip", np.full((3, 3), 4.0), [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    )
    source = pieces.integrating(
        integrator={"EulerDeterministic": {"dt": dt_a}},
        coupling={"Linear": {"a": 1.0, "b": 1.0}},
    )
    target = pieces.integrating(
        integrator={"EulerDeterministic": {"dt": dt_b}},
        translate=[{"from": ["source"], "as": "x", "gain": 2.0}],
    )
    rules = [{"match": "R0", "as": "source"}, {"match": "rest", "as": "target"}]
    return pieces.write(folder, rules, {"source": source, "target": target})


@pytest.mark.parametrize(("dt_a", "dt_b"), [(0.1, 0.1), (0.1, 0.2), (0.2, 0.1)])
def test_other_steps_see_the_latest_value_there_is(dt_a, dt_b, tmp_path):
    """Step s of the receiver reads the sender at (s - 1) dt - delay, on the sender's own grid."""
    path = chain(tmp_path, f"{dt_a} ms", f"{dt_b} ms")
    found = pieces.serial(path, window="2 ms")
    time_ms, x = found.column("source/Raw")
    np.testing.assert_allclose(x, time_ms, rtol=1e-6)
    time_ms, y = found.column("target/Raw:x[R1]")
    seen_ms = np.round(time_ms - dt_b - 4.0, 6)
    # A sender with longer steps is held until its next value.
    held_ms = np.floor(np.round(seen_ms / dt_a, 6)) * dt_a
    expected = np.cumsum(2.0 * np.maximum(held_ms, 0.0)) * dt_b
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-9)
    assert pieces.differences(pieces.serial(path, window="0.4 ms"), found) == []
