"""`cosim stop` ends a run at its next window, and it goes on to the same bits."""

import re
import signal
import time

import pytest
import toy_cases
import toy_jobs
from typer.testing import CliRunner

from cosim.cli import stopping
from cosim.cli.main import app
from cosim.errors import UsageError
from cosim.recording import RunDir

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
RUN = ("run", "toy.yaml", "--run-dir", "run", "--no-picture", "-q")
LIMIT_S = 120


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


def write(folder, pause_s=0.05, **parts):
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    return toy_cases.scenario(
        folder, REGIONS, window="0.5 ms", duration="40 ms", field={"pause_s": pause_s, **parts}
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return toy_cases.serial(write(folder, pause_s=0.0), folder / "run")


def begun(folder, *more):
    argv = (*toy_cases.program(), *RUN, *more)
    return toy_jobs.running(argv, folder, **dict(toy_jobs.mpirun(1, ())[1]))


def wait_for_result(folder):
    deadline = time.monotonic() + LIMIT_S
    while not (folder / "run" / "result.h5").exists():
        assert time.monotonic() < deadline, "the job does not begin"
        time.sleep(0.01)


@pytest.mark.parametrize("more", [(), ("--serial",)], ids=["mpi", "serial"])
def test_a_run_is_ended_and_goes_on_to_the_same_bits(tmp_path, reference, capsys, more):
    write(tmp_path)
    run = tmp_path / "run"
    with begun(tmp_path, *more) as job:
        wait_for_result(tmp_path)
        assert stopping.stop(run, wait=True) == 0
        ended = job.wait(LIMIT_S)
    assert ended.code == 1
    assert "told to end by cosim stop" in ended.err
    said = capsys.readouterr().out
    assert re.search(rf"{run} has ended: .*told to end by cosim stop", said)
    assert f"to go on: cosim resume {run}\n" in said
    assert not RunDir(run).stop.exists()
    assert not RunDir(run).going()
    # Whoever asks in vain is no danger to the attempt that follows.
    RunDir(run).stop.touch()
    again = (*toy_cases.program(), "resume", "run", "--serial", "--no-picture", "-q")
    assert toy_jobs.run_job(again, tmp_path, limit_s=LIMIT_S).code == 0
    status, found = toy_cases.recorded(run)
    assert status == "complete"
    assert toy_cases.differences(reference, found) == []


def test_nobody_has_to_wait(tmp_path):
    write(tmp_path)
    with begun(tmp_path, "--serial") as job:
        wait_for_result(tmp_path)
        asked = CliRunner().invoke(app, ["stop", str(tmp_path / "run"), "--no-wait"])
        assert asked.exit_code == 0
        assert asked.output.endswith("run was asked to end at its next window\n")
        assert "told to end by cosim stop" in job.wait(LIMIT_S).err


def test_where_no_run_is_going_nothing_is_asked(tmp_path):
    with pytest.raises(UsageError, match=r"there is no folder .*elsewhere"):
        stopping.stop(tmp_path / "elsewhere", wait=True)
    with pytest.raises(UsageError, match=rf"no run is going in {tmp_path}$"):
        stopping.stop(tmp_path, wait=True)
    toy_cases.serial(write(tmp_path, pause_s=0.0), tmp_path / "run")
    with pytest.raises(UsageError, match=r"no run is going in .*: it is complete"):
        stopping.stop(tmp_path / "run", wait=True)
    assert not (tmp_path / "run" / "stop").exists()


def test_a_killed_run_cannot_be_ended_but_resumed(tmp_path, monkeypatch):
    write(tmp_path, pause_s=0.0, fault="kill", fault_window=5)
    with begun(tmp_path, "--serial") as job:
        assert job.wait(LIMIT_S).code == -signal.SIGKILL
    monkeypatch.setattr(stopping, "ANSWER_S", 0.2)
    run = tmp_path / "run"
    with pytest.raises(UsageError, match=rf"it was killed.*to go on: cosim resume {run}"):
        stopping.stop(run, wait=True)
    assert not RunDir(run).stop.exists()


def test_a_link_in_place_of_the_request_is_refused(tmp_path):
    toy_cases.serial(write(tmp_path, pause_s=0.0), tmp_path / "run")
    (tmp_path / "run" / "stop").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="no ordinary file"):
        stopping.stop(tmp_path / "run", wait=True)
    assert not (tmp_path / "elsewhere").exists()
