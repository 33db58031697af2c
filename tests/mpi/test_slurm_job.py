"""A real SLURM runs the script we write."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import toy_cases

from cosim.recording import RunDir
from cosim_launch import (
    Again,
    Family,
    Job,
    Layout,
    available_launchers,
    job_script,
    launch_command,
    submit,
)

STARTER = Path(__file__).parents[3] / "shared" / "slurm" / "up"
RUN_FOLDER = Path("/run/cosim-slurm")
HELLO = """
import os
from mpi4py import MPI
world = MPI.COMM_WORLD
mine = (world.rank, world.size, os.environ["OMP_NUM_THREADS"], os.environ["SLURM_JOB_ID"])
for line in world.gather(mine) or ():
    print(*line, flush=True)
"""
DIES = """
import os, signal, time
from mpi4py import MPI
MPI.COMM_WORLD.barrier()
if MPI.COMM_WORLD.rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(200)
"""

#: SLURM counts in minutes, and may send the signal up to one of them earlier.
TIME_LIMIT, WARNED = timedelta(minutes=2), "USR1@30"
RANKS = 3
#: A role that stands still must not be found to do so before SLURM's signal comes.
OPTIONS = ("--no-picture", "-q", "--wait-limit", "10 min")


def answers():
    """Whether a controller with at least one usable node answers within seconds."""
    try:
        done = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return any(state in done.stdout for state in ("idle", "mixed", "alloc"))


@pytest.fixture(scope="module")
def srun():
    """Return srun for our MPI; start a one-node SLURM if COSIM_SLURM=1 and none answers."""
    started = False
    if not answers():
        if os.environ.get("COSIM_SLURM") != "1" or not STARTER.exists():
            pytest.skip("optional: no SLURM answers; COSIM_SLURM=1 starts one")
        subprocess.run([STARTER], stdin=subprocess.DEVNULL, timeout=280, check=True)
        started = True
    try:
        found = available_launchers()
        if found[0].family is not Family.SRUN:
            pytest.skip("optional: this SLURM cannot start the MPI library of this environment")
        yield found[0]
    finally:
        if started:
            for name in ("ctld.pid", "d.pid"):
                subprocess.run(["kill", (RUN_FOLDER / name).read_text().strip()], check=True)


def state_of(number):
    done = subprocess.run(
        ["scontrol", "show", "job", str(number)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    fields = dict(word.partition("=")[::2] for word in done.stdout.split())
    return fields["JobState"], fields["ExitCode"]


def finish(number, limit_s):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        state, code = state_of(number)
        if state not in (
            "PENDING", "CONFIGURING", "RUNNING", "SIGNALING", "COMPLETING",
        ):
            return state, code
        time.sleep(0.2)
    subprocess.run(["scancel", str(number)], timeout=60, check=True)
    return pytest.fail(f"job {number} is still {state} after {limit_s} s")


def run(srun, layout, code, folder):
    folder = folder / "it's a folder"
    folder.mkdir()
    job = Job("cosim test", layout, timedelta(minutes=2), folder, "%j.out")
    script = folder / "job.sh"
    script.write_text(job_script(job, launch_command(srun, layout, (sys.executable, "-c", code))))
    number = submit(script)
    state, exit_code = finish(number, 90)
    return number, state, exit_code, (folder / f"{number}.out").read_text(errors="replace")


def test_four_ranks_on_one_core_share_a_world(srun, tmp_path):
    layout = Layout(4, (1,) * 4, cores_per_node=1)
    number, state, code, printed = run(srun, layout, HELLO, tmp_path)
    assert (state, code) == ("COMPLETED", "0:0"), printed
    lines = [line.split() for line in printed.splitlines() if line[:1].isdigit()]
    assert lines == [[str(rank), "4", "1", str(number)] for rank in range(4)]


def test_a_killed_rank_ends_the_job(srun, tmp_path):
    layout = Layout(3, (1,) * 3, cores_per_node=1)
    _, state, code, printed = run(srun, layout, DIES, tmp_path)
    assert state == "FAILED", printed
    assert code != "0:0"
    assert "task 1: Killed" in printed


# A run that goes on from job to job


def write(folder):
    """Write a scenario; return what it records."""
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    regions = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
    path = toy_cases.scenario(
        folder, regions, field={"pause_s": 0.02}, window="0.5 ms", duration="40 ms"
    )
    return toy_cases.serial(path, folder / "whole")


def hand_in(srun, folder, warned=WARNED, **environ):
    """Submit the script of a run, each time the same but for its environment; return its number."""
    layout = Layout(RANKS, (1,) * RANKS, cores_per_node=2)
    begins, goes_on = (
        launch_command(srun, layout, (*toy_cases.program(), *arguments, *OPTIONS))
        for arguments in (("run", "toy.yaml", "--run-dir", "run"), ("resume", "run"))
    )
    job = Job("toy", layout, TIME_LIMIT, folder, "%j.out")
    text = job_script(job, begins, Again(RunDir(Path("run")).request, goes_on))
    assert f"#SBATCH --signal={WARNED}\n" in text
    script = folder / "job.sh"
    script.write_text(text.replace(f"--signal={WARNED}", f"--signal={warned}"))
    with pytest.MonkeyPatch.context() as patch:
        for key, value in {**toy_cases.on_path(os.environ), **environ}.items():
            patch.setenv(key, value)
        return submit(script)


def hanging(folder, window):
    """Return an environment in which a role stands still in a window, and says so with a file."""
    mark = folder / f"in-{window}"
    return mark, {"TOY_FAULT": f"hang field {window}", "TOY_FAULT_MARK": str(mark)}


def said(folder, number):
    return (folder / f"{number}.out").read_text(errors="replace")


def assert_resumable(folder, number, whole):
    printed = said(folder, number)
    assert printed.count("told to end") == 1, printed
    assert "to go on: cosim resume run" in printed
    status, found = toy_cases.recorded(folder / "run")
    assert "told to end" in status
    for key, columns in found.items():
        for mine, other in zip(columns, whole[key], strict=True):
            assert mine.tobytes() == other[: len(mine)].tobytes(), key


@pytest.mark.parametrize("warned", [WARNED, f"B:{WARNED}"])
def test_a_run_goes_on_over_a_time_limit_and_a_cancelled_job(srun, tmp_path, warned):
    with toy_cases.installed():
        whole = write(tmp_path)
        mark, environ = hanging(tmp_path, 30)
        first = hand_in(srun, tmp_path, warned, **environ)
        state, code = finish(first, 200)
        # Ended by itself, before SLURM would have killed it.
        assert state == "FAILED", (state, code, said(tmp_path, first))
        assert mark.exists()
        assert_resumable(tmp_path, first, whole)

        mark, environ = hanging(tmp_path, 60)
        second = hand_in(srun, tmp_path, **environ)
        deadline = time.monotonic() + 60
        while not mark.exists():
            assert time.monotonic() < deadline, said(tmp_path, second)
            time.sleep(0.1)
        subprocess.run(["scancel", str(second)], timeout=60, check=True)
        assert finish(second, 60)[0] == "CANCELLED"
        assert_resumable(tmp_path, second, whole)

        third = hand_in(srun, tmp_path)
        assert finish(third, 90) == ("COMPLETED", "0:0"), said(tmp_path, third)
        status, found = toy_cases.recorded(tmp_path / "run")
        assert status == "complete"
        assert toy_cases.differences(whole, found) == []
