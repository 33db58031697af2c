"""A spiking region in the loop is the network that NEST simulates alone with the same input.

The second run knows nothing of windows, ports or the adapter: it is written in NEST's own calls,
in a process of its own, with the trains that the first run recorded.
"""

import json
import subprocess
import sys
import textwrap

import hybrid_pieces as pieces
import numpy as np
import pytest

from cosim.streams import derived_seed

LIMIT_S = 60
#: Makes network and input, and simulates all at once.
ALONE = """
    import json, sys
    import nest
    from cosim_nest.balanced import BALANCED_EI

    given = json.load(sys.stdin)
    nest.verbosity = nest.VerbosityLevel.QUIET
    nest.ResetKernel()
    nest.set(resolution=0.1, local_num_threads=1, rng_seed=given["seed"])
    parameters = BALANCED_EI.Parameters.model_validate({"size": 200})
    nodes = BALANCED_EI.build(nest, parameters, given["seed"])
    for entry in given["inputs"]:
        trains = [{"spike_times": t} for t in entry["trains"]]
        fibres = nest.Create("spike_generator", len(trains), trains)
        nest.Connect(
            fibres, nodes[entry["population"]], entry["rule"],
            {"weight": entry["weight"], "delay": entry["delay"]},
        )
    recorders = {}
    for name, population in nodes.items():
        recorders[name] = nest.Create("spike_recorder", params={"time_in_steps": True})
        nest.Connect(population, recorders[name], syn_spec={"delay": 1.0})
    nest.Simulate(given["duration"])
    found = {}
    for name, recorder in recorders.items():
        events = recorder.get("events")
        first = nodes[name].tolist()[0]
        pairs = zip(events["times"].tolist(), (events["senders"] - first).tolist())
        found[name] = sorted([int(t), int(s)] for t, s in pairs)
    print("spikes " + json.dumps(found))
"""


def alone(given):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ALONE)],
        input=json.dumps(given),
        timeout=LIMIT_S,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [x for x in done.stdout.splitlines() if x.startswith("spikes ")]
    return {name: np.array(pairs) for name, pairs in json.loads(line[7:]).items()}


def trains_of(found, transformer, fibres):
    time_ms, senders = found.train("rV2", transformer)
    assert len(time_ms) > 100
    return [time_ms[senders == i].tolist() for i in range(fibres)]


@pytest.fixture(scope="module")
def in_the_loop(tmp_path_factory):
    synapse = {"weight": "1 nS", "delay": "1 ms"}
    spiking = {
        "engine": "nest",
        "network": {"builder": "balanced_ei", "size": 200},
        "receives": [
            {
                "population": "excitatory",
                "from": ["cortex"],
                "gain": "2 kHz",
                "through": {"gamma": {"shape": 3.0}},
                "synapse": synapse,
            },
            {
                "population": "inhibitory",
                "from": ["cortex"],
                "gain": "1 kHz",
                "through": {"poisson": {"trains": 15}},
                "synapse": {"weight": "0.5 nS", "delay": "2.3 ms"},
            },
        ],
        "sends": [{"population": "excitatory", "to": ["cortex"], "as": "S", "gating": {}}],
    }
    path = pieces.write(
        tmp_path_factory.mktemp("loop"),
        [{"match": "rV2", "as": "spiking"}, *pieces.WHOLE],
        {"spiking": spiking, "cortex": pieces.wong_wang(stochastic=True)},
        brain=pieces.TVB_DATA,
        record={"trains": True},
        duration="100 ms",
        window="2 ms",
    )
    return pieces.serial(path)


def test_the_loop_feeds_the_network_and_listens_to_it(in_the_loop):
    output = in_the_loop.column("border/rV2.excitatory.to.cortex/output")[1]
    _, rate = in_the_loop.column("border/rV2.excitatory.in0/rate")
    assert output[-1] > 0
    assert len(np.unique(rate)) > 900


def test_nest_alone_gives_the_same_spikes(in_the_loop):
    inputs = [
        {
            "population": "excitatory",
            "rule": "one_to_one",
            "weight": 1.0,
            "delay": 1.0,
            "trains": trains_of(in_the_loop, "rV2.excitatory.in0", 160),
        },
        {
            "population": "inhibitory",
            "rule": "all_to_all",
            "weight": 0.5,
            "delay": 2.3,
            "trains": trains_of(in_the_loop, "rV2.inhibitory.in1", 15),
        },
    ]
    given = {"seed": derived_seed(7, "nest", "rV2"), "inputs": inputs, "duration": 100.0}
    found = alone(given)
    for population, pairs in found.items():
        time_ms, senders = in_the_loop.spikes("rV2", population)
        ticks = np.rint(time_ms * 10).astype(int)
        assert len(ticks) > 10
        np.testing.assert_array_equal(np.stack([ticks, senders], axis=1), pairs)
    without = alone({**given, "inputs": inputs[1:]})
    assert not np.array_equal(without["excitatory"], found["excitatory"])
