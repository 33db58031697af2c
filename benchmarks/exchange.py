"""A block to another rank and back, against bare buffers of mpi4py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.options import ROOT, Options
from benchmarks.rows import Row, row
from cosim_launch import Layout, find_mpirun, launch_command, local_cores, without_launcher

NAME = "exchange"
TIME_LIMIT_S = 240
#: Round trips of small blocks that are timed together.
ROUNDS = 500


def rows(options: Options) -> Iterator[Row]:
    """Yield a line for each kind of block and size."""
    repeats = 2 * options.repeats + 1
    program = (sys.executable, "-m", "benchmarks.exchange_ranks", str(repeats), str(ROUNDS))
    layout = Layout(2, (1, 1), 1, local_cores())
    command = launch_command(find_mpirun(), layout, program)
    done = subprocess.run(
        command.argv, env={**without_launcher(os.environ), **command.env}, cwd=ROOT, check=True,
        capture_output=True, text=True, timeout=TIME_LIMIT_S, stdin=subprocess.DEVNULL,
    )
    for case in json.loads(done.stdout.strip().splitlines()[-1]):
        ours, bare = zip(*case["pairs"], strict=True)
        yield row(
            NAME, f"{case['kind']}, {case['bytes']:,} bytes", ours, bare, "s",
            limit="at most 2", note="round trip between two ranks",
        )
