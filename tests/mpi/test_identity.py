"""Window, rank count, placement, serial or MPI: none of them changes a single bit."""

import json
import sys
from pathlib import Path

import pytest
import toy_cases
import toy_jobs

from cosim.plan.build import open_case

SPLIT = [
    {"match": ["R0", "R1"], "as": "spiking"},
    {"match": "R2", "as": "field", "simulator": "left"},
    {"match": "rest", "as": "field", "simulator": "right"},
]
WINDOWS = ["0.5 ms", "1 ms", "2 ms", "2.5 ms", "4 ms"]
#: (window, seed, placement, ranks beyond one for each simulator)
CASES = [
    *((w, 1, "own_ranks", None) for w in WINDOWS),
    ("auto", 1, "simulators", None),
    ("1 ms", 1, "own_ranks", 0),
    ("2 ms", 1, "own_ranks", 1),
    ("2 ms", 1, "own_ranks", 3),
    ("2 ms", 1, "own_ranks", -1),
    ("4 ms", 1, "own_ranks", -1),
    ("0.5 ms", 2, "own_ranks", -1),
    ("2 ms", 2, "simulators", 0),
    ("4 ms", 3, "own_ranks", 2),
]


def label(case):
    window, seed, placement, more = case
    return f"{window}, seed {seed}, {placement}, {'default' if more is None else more} ranks"


@pytest.fixture(scope="module")
def toys():
    with toy_cases.installed():
        yield


@pytest.fixture(scope="module")
def path(toys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    # Without these edges there are fewer transformers, so fewer ranks, but still of all kinds.
    toy_cases.random_brain(
        folder / "brain.zip",
        5,
        seed=4,
        shortest_ms=4,
        density=1,
        without=[(0, 1), (2, 1), (3, 0), (4, 0)],
    )
    return toy_cases.scenario(folder, SPLIT)


@pytest.fixture(scope="module")
def reference(path):
    """Serial runs with a window that differs from those of the cases, by seed."""
    folder = path.parent
    return {
        seed: toy_cases.serial(path, folder / f"serial-{seed}", window="0.5 ms", seed=seed)
        for seed in (1, 2, 3)
    }


def overrides_of(case):
    window, seed, placement, _ = case
    return {"window": window, "seed": seed, "transformers": {"placement": placement}}


@pytest.fixture(scope="module")
def jobs(path):
    """Run all cases in one job that has a rank for every role."""
    folder = path.parent
    _, plan = open_case(path)
    simulators, most = len(plan.simulators), len(plan.roles())
    ranks = {
        case: open_case(path, overrides_of(case))[1].ranks
        if case[3] is None
        else most
        if case[3] < 0
        else simulators + case[3]
        for case in CASES
    }
    orders = [
        [str(path), overrides_of(case), ranks[case], str(folder / f"mpi-{i}")]
        for i, case in enumerate(CASES)
    ]
    (folder / "cases.json").write_text(json.dumps(orders))
    script = Path(__file__).with_name("toy_ranks.py")
    ended = toy_jobs.run_ranks(
        most, (sys.executable, str(script), str(folder / "cases.json")), folder, limit_s=120
    )
    assert ended.code == 0, ended.err
    return {case: folder / f"mpi-{i}" for i, case in enumerate(CASES)}


def test_the_cases_reach_from_the_fewest_to_the_most_ranks(path):
    _, plan = open_case(path)
    assert (len(plan.simulators), len(plan.transformers)) == (4, 5)


def test_the_reference_is_worth_comparing_with(reference):
    assert all(len(found["R0", "all"][0]) > 5 for found in reference.values())
    assert toy_cases.differences(reference[1], reference[2])
    trains = {len(v[0]) for k, v in reference[1].items() if k[-1] == "train"}
    assert min(trains) > 0


@pytest.mark.parametrize("case", CASES, ids=label)
def test_ranks_give_what_one_process_gives(case, jobs, reference):
    status, found = toy_cases.recorded(jobs[case])
    assert status == "complete"
    assert toy_cases.differences(reference[case[1]], found) == []


@pytest.mark.parametrize("case", CASES, ids=label)
def test_timing_has_a_row_for_every_window(case, jobs):
    toy_cases.check_timing(jobs[case])
