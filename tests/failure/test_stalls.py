"""Waits that are long: who is waited for in vain ends the job by name, who computes does not."""

import itertools
import re
import sys

import pytest
import toy_cases
import toy_jobs

from cosim.errors import RoleFailed
from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.serial import run_serial

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
SPIKING, FIELD = "R0", "field"
RANKS = 3
WINDOW = 6
LIMIT_S = 120
#: Longest time from a fault to the end of the job, on a busy machine.
SOON_S = 20.0
QUIET = ("--no-picture", "-q")
RUN = ("run", "toy.yaml", "--run-dir", "run", *QUIET)
SHORT = ("--wait-limit", "1 s")
#: A wait of a chain, told to people.
WAIT = r"\S+ waits in window \d+ for \S+ on '\S+ -> \S+' \(\d+(\.\d)? s\)"


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What a run without faults records."""
    folder = tmp_path_factory.mktemp("whole")
    return toy_cases.serial(write(folder), folder / "run")


def write(folder):
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    return toy_cases.scenario(folder, REGIONS, window="0.5 ms", duration="8 ms")


def job(folder, program, *, fault=None, role=FIELD, ranks=None):
    """Run a program to its end, under ``mpirun`` if a number of ranks is given."""
    argv, environ = toy_jobs.mpirun(ranks or 1, program)
    environ = dict(environ)
    if fault is not None:
        environ["TOY_FAULT"] = f"{fault} {role} {WINDOW}"
    return toy_jobs.run_job(program if ranks is None else argv, folder, limit_s=LIMIT_S, **environ)


def cosim(*arguments):
    return (*toy_cases.program(), *arguments)


def assert_whole(folder, reference):
    status, found = toy_cases.recorded(folder / "run")
    assert status == "complete"
    assert toy_cases.differences(reference, found) == []
    assert not (folder / "run" / "stall").exists()


def test_a_rank_that_is_stopped_ends_the_job_by_name_and_the_run_goes_on(tmp_path, reference):
    write(tmp_path)
    ended = job(tmp_path, cosim(*RUN, *SHORT), fault="stop")
    assert ended.code == 1
    assert ended.since_fault_s < SOON_S
    said = (
        rf"cosim: role field on rank \d, region R1, R2 failed in window {WINDOW}: waited \d+ s: "
        rf"field is stopped \(SIGSTOP\)(; {WAIT})+"
    )
    assert re.fullmatch(said, ended.first_word), ended.err
    assert f"for {FIELD} on" in ended.first_word
    assert (tmp_path / "run" / "failure.txt").read_text().strip() == ended.first_word
    assert re.search(r"^to go on: cosim resume run$", ended.err, re.MULTILINE)
    assert toy_cases.recorded(tmp_path / "run")[0].startswith(("failed: ", "unfinished"))
    assert job(tmp_path, cosim("resume", "run", "--serial", *SHORT, *QUIET)).code == 0
    assert_whole(tmp_path, reference)


def test_a_rank_that_sleeps_for_ever_ends_the_job_by_name(tmp_path):
    write(tmp_path)
    ended = job(tmp_path, cosim(*RUN, *SHORT), fault="hang", role=SPIKING, ranks=RANKS)
    assert ended.code == 1
    assert ended.since_fault_s < SOON_S
    said = (
        rf"cosim: role {SPIKING} on rank \d, region R0 failed in window {WINDOW}: waited \d+ s: "
        rf"R0 sleeps in window {WINDOW} and uses no processor(; {WAIT})+"
    )
    assert re.fullmatch(said, ended.first_word), ended.err
    assert ended.err.count("cosim: role") == 1, "told once"


def test_a_rank_that_computes_is_waited_for_with_a_warning(tmp_path, reference):
    write(tmp_path)
    ended = job(tmp_path, cosim(*RUN, *SHORT), fault="compute", ranks=RANKS)
    assert ended.code == 0, ended.err
    warning = rf"a wait takes long: field computes window {WINDOW}(; {WAIT})+"
    told = [line for line in ended.err.splitlines() if line.startswith("cosim: a wait")]
    assert re.fullmatch(f"cosim: {warning}", told[0]), ended.err
    # Once for all ranks, and again after twice the time.
    waited_s = [float(re.search(r"\((\d+(?:\.\d)?) s\)$", line)[1]) for line in told]
    assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(waited_s)), told
    notes = [line for line in ended.out.splitlines() if line.startswith("note ")]
    assert any(re.fullmatch(rf"note +{warning}", line) for line in notes), ended.out
    assert_whole(tmp_path, reference)


DROPS = """
from pathlib import Path
from cosim.links.mpi import MpiOutlet
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
put = MpiOutlet.put
def lose(outlet, index, block):
    if index < 6 or outlet.peer != "field":
        put(outlet, index, block)
MpiOutlet.put = lose
Session(case, plan, mpi, run_dir, sentinel, Progress(plan.clock, None), wait_limit_s=1.0).run()
"""


def test_ranks_that_wait_for_each_other_are_told_as_a_circle(tmp_path):
    """Blocks get lost on their way: the field waits for them, and all others for the field."""
    write(tmp_path)
    ended = job(tmp_path, (sys.executable, "-c", DROPS), ranks=RANKS)
    assert ended.code == 1
    failed = r"cosim: role \S+ on rank \d, .* failed in window \d+: waited \d+ s"
    said = rf"{failed}: a deadlock(; {WAIT})+"
    assert re.fullmatch(said, ended.first_word), ended.err
    links = re.findall(r"(\S+) waits in window \d+ for (\S+) on", ended.first_word)
    assert len(links) > 1
    for (_, peer), (role, _) in zip(links, [*links[1:], links[0]], strict=True):
        assert peer == role


def test_a_process_apart_that_is_stopped_ends_a_serial_run_by_name(tmp_path, monkeypatch):
    """An engine that fills a whole process runs in a child of the serial twin."""
    toy_cases.random_brain(tmp_path / "brain.zip", 3, seed=2)
    two = [{"match": f"R{i}", "as": "spiking"} for i in (0, 1)]
    spiking = {"engine": "toy_lone_spikes"}
    regions = [*two, {"match": "rest", "as": "field"}]
    path = toy_cases.scenario(tmp_path, regions, spiking=spiking, window="0.5 ms", duration="8 ms")
    case, plan = open_case(path)
    run_dir = RunDir.create("toy", tmp_path / "run")
    monkeypatch.setenv("TOY_FAULT", f"stop R1 {WINDOW}")
    with pytest.raises(RoleFailed) as caught:
        run_serial(case, plan, run_dir, Progress(plan.clock, None), wait_limit_s=0.5)
    assert re.fullmatch(
        rf"role R1 on rank \d, region R1 failed in window {WINDOW}: waited \d+ s: the simulator's "
        r"process is stopped \(SIGSTOP\)",
        str(caught.value),
    )
    assert toy_cases.recorded(run_dir.path)[0] == f"failed: {caught.value}"
