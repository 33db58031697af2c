"""How many cells a box of cerebellar cortex holds, and where they lie.

Densities and layers are those of the reconstructed mouse cortex of the Pavia group (De Schepper
et al. 2022, Commun Biol 5:1240, doi:10.1038/s42003-022-04213-y; cerebellar-models, "canonical
circuit"). x is medio-lateral, the axis of the parallel fibres; y is sagittal; z is depth inside
the granular layer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cosim.streams import Stream

Box = tuple[float, float]
"""Extent along x and y in um."""

Floats = NDArray[np.float64]

GRANULAR_UM = 130.0
#: Cells per um2 of cortical surface: a density per volume times the thickness of its layer.
_PER_UM2 = MappingProxyType(
    {
        "glomeruli": 3.0e-4 * GRANULAR_UM,
        "granule": 3.9e-3 * GRANULAR_UM,
        "golgi": 9.0e-6 * GRANULAR_UM,
        "purkinje": 1.15e-3,
        "basket": 5.0e-5 * 50.0,
        "stellate": 5.0e-5 * 100.0,
        "dcn_p": 9.92e-6 * 200.0,
        "dcn_i": 5.58e-6 * 200.0,
    }
)
_FIBRES_PER_GLOMERULUS = 0.05
_OLIVE_PER_PURKINJE = 0.2
#: Populations that are not part of the cortex.
BELOW = MappingProxyType({"nuclei": ("dcn_p", "dcn_i"), "olive": ("inferior_olive",)})
_FLAT = frozenset({"purkinje", "basket", "stellate"})
_PLACED = ("mossy_fibres", "glomeruli", "granule", "golgi", "purkinje", "basket", "stellate")


def _nearest(count: float) -> int:
    # Halves go up, whatever the last bits of the products.
    return max(1, math.floor(round(count, 6) + 0.5))


def sizes(box_um: Box) -> dict[str, int]:
    """Return the size of every population, in the order in which they are created.

    Parameters
    ----------
    box_um
        Extent of the cortex along x and y.
    """
    area_um2 = box_um[0] * box_um[1]
    count = {name: _nearest(density * area_um2) for name, density in _PER_UM2.items()}
    fibres = _nearest(_FIBRES_PER_GLOMERULUS * _PER_UM2["glomeruli"] * area_um2)
    olive = _nearest(_OLIVE_PER_PURKINJE * count["purkinje"])
    return {"mossy_fibres": fibres, **count, "inferior_olive": olive}


def built(sizes_: Mapping[str, int], parts: Collection[str]) -> dict[str, int]:
    """Return the sizes of those populations that belong to some parts of the circuit.

    Parameters
    ----------
    sizes_
        Sizes of all populations.
    parts
        ``cortex``, ``nuclei``, ``olive``, or some of them.
    """
    left_out = {name for part, names in BELOW.items() if part not in parts for name in names}
    return {name: size for name, size in sizes_.items() if name not in left_out}


def place(box_um: Box, seed: int) -> Mapping[str, Floats]:
    """Draw uniform positions of the cells of the cortex.

    Returns
    -------
    mapping of str to array of shape (cells, 3)
        In um; cells above the granular layer, whose depth plays no role, lie at z = 0.
    """
    counts = sizes(box_um)
    positions_um: dict[str, Floats] = {}
    for name in _PLACED:
        depth_um = 0.0 if name in _FLAT else GRANULAR_UM
        draw = Stream(seed, "cerebellum", "positions", name).at(0)
        positions_um[name] = draw.random((counts[name], 3)) * (*box_um, depth_um)
    return positions_um
