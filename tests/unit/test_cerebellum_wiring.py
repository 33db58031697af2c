"""Counts, positions and connections of the cerebellar circuit, without NEST."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cosim_nest.cerebellum import rules
from cosim_nest.cerebellum.circuit import CEREBELLAR_CIRCUIT
from cosim_nest.cerebellum.geometry import sizes
from cosim_nest.cerebellum.parameters import CerebellarParameters
from cosim_nest.cerebellum.rules import Reach, fixed_inputs, neighbours, strips, within
from cosim_nest.cerebellum.synapses import synapse_types
from cosim_nest.cerebellum.wiring import wire

SMALL = (120.0, 100.0)
#: Half widths in um along x and y inside which granule cells and interneurons find targets.
REACH_UM = {
    "ascending_golgi": (40, 40),
    "parallel_golgi": (1000, 50),
    "ascending_purkinje": (15, 70),
    "parallel_purkinje": (1000, 70),
    "parallel_stellate": (1000, 40),
    "parallel_basket": (1000, 50),
    "golgi_golgi": (150, 150),
    "stellate_stellate": (100, 60),
    "basket_basket": (100, 100),
    "stellate_purkinje": (60, 80),
    "basket_purkinje": (100, 100),
}
seeds = st.integers(0, 2**31 - 1)


@pytest.fixture(scope="module")
def circuit():
    return wire(SMALL, 1)


def ends(name):
    synapse = synapse_types()[name]
    return synapse.source, synapse.target


def test_every_projection_has_synapses_and_fits_its_populations(circuit):
    assert set(circuit.projections) == set(synapse_types())
    for name, pairs in circuit.projections.items():
        source, target = ends(name)
        assert len(pairs) == len(pairs.post) == len(pairs.multiplicity) > 0
        assert 0 <= pairs.pre.min() <= pairs.pre.max() < circuit.sizes[source]
        assert 0 <= pairs.post.min() <= pairs.post.max() < circuit.sizes[target]
        assert pairs.multiplicity.min() >= 1


def test_no_pair_occurs_twice_and_no_cell_connects_to_itself(circuit):
    for name, pairs in circuit.projections.items():
        both = pairs.pre * (pairs.post.max() + 1) + pairs.post
        assert len(np.unique(both)) == len(both), name
        source, target = ends(name)
        assert source != target or not (pairs.pre == pairs.post).any()


def test_cells_lie_in_the_box(circuit):
    for name, at_um in circuit.positions_um.items():
        assert at_um.shape == (circuit.sizes[name], 3)
        assert (at_um >= 0).all()
        assert (at_um <= (*SMALL, 130.0)).all()


@pytest.mark.parametrize("name", REACH_UM)
def test_partners_lie_within_reach(circuit, name):
    source, target = ends(name)
    pairs = circuit.projections[name]
    pre_um, post_um = circuit.positions_um[source], circuit.positions_um[target]
    apart_um = np.abs(pre_um[pairs.pre] - post_um[pairs.post])[:, :2]
    assert (apart_um <= REACH_UM[name]).all()


def test_parallel_fibres_cross_the_box_along_x_but_not_along_y():
    wide = wire((400.0, 200.0), 2)
    pairs = wide.projections["parallel_stellate"]
    cells_um, targets_um = wide.positions_um["granule"], wide.positions_um["stellate"]
    apart_um = np.abs(cells_um[pairs.pre] - targets_um[pairs.post])
    assert apart_um[:, 0].max() > 350
    assert apart_um[:, 1].max() <= 40


def test_every_granule_cell_has_four_dendrites_of_four_mossy_fibres(circuit):
    claws = circuit.projections["glomerulus_granule"]
    mossy = circuit.projections["mossy_glomerulus"]
    fibre = np.empty(circuit.sizes["glomeruli"], int)
    fibre[mossy.post] = mossy.pre
    assert (np.bincount(claws.post, minlength=circuit.sizes["granule"]) == 4).all()
    for cell in range(0, circuit.sizes["granule"], 7):
        assert len(set(fibre[claws.pre[claws.post == cell]])) == 4


def test_golgi_cells_reach_granule_cells_through_their_forty_nearest_glomeruli(circuit):
    claws, inhibition = (
        circuit.projections[name] for name in ("glomerulus_granule", "golgi_granule")
    )
    terminals_um, golgi_um = circuit.positions_um["glomeruli"], circuit.positions_um["golgi"]
    contacts = np.zeros((circuit.sizes["golgi"], circuit.sizes["granule"]))
    for golgi, here_um in enumerate(golgi_um):
        distance_um = np.linalg.norm(terminals_um - here_um, axis=1)
        for terminal in np.argsort(distance_um)[:40]:
            np.add.at(contacts[golgi], claws.post[claws.pre == terminal], 1)
    found = np.zeros_like(contacts)
    found[inhibition.pre, inhibition.post] = inhibition.multiplicity
    assert found.tolist() == contacts.tolist()
    assert found.max() > 1


def test_basal_dendrites_take_all_glomeruli_within_fifty_micrometres(circuit):
    terminals_um, golgi_um = circuit.positions_um["glomeruli"], circuit.positions_um["golgi"]
    basal = circuit.projections["glomerulus_golgi"]
    distance_um = np.linalg.norm(golgi_um[:, None] - terminals_um, axis=2)
    expected = {(int(t), int(g)) for g, t in np.argwhere(distance_um <= 50.0)}
    assert set(zip(basal.pre.tolist(), basal.post.tolist(), strict=True)) == expected


def test_olivary_cells_serve_neighbouring_purkinje_cells():
    circuit = wire((300.0, 200.0), 3)
    climbing = circuit.projections["olive_purkinje"]
    assert climbing.post.tolist() == list(range(circuit.sizes["purkinje"]))
    shares = np.bincount(climbing.pre, minlength=circuit.sizes["inferior_olive"])
    assert shares.max() - shares.min() <= 1
    x_um = circuit.positions_um["purkinje"][:, 0]
    assert (np.diff(climbing.pre[np.argsort(x_um)]) >= 0).all()


@pytest.mark.parametrize("kind", ["basket", "stellate"])
def test_a_climbing_fibre_reaches_the_interneurons_of_its_purkinje_cells(circuit, kind):
    climbing = circuit.projections["olive_purkinje"]
    fibre = dict(zip(climbing.post.tolist(), climbing.pre.tolist(), strict=True))
    onto = circuit.projections[f"{kind}_purkinje"]
    expected = {(fibre[p], i) for i, p in zip(onto.pre.tolist(), onto.post.tolist(), strict=True)}
    reached = circuit.projections[f"olive_{kind}"]
    assert set(zip(reached.pre.tolist(), reached.post.tolist(), strict=True)) == expected
    assert set(reached.multiplicity) == {1.0}


def test_nuclear_cells_take_what_there_is_when_a_box_is_small(circuit):
    for name, inputs in (("purkinje_dcn_p", 26), ("mossy_dcn_p", 47), ("dcn_i_olive", 33)):
        source, target = ends(name)
        pairs = circuit.projections[name]
        per_cell = np.bincount(pairs.post, minlength=circuit.sizes[target])
        assert set(per_cell) == {min(inputs, circuit.sizes[source])}


def test_the_seed_decides_all(circuit):
    again, other = wire(SMALL, 1), wire(SMALL, 2)
    for name, pairs in circuit.projections.items():
        same = again.projections[name]
        assert np.array_equal(pairs.pre, same.pre)
        assert np.array_equal(pairs.post, same.post)
        assert np.array_equal(pairs.multiplicity, same.multiplicity)
    assert other.sizes == circuit.sizes
    differing = [
        name
        for name, pairs in circuit.projections.items()
        if not np.array_equal(pairs.pre, other.projections[name].pre)
    ]
    # Divergence is complete where a small population offers no choice.
    assert {"mossy_glomerulus", "glomerulus_granule", "parallel_purkinje"} <= set(differing)


def test_a_box_of_several_columns_is_the_same_for_the_same_seed():
    one, again = wire((900.0, 100.0), 1), wire((900.0, 100.0), 1)
    for name, pairs in one.projections.items():
        assert np.array_equal(pairs.pre, again.projections[name].pre)
        assert np.array_equal(pairs.post, again.projections[name].post)
        both = pairs.pre * (pairs.post.max() + 1) + pairs.post
        assert len(np.unique(both)) == len(both), name


def test_counts_of_the_reference_box():
    assert sizes((300.0, 200.0)) == {
        "mossy_fibres": 117,
        "glomeruli": 2340,
        "granule": 30420,
        "golgi": 70,
        "purkinje": 69,
        "basket": 150,
        "stellate": 300,
        "dcn_p": 119,
        "dcn_i": 67,
        "inferior_olive": 14,
    }


@given(x=st.floats(120, 3000), y=st.floats(100, 3000), tiles=st.integers(2, 5))
def test_a_box_holds_as_many_cells_as_its_tiles(x, y, tiles):
    one, all_tiles = sizes((x, y)), sizes((x * tiles, y))
    for name, count in one.items():
        # The olive's cells are a share of the rounded number of Purkinje cells.
        slack = 0.5 * tiles + 1 + (0.2 * (0.5 * tiles + 1) if name == "inferior_olive" else 0)
        assert abs(all_tiles[name] - tiles * count) <= slack, name


@settings(max_examples=30)
@given(seed=seeds, inputs=st.floats(1, 60), half_um=st.floats(5, 80), same=st.booleans())
def test_neighbours_are_distinct_and_near(seed, inputs, half_um, same):
    draw = np.random.default_rng(seed)
    cells_um = draw.random((50, 3)) * 100
    pre, post = neighbours(cells_um, cells_um, Reach(inputs, half_um, 40), draw, same=same)
    assert len(set(zip(pre.tolist(), post.tolist(), strict=True))) == len(pre)
    apart_um = np.abs(cells_um[pre] - cells_um[post])
    assert (apart_um[:, 0] <= half_um).all()
    assert (apart_um[:, 1] <= 40).all()
    assert not same or (pre != post).all()


@settings(max_examples=30)
@given(seed=seeds, sources=st.integers(1, 40), targets=st.integers(1, 20), k=st.integers(1, 60))
def test_fixed_inputs_are_distinct_and_complete(seed, sources, targets, k):
    pre, post = fixed_inputs(sources, targets, k, np.random.default_rng(seed))
    assert len(set(zip(pre.tolist(), post.tolist(), strict=True))) == len(pre)
    assert np.bincount(post, minlength=targets).tolist() == [min(k, sources)] * targets


def test_a_target_far_from_edges_gets_the_inputs_it_should():
    draw, box_um = np.random.default_rng(4), (400.0, 400.0)
    sources_um = draw.random((20_000, 3)) * (*box_um, 0)
    centre_um = np.full((200, 3), 200.0)
    pre, post = strips(sources_um, centre_um, Reach(300, 60, 40), box_um, draw)
    numbers = np.bincount(post, minlength=200)
    # Targets share the few sources within reach, whose number is itself a draw.
    assert numbers.mean() == pytest.approx(300, rel=0.1)
    corner = strips(sources_um, np.zeros((200, 3)), Reach(300, 60, 40), box_um, draw)
    assert len(corner[0]) == pytest.approx(len(pre) / 4, rel=0.25)


@settings(max_examples=40)
@given(
    seed=seeds,
    width_um=st.floats(100, 1500),
    x_um=st.floats(5, 900),
    y_um=st.floats(5, 80),
    even=st.booleans(),
)
def test_strips_miss_none_that_is_within_reach(seed, width_um, x_um, y_um, even):
    draw, box_um = np.random.default_rng(seed), (width_um, 100.0)
    sources_um, targets_um = (draw.random((n, 3)) * (*box_um, 0) for n in (60, 20))
    # So many inputs are asked for that every source within reach is one.
    certain = Reach(1e6, x_um, y_um, even)
    pre, post = strips(sources_um, targets_um, certain, box_um, draw)
    apart_um = np.abs(targets_um[:, None] - sources_um)[..., :2]
    expected = np.argwhere((apart_um <= (x_um, y_um)).all(axis=2))
    assert sorted(np.column_stack((post, pre)).tolist()) == expected.tolist()


def test_parallel_fibres_reach_the_ends_of_a_wide_box_as_often_as_its_middle():
    draw, box_um = np.random.default_rng(6), (3000.0, 100.0)
    sources_um = draw.random((30_000, 3)) * (*box_um, 0)
    targets_um = np.full((300, 3), 50.0)
    targets_um[:, 0] = np.linspace(0, 3000, 300)
    inputs = {}
    for even in (True, False):
        reach = Reach(300, 1000, 25, even)
        inputs[even] = np.bincount(strips(sources_um, targets_um, reach, box_um, draw)[1])
    ends, middle = [*range(20), *range(280, 300)], slice(110, 190)
    assert inputs[True][ends].mean() == pytest.approx(300, rel=0.05)
    assert inputs[True][middle].mean() == pytest.approx(300, rel=0.05)
    assert inputs[False][ends].mean() < 0.6 * inputs[False][middle].mean()


@settings(max_examples=30)
@given(seed=seeds, radius_um=st.floats(1, 200))
def test_within_finds_all_pairs_in_order(seed, radius_um):
    draw = np.random.default_rng(seed)
    pre_um, post_um = draw.random((30, 3)) * 100, draw.random((20, 3)) * 100
    pre, post = within(pre_um, post_um, radius_um)
    distance_um = np.linalg.norm(post_um[:, None] - pre_um, axis=2)
    assert np.column_stack((post, pre)).tolist() == np.argwhere(distance_um <= radius_um).tolist()


def test_wiring_does_not_depend_on_how_many_cells_are_wired_at_a_time(circuit, monkeypatch):
    monkeypatch.setattr(rules, "_CHUNK", 37)
    again = wire(SMALL, 1).projections["glomerulus_granule"]
    claws = circuit.projections["glomerulus_granule"]
    assert np.array_equal(again.pre, claws.pre)
    assert np.array_equal(again.post, claws.post)


@pytest.mark.parametrize(
    ("parts", "without"),
    [
        (["cortex", "nuclei", "olive"], set()),
        (["cortex", "nuclei"], {"inferior_olive"}),
        (["olive", "cortex"], {"dcn_p", "dcn_i"}),
        (["cortex"], {"dcn_p", "dcn_i", "inferior_olive"}),
    ],
)
def test_parts_may_be_left_out(parts, without):
    given = CerebellarParameters.model_validate({"parts": parts})
    everything = sizes(given.box)
    kept = {name: size for name, size in everything.items() if name not in without}
    assert CEREBELLAR_CIRCUIT.populations(given) == kept


@pytest.mark.parametrize(
    ("name", "state", "weight_nS"),
    [
        ("golgi_golgi", "awake", 1.12),
        ("stellate_purkinje", "vitro", 1.615),
        ("olive_purkinje", "awake", 800.0),
        ("olive_purkinje", "vitro", 300.0),
        ("parallel_purkinje", "awake", 0.14),
        ("parallel_purkinje", "vitro", 0.05),
    ],
)
def test_one_connection_stands_for_all_synapses_of_a_pair(name, state, weight_nS):
    assert synapse_types()[name].pair_weight_nS(state) == pytest.approx(weight_nS)


def test_inhibition_is_a_receptor_and_delays_are_whole_milliseconds():
    inhibitory = {"golgi", "stellate", "basket", "purkinje", "dcn_i"}
    for synapse in synapse_types().values():
        assert (synapse.receptor == 2) == (synapse.source in inhibitory)
        assert (synapse.receptor == 0) == (synapse.target == "glomeruli")
        assert synapse.delay >= 1
        assert synapse.delay == round(synapse.delay)
        assert min(synapse.vitro, synapse.awake) > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"box": ["100 um", "150 um"]}, "greater than or equal to 120"),
        ({"box": ["200 um", "0.05 mm"]}, "greater than or equal to 100"),
        ({"box": [200, 150]}, "the unit is missing"),
        ({"background": "-1 Hz"}, "greater than or equal to 0"),
        ({"parts": ["nuclei"]}, "the cortex is missing"),
        ({"parts": ["cortex", "cortex"]}, "stands twice"),
        ({"parts": ["cortex", "pons"]}, "'cortex', 'nuclei' or 'olive'"),
        ({"state": "asleep"}, "'awake' or 'vitro'"),
        ({"neuron": "lif"}, "'auto', 'eglif' or 'stand_in'"),
        ({"weight_scales": {"golgi_granul": 0}}, "did you mean 'golgi_granule'"),
        ({"weight_scales": {"golgi_granule": -1}}, "greater than or equal to 0"),
    ],
)
def test_wrong_parameters_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        CerebellarParameters.model_validate(given)
