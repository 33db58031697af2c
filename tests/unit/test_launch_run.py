"""The launch command at work on this machine's own MPI."""

import os
import subprocess
import sys

import pytest

from cosim_launch import Layout, find_mpirun, launch_command, local_cores, without_launcher

HELLO = """
import os
from mpi4py import MPI
world = MPI.COMM_WORLD
mine = (world.rank, world.size, int(os.environ["OMP_NUM_THREADS"]), len(os.sched_getaffinity(0)))
for line in world.gather(mine) or ():
    print(*line)
"""


def run(layout):
    command = launch_command(find_mpirun(), layout, (sys.executable, "-c", HELLO))
    done = subprocess.run(
        command.argv,
        env=without_launcher(os.environ) | dict(command.env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(map(int, line.split())) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("threads", [(1,), (2, 1, 1)])
def test_more_ranks_than_cores(threads):
    threads = threads * (local_cores() + 1)
    lines = run(Layout(len(threads), threads, cores_per_node=local_cores()))
    assert [line[:3] for line in lines] == [
        (rank, len(threads), count) for rank, count in enumerate(threads)
    ]
    everything = len(os.sched_getaffinity(0))
    assert {line[3] for line in lines} == {everything}


def test_a_rank_with_all_cores_is_bound_to_all():
    cores = local_cores()
    assert run(Layout(1, (cores,), cores_per_node=cores)) == [
        (0, 1, cores, len(os.sched_getaffinity(0)))
    ]


def test_ranks_with_a_core_each_are_bound_to_one():
    cores = local_cores()
    per_core = len(os.sched_getaffinity(0)) // cores
    lines = run(Layout(cores, (1,) * cores, cores_per_node=cores))
    assert [line[3] for line in lines] == [per_core] * cores
