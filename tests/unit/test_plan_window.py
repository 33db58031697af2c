"""Which windows are legal, and which one is chosen."""

from math import gcd, lcm

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from cosim.clock import Clock, common_tick_ns
from cosim.plan.borders import (
    MAX_AUTO_WINDOW_MS,
    MAX_LAG,
    Grid,
    choose_window,
    crossing,
    in_ticks,
    lag,
    shortest_of,
)
from cosim.plan.model import Edge
from cosim.simulator import Brain

TICKS_NS = st.sampled_from([1_000, 12_500, 50_000, 100_000, 1_000_000])


def edge(reach, source="A", target="B"):
    return Edge(source, target, 40.0, 4.0, max(reach - 1, 0), reach)


@st.composite
def cases(draw, *, bounded=False):
    """A grid, a duration that is a multiple of its base, and a shortest edge.

    If it is not `bounded` there may be no edge, or one on which no window fits.
    """
    grid = Grid(draw(TICKS_NS), draw(st.integers(1, 60)), "steps of toys")
    duration = grid.base * draw(st.integers(1, 5_000))
    reach = draw(st.integers(grid.base, 40_000) if bounded else st.none() | st.integers(0, 40_000))
    return grid, duration, None if reach is None else edge(reach)


def legal_windows(grid, duration, shortest):
    reach = duration if shortest is None else shortest.reach
    windows = range(grid.base, min(duration, reach) + 1, grid.base)
    return [w for w in windows if duration % w == 0]


def longest_ticks(grid):
    return max(int(MAX_AUTO_WINDOW_MS * 1e6) // grid.tick_ns, grid.base)


@given(cases())
def test_the_automatic_window_is_legal_and_the_longest_for_its_lag(case):
    grid, duration, shortest = case
    window, reason, problems = choose_window(None, duration, grid, shortest)
    legal = legal_windows(grid, duration, shortest)
    if not legal:
        (problem,) = problems
        assert problem.path == ("window",)
        assert "A -> B" in problem.message
        assert window == grid.base
        return
    assert problems == []
    assert window in legal
    fitting = [w for w in legal if w <= longest_ticks(grid)]
    if shortest is None:
        assert window == max(fitting)
        assert "no border edges" in reason
        return
    two_behind = [w for w in fitting if 2 * w <= shortest.reach]
    assert window == max(two_behind or fitting)
    assert f"lag of {2 if two_behind else 1}" in reason
    assert lag(shortest.reach, window) >= (2 if two_behind else 1)


@given(cases(), st.integers(1, 50_000))
def test_a_given_window_is_taken_if_it_is_legal_and_else_refused(case, asked):
    grid, duration, shortest = case
    window, _, problems = choose_window(asked, duration, grid, shortest)
    assert window == asked
    fits_grid = asked % grid.base == 0
    wrong = {
        "steps": not fits_grid,
        "duration": fits_grid and duration % asked != 0,
        "edge": shortest is not None and asked > shortest.reach,
    }
    assert len(problems) == sum(wrong.values())
    said = " ".join(p.message for p in problems)
    assert ("does not fit the simulators' steps" in said) is wrong["steps"]
    assert ("no multiple of the window" in said) is wrong["duration"]
    assert ("too long for the border edge A -> B (40 mm at 4 m/s" in said) is wrong["edge"]


@given(cases(bounded=True), st.integers(1, 50_000))
def test_the_longest_legal_window_that_a_refusal_names_is_legal(case, more):
    grid, duration, shortest = case
    asked = shortest.reach + more
    _, _, problems = choose_window(asked, duration, grid, shortest)
    expected = problems[-1].expected
    most_ms = float(expected.removeprefix("at most ").removesuffix(" ms"))
    most = shortest.reach // grid.base * grid.base
    np.testing.assert_allclose(most_ms, Clock(grid.tick_ns, 1, 1).ms(most), rtol=1e-5)
    *_, rest = [[], *choose_window(most, most, grid, shortest)]
    assert rest == []


@given(cases())
def test_a_duration_between_two_steps_is_refused_whatever_the_window(case):
    grid, duration, shortest = case
    assume(grid.base > 1)
    _, _, problems = choose_window(None, duration + 1, grid, shortest)
    (problem,) = problems
    assert problem.path == ("duration",)
    assert "multiple" in problem.expected


@given(st.integers(0, 10**6), st.integers(1, 10**4))
def test_a_lag_is_as_long_as_the_reach_allows(reach, window):
    found = lag(reach, window)
    assert 0 <= found <= MAX_LAG
    assert found * window <= reach
    assert found == MAX_LAG or (found + 1) * window > reach


@st.composite
def brains(draw):
    n = draw(st.integers(2, 6))
    weights = draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, -0.5]), min_size=n * n, max_size=n * n))
    lengths = draw(st.lists(st.integers(0, 1600), min_size=n * n, max_size=n * n))
    labels = tuple(f"R{i}" for i in range(n))
    matrix = np.reshape(np.array(lengths) / 10, (n, n))
    speed = draw(st.sampled_from([1.0, 3.0, 4.0, 12.5]))
    return Brain(labels, np.reshape(weights, (n, n)), matrix, np.zeros((n, 3)), speed)


@given(brains(), st.integers(1, 5), st.sampled_from([0.1, 0.25, 1.0]), st.integers(0, 1))
def test_the_shortest_edge_between_two_parts_is_found(brain, cut, step_ms, extra):
    n = len(brain.labels)
    sources, targets = tuple(range(min(cut, n - 1))), tuple(range(min(cut, n - 1), n))
    found = crossing(brain, sources, targets, step_ms, extra)
    present = [(t, s) for t in targets for s in sources if brain.weights[t, s] != 0]
    if not present:
        assert found is None
        return
    count, shortest = found
    assert count == len(present)
    assert (brain.labels.index(shortest.target), brain.labels.index(shortest.source)) in present
    delays_ms = [brain.tract_lengths_mm[p] / brain.speed_m_per_s for p in present]
    assert shortest.length_mm / shortest.speed_m_per_s == min(delays_ms)
    assert shortest.delay == np.rint(min(delays_ms) / step_ms)
    assert shortest.reach == shortest.delay + extra
    scaled = in_ticks(shortest, 7)
    assert (scaled.delay, scaled.reach) == (7 * shortest.delay, 7 * shortest.reach)


@given(st.lists(st.integers(0, 50), max_size=8))
def test_the_shortest_of_several_edges_is_that_of_least_reach(reaches):
    edges = [edge(reach, f"A{i}") for i, reach in enumerate(reaches)]
    found = shortest_of(iter(edges))
    assert (found is None) is (not edges)
    assert found is None or found.reach == min(reaches)


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=5))
def test_every_step_is_a_whole_number_of_common_ticks(steps):
    tick = common_tick_ns(steps)
    assert all(step % tick == 0 for step in steps)
    assert gcd(*(step // tick for step in steps)) == 1
    assert lcm(*steps) % tick == 0
