"""Kills a long run of NEST and TVB every few seconds of biological time until it is complete.

``python tests/failure/long_run.py`` runs 30 s of a brain once without interruption and once in a
loop: whenever the run has got a few seconds further than at its last end, a random rank is killed,
and ``cosim resume`` goes on. Then the two are compared bit by bit. Each resumption repeats the past
from tape, so the moments are counted in biological time: by the clock, a run that is killed often
would never get on.
"""

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import conftest  # noqa: F401 - makes the toys' modules known
import toy_cases
import toy_jobs

from cosim.results import open_result
from cosim.results.compare import columns, first_difference
from cosim.results.files import ResultError

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"
RANKS = 4
QUIET = ("--no-picture", "-q")
LIMIT_S = 3600.0
POLL_S = 0.2


def write(folder, options):
    """Write the scenario: the demo with one small network and a coarser step."""
    scenario = {
        "base": str(DEMO),
        "name": "long run",
        "duration": f"{options.seconds} s",
        "regions": [{"match": "rV1", "as": "spiking"}, {"match": "rest", "as": "cortex"}],
        "models": {
            "cortex": {"integrator": {"HeunStochastic": {"dt": "0.5 ms", "nsig": 1e-5}}},
            "spiking": {
                "resolution": "0.5 ms",
                "network": {"builder": "balanced_ei", "size": options.neurons},
            },
        },
    }
    (folder / "long.yaml").write_text(json.dumps(scenario, indent=1))


def started(folder, *arguments):
    """Return a context in which ranks run."""
    argv, environ = toy_jobs.mpirun(RANKS, (*toy_cases.program(), *arguments, *QUIET))
    return toy_jobs.running(argv, folder, **environ)


def file_number(path):
    """Return which file is there, None if none is."""
    return path.stat().st_ino if path.exists() else None


def reached_s(path):
    """Return how far a run under way is on disk, in seconds of biological time."""
    try:
        with open_result(path) as result:
            windows = [len(result.timing(role).window) for role in result.roles]
            return min(windows, default=0) * result.window_ms / 1e3
    except ResultError:
        return 0.0


def killed_at(folder, arguments, target_s, dice):
    """Run until a biological time, and kill a rank; return where it was, None at the end."""
    result = folder / "run" / "result.h5"
    before = file_number(result)
    with started(folder, *arguments) as job:
        deadline_s = time.monotonic() + LIMIT_S
        while job.process.poll() is None:
            assert time.monotonic() < deadline_s, "the job hangs"
            if file_number(result) not in (None, before) and reached_s(result) >= target_s:
                break
            time.sleep(POLL_S)
        rank = dice.randrange(RANKS)
        pid = job.ranks().get(rank)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        begin_s = time.monotonic()
        ended = job.wait(LIMIT_S)
        if ended.code == 0:
            return None
        took_s = time.monotonic() - begin_s
        assert pid is not None, ended.err
        return f"rank {rank} at {reached_s(result):.2f} s, over after {took_s:.1f} s"


def looped(folder, options):
    """Kill and go on until the run is complete; return how often it was killed."""
    dice = random.Random(options.seed)
    arguments = ("run", "long.yaml", "--run-dir", "run")
    kills, target_s = 0, options.every_s
    while target_s < options.seconds:
        said = killed_at(folder, arguments, target_s, dice)
        if said is None:
            return kills
        kills += 1
        print(f"kill {kills}: {said}", flush=True)
        arguments, target_s = ("resume", "run"), target_s + options.every_s
    with started(folder, *arguments) as job:
        ended = job.wait(LIMIT_S)
    assert ended.code == 0, ended.err
    return kills


def compare(one, other):
    """Return where two complete runs first differ, None if they are equal bit by bit."""
    with open_result(one) as mine, open_result(other) as theirs:
        assert mine.status == theirs.status == "complete"
        everything = columns(mine)
        print(f"{len(everything)} recordings compared")
        return first_difference(everything, columns(theirs))


def main():
    """Run both, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="biological time")
    parser.add_argument("--every-s", type=float, default=4.0, help="between kills, biological")
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    parent = Path(tempfile.mkdtemp(prefix="long-run-"))
    for name in ("whole", "killed"):
        (parent / name).mkdir()
        write(parent / name, options)
    begin_s = time.monotonic()
    with started(parent / "whole", "run", "long.yaml", "--run-dir", "run") as job:
        ended = job.wait(LIMIT_S)
        assert ended.code == 0, ended.err
    print(f"without interruption: {time.monotonic() - begin_s:.0f} s", flush=True)
    begin_s = time.monotonic()
    kills = looped(parent / "killed", options)
    print(f"with {kills} kills: {time.monotonic() - begin_s:.0f} s")
    difference = compare(parent / "whole" / "run", parent / "killed" / "run")
    assert difference is None, difference
    print("equal bit by bit")
    shutil.rmtree(parent)


if __name__ == "__main__":
    main()
