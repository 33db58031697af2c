"""Prints how the stand-in differs from E-GLIF: ``python -m cosim_nest.models.compare``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cosim.errors import UsageError
from cosim_nest.models.cells import Neuron, State
from cosim_nest.models.single import Cell, Response, respond

#: Currents in pA at which cells are compared, beside none.
CURRENTS_PA: dict[str, tuple[float, ...]] = {
    "granule": (8.0, 16.0, 24.0, 40.0),
    "golgi": (100.0, 200.0, 400.0, 600.0),
    "purkinje": (500.0, 1000.0, 1600.0, 2400.0),
    "basket": (12.0, 24.0, 36.0),
    "dcn_p": (142.0, 284.0, 426.0),
    "dcn_i": (28.0, 56.0, 112.0, 168.0),
    "inferior_olive": (50.0, 100.0, 200.0, 400.0),
}
_ALSO_AWAKE = ("purkinje", "dcn_p")
_RESOLUTION_MS = 0.1


def kinds(neuron: Neuron) -> dict[Cell, tuple[float, ...]]:
    """Return all kinds of cells that differ, with their currents in pA."""
    states: tuple[State, ...] = ("vitro", "awake")
    return {
        Cell(population, state, neuron): currents_pA
        for population, currents_pA in CURRENTS_PA.items()
        for state in states
        if state == "vitro" or population in _ALSO_AWAKE
    }


def _row(cell: Cell, own: Response, other: Response) -> Iterator[str]:
    name = f"{cell.population} {cell.state}"
    for current_pA, mine_hz, theirs_hz in zip(
        own.currents_pA, own.mean_hz, other.mean_hz, strict=True
    ):
        percent = f"{100.0 * (theirs_hz / mine_hz - 1.0):+.0f} %" if mine_hz else ""
        yield f"{name:22}{current_pA:8.0f}{mine_hz:10.1f}{theirs_hz:10.1f}{percent:>9}"
        name = ""


def table(resolution_ms: float = _RESOLUTION_MS) -> list[str]:
    """Measure both neurons and return the lines of a table of their rates.

    Raises
    ------
    UsageError
        If E-GLIF is not compiled.
    """
    measured = respond({**kinds("eglif"), **kinds("stand_in")}, resolution_ms=resolution_ms)
    head = f"{'cell':22}{'pA':>8}{'E-GLIF':>10}{'stand-in':>10}{'':>9}  spikes/s"
    lines = [head]
    for cell in kinds("eglif"):
        twin = Cell(cell.population, cell.state, "stand_in")
        lines.extend(_row(cell, measured[cell], measured[twin]))
    return lines


if __name__ == "__main__":
    try:
        sys.stdout.write("\n".join(table()) + "\n")
    except UsageError as error:
        sys.exit(str(error))
