"""What a message between two ranks costs: ``mpirun -n 2 python -m cosim.costs.exchange``.

Signals of some sizes go to the other rank and back through our channels. Rank 0 prints half of the
time of the way there and back, which is what both ends spend on a message, as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np

from cosim.links.base import Inlet
from cosim.links.mpi import MpiInlet, MpiOutlet
from cosim.messages import Block, Signal
from cosim.mpi import Mpi
from cosim.plan.model import ChannelPlan

#: Rows of one column of signals: 128 bytes to 1 MB.
ROWS = (16, 512, 8192, 131072)
ROUNDS, WARM_UP = 200, 20


def halves_s(mpi: Mpi, rows: int, tag: int) -> list[float]:
    """Return half of the seconds of each way there and back."""
    plans = [
        ChannelPlan(name, "a", "x", "b", "y", 0, ROUNDS - 1, rows, 1) for name in ("there", "back")
    ]
    tags = [tag, tag + 2]
    if mpi.rank == 1:
        plans.reverse()
        tags.reverse()
    other = 1 - mpi.rank
    outlet = MpiOutlet(plans[0], mpi, other, tags[0])
    inlet = MpiInlet(plans[1], mpi, other, tags[1])
    block: Block = Signal(0, 1, np.zeros((rows, 1)))
    found = []
    for index in range(ROUNDS):
        begin_s = time.perf_counter()
        if mpi.rank == 1:
            block = _taken(inlet, index)
        while not outlet.room():
            pass
        outlet.put(index, block)
        if mpi.rank == 0:
            _taken(inlet, index)
        found.append((time.perf_counter() - begin_s) / 2)
    while not outlet.delivered():
        pass
    return found[WARM_UP:]


def _taken(inlet: Inlet, index: int) -> Block:
    while not inlet.ready():
        pass
    return inlet.take(index)


def main() -> None:
    """Measure and print."""
    mpi = Mpi()
    medians = [statistics.median(halves_s(mpi, rows, 4 * i)) for i, rows in enumerate(ROWS)]
    if mpi.rank == 0:
        json.dump({"bytes": [8 * rows for rows in ROWS], "seconds": medians}, sys.stdout)
        sys.stdout.flush()
    mpi.finalize()


if __name__ == "__main__":
    main()
