"""The input of spiking regions, for many steps at once, is TVB's own for each."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim_tvb import library
from cosim_tvb.afferents import EdgeHistory, Rows

COUPLINGS = {
    "Linear": {"a": np.array([0.035]), "b": np.array([0.1])},
    "Scaling": {"a": np.array([0.3])},
    "HyperbolicTangent": {},
}


def edges_of(seed, regions, variables, density):
    """Return random edges into some regions, over a random past."""
    rng = np.random.default_rng(seed)
    weights = rng.random((regions, regions)) * (rng.random((regions, regions)) < density)
    weights[0, 1] = 1.0
    delays = rng.integers(20, 90, (regions, regions))
    seen = np.arange(variables)
    main = library.SparseHistory(weights, delays, seen, 1)
    main.buffer = rng.normal(size=main.buffer.shape).astype(main.buffer.dtype)
    return EdgeHistory(main, weights, delays, seen, 1)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), regions=st.integers(2, 40), variables=st.integers(1, 2),
    density=st.floats(0.0, 1.0), name=st.sampled_from(sorted(COUPLINGS)),
    first=st.integers(1, 1000), count=st.integers(1, 20), stride=st.integers(1, 5),
)
def test_steps_together_are_the_steps_one_by_one(
    seed, regions, variables, density, name, first, count, stride
):
    edges = edges_of(seed, regions, variables, density)
    coupling = getattr(library.coupling, name)(**COUPLINGS[name])
    steps = first + stride * np.arange(count)
    together = coupling(first, Rows(edges, steps))
    for column, step in enumerate(steps):
        assert np.array_equal(together[..., column], coupling(int(step), edges)[..., 0])
