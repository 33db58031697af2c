"""The plan of the demo and of its variants: who owns what, channels, lags, ranks."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cosim.errors import ScenarioInvalid, UsageError
from cosim.plan.build import open_case
from cosim.ports import AfferentOut, ProxyIn, RatesIn, SpikesOut, StateOut, TrainsIn

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"


@pytest.fixture(scope="module")
def demo():
    return open_case(DEMO)


def variant(tmp_path, *changes):
    text = DEMO.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "variant.yaml"
    path.write_text(text)
    return path


def test_every_region_has_one_owner(demo):
    case, plan = demo
    owned = [r for s in plan.simulators for r in s.regions]
    assert sorted(owned) == list(range(len(case.brain.labels)))


def test_each_simulator_has_a_rank_and_transformers_have_their_own(demo):
    _, plan = demo
    assert [s.rank for s in plan.simulators] == [0, 1, 2]
    assert {t.rank for t in plan.transformers} == {3, 4}
    assert plan.ranks == 5


def test_roles_go_to_simulators_when_there_are_no_ranks_for_them():
    _, plan = open_case(DEMO, ranks=3)
    rank = plan.rank_of()
    assert plan.ranks == 3
    assert all(rank[t.name] == rank[t.region] for t in plan.transformers)


@pytest.mark.parametrize("ranks", [1, 2, 10])
def test_a_rank_count_that_cannot_be_used_is_refused(ranks):
    with pytest.raises(UsageError, match="3 to 9 ranks"):
        open_case(DEMO, ranks=ranks)


def test_lags_follow_from_the_shortest_edge_of_each_border(demo):
    case, plan = demo
    clock, brain = plan.clock, case.brain
    for border in plan.borders:
        sides = {s.name: s for s in plan.simulators}
        source, target = sides[border.source], sides[border.target]
        block = np.ix_(target.regions, source.regions)
        delays_ms = brain.delays_ms()[block][brain.weights[block] != 0]
        assert border.edges == len(delays_ms)
        steps = round(delays_ms.min() / 0.1)
        spiking = source.kind == target.kind == "spiking"
        reach = steps if spiking else steps + 1
        assert border.lag == reach // clock.window


def test_ports_of_every_kind_are_wired(demo):
    case, plan = demo
    cortex, v1, _ = plan.simulators
    afferent = next(p for p in cortex.outputs if isinstance(p, AfferentOut))
    assert case.brain.labels[afferent.target] == "rV1"
    assert all(case.brain.weights[afferent.target, j] != 0 for j in afferent.sources)
    assert set(afferent.sources) <= set(cortex.regions)
    assert {type(p) for p in cortex.inputs} == {ProxyIn}
    assert {type(p) for p in v1.inputs} == {TrainsIn}
    assert [p.population for p in v1.outputs if isinstance(p, SpikesOut)] == ["excitatory"]


def test_channels_join_ports_that_exist(demo):
    _, plan = demo
    outputs = {(s.name, p.name) for s in plan.simulators for p in s.outputs}
    inputs = {(s.name, p.name) for s in plan.simulators for p in s.inputs}
    names = {s.name for s in plan.simulators}
    for channel in plan.channels:
        if channel.source in names:
            assert (channel.source, channel.source_port) in outputs
        if channel.target in names:
            assert (channel.target, channel.target_port) in inputs
    assert inputs == {(c.target, c.target_port) for c in plan.channels if c.target in names}


def test_rates_drawn_inside_nest_need_a_rates_port(tmp_path):
    path = variant(tmp_path, ("through: {poisson: {trains: one_per_neuron}}", "through: rates"))
    _, plan = open_case(path)
    ports = [p for s in plan.simulators if s.kind == "spiking" for p in s.inputs]
    assert {type(p) for p in ports} == {RatesIn}


def test_like_mean_fields_exchange_states_without_a_transformer(tmp_path):
    path = variant(
        tmp_path,
        ("  - {match: rest, as: cortex}",
         '  - {match: "l*", as: cortex, simulator: left}\n  - {match: rest, as: cortex}'),
    )
    _, plan = open_case(path)
    direct = [c for c in plan.channels if {c.source, c.target} == {"left", "cortex"}]
    assert len(direct) == 2
    left = next(s for s in plan.simulators if s.name == "left")
    assert any(isinstance(p, StateOut) for p in left.outputs)


def test_edges_without_an_interface_are_named(tmp_path):
    text = DEMO.read_text()
    start = r"      - population: excitatory\n        from: \[spiking\]"
    entry = re.search(start + r"(\n        .*)+", text)
    path = variant(tmp_path, (entry[0], ""), ("to: [cortex, spiking]", "to: [cortex]"))
    _, plan = open_case(path)
    assert {(c.source, c.target) for c in plan.cuts} == {("rV1", "rV2"), ("rV2", "rV1")}


def test_couplings_that_cannot_be_added_up_need_one_sender(tmp_path):
    split = (
        "  - {match: rest, as: cortex}",
        '  - {match: "l*", as: cortex, simulator: left}\n  - {match: rest, as: cortex}',
    )
    path = variant(tmp_path, split, ("coupling: {Linear: {a: 0.035}}", "coupling: Sigmoidal"))
    with pytest.raises(ScenarioInvalid, match="2 simulators send here"):
        open_case(path)
    single = variant(tmp_path, ("coupling: {Linear: {a: 0.035}}", "coupling: Sigmoidal"))
    open_case(single)


def test_the_plan_is_the_same_in_every_process(demo):
    _, plan = demo
    code = (
        "import sys; from pathlib import Path; from cosim.plan.build import open_case;"
        "print(open_case(Path(sys.argv[1]))[1].hash())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(DEMO)], capture_output=True, text=True, timeout=60,
        check=True,
    )
    assert done.stdout.strip() == plan.hash()


def test_the_hash_sees_every_change(demo):
    _, plan = demo
    hashes = {
        plan.hash(),
        open_case(DEMO, {"seed": 7})[1].hash(),
        open_case(DEMO, {"window": "1 ms"})[1].hash(),
        open_case(DEMO, ranks=4)[1].hash(),
        dataclasses.replace(plan, ranks=6).hash(),
    }
    assert len(hashes) == 5


def test_the_plan_is_json(demo):
    _, plan = demo
    assert json.loads(plan.as_json())["ranks"] == 5


def test_windows_up_to_the_shortest_border_delay_are_legal(demo):
    _, plan = demo
    reach = min(b.shortest.reach for b in plan.borders)
    longest_ms = int(plan.clock.ms(reach))
    for window_ms in (1, 2, longest_ms):
        duration = f"{10 * window_ms} ms"
        _, legal = open_case(DEMO, {"window": f"{window_ms} ms", "duration": duration})
        assert min(b.lag for b in legal.borders) >= 1
    with pytest.raises(ScenarioInvalid, match="rV2") as refused:
        open_case(DEMO, {"window": f"{longest_ms + 1} ms", "duration": "70 ms"})
    assert "mm at 4 m/s" in str(refused.value)


def one_circuit(tmp_path, *changes):
    """Both spiking regions in one simulator; each entry says which of them it is about."""
    return variant(
        tmp_path,
        ("as: spiking}      #", "as: spiking, simulator: visual}      #"),
        ("        from: [cortex]", "        region: rV1\n        from: [cortex]"),
        ("        from: [spiking]", "        region: rV1\n        from: [spiking]"),
        ("        to: [cortex, spiking]", "        region: rV2\n        to: [cortex, spiking]"),
        *changes,
    )


def test_one_circuit_may_stand_for_several_regions(tmp_path):
    case, plan = open_case(one_circuit(tmp_path))
    visual = next(s for s in plan.simulators if s.name == "visual")
    assert [case.brain.labels[r] for r in visual.regions] == ["rV1", "rV2"]
    inward, outward = plan.transformers
    assert (inward.region, outward.region) == ("rV1", "rV2")
    afferent = next(p for s in plan.simulators for p in s.outputs if isinstance(p, AfferentOut))
    assert case.brain.labels[afferent.target] == "rV1"
    # What enters rV2 and leaves rV1 has no interface any more.
    assert {(c.source, c.target) for c in plan.cuts} == {("cortex", "visual"), ("visual", "cortex")}


def test_an_entry_must_single_out_one_region_of_its_simulator(tmp_path):
    path = one_circuit(tmp_path, ("region: rV2", "region: rV3"))
    with pytest.raises(ScenarioInvalid, match="does not single out one of rV1, rV2"):
        open_case(path)
