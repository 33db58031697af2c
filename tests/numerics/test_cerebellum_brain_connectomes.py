"""The connectomes of brains with a cerebellum, against what they say of themselves."""

import runpy

import cerebellum_brain_pieces as pieces
import numpy as np
import pytest
import yaml

from cosim.plan.build import open_case
from cosim.scenario.connectome import read_zip

SIDE = {"L": "l", "R": "r"}
OTHER = {"L": "R", "R": "L"}


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(pieces.ROOT / "tools" / "make_connectome_126.py"))


@pytest.fixture(scope="module")
def brain():
    return read_zip(pieces.CONNECTOME_126)


@pytest.fixture(scope="module")
def places(tool):
    """Regions of each kind: cerebrum, lobule, nucleus."""
    kinds = np.array([r.kind for r in tool["regions"]()])
    return {kind: np.flatnonzero(kinds == kind) for kind in ("cerebrum", "lobule", "nucleus")}


def test_the_tool_writes_the_same_bytes(tool, tmp_path):
    tool["write"](tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == pieces.CONNECTOME_126.read_bytes()
    tool["write"](tmp_path / "other.zip", seed=1)
    assert (tmp_path / "other.zip").read_bytes() != pieces.CONNECTOME_126.read_bytes()


def test_regions_stand_in_the_published_order(brain, places):
    labels, *_ = brain
    assert len(labels) == 126
    assert (labels[0], labels[38], labels[39], labels[46]) == (
        "Precentral_L",
        "Temporal_Inf_L",
        "Thalamus_L",
        "Brain_Stem",
    )
    assert (labels[47], labels[54], labels[92]) == ("Thalamus_R", "Precentral_R", "Temporal_Inf_R")
    assert places["cerebrum"].tolist() == list(range(93))
    assert places["nucleus"].tolist() == [103, 104, 105, 113, 114, 115]
    assert [labels[i] for i in (93, 102, 106, 112, 116, 125)] == [
        "Left_I_IV",
        "Left_X",
        "Vermis_VI",
        "Vermis_X",
        "Right_I_IV",
        "Right_X",
    ]


# Sums and mean lengths in mm of Lorenzi et al. 2025; None where they say nothing.
@pytest.mark.parametrize(
    ("target", "source", "total", "length_mm"),
    [
        ("cerebrum", "cerebrum", 172.5, 134.0),
        ("lobule", "cerebrum", 0.0119, 125.0),
        ("cerebrum", "lobule", 0.0425, 159.0),
        ("lobule", "lobule", 6.30, 42.0),
        ("nucleus", "lobule", 2.96, 53.0),
        ("lobule", "nucleus", 0.296, 53.0),
        ("nucleus", "cerebrum", 2.7e-4, None),
        ("cerebrum", "nucleus", 2.2e-4, None),
    ],
)
def test_blocks_have_the_published_sums(target, source, total, length_mm, brain, places):
    _, weights, lengths, _ = brain
    block = np.ix_(places[target], places[source])
    present = weights[block] > 0
    assert weights[block].sum() == pytest.approx(total, rel=1e-3)
    assert (lengths[block] > 0).tolist() == present.tolist()
    if length_mm is not None:
        assert lengths[block][present].mean() == pytest.approx(length_mm, rel=1e-3)


def test_weights_are_fractions_and_no_region_joins_itself(brain, places):
    _, weights, lengths, _ = brain
    assert weights.min() == 0.0
    assert 0.1 < weights.max() <= 1.0
    assert not np.diag(weights).any()
    assert not np.diag(lengths).any()
    assert not weights[np.ix_(places["nucleus"], places["nucleus"])].any()
    cerebral = weights[np.ix_(places["cerebrum"], places["cerebrum"])] > 0
    assert cerebral.sum() / (93 * 92) == pytest.approx(0.94, abs=0.002)


@pytest.mark.parametrize("kind", ["cerebrum", "lobule"])
def test_tractography_knows_no_direction(kind, brain, places):
    _, weights, lengths, _ = brain
    block = np.ix_(places[kind], places[kind])
    for matrix in (weights[block], lengths[block]):
        np.testing.assert_array_equal(matrix, matrix.T)


def side_of(label):
    sides = {"Left": -1, "L": -1, "Right": 1, "R": 1, "Vermis": 0, "Stem": 0}
    words = label.split("_")
    return sides[words[0]] if words[0] in sides else sides[words[-1]]


def test_cerebellum_and_cerebrum_join_across_the_midline(brain, places):
    labels, weights, _, _ = brain
    cerebellar = {*places["lobule"], *places["nucleus"]}
    crossing = 0
    for target, source in np.argwhere(weights > 0):
        if (target in cerebellar) != (source in cerebellar):
            product = side_of(labels[target]) * side_of(labels[source])
            assert product <= 0, (labels[source], labels[target])
            crossing += product < 0
    assert crossing > 500


def test_nuclei_answer_the_purkinje_cells_that_reach_them(brain, places):
    labels, weights, _, _ = brain
    forth = weights[np.ix_(places["nucleus"], places["lobule"])]
    back = weights[np.ix_(places["lobule"], places["nucleus"])]
    np.testing.assert_allclose(back, 0.1 * forth.T, rtol=1e-3)
    np.testing.assert_allclose(forth.sum(axis=1), 2.96 / 6, rtol=1e-3)
    assert (forth > 0).any(axis=0).all()
    for row, column in np.argwhere(forth > 0):
        nucleus, lobule = labels[places["nucleus"][row]], labels[places["lobule"][column]]
        assert side_of(lobule) in (0, side_of(nucleus))


def test_sides_mirror_each_other(brain):
    labels, _, _, centres = brain
    for label, centre in zip(labels, centres, strict=True):
        assert np.sign(centre[0]) == side_of(label)
        twin = label.replace("Left_", "Right_")
        twin = f"{twin[:-2]}_R" if twin.endswith("_L") else twin
        np.testing.assert_array_equal(
            centre * [-1 if twin != label else 1, 1, 1], centres[labels.index(twin)]
        )


def test_tvb_reads_the_file(brain):
    from cosim_tvb.library import Connectivity

    labels, weights, lengths, centres = brain
    read = Connectivity.from_file(str(pieces.CONNECTOME_126))
    assert tuple(read.region_labels) == labels
    np.testing.assert_array_equal(read.weights, weights)
    np.testing.assert_array_equal(read.tract_lengths, lengths)
    np.testing.assert_array_equal(read.centres, centres)


def overlay(name):
    return yaml.safe_load((pieces.CONFIGS / "overlays" / name).read_text())


def tracts_with_olive():
    names = ("cerebellum_76.yaml", "cerebellum_76_olive.yaml")
    return [tract for name in names for tract in overlay(name)["tracts"]]


def test_the_overlay_of_the_olive_adds_nothing_but_the_olive():
    olive = overlay("cerebellum_76_olive.yaml")
    new = {r["label"] for r in olive["add"]}
    assert new == {"IO_L", "IO_R"}
    assert all(new & {t["from"], t["to"]} for t in olive["tracts"])


def weight(tracts, source, target):
    return sum(t["weight"] for t in tracts if (t["from"], t["to"]) == (source, target))


@pytest.mark.parametrize("side", ["L", "R"])
def test_overlay_pathways_cross_where_anatomy_does(side):
    tracts = tracts_with_olive()
    cortical = {t["from"] for t in tracts if t["to"] == f"CbCtx_{side}"} - {f"IO_{OTHER[side]}"}
    assert {label[0] for label in cortical} == {SIDE[OTHER[side]]}
    for target in (f"CbCtx_{side}", f"CbNuc_{side}"):
        assert sum(weight(tracts, c, target) for c in cortical) == pytest.approx(1.0)
    assert weight(tracts, f"CbCtx_{side}", f"CbNuc_{side}") == 1.0
    assert weight(tracts, f"CbCtx_{side}", f"CbNuc_{OTHER[side]}") == 0.0
    driven = {t["to"] for t in tracts if t["from"] == f"CbNuc_{side}"} - {f"IO_{OTHER[side]}"}
    assert f"{SIDE[OTHER[side]]}M1" in driven
    assert {label[0] for label in driven} == {SIDE[OTHER[side]]}
    olivary = {t["from"] for t in tracts if t["to"] == f"IO_{side}"} - {f"CbNuc_{OTHER[side]}"}
    assert {label[0] for label in olivary} == {SIDE[side]}
    assert sum(weight(tracts, c, f"IO_{side}") for c in olivary) == pytest.approx(1.0)


def test_overlay_sides_are_alike():
    def mirrored(label):
        sides = {"r": "l", "l": "r", "L": "R", "R": "L"}
        return (
            f"{label[:-1]}{sides[label[-1]]}" if "_" in label else f"{sides[label[0]]}{label[1:]}"
        )

    tracts = tracts_with_olive()
    found = {(t["from"], t["to"], t["weight"], t["length"]) for t in tracts}
    assert len(found) == len(tracts)
    assert {(mirrored(a), mirrored(b), *numbers) for a, b, *numbers in found} == found


@pytest.mark.parametrize("path", [pieces.BRAIN_76, pieces.BRAIN_126], ids=["76", "126"])
def test_borders_let_simulators_run_ahead(path):
    _, plan = open_case(path)
    assert plan.clock.ms(plan.clock.window) >= 2.0
    assert plan.borders
    assert min(b.lag for b in plan.borders) >= 2
