"""`cosim verify` finds nothing where nothing is wrong, and names what is."""

import json
import re

import pytest
import toy_cases
import toy_jobs

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


def write(folder, *, duration="40 ms", **parts):
    # R3 and R4 drive no spiking region, so that they can be simulated apart.
    toy_cases.random_brain(
        folder / "brain.zip", 5, seed=4, density=1, shortest_ms=2, longest_ms=6,
        without=[(0, 3), (0, 4)],
    )
    return toy_cases.scenario(folder, REGIONS, duration=duration, **parts)


def verify(folder, *arguments):
    environ = dict(toy_jobs.mpirun(1, ())[1])
    argv = (*toy_cases.program(), "verify", "toy.yaml", *arguments)
    return toy_jobs.run_job(argv, folder, limit_s=300, **environ)


def test_nothing_differs_where_nothing_is_wrong(tmp_path):
    write(tmp_path)
    ended = verify(tmp_path, "--duration", "20 ms")
    assert ended.code == 0, ended.out
    assert "nothing differs" in ended.out
    for check in ("mpi", "window", "placement", "alone", "split"):
        assert re.search(rf"^ {check} .* exact *$", ended.out, re.MULTILINE), ended.out
    assert "not possible" not in ended.out


@pytest.mark.parametrize(
    ("part", "defect", "check", "where"),
    [
        ("spiking", {"defect": "late"}, "window", r"(spikes R0 all|border/R0\.all)"),
        ("spiking", {"defect": "dropped"}, "window", r"(spikes R0 all|border/R0\.all)"),
        ("rate", {"fault": "random"}, "window", r"border/R0\.all\.to\.field/(rate|output)"),
        ("field", {"defect": "early"}, "split", r"Raw x\[R\d\]"),
        ("field", {"defect": "units"}, "split", r"Raw x\[R\d\]"),
        ("field", {"defect": "swapped"}, "split", r"Raw x\[R\d\]"),
    ],
)
def test_a_defect_is_found_with_place_and_time(tmp_path, part, defect, check, where):
    write(tmp_path, **{part: defect})
    ended = verify(tmp_path, "--duration", "20 ms", "--only", check)
    assert ended.code == 1, ended.out
    assert re.search(rf"{where}.* at [\d.]+ ms: ", ended.out), ended.out
    assert re.search(r"\d of \d differ", ended.out)


def test_a_channel_that_carries_nothing_is_told(tmp_path):
    path = write(tmp_path, duration="90 ms")
    data = json.loads(path.read_text())
    data["models"]["spiking"]["receives"][0] |= {"gain": "1e-9 Hz", "background": "0 Hz"}
    path.write_text(json.dumps(data))
    short = verify(tmp_path, "--duration", "20 ms", "--only", "split")
    assert short.code == 1, short.out
    silent = r"nothing that could differ crossed R0\.all\.in0:out -> R0:"
    assert re.search(silent, short.out), short.out
    assert "take a longer --duration" in short.out
    # Left to choose, it takes as long as the scenario has, in which nothing happens either.
    ended = verify(tmp_path, "--only", "split")
    assert ended.code == 0, ended.out
    assert "60 ms in each run" in ended.out
    assert "90 ms in each run" in ended.out
    assert "from the beginning to the end" in ended.out


def test_a_run_that_fails_is_told(tmp_path):
    write(tmp_path, spiking={"fault": "raise", "fault_window": 2, "fault_role": "R0"})
    ended = verify(tmp_path, "--only", "window")
    assert ended.code == 1
    assert "ArithmeticError: the toy broke" in ended.out


def test_a_wrong_scenario_is_refused_as_ever(tmp_path):
    write(tmp_path, field={"engine": "toy_feild"})
    ended = verify(tmp_path)
    assert ended.code == 2
    assert "did you mean 'toy_field'" in ended.err
