"""Scenarios with ``compiled: true``: window, split and ranks change nothing."""

from pathlib import Path

import hybrid_pieces as pieces
import numpy as np
import pytest
import yaml

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo with small networks and for a short time, compiled and not; run once each."""
    found = {}
    for name, compiled in (("compiled", True), ("library", False)):
        folder = tmp_path_factory.mktemp(name)
        data = yaml.safe_load(DEMO.read_text())
        data["duration"] = "24 ms"
        data["models"]["cortex"]["compiled"] = compiled
        data["models"]["spiking"]["network"]["size"] = 100
        path = folder / "demo.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        found[name] = path, pieces.serial(path)
    return found


def test_the_demo_follows_the_library(demo):
    quick, slow = demo["compiled"][1], demo["library"][1]
    assert quick.arrays.keys() == slow.arrays.keys()
    time_ms, values, columns = quick.arrays["cortex/TemporalAverage"]
    expected_ms, expected, known = slow.arrays["cortex/TemporalAverage"]
    np.testing.assert_array_equal(time_ms, expected_ms)
    np.testing.assert_array_equal(columns, known)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert not any("kernel" in note for note in quick.notes)


def test_the_demo_does_not_depend_on_windows(demo):
    path, expected = demo["compiled"]
    assert not pieces.differences(pieces.serial(path, window="1 ms"), expected)


def test_the_demo_does_not_depend_on_ranks(demo):
    path, expected = demo["compiled"]
    assert not pieces.differences(pieces.mpi(path, "--placement", "simulators"), expected)


def cortex(**more):
    return pieces.wong_wang(stochastic=True, compiled=True, initial={"S": [0.1, 0.4]}, **more)


def test_a_split_cortex_is_the_whole_one(tmp_path):
    known = {}
    for name, rules in (
        ("whole", pieces.WHOLE), ("halves", pieces.HALVES), ("thirds", pieces.THIRDS)
    ):  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        path = pieces.write(folder, rules, {"cortex": cortex()}, brain=pieces.TVB_DATA)
        kept = pieces.serial(path, window="0.2 ms")
        columns = {}
        for signal in (s for s in kept.arrays if s.endswith("/Raw")):
            _, values, names = kept.arrays[signal]
            columns |= dict(zip(names.tolist(), values.T, strict=True))
        known[name] = columns
    assert len(known["whole"]) == 76
    for name in ("halves", "thirds"):
        assert known[name].keys() == known["whole"].keys()
        for column, values in known["whole"].items():
            np.testing.assert_array_equal(known[name][column], values)


def test_a_model_without_a_kernel_runs_and_says_why(tmp_path):
    entry = cortex(integrator={"RungeKutta4thOrderDeterministic": {"dt": "0.1 ms"}})
    path = pieces.write(
        tmp_path, pieces.WHOLE, {"cortex": entry}, brain=pieces.TVB_DATA, duration="2 ms"
    )
    said = "RungeKutta4thOrderDeterministic has no compiled kernel"
    for command in ("check", "plan"):
        done = pieces.cosim(command, path)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
    assert any(said in note for note in pieces.serial(path).notes)
