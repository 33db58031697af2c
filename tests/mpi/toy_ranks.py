"""Runs many cases in one job of MPI, each on as many of its ranks as the case has.

``python toy_ranks.py cases.json`` under ``mpirun``; the file lists
``[scenario, overrides, ranks, run directory]``. Every case is a session as the command line
makes it, except that MPI stays up for the next one.
"""

import json
import sys
import time
from pathlib import Path

from cosim.mpi import Mpi
from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.sentinel import Sentinel
from cosim.session import Session


class Some(Mpi):
    """The first ranks of a job, as if they were all of it."""

    def __init__(self, ranks):
        super().__init__()
        whole = self._data
        # Ranks without a part in the case must not burn the cores of those that have one.
        together = whole.Ibarrier()
        while not together.Test():
            time.sleep(0.005)
        part = whole.Split(int(whole.rank < ranks), whole.rank)
        self._control.Free()
        self._data, self._control = part.Dup(), part.Dup()
        self.mine = whole.rank < ranks
        self.size = self._data.size
        part.Free()
        whole.Free()

    def finalize(self):
        self._data.Free()
        self._control.Free()


def main(sentinel):
    # Before MPI is up, as the command line does: a rank that is late lets others spin.
    cases = [
        (open_case(Path(scenario), overrides, ranks), Path(folder))
        for scenario, overrides, ranks, folder in json.loads(Path(sys.argv[1]).read_text())
    ]
    for (case, plan), folder in cases:
        mpi = Some(plan.ranks)
        if not mpi.mine:
            mpi.finalize()
            continue
        assert plan.ranks == mpi.size
        assert mpi.same_everywhere(plan.hash())
        if mpi.rank == 0:
            folder.mkdir(parents=True)
        run_dir = RunDir(Path(mpi.from_first(str(folder))))
        Session(case, plan, mpi, run_dir, sentinel, Progress(plan.clock, None)).run()
    sentinel.release()
    Mpi().finalize()


if __name__ == "__main__":
    main(Sentinel.start())
