"""Any brain, cut into any windows and shared out in any way, gives the same bits."""

import multiprocessing
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "mpi"))
import toy_cases

from cosim.errors import RoleFailed, ScenarioInvalid
from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.serial import run_serial

STEP_MS = 0.5
#: Divisors of the duration of 12 ms on the grid of both toys.
WINDOWS_MS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
SLOW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


@st.composite
def brains(draw):
    """Return delays, weights, and the owner of each region: a field, or its own network."""
    count = draw(st.integers(2, 6))
    seed = draw(st.integers(0, 2**16))
    shortest = draw(st.sampled_from([STEP_MS, 1.3, 2.0, 4.2]))
    random = np.random.default_rng(seed)
    delays = random.uniform(shortest, 3 * shortest, (count, count))
    weights = random.uniform(0.2, 1, (count, count)) * (random.random((count, count)) < 0.8)
    for matrix in (delays, weights):
        np.fill_diagonal(matrix, 0)
    owners = draw(
        st.lists(st.sampled_from(["spiking", "left", "right"]), min_size=count, max_size=count)
    )
    return delays, weights, owners, seed


def rules(owners):
    return [
        {"match": f"R{i}", "as": "spiking"}
        if owner == "spiking"
        else {"match": f"R{i}", "as": "field", "simulator": owner}
        for i, owner in enumerate(owners)
    ]


def legal(path, window):
    """Whether the delays allow a window."""
    try:
        open_case(path, {"window": window})
    except ScenarioInvalid as error:
        if "is too long for the border edge" not in str(error):
            raise
        return False
    return True


@given(
    brains(),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(["0.5 ms", "0.25 ms"]),
    st.sampled_from(["0.5 ms", "0.25 ms"]),
)
@SLOW
def test_windows_never_matter(brain, seed, relayed, fine, coarse):
    delays, weights, owners, _ = brain
    keys = {"field": {"step": coarse}, "spiking": {"step": fine}, "relayed": relayed}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        toy_cases.write_brain(folder / "brain.zip", delays, weights)
        path = toy_cases.scenario(folder, rules(owners), duration="12 ms", seed=seed, **keys)
        windows = [f"{w} ms" for w in WINDOWS_MS if legal(path, f"{w} ms")]
        assert windows, "the shortest window is always legal"
        # The longest windows have the shortest lags, so they are the ones to get wrong.
        chosen = dict.fromkeys([windows[0], *windows[-2:]])
        first, *others = [
            toy_cases.serial(path, folder / window, window=window) for window in chosen
        ]
        for other in others:
            assert toy_cases.differences(first, other) == []


@given(brains())
@SLOW
def test_a_split_field_is_the_whole_field(brain):
    """Two simulators that own half a field each compute what one computes that owns all."""
    delays, weights, _, _ = brain
    halves = ["left" if i % 2 else "right" for i in range(len(weights))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        toy_cases.write_brain(folder / "brain.zip", delays, weights)
        states = []
        for owners in (["left"] * len(halves), halves):
            path = toy_cases.scenario(folder, rules(owners), duration="12 ms")
            found = toy_cases.serial(path, folder / f"run-{len(states)}")
            states.append(toy_cases.by_column(folder / f"run-{len(states)}", found))
    whole, split = states
    assert whole.keys() == split.keys()
    assert len(whole) == len(halves)
    for column in whole:
        assert whole[column].tobytes() == split[column].tobytes(), column


def test_relayed_spikes_arrive_whatever_the_window(tmp_path):
    toy_cases.random_brain(tmp_path / "brain.zip", 4, seed=5, shortest_ms=4)
    path = toy_cases.scenario(
        tmp_path,
        rules(["spiking", "spiking", "spiking", "left"]),
        relayed=True,
        spiking={"step": "0.25 ms"},
        duration="60 ms",
    )
    first, *others = [
        toy_cases.serial(path, tmp_path / w, window=w) for w in ("0.5 ms", "2 ms", "4 ms")
    ]
    assert sum(len(v[0]) for k, v in first.items() if k[-1] == "train" and "in1" in k[1]) > 10
    for other in others:
        assert toy_cases.differences(first, other) == []


def test_a_process_apart_gives_what_one_in_here_gives(tmp_path):
    """Engines that fill a whole process run in children of the serial twin."""
    toy_cases.random_brain(tmp_path / "brain.zip", 4, seed=1)
    found = []
    for engine in ("toy_spikes", "toy_lone_spikes"):
        path = toy_cases.scenario(
            tmp_path,
            rules(["spiking", "spiking", "left", "left"]),
            duration="10 ms",
            spiking={"engine": engine},
        )
        found.append(toy_cases.serial(path, tmp_path / engine))
    assert toy_cases.differences(*found) == []
    assert len(found[0]["R1", "all"][0]) > 3


@pytest.mark.parametrize(
    ("fault", "when", "said"),
    [
        ("raise", "window 3", "ArithmeticError: the toy broke"),
        ("prepare", "preparation", "MemoryError: no room for the toy"),
        ("kill", "window 3", "the simulator's process ended without a word"),
    ],
)
def test_a_process_apart_that_fails_is_named(tmp_path, fault, when, said):
    toy_cases.random_brain(tmp_path / "brain.zip", 4, seed=1)
    faults = {"fault": fault, "fault_window": 3, "fault_role": "R1"}
    path = toy_cases.scenario(
        tmp_path,
        rules(["spiking", "spiking", "left", "left"]),
        duration="10 ms",
        window="0.5 ms",
        spiking={"engine": "toy_lone_spikes", **faults},
    )
    with pytest.raises(RoleFailed) as caught:
        toy_cases.serial(path, tmp_path / "run")
    assert re.fullmatch(
        rf"role R1 on rank \d, region R1 failed in {when}: {said}", str(caught.value)
    )
    assert (tmp_path / "run" / "failure.txt").read_text() == f"cosim: {caught.value}\n"
    if when != "preparation":
        status, found = toy_cases.recorded(tmp_path / "run")
        assert status == f"failed: {caught.value}"
        assert len(found["left/Raw"][0]) in (3, 4)


def test_a_process_apart_ends_when_another_role_cannot_be_prepared(tmp_path, monkeypatch):
    import toy_transformers

    toy_cases.random_brain(tmp_path / "brain.zip", 4, seed=1)
    path = toy_cases.scenario(
        tmp_path,
        rules(["spiking", "spiking", "left", "left"]),
        duration="10 ms",
        spiking={"engine": "toy_lone_spikes"},
        rate={"fault": "prepare", "fault_role": "R0.all.to.left"},
    )
    # It is to break in the run, not when it is built for the plan.
    monkeypatch.setattr(toy_transformers.BreakingRates, "built", -1000)
    case, plan = open_case(path)
    toy_transformers.BreakingRates.built = 1
    run_dir = RunDir.create("toy", tmp_path / "run")
    with pytest.raises(RoleFailed, match=r"role R0.all.to.left on rank 0, region R0 failed in pre"):
        run_serial(case, plan, run_dir, Progress(plan.clock, None))
    assert multiprocessing.active_children() == []


def test_a_transformer_that_refuses_its_place_is_a_problem_of_its_line(tmp_path):
    toy_cases.random_brain(tmp_path / "brain.zip", 4, seed=1)
    path = toy_cases.scenario(
        tmp_path, rules(["spiking", "left", "left", "left"]), duration="10 ms",
        rate={"fault": "refuse"},
    )
    with pytest.raises(ScenarioInvalid) as caught:
        open_case(path)
    (line,) = caught.value.lines
    said = r"'models\.spiking\.sends\[0\]\.through' is 'toy_rate': \d+ neurons are too many"
    assert re.fullmatch(rf".*toy\.yaml:\d+: {said}; expected at most 1", line)
