"""Numerical tests find the pieces of hybrid runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "mpi"))
