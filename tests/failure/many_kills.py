"""Kills ranks of a run at random moments and lets it go on, many times.

``python tests/failure/many_kills.py --runs 100`` starts a run of toys, kills a random rank at a
random moment, resumes it, kills that too as often as the dice say, and compares the end with a run
that was left alone. It stops at the first run that ends too late, leaves a process behind, cannot
be read, or comes to other bits. The tests run a shorter course of the same.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "mpi"))

import test_runs_that_go_on as going_on
import toy_cases
import toy_jobs

#: Kills of one run at most, before it is left to end.
KILLS = 3
#: Longest time from a kill to the end of the job.
SOON_S = 10.0


def killed(folder, arguments, dice):
    """Start ranks and kill one of them, perhaps before the first window; return who and when."""
    argv, environ = toy_jobs.mpirun(going_on.RANKS, (*toy_cases.program(), *arguments))
    with toy_jobs.running(argv, folder, **environ) as job:
        deadline_s = time.monotonic() + going_on.LIMIT_S
        while len(job.ranks()) < going_on.RANKS:
            assert time.monotonic() < deadline_s, "the ranks do not start"
            time.sleep(0.02)
        after_s = dice.uniform(0.0, 4.0)
        time.sleep(after_s)
        rank = dice.randrange(going_on.RANKS)
        pid = job.ranks().get(rank)
        if pid is None:
            job.wait(going_on.LIMIT_S)
            return f"rank {rank} had ended by itself before {after_s:.2f} s"
        os.kill(pid, signal.SIGKILL)
        begin_s = time.monotonic()
        ended = job.wait(going_on.LIMIT_S)
        took_s = time.monotonic() - begin_s
        if ended.code == 0:
            return f"rank {rank} was killed after its work was done, at {after_s:.2f} s"
        assert took_s < SOON_S, f"the job ended {took_s:.1f} s after the kill"
        return f"rank {rank} at {after_s:.2f} s, over after {took_s:.1f} s"


def course(folder, reference, dice):
    """Take one run through its kills to its end."""
    going_on.write(folder)
    told = []
    arguments = going_on.RUN
    for _ in range(dice.randint(1, KILLS)):
        told.append(killed(folder, arguments, dice))
        if (folder / "run" / "request.json").exists():
            arguments = ("resume", "run", *going_on.QUIET)
        if (folder / "run" / "result.h5").exists():
            status, _ = toy_cases.recorded(folder / "run")
            if status == "complete":
                break
    else:
        ended = going_on.ranks(folder, *arguments)
        assert ended.code == 0, ended.err
    going_on.assert_whole(folder, reference)
    return told


def main():
    """Run the courses that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with toy_cases.installed(), tempfile.TemporaryDirectory() as temporary:
        whole = Path(temporary) / "whole"
        whole.mkdir()
        path = going_on.write(whole, pause_s=0.0)
        reference = toy_cases.serial(path, whole / "run")
        for number in range(options.runs):
            folder = Path(temporary) / str(number)
            folder.mkdir()
            told = course(folder, reference, random.Random(1000 * options.seed + number))
            print(f"{number}: {'; '.join(told)}", flush=True)
    print(f"{options.runs} runs, all to the same bits")


if __name__ == "__main__":
    main()
