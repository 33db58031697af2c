"""Whatever breaks on whichever rank: the job ends soon, says why, and leaves what it had."""

import re

import pytest
import toy_cases
import toy_jobs

from cosim.plan.build import open_case

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
SPIKING, FIELD, TRANSFORMER = "R0", "field", "R0.all.to.field"
RANKS = 3
WINDOW = 8
#: Longest time from a fault to the end of the job, on a busy machine.
SOON_S = 10.0
COMMON = {"window": "0.5 ms", "duration": "8 ms"}


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What the run would have recorded."""
    folder = tmp_path_factory.mktemp("whole")
    return toy_cases.serial(write(folder, pause_s=0.0), folder / "run")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return open_case(write(tmp_path_factory.mktemp("plan")), ranks=RANKS)[1]


def write(folder, role=None, *, pause_s=0.1, **faults):
    """Write a scenario in which a role breaks; return its path.

    The pause lets the recorders flush before the fault, as they do twice a second.
    """
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    parts = {key: {"pause_s": pause_s} for key in ("field", "spiking")}
    parts["rate"] = {}
    if role is not None:
        part = {SPIKING: "spiking", FIELD: "field", TRANSFORMER: "rate"}[role]
        parts[part] |= {"fault_window": WINDOW, "fault_role": role, **faults}
    return toy_cases.scenario(folder, REGIONS, **parts, **COMMON)


def job(folder, *arguments):
    program = (*toy_cases.program(), "run", "toy.yaml", "--run-dir", "run", "--no-picture", "-q")
    return toy_jobs.mpirun(RANKS, (*program, *arguments))


def run(folder, *arguments):
    argv, environ = job(folder, *arguments)
    return toy_jobs.run_job(argv, folder, **environ)


def window_of(plan, role):
    """Return in which window of a role its fault strikes."""
    lags = {t.name: t.fronts[0].lag for t in plan.transformers}
    # A transformer converts the spikes of the window that its channel lags behind.
    return WINDOW + lags.get(role, 0)


def assert_readable(folder, reference, *, least=0, bad=()):
    """Check that what was recorded is the beginning of what would have been."""
    status, found = toy_cases.recorded(folder / "run")
    assert status.startswith(("failed: ", "unfinished"))
    assert found.keys() == reference.keys()
    for key in found.keys() - set(bad):
        columns = found[key]
        for mine, whole in zip(columns, reference[key], strict=True):
            assert mine.tobytes() == whole[: len(mine)].tobytes(), key
    assert len(found["field/Raw"][0]) >= least
    return status


def assert_over_soon(ended):
    assert ended.code != 0
    assert ended.since_fault_s < SOON_S


SAID = {
    "raise": "ArithmeticError: the toy broke",
    "leave": "SystemExit: 3",
    "prepare": "MemoryError: no room for the toy",
    "prime": "ArithmeticError: the toy broke in prime",
    "finalize": "ArithmeticError: the toy broke in finalize",
}


@pytest.mark.parametrize("fault", ["raise", "nan", "prepare"])
@pytest.mark.parametrize("role", [SPIKING, FIELD, TRANSFORMER])
def test_an_error_is_told_by_all(tmp_path, reference, plan, role, fault):
    write(tmp_path, role, fault=fault)
    rank, window = plan.rank_of()[role], window_of(plan, role)
    ended = run(tmp_path)
    assert_over_soon(ended)
    assert ended.code == 1
    when = "preparation" if fault == "prepare" else f"window {window}"
    said = SAID.get(fault, f"{re.escape(role)}:.* (value nan|a spike at).* ms")
    failed = rf"on rank {rank}(, region .*)? failed in {when}: {said}"
    assert re.match(rf"cosim: role {re.escape(role)} {failed}", ended.first_line)
    assert (tmp_path / "run" / "failure.txt").read_text().strip() == ended.first_line
    assert ended.err.count("cosim: role") == 1, "told once"
    if fault != "prepare":
        # A transformer keeps what it made, for its user to see, before the border refuses it.
        bad = [f"border/{TRANSFORMER}/{end}" for end in ("rate", "output")] * (fault == "nan")
        status = assert_readable(tmp_path, reference, least=WINDOW, bad=bad)
        assert status == f"failed: {ended.first_line.removeprefix('cosim: ')}"


@pytest.mark.parametrize(
    ("role", "fault"),
    [(SPIKING, "kill"), (FIELD, "kill"), (TRANSFORMER, "kill"), (FIELD, "exit")],
)
def test_sudden_death_is_told_by_who_remains(tmp_path, reference, plan, role, fault):
    write(tmp_path, role, fault=fault)
    rank, window = plan.rank_of()[role], window_of(plan, role)
    ended = run(tmp_path)
    assert_over_soon(ended)
    pattern = rf"cosim: rank {rank} \(role .*{re.escape(role)}\) in window (\d+) was killed"
    told = re.match(pattern, ended.first_word)
    assert told, ended.err
    # Of several roles on a rank, the one that is least far counts.
    assert window - 3 <= int(told[1]) <= window
    assert (tmp_path / "run" / "failure.txt").read_text().strip() == ended.first_word
    assert_readable(tmp_path, reference, least=1)
