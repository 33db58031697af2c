"""A real SLURM runs the script we write."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from cosim_launch import (
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
        if state not in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING"):
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
