"""What each rank of a doctor's probe does: ``python -m cosim.cli.probe WHAT``."""

from __future__ import annotations

import sys

from cosim.mpi import Mpi
from cosim.simulator import engines


def main() -> None:
    """Try MPI, and after it an engine if one is named."""
    what = sys.argv[1]
    mpi = Mpi()
    text = f"{mpi.size} ranks, {mpi.library()}"
    if what != "world":
        text = f"{engines()[what].probe()} beside {mpi.size - 1} other ranks"
    together = mpi.same_everywhere("probe")
    if mpi.rank == 0:
        sys.stdout.write(f"probe: {text}\n" if together else "ranks do not hear each other\n")
        sys.stdout.flush()
    mpi.finalize()


if __name__ == "__main__":
    main()
