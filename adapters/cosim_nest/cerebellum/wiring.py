"""All connections of the circuit as plain arrays; needs no simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from cosim.streams import Stream
from cosim_nest.cerebellum.geometry import Box, Floats, place, sizes
from cosim_nest.cerebellum.rules import (
    Indices,
    Pairs,
    Reach,
    dendrites,
    fibre_of_terminal,
    fixed_inputs,
    nearest_terminals,
    neighbours,
    strips,
    within,
)

#: How far a parallel fibre runs to either side of its granule cell.
_PARALLEL_FIBRE_UM = 1000.0
#: Inputs that a target away from all edges finds among granule cells, which it meets along their
#: ascending axon (near it) or their parallel fibre (anywhere along x).
_GRANULE = {
    "ascending_golgi": Reach(330, 40, 40),
    "parallel_golgi": Reach(1250, _PARALLEL_FIBRE_UM, 50, even=True),
    "ascending_purkinje": Reach(105, 15, 70),
    "parallel_purkinje": Reach(1750, _PARALLEL_FIBRE_UM, 70, even=True),
    "parallel_stellate": Reach(600, _PARALLEL_FIBRE_UM, 40, even=True),
    "parallel_basket": Reach(950, _PARALLEL_FIBRE_UM, 50, even=True),
}
_INHIBITORY = {
    ("golgi", "golgi"): Reach(20, 150, 150),
    ("stellate", "stellate"): Reach(14, 100, 60),
    ("basket", "basket"): Reach(18, 100, 100),
    ("stellate", "purkinje"): Reach(4.7, 60, 80),
    ("basket", "purkinje"): Reach(11, 100, 100),
}
#: Inputs drawn from a whole population, whose cells have no place in the box.
_NUCLEAR = {
    "purkinje_dcn_p": ("purkinje", "dcn_p", 26),
    "purkinje_dcn_i": ("purkinje", "dcn_i", 12),
    "mossy_dcn_p": ("mossy_fibres", "dcn_p", 47),
    "olive_dcn_p": ("inferior_olive", "dcn_p", 7),
    "olive_dcn_i": ("inferior_olive", "dcn_i", 7),
    "dcn_i_olive": ("dcn_i", "inferior_olive", 33),
}
_GLOMERULUS_GOLGI_UM = 50.0


@dataclass(frozen=True)
class Contacts:
    """Connected pairs of one projection.

    Attributes
    ----------
    pre, post
        Indices of the cells inside their populations.
    multiplicity
        Contacts that a pair makes; the weight of a pair is proportional to it.
    """

    pre: Indices
    post: Indices
    multiplicity: Floats

    def __len__(self) -> int:
        return len(self.pre)


@dataclass(frozen=True)
class Wiring:
    """The circuit in a box.

    Attributes
    ----------
    sizes
        Size of every population.
    positions_um
        Positions of the cells of the cortex, of shape (cells, 3).
    projections
        Connected pairs by the name of the projection.
    """

    sizes: Mapping[str, int]
    positions_um: Mapping[str, Floats]
    projections: Mapping[str, Contacts]


def _single(pairs: Pairs) -> Contacts:
    return Contacts(*pairs, np.ones(len(pairs[0])))


def _through(first: Pairs, second: Pairs, shape: tuple[int, int, int]) -> Contacts:
    """Join two projections at the cells between; parallel paths become contacts of one pair."""
    # Every rank reads scenarios, which needs this module; few ranks wire.
    from scipy.sparse import csr_array

    one = csr_array((np.ones(len(first[0])), first), shape=shape[:2])
    two = csr_array((np.ones(len(second[0])), second), shape=shape[1:])
    # Column-major order sorts by target, as everywhere.
    both = (one @ two).tocsc().sorted_indices().tocoo()
    return Contacts(both.row.astype(np.int64), both.col.astype(np.int64), both.data)


class _Wirer:
    """Makes the projections of one box in an order in which each finds what it builds on."""

    def __init__(self, box_um: Box, seed: int) -> None:
        self._box_um, self._seed = box_um, seed
        self.sizes = sizes(box_um)
        self.positions_um = place(box_um, seed)

    def _draw(self, projection: str) -> Generator:
        return Stream(self._seed, "cerebellum", "wiring", projection).at(0)

    def granular_layer(self) -> Iterator[tuple[str, Contacts]]:
        """Wire mossy fibres, glomeruli, granule and Golgi cells."""
        at_um, count = self.positions_um, self.sizes
        terminals_um = at_um["glomeruli"]
        mossy = fibre_of_terminal(
            at_um["mossy_fibres"], terminals_um, self._draw("mossy_glomerulus")
        )
        yield "mossy_glomerulus", _single(mossy)
        claws = dendrites(
            terminals_um, at_um["granule"], mossy[0], self._draw("glomerulus_granule")
        )
        yield "glomerulus_granule", _single(claws)
        basal = within(terminals_um, at_um["golgi"], _GLOMERULUS_GOLGI_UM)
        yield "glomerulus_golgi", _single(basal)
        axon = nearest_terminals(terminals_um, at_um["golgi"])
        shape = (count["golgi"], count["glomeruli"], count["granule"])
        yield "golgi_granule", _through(axon, claws, shape)

    def granule_axons(self) -> Iterator[tuple[str, Contacts]]:
        """Wire ascending axons and parallel fibres to Golgi and Purkinje cells and interneurons."""
        at_um = self.positions_um
        for name, reach in _GRANULE.items():
            target = name.partition("_")[2]
            pairs = strips(at_um["granule"], at_um[target], reach, self._box_um, self._draw(name))
            yield name, _single(pairs)

    def inhibition(self) -> Iterator[tuple[str, Contacts]]:
        """Wire Golgi cells and molecular interneurons."""
        for (source, target), reach in _INHIBITORY.items():
            name = f"{source}_{target}"
            pairs = neighbours(
                self.positions_um[source],
                self.positions_um[target],
                reach,
                self._draw(name),
                same=source == target,
            )
            yield name, _single(pairs)

    def nuclei(self) -> Iterator[tuple[str, Contacts]]:
        """Wire the nuclei and the olive with each other and with what drives them."""
        for name, (source, target, inputs) in _NUCLEAR.items():
            pairs = fixed_inputs(self.sizes[source], self.sizes[target], inputs, self._draw(name))
            yield name, _single(pairs)

    def climbing_fibres(
        self, to_purkinje: Mapping[str, Contacts]
    ) -> Iterator[tuple[str, Contacts]]:
        """Give each Purkinje cell one climbing fibre, and its interneurons the same one.

        An olivary cell serves neighbours along x, which makes its Purkinje cells a sagittal
        microzone.
        """
        olive, purkinje = self.sizes["inferior_olive"], self.sizes["purkinje"]
        by_x = np.argsort(self.positions_um["purkinje"][:, 0], kind="stable")
        fibre = np.empty(purkinje, np.int64)
        fibre[by_x] = np.arange(purkinje) * olive // purkinje
        cells = np.arange(purkinje, dtype=np.int64)
        yield "olive_purkinje", _single((fibre, cells))
        for kind in ("basket", "stellate"):
            onto = to_purkinje[f"{kind}_purkinje"]
            shape = (olive, purkinje, self.sizes[kind])
            met = _through((fibre, cells), (onto.post, onto.pre), shape)
            yield f"olive_{kind}", _single((met.pre, met.post))


def wire(box_um: Box, seed: int) -> Wiring:
    """Place the cells of a box of cortex and connect them by geometric rules.

    The rules reproduce the convergence that the Pavia group's reconstruction reports for every
    projection, without its morphologies. Every projection has its own random stream.

    Parameters
    ----------
    box_um
        Extent along x (medio-lateral) and y (sagittal).
    seed
        What distinguishes one circuit from another.
    """
    wirer = _Wirer(box_um, seed)
    projections = dict(wirer.granular_layer())
    projections.update(wirer.granule_axons())
    projections.update(wirer.inhibition())
    projections.update(wirer.nuclei())
    projections.update(wirer.climbing_fibres(projections))
    return Wiring(wirer.sizes, wirer.positions_um, projections)
