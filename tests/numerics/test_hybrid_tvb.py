"""A brain of mean fields gives the same numbers on one instance of TVB, two, or three.

The deterministic one is also what tvb-library computes when it is used by hand; splits under
mpirun are in ``tests/mpi/test_hybrid_identity.py``.
"""

import hybrid_pieces as pieces
import numpy as np
import pytest

from cosim.errors import ScenarioInvalid
from cosim.plan.build import open_case
from cosim_tvb import library  # quiet import of tvb comes first

DT_MS = 0.1
SPLITS = {"two": pieces.HALVES, "three": pieces.THIRDS}
MONITORS = {"Raw": DT_MS, "TemporalAverage": 1.0}


def scenario(folder, regions, *, stochastic):
    models = {"cortex": pieces.wong_wang(stochastic=stochastic)}
    return pieces.write(folder, regions, models, brain=pieces.TVB_DATA)


def by_region(found):
    """All columns of all monitors, by monitor and column, whichever instance has them."""
    columns = {}
    for name in found.arrays:
        monitor = name.rpartition("/")[2]
        if monitor not in MONITORS:
            continue
        time_ms, values, labels = found.arrays[name]
        for i, label in enumerate(labels.tolist()):
            assert (monitor, label) not in columns
            columns[monitor, label] = (time_ms, values[:, i])
    assert len(columns) == 2 * 76
    return columns


def largest_difference(one, whole):
    """Over all regions and monitors; the whole may have run for longer."""
    assert one.keys() == whole.keys()
    largest = 0.0
    for key, (time_ms, values) in one.items():
        longer_ms, expected = whole[key]
        assert len(time_ms) > 0.8 * len(longer_ms)
        np.testing.assert_array_equal(time_ms, longer_ms[: len(time_ms)])
        largest = max(largest, float(np.abs(values - expected[: len(values)]).max()))
    return largest


@pytest.fixture(scope="module", params=[False, True], ids=["deterministic", "stochastic"])
def whole(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    path = scenario(folder, pieces.WHOLE, stochastic=request.param)
    found = by_region(pieces.serial(path, window="1 ms"))
    # There is something to see in every region.
    assert min(np.ptp(v) for _, v in found.values()) > 1e-4
    return request.param, found


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("window", [1, 3, 7, "longest"])
def test_pieces_equal_the_whole_for_every_legal_window(split, window, whole, tmp_path):
    stochastic, expected = whole
    path = scenario(tmp_path, SPLITS[split], stochastic=stochastic)
    steps = round(reach_ms(path)[0] / DT_MS) if window == "longest" else window
    duration = 600 // steps * steps
    found = by_region(pieces.serial(path, window=in_ms(steps), duration=in_ms(duration)))
    assert largest_difference(found, expected) == 0.0


def in_ms(steps):
    return f"{steps / 10:g} ms"


def reach_ms(path):
    """The shortest border edge of a scenario, found without the plan, and how far it reaches."""
    case, _ = open_case(path)
    owner = np.empty(76, int)
    for i, simulator in enumerate(case.simulators):
        owner[list(simulator.regions)] = i
    border = np.not_equal.outer(owner, owner) & (case.brain.weights != 0)
    idelay = np.rint(case.brain.tract_lengths_mm / 4.0 / DT_MS)
    idelay[~border] = np.inf
    target, source = np.unravel_index(idelay.argmin(), idelay.shape)
    # Step s reads step s - 1 - idelay.
    return (int(idelay.min()) + 1) * DT_MS, case.brain.labels[source], case.brain.labels[target]


@pytest.mark.parametrize("split", SPLITS)
def test_the_first_illegal_window_is_refused_with_the_regions(split, tmp_path):
    path = scenario(tmp_path, SPLITS[split], stochastic=False)
    reach, source, target = reach_ms(path)
    steps = round(reach / DT_MS)
    open_case(path, {"window": in_ms(steps), "duration": in_ms(10 * steps)})
    with pytest.raises(ScenarioInvalid, match=f"{source} -> {target} ") as caught:
        open_case(path, {"window": in_ms(steps + 1), "duration": in_ms(10 * (steps + 1))})
    (line,) = caught.value.lines
    assert line.startswith("option --window: ")
    assert "is too long" in line


def test_the_command_line_refuses_it_too(tmp_path):
    path = scenario(tmp_path, pieces.HALVES, stochastic=False)
    _, source, target = reach_ms(path)
    done = pieces.cosim("run", path, "--run-dir", tmp_path / "never", "--window", "12 ms")
    assert done.returncode == 2
    assert f"{source} -> {target}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "never").exists()


def by_hand():
    """What tvb-library's own simulator gives for the deterministic brain."""
    connectivity = library.Connectivity.from_file("connectivity_76.zip")
    connectivity.weights = connectivity.weights / connectivity.weights.max()
    connectivity.speed = np.array([4.0])
    connectivity.configure()
    connectivity.set_idelays(DT_MS)
    # TVB counts the past as steps, and averages over steps that are multiples of the period.
    past = -(-int(connectivity.idelays.max() + 1) // 10) * 10 + 1
    simulator = library.Simulator(
        model=library.model_class("ReducedWongWang")(w=np.array([0.9]), I_o=np.array([0.32])),
        coupling=library.coupling.Linear(a=np.array([0.1])),
        integrator=library.integrators.HeunDeterministic(dt=DT_MS),
        connectivity=connectivity,
        conduction_speed=4.0,
        monitors=(library.monitors.Raw(), library.monitors.TemporalAverage(period=1.0)),
        initial_conditions=np.full((past, 1, 76, 1), 0.2),
    )
    simulator.configure()
    (_, raw), (_, average) = simulator.run(simulation_length=60.0)
    return connectivity.region_labels, {"Raw": raw, "TemporalAverage": average}


def test_tvb_by_hand_gives_the_same_numbers(tmp_path):
    path = scenario(tmp_path, pieces.WHOLE, stochastic=False)
    found = by_region(pieces.serial(path, window="auto"))
    labels, expected = by_hand()
    for monitor, values in expected.items():
        for i, label in enumerate(labels):
            mine = found[monitor, f"S[{label}]"][1]
            assert float(np.abs(mine - values[:, 0, i, 0]).max()) == 0.0
