"""Lets many faults strike runs of toys in all roles, and holds each run's end against the truth.

``python tests/failure/many_faults.py --faults 100 --kinds kill,shot`` begins runs, lets one to
three faults strike each of them, goes on after each, and compares the end with a run that was left
alone. It stops at the first fault that has not the outcome it must have, and keeps that run. A job
that takes longer than 10 s to end is counted: on a busy machine that may happen.
"""

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import conftest  # noqa: F401 - makes the toys' modules known
import faults
import toy_cases

#: Most faults that strike one run.
FAULTS = 3


def course(folder, whole, dice, kinds, limit):
    """Take one run through up to so many faults to its end; yield what came of each."""
    taken = faults.Course(folder, whole)
    for _ in range(min(limit, dice.randint(1, FAULTS))):
        yield taken.strike(faults.drawn(dice, kinds), dice.choice((3, 4)))
        if taken.over():
            return
    taken.finish(dice.choice((2, 3, 4)))


def all_courses(options, whole, parent):
    """Take as many runs as it needs for all faults; return what came of them."""
    told, number = [], 0
    while len(told) < options.faults:
        folder = parent / str(number)
        folder.mkdir()
        dice = random.Random(100_000 * options.seed + number)
        for one in course(folder, whole, dice, options.kinds, options.faults - len(told)):
            told.append(one)
            print(f"{len(told)}: run {number}, {one}: {one.line}", flush=True)
        shutil.rmtree(folder)
        number += 1
    return told, number


def main():
    """Let the faults strike that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--kinds", type=lambda text: text.split(","), default=(*faults.KINDS, "shot"),
        help="some of " + ", ".join((*faults.KINDS, "shot")),
    )
    options = parser.parse_args()
    begin_s = time.monotonic()
    parent = Path(tempfile.mkdtemp(prefix="faults-"))
    with toy_cases.installed():
        (parent / "whole").mkdir()
        told, runs = all_courses(options, faults.reference(parent / "whole"), parent)
    shutil.rmtree(parent)
    ends = [one for one in told if one.code]
    slow = [one for one in ends if one.end_s >= faults.SOON_S]
    kinds = Counter(one.fault.kind for one in told)
    print(f"{runs} runs, all to the same bits, in {time.monotonic() - begin_s:.0f} s")
    print("faults: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    print(f"{len(ends)} ended a job, the slowest after {max(e.end_s for e in ends):.1f} s")
    print(f"{len(slow)} took {faults.SOON_S:g} s or longer")


if __name__ == "__main__":
    main()
