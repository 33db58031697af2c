"""What else may happen to a job: stops, interrupts, full disks, wrong folders, ranks that hang."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
import toy_cases
import toy_jobs

from cosim.plan.build import open_case

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
RANKS = 3
SOON_S = 10.0
OPTIONS = ("--no-picture", "-q")
RUN = ("run", "toy.yaml", "--run-dir", "run", *OPTIONS)


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


def write(folder, *, field=None, spiking=None, **top):
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    common = {"window": "0.5 ms", "duration": "8 ms"}
    return toy_cases.scenario(folder, REGIONS, field=field, spiking=spiking, **{**common, **top})


def cosim(folder, *arguments, limit_s=60.0):
    """Run the command line, which starts ``mpirun`` if it has to."""
    argv = (*toy_cases.program(), *arguments)
    return toy_jobs.run_job(argv, folder, limit_s=limit_s, **dict(toy_jobs.mpirun(1, ())[1]))


def ranks(folder, *arguments, count=RANKS, limit_s=60.0):
    """Run the command line as ``mpirun`` starts it."""
    program = (*toy_cases.program(), *arguments)
    return toy_jobs.run_ranks(count, program, folder, limit_s=limit_s)


def eventually(condition, limit_s=40.0):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.02)


def state_of(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


# Found before anything is simulated


@pytest.mark.parametrize("part", ["field", "spiking"])
def test_what_an_engine_finds_is_told_once_before_the_first_window(tmp_path, part):
    write(tmp_path, **{part: {"fault": "check"}})
    ended = ranks(tmp_path, *RUN)
    assert ended.code == 2
    line = rf"toy\.yaml:\d+: models\.{part}\.fault: 'fault' is 'check'; expected a toy that works"
    assert re.fullmatch(line, ended.first_line)
    assert len(re.findall(line, ended.err)) == 1
    assert (tmp_path / "run" / "failure.txt").read_text().strip() == ended.first_line
    assert not ended.mark.exists()


def test_a_scenario_that_is_wrong_is_told_once_by_all_ranks_together(tmp_path):
    write(tmp_path, window="7 ms", duration="7 ms")
    ended = ranks(tmp_path, *RUN)
    assert ended.code == 2
    assert ended.first_line.startswith("toy.yaml:5: ")
    assert ended.err.count("toy.yaml:5: ") == 1
    assert "nothing was run" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("start", [ranks, cosim])
def test_a_scenario_that_is_missing_is_told_once(tmp_path, start):
    ended = start(tmp_path, "run", "gone.yaml", *OPTIONS)
    assert ended.code == 2
    assert ended.first_line == "gone.yaml: cannot be read: No such file or directory"
    assert ended.err.count("gone.yaml") == 1


@pytest.mark.parametrize("count", [1, 5])
def test_a_rank_count_that_does_not_suit_is_refused(tmp_path, count):
    write(tmp_path)
    ended = ranks(tmp_path, *RUN, count=count)
    assert ended.code == 2
    assert ended.first_line == (
        f"cosim: {count} ranks do not suit this scenario: it has 2 simulators on a rank each and "
        "2 transformers; expected 2 to 4 ranks"
    )
    assert ended.err.count("do not suit") == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_with_an_earlier_run_is_refused_and_left_alone(tmp_path):
    write(tmp_path)
    (tmp_path / "run").mkdir()
    earlier = tmp_path / "run" / "result.h5"
    earlier.write_text("precious")
    ended = ranks(tmp_path, *RUN)
    assert ended.code == 2
    assert ended.first_line.startswith("cosim: run holds the files of an earlier run (result.h5)")
    assert ended.err.count("cosim:") == 1
    assert earlier.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    write(tmp_path)
    (tmp_path / "file").touch()
    ended = ranks(tmp_path, "run", "toy.yaml", "--run-dir", "file/run", *OPTIONS)
    assert ended.code == 2
    assert ended.first_line.startswith("cosim: cannot use file/run as run directory: ")
    assert ended.err.count("cosim:") == 1


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    """Linux lets nobody, not even root, make files in this folder."""
    write(tmp_path)
    ended = ranks(tmp_path, "run", "toy.yaml", "--run-dir", "/proc/self", *OPTIONS)
    assert ended.code != 0
    assert ended.took_s < 60
    assert "/proc/self" in ended.err


# While it runs


def test_a_rank_that_stands_still_for_a_while_only_delays(tmp_path):
    path = write(tmp_path, field={"fault": "stop", "fault_window": 5, "fault_role": "field"})
    argv, environ = toy_jobs.mpirun(RANKS, (*toy_cases.program(), *RUN))
    with toy_jobs.running(argv, tmp_path, **environ) as job:

        def stopped():
            return [pid for pid in job.members() if state_of(pid) == "T"]

        eventually(stopped)
        time.sleep(1.0)
        (pid,) = stopped()
        assert job.process.poll() is None
        os.kill(pid, signal.SIGCONT)
        ended = job.wait(60)
    assert ended.code == 0, ended.err
    status, found = toy_cases.recorded(tmp_path / "run")
    assert status == "complete"
    whole = write(tmp_path)
    assert path == whole
    assert toy_cases.differences(toy_cases.serial(whole, tmp_path / "serial"), found) == []


def test_a_failure_does_not_wait_for_a_rank_in_a_long_window(tmp_path):
    write(
        tmp_path,
        field={"fault": "hang", "fault_window": 3},
        spiking={"fault": "raise", "fault_window": 4},
    )
    ended = ranks(tmp_path, *RUN)
    assert ended.code == 1
    assert ended.since_fault_s < SOON_S
    assert re.match(r"cosim: role R0 on rank \d, region R0 failed in window 4: ", ended.first_line)
    status, _ = toy_cases.recorded(tmp_path / "run")
    assert status in ("unfinished", f"failed: {ended.first_line.removeprefix('cosim: ')}")


def test_a_disk_that_is_full_ends_the_job(tmp_path):
    write(
        tmp_path,
        field={"fault": "full", "fault_window": 3, "pause_s": 0.1},
        spiking={"pause_s": 0.1},
    )
    ended = ranks(tmp_path, *RUN)
    assert ended.code != 0
    assert ended.since_fault_s < SOON_S
    said = (
        r"cosim: role field on rank \d.* failed in window \d+: run/\S+ cannot be written: it would "
        "be larger than this process or file system allows"
    )
    assert re.match(said, ended.first_line)
    status, found = toy_cases.recorded(tmp_path / "run")
    # The rank with the full disk may be the one that would note the failure.
    assert status.startswith(("failed: role field on rank", "unfinished"))
    assert found["R0", "all"][0].size


WAITS = """
import json, sys
from pathlib import Path
from cosim.mpi import Mpi
from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.sentinel import Sentinel
from cosim.session import Session
sentinel = Sentinel.start()
case, plan = open_case(Path("toy.yaml"), ranks=3)
mpi = Mpi()
if mpi.rank == 0:
    Path("run").mkdir()
run_dir = RunDir(Path(mpi.from_first("run")))
Session(case, plan, mpi, run_dir, sentinel, Progress(plan.clock, None), wait_limit_s=1.0).run()
"""


def test_a_wait_without_end_is_ended_and_says_who_waits_for_whom(tmp_path):
    write(tmp_path, field={"fault": "hang", "fault_window": 3})
    ended = toy_jobs.run_ranks(RANKS, (sys.executable, "-c", WAITS), tmp_path)
    assert ended.code == 1
    assert ended.since_fault_s < SOON_S
    said = r"failed in window \d+: waited \d+ s: .* waits in window \d+ for .* on '.* -> .*'"
    assert re.search(said, ended.first_line)


def outcome_of_interrupt(folder, how):
    write(folder, field={"pause_s": 0.5}, duration="1000 ms")
    argv = (*toy_cases.program(), "run", "toy.yaml", "--run-dir", "run", "--no-picture", "-q")
    with toy_jobs.running(argv, folder, **dict(toy_jobs.mpirun(1, ())[1])) as job:
        eventually(lambda: (folder / "run" / "result.h5").exists())
        begin_s = time.monotonic()
        how(job)
        ended = job.wait(30)
    assert time.monotonic() - begin_s < SOON_S + 5
    return ended


@pytest.mark.parametrize(
    ("whom", "number"),
    [
        ("command", signal.SIGINT),
        ("all", signal.SIGINT),
        ("command", signal.SIGTERM),
    ],
)
def test_an_interrupt_ends_everything(tmp_path, whom, number):
    def hit(job):
        pid = job.process.pid
        os.kill(pid, number) if whom == "command" else os.killpg(pid, number)

    ended = outcome_of_interrupt(tmp_path, hit)
    assert ended.code != 0
    # Some launchers kill before the ranks can say a word, or print nothing of what they say.
    said = r"cosim: role .* on rank \d failed in window \d+: (told to end|interrupted)"
    killed = r"cosim: rank \d \(role .*\) in window \d+ was killed without a word"
    failure = (tmp_path / "run" / "failure.txt").read_text().strip()
    assert re.fullmatch(f"{said}|{killed}", failure)
    status, _ = toy_cases.recorded(tmp_path / "run")
    assert status.startswith(("failed: ", "unfinished"))


# As the user starts it


def test_the_command_says_at_last_what_the_ranks_said_at_first(tmp_path):
    write(tmp_path, field={"fault": "raise", "fault_window": 3})
    ended = cosim(tmp_path, *RUN)
    assert ended.code == 1
    said = r"cosim: role field on rank \d, region R1, R2 failed in window 3: ArithmeticError: "
    lines = [line for line in ended.err.splitlines() if line.strip()]
    assert re.match(said, lines[0])
    assert lines[-3] == lines[0]
    assert lines[-2] == "what was recorded until then opens: run/result.h5"
    assert lines[-1] == "to go on: cosim resume run"


def test_a_killed_job_is_noted_as_failed_by_the_command(tmp_path):
    write(tmp_path, field={"fault": "kill", "fault_window": 3})
    ended = cosim(tmp_path, *RUN)
    assert ended.code == 1
    assert re.match(r"cosim: rank \d \(role field\) in window \d was killed", ended.first_word)
    status, _ = toy_cases.recorded(tmp_path / "run")
    assert status.startswith("failed: ")
    assert "(role field)" in status


def test_the_command_runs_what_was_planned(tmp_path):
    path = write(tmp_path)
    ended = cosim(tmp_path, *RUN)
    assert ended.code == 0, ended.err
    planned = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert planned == json.loads(open_case(path)[1].as_json())
    status, found = toy_cases.recorded(tmp_path / "run")
    assert status == "complete"
    assert toy_cases.differences(toy_cases.serial(path, tmp_path / "serial"), found) == []
