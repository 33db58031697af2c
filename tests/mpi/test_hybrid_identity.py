"""Real NEST and TVB: window, ranks, placement, serial or mpirun change not a single bit."""

import json
import sys
from pathlib import Path

import hybrid_pieces as pieces
import numpy as np
import pytest
import toy_jobs

RANKS = 6
LIMIT_S = 150.0

SYNAPSE = {"weight": "1 nS", "delay": "1 ms"}
#: The reference has 2 ms; the shortest border edge allows 6.3 ms.
WINDOWS = ["1 ms", "3 ms", "6 ms"]
#: Through the command line: options and the number of ranks they lead to.
COMMANDS = {
    "as the scenario says": ((), 5),
    "transformers beside simulators": (("--window", "1 ms", "--placement", "simulators"), 3),
    "transformers beside mean fields": (("--window", "2 ms", "--placement", "mean_fields"), 3),
}
#: In one job: window and ranks, of which simulators take three.
LAYOUTS = [("2 ms", 4), ("3 ms", 6), ("5 ms", 5), ("6 ms", 4)]
PIECES = {
    "one": (pieces.WHOLE, "2 ms"),
    "two": (pieces.HALVES, "0.5 ms"),
    "three": (pieces.THIRDS, "0.2 ms"),
    "three in long windows": (pieces.THIRDS, "auto"),
}


def two_spiking_regions(folder):
    """The brain of the demo with small networks; every transformer but the devices of NEST."""

    def fed(population, source, through, gain, **more):
        entry = {
            "population": population,
            "from": [source],
            "through": through,
            "synapse": {**SYNAPSE, **more},
        }
        return entry if gain is None else {**entry, "gain": gain}

    spiking = {
        "engine": "nest",
        "network": {"builder": "balanced_ei", "size": 200},
        "receives": [
            fed("excitatory", "cortex", "poisson", "2 kHz"),
            fed("inhibitory", "cortex", {"mip": {"correlation": 0.2}}, "1 kHz"),
            fed("excitatory", "spiking", {"gamma": {"shape": 2.0}}, 2.0),
            fed("inhibitory", "spiking", "relay", None, rule={"fixed_indegree": {"indegree": 10}}),
        ],
        "sends": [
            {
                "population": "excitatory",
                "to": ["cortex", "spiking"],
                "as": "S",
                "through": {"rate": {"kernel": "alpha", "tau": "5 ms"}},
                "gating": {},
            }
        ],
    }
    return pieces.write(
        folder,
        [{"match": ["rV1", "rV2"], "as": "spiking"}, *pieces.WHOLE],
        {"spiking": spiking, "cortex": pieces.wong_wang(stochastic=True)},
        brain=pieces.TVB_DATA,
        record={"trains": True},
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return two_spiking_regions(tmp_path_factory.mktemp("hybrid"))


@pytest.fixture(scope="module")
def expected(path):
    return pieces.serial(path, window="2 ms")


def test_every_part_of_it_is_at_work(expected):
    for region in ("rV1", "rV2"):
        assert len(expected.spikes(region, "excitatory")[0]) > 20
        for i, population in enumerate(("excitatory", "inhibitory") * 2):
            assert len(expected.train(region, f"{region}.{population}.in{i}")[0]) > 20
        sent = expected.column(f"border/{region}.excitatory.to.cortex/output")[1]
        assert sent[-1] > 0.01
    _, states, columns = expected.arrays["cortex/Raw"]
    assert len(columns) == 74
    assert np.ptp(states, axis=0).min() > 1e-3


@pytest.mark.parametrize("window", WINDOWS)
def test_serial_runs_are_identical_for_every_window(window, path, expected):
    assert pieces.differences(pieces.serial(path, window=window), expected) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_mpirun_by_the_command_line_gives_the_serial_run(command, path, expected):
    options, ranks = COMMANDS[command]
    found = pieces.mpi(path, *options)
    assert found.plan["ranks"] == ranks
    assert pieces.differences(found, expected) == []


def test_another_seed_gives_another_run(path, expected):
    other = pieces.serial(path, window="6 ms", seed=8)
    assert len(pieces.differences(other, expected)) == len(expected.arrays)


def tvb_scenario(folder, regions, *, stochastic):
    folder.mkdir()
    models = {"cortex": pieces.wong_wang(stochastic=stochastic)}
    return pieces.write(folder, regions, models, brain=pieces.TVB_DATA)


@pytest.fixture(scope="module")
def jobs(path, tmp_path_factory):
    """Run all layouts and all pieces of brains in one job; return the run directories."""
    folder = tmp_path_factory.mktemp("jobs")
    orders = {layout: [path, {"window": layout[0]}, layout[1]] for layout in LAYOUTS}
    for name, (regions, window) in PIECES.items():
        ranks = len({rule.get("simulator") for rule in regions})
        for stochastic in (False, True):
            split = tvb_scenario(folder / f"{name}-{stochastic}", regions, stochastic=stochastic)
            orders[name, stochastic] = [split, {"window": window}, ranks]
    (folder / "models").mkdir()
    models = pieces.two_models(folder / "models", "0.2 ms")
    orders["models"] = [models, {"window": "0.6 ms"}, 4]
    cases = folder / "cases.json"
    runs = {key: folder / f"run-{i}" for i, key in enumerate(orders)}
    cases.write_text(json.dumps([[*map(plain, o), str(runs[k])] for k, o in orders.items()]))
    program = (sys.executable, str(Path(__file__).with_name("toy_ranks.py")), str(cases))
    ended = toy_jobs.run_ranks(RANKS, program, folder, limit_s=LIMIT_S)
    assert ended.code == 0, ended.err
    return runs


def test_models_with_other_steps_on_several_ranks(jobs):
    folder = jobs["models"]
    found = pieces.kept(folder)
    assert found.plan["ranks"] == 4
    expected = pieces.serial(folder.parent / "models" / "hybrid.yaml", window="3 ms")
    assert pieces.differences(found, expected) == []


def plain(value):
    return str(value) if isinstance(value, Path) else value


@pytest.mark.parametrize("layout", LAYOUTS, ids="{0[0]} on {0[1]} ranks".format)
def test_any_number_of_ranks_gives_the_serial_run(layout, jobs, expected):
    found = pieces.kept(jobs[layout])
    assert found.plan["ranks"] == layout[1]
    assert pieces.differences(found, expected) == []


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wholes")
    return {
        noisy: pieces.serial(
            tvb_scenario(folder / str(noisy), pieces.WHOLE, stochastic=noisy), window="4 ms"
        )
        for noisy in (False, True)
    }


@pytest.mark.parametrize("stochastic", [False, True], ids=["deterministic", "stochastic"])
@pytest.mark.parametrize("name", PIECES)
def test_a_brain_of_tvb_on_several_ranks_is_the_whole(name, stochastic, jobs, wholes):
    whole, found = wholes[stochastic], pieces.kept(jobs[name, stochastic])
    for monitor in ("Raw", "TemporalAverage"):
        time_ms, states, columns = whole.arrays[f"cortex/{monitor}"]
        seen = set()
        for simulator in found.plan["simulators"]:
            mine_ms, mine, labels = found.arrays[f"{simulator['name']}/{monitor}"]
            np.testing.assert_array_equal(mine_ms, time_ms)
            seen |= set(labels)
            places = [columns.tolist().index(label) for label in labels]
            assert np.abs(mine - states[:, places]).max() == 0.0
        assert len(seen) == 76
