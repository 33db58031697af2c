"""A run that ended early goes on to the very bits of one that did not."""

import contextlib
import json
import os
import random
import re
import signal
import time

import pytest
import toy_cases
import toy_jobs

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
DURATION = "40 ms"
RANKS = 3
QUIET = ("--no-picture", "-q")
RUN = ("run", "toy.yaml", "--run-dir", "run", *QUIET)
LIMIT_S = 120


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


def write(folder, *, pause_s=0.05, duration=DURATION, **top):
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    parts = {"field": {"pause_s": pause_s}}
    return toy_cases.scenario(
        folder, REGIONS, window="0.5 ms", duration=duration, **parts, **top
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return toy_cases.serial(write(folder, pause_s=0.0), folder / "run")


def ranks(folder, *arguments, count=RANKS):
    argv, environ = toy_jobs.mpirun(count, (*toy_cases.program(), *arguments))
    return toy_jobs.run_job(argv, folder, limit_s=LIMIT_S, **environ)


def command(folder, *arguments):
    environ = dict(toy_jobs.mpirun(1, ())[1])
    return toy_jobs.run_job((*toy_cases.program(), *arguments), folder, limit_s=LIMIT_S, **environ)


def hit_a_rank(folder, rank, after_s, *arguments, number=signal.SIGKILL):
    """Start ranks, and send one of them a signal a while after the first windows."""
    argv, environ = toy_jobs.mpirun(RANKS, (*toy_cases.program(), *arguments))
    before = identity(folder)
    with toy_jobs.running(argv, folder, **environ) as job:
        deadline = time.monotonic() + LIMIT_S
        # A run that goes on begins beside the result of the attempt before it.
        while identity(folder) in (None, before) or begun(folder) < 1000:
            assert time.monotonic() < deadline, "the job does not begin"
            time.sleep(0.02)
        time.sleep(after_s)
        os.kill(job.ranks()[rank], number)
        return job.wait(LIMIT_S)


def identity(folder):
    """Return the number of the result file that is there, None if there is none."""
    with contextlib.suppress(FileNotFoundError):
        return (folder / "run" / "result.h5").stat().st_ino
    return None


def begun(folder):
    """Return how many bytes the attempt that is under way has on tape."""
    return sum(p.stat().st_size for p in (folder / "run" / "tapes").glob("*.tape"))


def taped(folder):
    return sum(p.stat().st_size for p in (folder / "run").rglob("*.tape"))


def assert_whole(folder, reference):
    status, found = toy_cases.recorded(folder / "run")
    assert status == "complete"
    assert toy_cases.differences(reference, found) == []


@pytest.mark.parametrize("rank", range(RANKS))
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, reference, rank):
    write(tmp_path)
    ended = hit_a_rank(tmp_path, rank, random.Random(rank).uniform(0.6, 1.4), *RUN)
    assert ended.code != 0
    before = toy_cases.recorded(tmp_path / "run")[1]
    ended = ranks(tmp_path, "resume", "run", *QUIET)
    assert ended.code == 0, ended.err
    assert_whole(tmp_path, reference)
    assert len(before["field/Raw"][0]) > 5
    # The complete run holds all of it.
    assert not list((tmp_path / "run").glob("earlier-*"))


def test_a_run_killed_again_and_again_goes_on_each_time(tmp_path, reference):
    write(tmp_path)
    generator = random.Random(5)
    sizes = []
    arguments = RUN
    for _ in range(3):
        hit_a_rank(tmp_path, generator.randrange(RANKS), generator.uniform(0.5, 1.0), *arguments)
        sizes.append(taped(tmp_path))
        arguments = ("resume", "run", *QUIET)
    # What was on tape once is never lost, not even by an attempt that ends early.
    assert sizes == sorted(sizes)
    assert ranks(tmp_path, *arguments).code == 0
    assert_whole(tmp_path, reference)


def test_a_run_goes_on_with_other_ranks_and_without_any(tmp_path, reference):
    write(tmp_path)
    hit_a_rank(tmp_path, 1, 0.8, *RUN)
    hit_a_rank(tmp_path, 0, 0.3, "resume", "run", *QUIET)
    ended = command(tmp_path, "resume", "run", "--serial", *QUIET)
    assert ended.code == 0, ended.err
    assert_whole(tmp_path, reference)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_run_that_was_told_to_end_goes_on(tmp_path, reference, number):
    write(tmp_path)
    ended = hit_a_rank(tmp_path, 0, 0.5, *RUN, number=number)
    assert ended.code == 1
    assert "told to end" in ended.err
    assert ranks(tmp_path, "resume", "run", *QUIET, count=2).code == 0
    assert_whole(tmp_path, reference)


def test_a_run_ends_at_its_limit_of_wall_time_and_says_how_to_go_on(tmp_path, reference):
    write(tmp_path)
    ended = command(tmp_path, *RUN, "--max-wall", "1 s")
    assert ended.code == 1
    assert "the limit of 1 s of wall time is reached" in ended.first_word
    assert re.search(r"^to go on: cosim resume run$", ended.err, re.MULTILINE)
    assert command(tmp_path, "resume", "run", *QUIET).code == 0
    assert_whole(tmp_path, reference)


def test_a_finished_run_goes_on_beyond_its_end(tmp_path, reference):
    write(tmp_path, pause_s=0.0, duration="15 ms")
    assert command(tmp_path, *RUN).code == 0
    ended = command(tmp_path, "resume", "run", *QUIET)
    assert ended.code == 2
    assert "is complete; to go beyond its end, give a longer --duration" in ended.err
    assert command(tmp_path, "resume", "run", "--duration", DURATION, *QUIET).code == 0
    assert_whole(tmp_path, reference)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("elsewhere",), "elsewhere holds no run that can be resumed"),
        (("run", "--duration", "5 ms"), "--duration is 5 ms, but the run is of 40 ms"),
        (("run", "--duration", "soon"), "--duration is soon: "),
        (("run", "--duration", "40.3 ms"), "a multiple of 0.5 ms"),
    ],
)
def test_what_cannot_be_resumed_is_refused(tmp_path, reference, arguments, said):
    write(tmp_path, pause_s=0.0)
    assert command(tmp_path, *RUN).code == 0
    ended = command(tmp_path, "resume", *arguments, *QUIET)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert_whole(tmp_path, reference)


def test_a_changed_scenario_is_refused_and_names_the_change(tmp_path):
    path = write(tmp_path)
    hit_a_rank(tmp_path, 0, 0.5, *RUN)
    data = json.loads(path.read_text())
    data["models"]["spiking"]["sends"][0]["gain"] = "0.02 /Hz"
    path.write_text(json.dumps(data, indent=1))
    ended = command(tmp_path, "resume", "run", *QUIET)
    assert ended.code == 2
    assert "'models.spiking.sends" in ended.err
    assert "a changed scenario is a new run" in ended.err


def test_a_run_that_is_still_going_is_left_alone(tmp_path):
    write(tmp_path, duration="4 s")
    argv, environ = toy_jobs.mpirun(RANKS, (*toy_cases.program(), *RUN))
    with toy_jobs.running(argv, tmp_path, **environ) as job:
        deadline = time.monotonic() + LIMIT_S
        while identity(tmp_path) is None:
            assert time.monotonic() < deadline, "the job does not begin"
            time.sleep(0.02)
        there = identity(tmp_path)
        ended = command(tmp_path, "resume", "run", "--serial", *QUIET)
        assert ended.code == 2
        assert "is still going" in ended.err
        assert job.process.poll() is None
        assert identity(tmp_path) == there
    assert not list((tmp_path / "run").glob("earlier-*"))


def test_a_replay_that_is_not_the_same_is_told(tmp_path):
    """As after a change of software, or of the connectome behind an unchanged scenario."""
    write(tmp_path)
    hit_a_rank(tmp_path, 0, 0.8, *RUN)
    toy_cases.random_brain(
        tmp_path / "brain.zip", 3, seed=3, shortest_ms=1, longest_ms=2, density=1
    )
    ended = command(tmp_path, "resume", "run", "--serial", *QUIET)
    assert ended.code == 1
    assert re.search(r"is not what the interrupted run had: .* instead of .* at", ended.err)
    assert (tmp_path / "run" / "earlier-1" / "result.h5").exists()
