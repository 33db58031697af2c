"""Both ranks of the exchange benchmark.

``mpirun -n 2 python -m benchmarks.exchange_ranks REPEATS ROUNDS`` runs them. A block goes to the
other rank and back, through our channels and by plain sends and receives of buffers of the same
size, in turns.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from cosim.links.mpi import MpiInlet, MpiOutlet
from cosim.messages import Block, Signal, SpikeBatch
from cosim.mpi import Mpi
from cosim.plan.model import SPIKE_BYTES, ChannelPlan

SIZES = (128, 1024, 16 * 1024, 128 * 1024, 1024 * 1024)
#: Blocks that travel before any are timed.
WARM_UP = 20


def block_of(kind: str, size: int) -> Block:
    """Return a signal or a batch of spikes of that many bytes."""
    if kind == "signal":
        return Signal(0, 1, np.linspace(0.0, 1.0, size // 8).reshape(-1, 1))
    count = size // SPIKE_BYTES
    ticks = np.sort(np.arange(count, dtype=np.int64) % 20) + 1
    return SpikeBatch(0, 20, ticks, np.arange(count, dtype=np.int32))


class Channels:
    """A channel each way between two ranks."""

    def __init__(self, mpi: Mpi, block: Block, rounds: int, tag: int) -> None:
        rows = len(block.values) if isinstance(block, Signal) else 0
        there, back = (
            ChannelPlan(name, "a", "x", "b", "y", 0, rounds - 1, rows, 1)
            for name in ("there", "back")
        )
        mine, theirs = (there, back) if mpi.rank == 0 else (back, there)
        tags = (tag, tag + 2) if mpi.rank == 0 else (tag + 2, tag)
        self.outlet = MpiOutlet(mine, mpi, 1 - mpi.rank, tags[0])
        self.inlet = MpiInlet(theirs, mpi, 1 - mpi.rank, tags[1])
        self._first, self._block, self._index = mpi.rank == 0, block, 0

    def round(self) -> None:
        """Send and take, or take and send."""
        outlet, inlet, index = self.outlet, self.inlet, self._index
        block = self._block
        if not self._first:
            while not inlet.ready():
                pass
            block = inlet.take(index)
        while not outlet.room():
            pass
        outlet.put(index, block)
        if self._first:
            while not inlet.ready():
                pass
            inlet.take(index)
        self._index = index + 1

    def finish(self) -> None:
        """Wait until all has left."""
        while not self.outlet.delivered():
            pass


def plain_round(world: Any, byte: Any, size: int) -> Callable[[], None]:
    """Return a round trip as a user of mpi4py would write it."""
    out, back = np.zeros(size, np.uint8), np.empty(size, np.uint8)

    def first() -> None:
        world.Send([out, byte], 1)
        world.Recv([back, byte], 1)

    def second() -> None:
        world.Recv([back, byte], 0)
        world.Send([back, byte], 0)

    return first if world.rank == 0 else second


def timed(world: Any, one: Callable[[], None], rounds: int) -> float:
    """Return seconds a round trip."""
    world.Barrier()
    begin = time.perf_counter()
    for _ in range(rounds):
        one()
    return (time.perf_counter() - begin) / rounds


def rounds_for(size: int, most: int) -> int:
    """Return how many round trips take some milliseconds, or the most that are wanted."""
    return min(most, max(20, 20_000_000 // (size + 40_000)))


def main() -> None:
    """Measure every size, and print what rank 0 found as JSON."""
    repeats, most = int(sys.argv[1]), int(sys.argv[2])
    mpi = Mpi()
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    found = []
    cases = [(kind, size) for kind in ("signal", "spikes") for size in SIZES]
    for case, (kind, size) in enumerate(cases):
        rounds = rounds_for(size, most)
        channels = Channels(mpi, block_of(kind, size), WARM_UP + repeats * rounds, 4 * case)
        plain = plain_round(world, MPI.BYTE, size)
        timed(world, channels.round, WARM_UP)
        timed(world, plain, WARM_UP)
        pairs = [
            (timed(world, channels.round, rounds), timed(world, plain, rounds))
            for _ in range(repeats)
        ]
        channels.finish()
        found.append({"kind": kind, "bytes": size, "pairs": pairs})
    if mpi.rank == 0:
        print(json.dumps(found), flush=True)
    mpi.finalize()


if __name__ == "__main__":
    main()
