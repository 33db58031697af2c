"""Convergence of every projection beside the structure report of the published circuit."""

import numpy as np
import pytest

from cosim_nest.cerebellum.synapses import synapse_types
from cosim_nest.cerebellum.wiring import wire

#: Presynaptic partners of one target: mean and standard deviation over targets, from the
#: structure report of the Pavia group's awake canonical circuit in a box of 300 x 200 um.
PUBLISHED = {
    "glomerulus_golgi": (110, 31),
    "golgi_granule": (3.5, 1.6),
    "golgi_golgi": (20, 8),
    "ascending_golgi": (300, 110),
    "parallel_golgi": (1100, 310),
    "ascending_purkinje": (92, 24),
    "parallel_purkinje": (1500, 300),
    "parallel_stellate": (520, 160),
    "parallel_basket": (840, 140),
    "stellate_stellate": (14, 5),
    "basket_basket": (18, 8),
    "stellate_purkinje": (4.7, 2.4),
    "basket_purkinje": (11, 4),
}
EXACT = {"mossy_glomerulus": 1, "glomerulus_granule": 4, "olive_purkinje": 1}
#: Shares of the presynaptic population that the report gives instead of partners.
SHARES = {"purkinje_dcn_p": 0.375, "purkinje_dcn_i": 0.18, "mossy_dcn_p": 0.4, "olive_dcn_p": 0.5}
SHARES |= {"olive_dcn_i": 0.5, "dcn_i_olive": 0.5}
REFERENCE, LARGE = (300.0, 200.0), (600.0, 400.0)
#: Parallel fibres and dendrites lose more to the edges of a smaller box.
TOLERATED_SD = {LARGE: 0.5, REFERENCE: 0.5, (200.0, 150.0): 0.75, (150.0, 130.0): 0.85}
SEEDS = {LARGE: (1,), REFERENCE: (1,), (200.0, 150.0): (1, 2), (150.0, 130.0): (1, 2, 3, 4)}


def partners(wiring, name):
    """Return the number of sources of every target."""
    target = synapse_types()[name].target
    return np.bincount(wiring.projections[name].post, minlength=wiring.sizes[target])


@pytest.fixture(scope="module", params=SEEDS, ids=lambda box: f"{box[0]:g}x{box[1]:g}")
def box(request):
    return request.param


@pytest.fixture(scope="module")
def wirings(box):
    return [wire(box, seed) for seed in SEEDS[box]]


@pytest.mark.parametrize("name", PUBLISHED)
def test_convergence_is_the_published_one(box, wirings, name):
    mean, sd = PUBLISHED[name]
    numbers = np.concatenate([partners(w, name) for w in wirings])
    assert abs(numbers.mean() - mean) <= TOLERATED_SD[box] * sd


def test_convergence_is_exact_where_it_is_fixed(wirings):
    for wiring in wirings:
        for name, number in EXACT.items():
            assert set(partners(wiring, name)) == {number}


def test_the_nuclei_take_the_published_share():
    wiring = wire(REFERENCE, 1)
    for name, share in SHARES.items():
        expected = share * wiring.sizes[synapse_types()[name].source]
        assert partners(wiring, name).mean() == pytest.approx(expected, abs=0.6)


def test_golgi_inhibition_makes_the_published_number_of_contacts(wirings):
    for wiring in wirings:
        contacts = wiring.projections["golgi_granule"].multiplicity.sum()
        assert contacts / wiring.sizes["granule"] == pytest.approx(3.5 * 1.5, rel=0.15)


def test_divergence_of_glomeruli_and_fibres_is_the_published_one(wirings):
    for wiring in wirings:
        fibres, glomeruli = wiring.sizes["mossy_fibres"], wiring.sizes["glomeruli"]
        terminals = np.bincount(wiring.projections["mossy_glomerulus"].pre, minlength=fibres)
        assert terminals.mean() == pytest.approx(20, rel=0.05)
        assert 6 < terminals.std() < 14  # 9 is published
        claws = np.bincount(wiring.projections["glomerulus_granule"].pre, minlength=glomeruli)
        assert claws.mean() == pytest.approx(52, rel=0.02)
        assert claws.std() < 30
