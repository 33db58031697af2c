"""Write a synthetic human connectome of 126 regions with a cerebellum, in TVB's zip format.

Its regions and the sums of its blocks are those of the brain in Lorenzi et al. 2025 (npj Syst
Biol Appl 11:66), whose own connectome belongs to others: 93 cerebral regions of the AAL atlas
and 33 of the cerebellum, SUIT atlas, in the order of that brain. It is no data of anybody and
tells nothing about single tracts; it is for tests and demonstrations.

Taken from that brain: number, names and order of regions; sum of weights and mean tract length
of every block but two; the density of the cerebral block; cerebello-cerebral tracts only to the
other side; Purkinje tracts to the nuclei ten times as heavy as those back.

Chosen here, for want of something better:

- centres are those of the atlases, rounded; the right side mirrors the left;
- a weight is exp(-distance / 30 mm) times a log-normal number (sigma 1), scaled to the block's
  sum and capped at 1: weights fall with distance and spread over orders of magnitude;
- a length is the distance between the centres, times a log-normal detour (sigma 0.1), scaled to
  the block's mean;
- within cerebrum and within cerebellar cortex there is the same both ways, for tractography
  knows no direction;
- half of the possible cerebello-cerebral tracts exist, the strongest;
- brain stem and vermis belong to both sides;
- Purkinje cells go to nuclei of their own side: hemispheres to dentate and interposed, vermis
  and lobule X to fastigial; every nucleus gets the same sum;
- tracts between nuclei and cerebrum are as long as those of cerebellar cortex.

Run ``python tools/make_connectome_126.py`` to write the file anew; the same seed gives the same
bytes.
"""

from __future__ import annotations

import argparse
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 103
TARGET = Path(__file__).parents[1] / "configs" / "connectomes" / "synthetic_126.zip"

DECAY_MM = 30.0
SPREAD = 1.0
DETOUR = 0.1
SHORTEST_MM = 5.0

# Left side: name, and centre in mm (right, anterior, superior of the anterior commissure).
CORTEX = """
Precentral -39 -6 51 | Frontal_Sup -18 35 42 | Frontal_Sup_Orb -17 47 -13 | Frontal_Mid -33 33 35
Frontal_Mid_Orb -31 50 -10 | Frontal_Inf_Oper -48 13 19 | Frontal_Inf_Tri -46 30 14
Frontal_Inf_Orb -36 31 -12 | Rolandic_Oper -47 -8 14 | Supp_Motor_Area -5 5 61 | Olfactory -8 15 -11
Frontal_Sup_Medial -5 49 31 | Frontal_Med_Orb -5 54 -7 | Rectus -5 37 -18 | Insula -35 7 3
Cingulum_Ant -4 35 14 | Cingulum_Mid -5 -15 42 | Cingulum_Post -5 -43 25
ParaHippocampal -21 -16 -21 | Calcarine -7 -79 6 | Cuneus -6 -80 27
Lingual -15 -68 -5 | Occipital_Sup -17 -84 28
Occipital_Mid -32 -81 16 | Occipital_Inf -36 -78 -8 | Fusiform -31 -40 -20 | Postcentral -42 -23 49
Parietal_Sup -23 -60 59 | Parietal_Inf -43 -46 47 | SupraMarginal -56 -34 30 | Angular -44 -61 36
Precuneus -7 -56 48 | Paracentral_Lobule -8 -25 70 | Heschl -42 -19 10 | Temporal_Sup -53 -21 7
Temporal_Pole_Sup -40 15 -20 | Temporal_Mid -56 -34 -2 | Temporal_Pole_Mid -36 15 -34
Temporal_Inf -50 -28 -23
"""
SUBCORTEX = """
Thalamus -11 -18 8 | Caudate -11 11 9 | Putamen -24 4 2 | Pallidum -18 0 0 | Hippocampus -25 -21 -10
Amygdala -23 -1 -17 | Accumbens -9 12 -7
"""
LOBULES = """
I_IV -8 -45 -16 | V -16 -50 -18 | VI -24 -60 -24 | Crus_I -38 -67 -32 | Crus_II -30 -74 -42
VIIb -26 -68 -50 | VIIIa -26 -58 -52 | VIIIb -18 -50 -54 | IX -7 -52 -48 | X -21 -37 -44
"""
NUCLEI = "Dentate -16 -57 -36 | Interposed -8 -56 -33 | Fastigial -4 -54 -31"
VERMIS = """
VI 0 -72 -20 | Crus_II 0 -75 -31 | VIIb 0 -69 -31 | VIIIa 0 -67 -37 | VIIIb 0 -63 -43 | IX 0 -55 -36
X 0 -48 -33
"""
BRAIN_STEM = "Brain_Stem 0 -28 -32"

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """A node.

    Parameters
    ----------
    label
        Its name.
    centre
        In mm: right, anterior, superior.
    kind
        ``cerebrum``, ``lobule`` (of the cerebellar cortex) or ``nucleus``.
    side
        -1 left, 1 right, 0 both.
    """

    label: str
    centre: tuple[float, float, float]
    kind: str
    side: int


@dataclass(frozen=True)
class Block:
    """All tracts from one kind of region to another.

    Parameters
    ----------
    target, source
        Kinds.
    total
        Sum of the weights.
    length_mm
        Mean over the tracts.
    density
        Fraction of the possible tracts that exist.
    both_ways
        Whether the block, onto its own kind, is symmetric.
    """

    target: str
    source: str
    total: float
    length_mm: float
    density: float
    both_ways: bool = False


BLOCKS = (
    Block("cerebrum", "cerebrum", 172.5, 134.0, 0.94, both_ways=True),
    Block("lobule", "lobule", 6.30, 42.0, 1.0, both_ways=True),
    Block("lobule", "cerebrum", 0.0119, 125.0, 0.5),
    Block("cerebrum", "lobule", 0.0425, 159.0, 0.5),
    Block("nucleus", "cerebrum", 2.7e-4, 125.0, 0.5),
    Block("cerebrum", "nucleus", 2.2e-4, 159.0, 0.5),
    Block("nucleus", "lobule", 2.96, 53.0, 1.0),
)
#: Weight of a tract from nucleus to lobule per weight of the one from lobule to nucleus.
NUCLEUS_TO_LOBULE = 0.1


def regions() -> list[Region]:
    """Return the 126 regions in their order."""

    def some(table: str, kind: str, side: int, name: str) -> list[Region]:
        found = []
        for entry in table.replace("\n", " | ").split(" | "):
            if entry.strip():
                label, x, y, z = entry.split()
                centre = (float(x) * (-side or 1), float(y), float(z))
                found.append(Region(name.format(label), centre, kind, side))
        return found

    return [
        *some(CORTEX, "cerebrum", -1, "{}_L"),
        *some(SUBCORTEX, "cerebrum", -1, "{}_L"),
        *some(BRAIN_STEM, "cerebrum", 0, "{}"),
        *some(SUBCORTEX, "cerebrum", 1, "{}_R"),
        *some(CORTEX, "cerebrum", 1, "{}_R"),
        *some(LOBULES, "lobule", -1, "Left_{}"),
        *some(NUCLEI, "nucleus", -1, "Left_{}"),
        *some(VERMIS, "lobule", 0, "Vermis_{}"),
        *some(NUCLEI, "nucleus", 1, "Right_{}"),
        *some(LOBULES, "lobule", 1, "Right_{}"),
    ]


def possible(block: Block, nodes: list[Region]) -> Mask:
    """Return which tracts of a block anatomy allows, shape (regions, regions), [target, source]."""

    def allowed(target: Region, source: Region) -> bool:
        if (target.kind, source.kind) != (block.target, block.source) or target is source:
            return False
        if target.kind == source.kind:
            return True
        if "cerebrum" in (target.kind, source.kind):
            return target.side * source.side <= 0
        return corticonuclear(source, target)

    return np.array([[allowed(t, s) for s in nodes] for t in nodes])


def corticonuclear(lobule: Region, nucleus: Region) -> bool:
    """Return whether Purkinje cells of a lobule reach a nucleus."""
    if lobule.side == 0:
        return nucleus.label.endswith("Fastigial")
    same_side = lobule.side == nucleus.side
    return same_side and nucleus.label.endswith("Fastigial") == lobule.label.endswith("_X")


def connectome(nodes: list[Region], seed: int) -> tuple[Matrix, Matrix]:
    """Return weights and tract lengths (mm), both of shape (regions, regions), [target, source]."""
    centres = np.array([r.centre for r in nodes])
    distances_mm = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    # The stream of RandomState is the same in every version of numpy.
    rng = np.random.RandomState(seed)
    weights, lengths = np.zeros_like(distances_mm), np.zeros_like(distances_mm)
    for block in BLOCKS:
        mask = possible(block, nodes)
        noise = rng.standard_normal((2, *mask.shape))
        if block.both_ways:
            noise = np.triu(noise) + np.transpose(np.triu(noise, 1), (0, 2, 1))
        strength = np.where(mask, np.exp(-distances_mm / DECAY_MM + SPREAD * noise[0]), 0.0)
        mask &= strength >= np.quantile(strength[mask], 1.0 - block.density)
        strength = np.where(mask, strength, 0.0)
        if block.target == "nucleus":
            strength /= np.maximum(strength.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        weights += capped(strength, block.total)
        path_mm = np.maximum(distances_mm, SHORTEST_MM) * np.exp(DETOUR * noise[1])
        lengths += np.where(mask, path_mm * block.length_mm / path_mm[mask].mean(), 0.0)
    nucleus = np.array([r.kind == "nucleus" for r in nodes])
    lobule = np.array([r.kind == "lobule" for r in nodes])
    back, forth = np.ix_(lobule, nucleus), np.ix_(nucleus, lobule)
    weights[back] = NUCLEUS_TO_LOBULE * weights[forth].T
    lengths[back] = lengths[forth].T
    return weights, lengths


def capped(strength: Matrix, total: float) -> Matrix:
    """Scale numbers to a sum, none of them above 1."""
    result = strength * (total / strength.sum())
    while result.max() > 1.0:
        over = result >= 1.0
        result[over] = 1.0
        result[~over] *= (total - over.sum()) / result[~over].sum()
    return result


def write(path: Path, seed: int = SEED) -> None:
    """Write the connectome.

    Parameters
    ----------
    path
        The zip file.
    seed
        Of weights and lengths.
    """
    nodes = regions()
    weights, lengths = connectome(nodes, seed)
    members = {
        "weights.txt": table(weights, "%.4g"),
        "tract_lengths.txt": table(lengths, "%.4g"),
        "centres.txt": "".join(f"{r.label} {r.centre[0]:g} {r.centre[1]:g} {r.centre[2]:g}\n"
                               for r in nodes),
        "hemispheres.txt": "".join(f"{int(r.centre[0] > 0)}\n" for r in nodes),
        "info.txt": f"synthetic, seed {seed}; written by tools/make_connectome_126.py\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            member = zipfile.ZipInfo(name)
            member.create_system, member.external_attr = 3, 0o644 << 16
            # Unlike deflate, bzip2 has one encoder, so that bytes are the same everywhere.
            member.compress_type = zipfile.ZIP_BZIP2
            archive.writestr(member, text)


def table(matrix: Matrix, form: str) -> str:
    """Return a matrix as text, one row a line."""
    return "".join(" ".join(form % value for value in row) + "\n" for row in matrix)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Write the synthetic connectome of 126 regions.")
    parser.add_argument("path", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    write(given.path, given.seed)


if __name__ == "__main__":
    main()
