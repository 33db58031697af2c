"""What a run will take, from made-up costs and plans, and from the costs of toys."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.cli import calibrating, workshop
from cosim.costs.fit import (
    core_share,
    crowding,
    message_cost,
    parallel_part,
    per_window_s,
    role_cost,
    trimmed_mean,
)
from cosim.costs.layouts import best, threads_of
from cosim.costs.model import Costs, Crowd, Machine, RoleCost, read_costs, read_machine, write_costs
from cosim.costs.predict import predict
from cosim.costs.schedule import Pipe, Task, window_s
from cosim.errors import UsageError
from cosim.plan.build import open_case
from cosim.results.profile import STATES, RoleProfile

sys.path.insert(0, str(Path(__file__).parents[1] / "mpi"))
import toy_cases

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
MS = 1e-3
TIMES = st.floats(1e-5, 1.0)


def task(name, rank, work_s, *, node=0, threads=1):
    return Task(name, rank, node, threads, work_s)


def ring(lag, *, room=99, transfer_s=0.0):
    return [Pipe("a", "b", lag, room, transfer_s), Pipe("b", "a", lag, room, transfer_s)]


# The schedule


def test_a_role_alone_takes_its_own_time():
    assert window_s([task("a", 0, 3 * MS)], [], 4) == pytest.approx(3 * MS)


def test_roles_of_a_rank_take_turns():
    tasks = [task("a", 0, 3 * MS), task("b", 0, 2 * MS)]
    assert window_s(tasks, ring(1), 4) == pytest.approx(5 * MS)


def test_with_a_lag_of_one_two_ranks_work_at_the_same_time():
    tasks = [task("a", 0, 3 * MS), task("b", 1, 2 * MS)]
    assert window_s(tasks, ring(1), 2) == pytest.approx(3 * MS)


def test_without_a_lag_on_one_side_they_take_turns():
    """The way there has no lag, the way back one: both are waited for in every window."""
    tasks = [task("a", 0, 3 * MS), task("b", 1, 2 * MS)]
    pipes = [Pipe("a", "b", 0, 99), Pipe("b", "a", 1, 99)]
    assert window_s(tasks, pipes, 2) == pytest.approx(5 * MS)
    late = [pipes[0], replace(pipes[1], lag=2)]
    assert window_s(tasks, late, 2) == pytest.approx(3 * MS)


def test_what_is_under_way_hides_behind_a_lag():
    tasks = [task("a", 0, 3 * MS), task("b", 1, 3 * MS)]
    assert window_s(tasks, ring(1, transfer_s=4 * MS), 2) == pytest.approx(7 * MS)
    assert window_s(tasks, ring(3, transfer_s=4 * MS), 2) == pytest.approx(3 * MS)


def test_one_core_does_everything_in_turn():
    tasks = [task("a", 0, 3 * MS), task("b", 1, 2 * MS)]
    assert window_s(tasks, ring(1), 1) == pytest.approx(5 * MS)


def test_threads_beyond_the_cores_share_them():
    tasks = [task("a", 0, 4 * MS, threads=2), task("b", 1, 4 * MS, threads=2)]
    assert window_s(tasks, ring(1), 4) == pytest.approx(4 * MS)
    assert window_s(tasks, ring(1), 2) == pytest.approx(8 * MS)


def test_nodes_do_not_share_cores():
    tasks = [task("a", 0, 3 * MS), task("b", 1, 3 * MS, node=1)]
    assert window_s(tasks, ring(1), 1) == pytest.approx(3 * MS)


def test_a_sender_does_not_run_away():
    """It could, with all the room there is; what it does ahead would take cores from others."""
    tasks = [task("a", 0, 1 * MS), task("b", 1, 5 * MS)]
    assert window_s(tasks, [Pipe("a", "b", 0, 2)], 2) == pytest.approx(5 * MS)


def test_a_ring_without_a_lag_is_refused():
    with pytest.raises(ValueError, match="ring without a lag"):
        window_s([task("a", 0, MS), task("b", 1, MS)], ring(0), 2)


@st.composite
def jobs(draw):
    count = draw(st.integers(1, 5))
    tasks = [
        task(f"t{i}", draw(st.integers(0, count - 1)), draw(TIMES), threads=draw(st.integers(1, 3)))
        for i in range(count)
    ]
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    pipes = []
    for i, j in draw(st.lists(st.sampled_from(pairs), max_size=6, unique=True) if pairs
                     else st.just([])):
        lag = draw(st.integers(0 if i < j else 1, 3))
        pipes.append(Pipe(f"t{i}", f"t{j}", lag, 2 * (lag + 2)))
    return tasks, pipes


@settings(deadline=None, max_examples=40)
@given(jobs(), st.integers(1, 12))
def test_more_cores_are_never_slower(job, cores):
    tasks, pipes = job
    assert window_s(tasks, pipes, cores + 1) <= window_s(tasks, pipes, cores) * (1 + 1e-9)


@settings(deadline=None, max_examples=40)
@given(jobs(), st.integers(1, 12))
def test_no_layout_beats_its_busiest_rank_or_its_cores(job, cores):
    tasks, pipes = job
    found = window_s(tasks, pipes, cores)
    ranks = {t.rank: 0.0 for t in tasks}
    for t in tasks:
        ranks[t.rank] += t.work_s
    # Ranks are not at the same window at the begin and at the end of what is timed.
    assert found >= 0.85 * max(ranks.values())
    assert found <= sum(t.work_s * max(t.threads / cores, 1) for t in tasks) * (1 + 1e-9) * 1.2


# Fitting


@given(st.floats(0, 0.1), st.floats(1e-4, 0.1))
def test_the_cost_of_a_role_is_found_again(fixed, slope):
    found = role_cost({w: fixed + slope * w for w in (0.5, 2.0, 8.0)})
    for window_ms in (0.5, 1.0, 20.0):
        expected = fixed + slope * window_ms
        assert found.seconds(window_ms) == pytest.approx(expected, rel=1e-6)


def test_costs_are_never_negative():
    falling = role_cost({1.0: 2.0, 2.0: 1.0})
    assert (falling.ms_s, falling.window_s) == (0.0, 1.5)
    steep = role_cost({1.0: 1.0, 2.0: 4.0})
    assert (steep.ms_s, steep.window_s) == (1.5, 0.0)


@pytest.mark.parametrize(("several", "part"), [(1.0, 0.0), (0.5, 1.0), (0.75, 0.5), (1.4, 0.0),
                                                (0.2, 1.0)])
def test_the_part_that_threads_share(several, part):
    assert parallel_part(1.0, several, 2) == pytest.approx(part)
    cost = RoleCost(window_s=0.0, ms_s=1.0, parallel=part)
    assert cost.seconds(1.0, 2) == pytest.approx(1 - part / 2)


def test_a_message_has_a_fixed_cost_and_one_for_each_byte():
    fixed, byte = message_cost([128, 4096, 10**6], [2e-5 + 1e-9 * n for n in (128, 4096, 10**6)])
    assert fixed == pytest.approx(2e-5)
    assert byte == pytest.approx(1e-9)


def account(kind, cpu_s, **spent_s):
    every = {s: np.full(10, spent_s.get(s, 0.0)) for s in STATES}
    return RoleProfile(
        kind, 0, "", kind, 1, np.arange(10), np.arange(10.0), every, np.full(10, ""),
        np.zeros(10, bool), 2.0, cpu_s=np.full(10, cpu_s),
    )


def test_the_share_of_a_core_is_that_of_what_has_no_threads():
    field = account("mean_field", 0.4, compute=0.7, record=0.1)
    threaded = account("spiking", 3.0, compute=1.0)
    assert core_share([field, threaded]) == pytest.approx(0.5)
    assert core_share([threaded]) == 1.0
    assert core_share([account("transformer", 9.0, convert=1.0)]) == 1.0


def test_waiting_costs_nothing():
    role = account("mean_field", 0.7, compute=0.7, wait=5.0)
    assert per_window_s(role) == pytest.approx(0.7)


def test_processor_time_counts_where_it_is_the_roles_own():
    """Half of the time others had the core: the work took half of what the clock says."""
    assert per_window_s(account("mean_field", 0.4, compute=0.8), 0.5) == pytest.approx(0.4)
    # Here somebody else worked for it: another process, or more than one thread.
    assert per_window_s(account("spiking", 0.01, compute=0.8), 0.5) == pytest.approx(0.4)
    assert per_window_s(account("spiking", 1.9, compute=0.8), 1.0) == pytest.approx(0.8)


def test_writing_files_counts_on_average_but_not_without_limit():
    role = account("mean_field", 0.7, compute=0.7)
    role.spent_s["record"][4] = 1.0
    assert per_window_s(role) == pytest.approx(0.8)
    role = account("mean_field", 0.7, compute=0.7)
    role.spent_s["record"][4] = 500.0
    assert per_window_s(role) == pytest.approx(0.84)


def test_what_rarely_takes_long_is_trimmed_away():
    values = np.full(40, 2.0)
    values[[3, 17]] = 500.0
    assert trimmed_mean(values) == 2.0
    assert trimmed_mean(np.empty(0)) == 0.0


# Predictions


@pytest.fixture(scope="module")
def brain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("costs")
    toy_cases.random_brain(folder / "brain.zip", 4, 1, shortest_ms=4.0)
    with toy_cases.installed():
        yield toy_cases.scenario(folder, REGIONS, duration="40 ms", spiking={"pause_s": 0.004})


def costs_of(plan, **more):
    """Return made-up costs: the network 1 ms for each ms, the field half of it."""
    roles = {}
    for role in plan.roles():
        slope = {"R0": 1.0, "field": 0.5}.get(role.name, 0.01)
        parallel = 0.9 if role.name == "R0" else 0.0
        roles[role.name] = RoleCost(window_s=1e-5, ms_s=slope * MS, parallel=parallel)
    return Costs(scenario="x", machine=Machine(cores_per_node=8), roles=roles, **more)


@pytest.fixture(scope="module")
def plan(brain):
    return open_case(brain, {"window": "2 ms"})[1]


def test_the_slowest_simulator_sets_the_pace(plan):
    found = predict(plan, costs_of(plan))
    assert found.bottleneck == "R0"
    assert found.bound == "rank"
    assert not found.oversubscribed
    assert found.window_s == pytest.approx(2.01 * MS, rel=1e-6)
    assert found.wall_s == pytest.approx(20 * found.window_s)
    assert {r.role: r.rank for r in found.roles} == plan.rank_of()


def test_one_core_adds_everything_up(plan):
    costs = costs_of(plan)
    found = predict(plan, costs, Machine(cores_per_node=1))
    assert found.oversubscribed
    assert found.bound == "cores"
    assert found.window_s == pytest.approx(sum(c.seconds(2.0) for c in costs.roles.values()))


def test_threads_make_the_network_faster_as_far_as_there_are_cores(plan):
    costs = costs_of(plan)
    two = predict(plan, costs, threads={"R0": 2})
    assert two.window_s == pytest.approx(2.01 * MS * 0.55, rel=1e-6)
    few = predict(plan, costs, Machine(cores_per_node=1), {"R0": 64})
    assert few.window_s == pytest.approx(predict(plan, costs, Machine()).window_s)


def test_messages_cost_both_ends(plan):
    dear = predict(plan, costs_of(plan, message_s=4e-4))
    cheap = predict(plan, costs_of(plan))
    network = {r.role: r.busy_s for r in dear.roles}["R0"]
    channels = sum("R0" in (c.source, c.target) for c in plan.channels)
    assert channels >= 2
    expected = {r.role: r.busy_s for r in cheap.roles}["R0"] + 20 * channels * 2e-4
    assert network == pytest.approx(expected)


def test_ranks_that_share_cores_take_longer_than_alone(plan):
    crowds = (Crowd(per_core=1.0, factor=1.2), Crowd(per_core=3.0, factor=1.6))
    costs, crowded = costs_of(plan), costs_of(plan, crowds=crowds)
    for count in (64, 2, 1):
        machine = Machine(cores_per_node=count)
        ratio = predict(plan, crowded, machine).wall_s / predict(plan, costs, machine).wall_s
        assert ratio == pytest.approx(crowding(crowds, plan.ranks / count))
    assert crowding(crowds, 2.0) == pytest.approx(1.4)
    assert crowding(crowds, 0.1) == 1.0
    assert crowding(crowds, 30.0) == 1.6
    # More on a core never helps, whatever was measured.
    assert crowding((*crowds, Crowd(per_core=4.0, factor=1.0)), 4.0) == 1.6


def test_another_node_is_far_away(plan):
    near, far = (
        Machine(cores_per_node=8, nodes=plan.ranks, latency_us=latency) for latency in (0, 20_000)
    )
    costs = costs_of(plan)
    slow = predict(plan, costs, far)
    assert slow.bound == "turns"
    assert slow.window_s > 3 * predict(plan, costs, near).window_s


def test_a_slower_machine_is_slower(plan):
    costs = costs_of(plan)
    half = predict(plan, costs, Machine(cores_per_node=8, slowness=2.0))
    assert half.wall_s == pytest.approx(2 * predict(plan, costs).wall_s)


def test_a_role_without_a_cost_is_named(plan):
    costs = costs_of(plan)
    lacking = costs.model_copy(update={"roles": {"field": costs.roles["field"]}})
    with pytest.raises(UsageError, match="knows no role 'R0'"):
        predict(plan, lacking)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 6), st.integers(1, 3))
def test_more_cores_are_never_predicted_slower(plan, cores, threads):
    costs = costs_of(plan, message_s=1e-4)
    walls = [
        predict(plan, costs, Machine(cores_per_node=n), {"R0": threads}).wall_s
        for n in (cores, cores + 1)
    ]
    assert walls[1] <= walls[0] * (1 + 1e-9)


def test_the_best_layout_takes_threads_only_where_there_are_cores(brain):
    plans = [open_case(brain, {"window": w})[1] for w in ("1 ms", "4 ms")]
    costs = costs_of(plans[0])
    wide = best(plans, costs, Machine(cores_per_node=8))
    assert wide.threads["R0"] >= 2
    assert wide.prediction.wall_s < predict(plans[0], costs).wall_s
    lone = best(plans, costs, Machine(cores_per_node=1))
    assert lone.threads["R0"] == 1
    assert all(max(t.values()) <= 4 for t in threads_of(plans[0], costs, Machine(cores_per_node=4)))


# Files and commands


def test_costs_come_back_as_they_were_written(plan, tmp_path):
    costs = costs_of(plan, message_s=1e-5, spike_bytes_per_ms={"a -> b": 3.5})
    write_costs(costs, tmp_path / "deep" / "costs.json")
    assert read_costs(tmp_path / "deep" / "costs.json") == costs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("{}", "scenario: Field required"),
        ('{"scenario": "x", "machine": {}, "roles": {"a": {"window_s": -1, "ms_s": 0}}}',
         "roles.a.window_s"),
        ('{"scenario": "x", "machine": {}, "roles": {"a": {"window_s": NaN, "ms_s": 0}}}',
         "roles.a.window_s"),
    ],
)
def test_damaged_costs_are_refused(tmp_path, text, said):
    (tmp_path / "costs.json").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_costs(tmp_path / "costs.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_costs(tmp_path / "nothing.json")


def test_a_machine_is_described_in_a_file(tmp_path):
    path = tmp_path / "machine.json"
    path.write_text(json.dumps({"cores_per_node": 48, "nodes": 2, "latency_us": 2}))
    assert read_machine(path) == Machine(cores_per_node=48, nodes=2, latency_us=2)
    path.write_text(json.dumps({"cores": 48}))
    with pytest.raises(UsageError, match="expected some of name, cores_per_node, nodes"):
        read_machine(path)


def test_a_calibration_lets_plan_say_how_long_it_takes(brain, tmp_path, command, monkeypatch):
    for name, value in toy_cases.on_path(os.environ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(workshop, "WINDOWS", 4)
    monkeypatch.setattr(workshop, "LEAST_MS", 8.0)
    monkeypatch.setattr(calibrating, "LENGTHS", 2)
    code, out, err = command("calibrate", brain, "--to", tmp_path / "costs.json")
    assert code == 0, err
    assert "What roles cost" in out
    costs = read_costs(tmp_path / "costs.json")
    _, plan = open_case(brain, {})
    assert costs.roles.keys() == plan.rank_of().keys()
    assert costs.message_s > 0
    assert any(costs.spike_bytes_per_ms.values())
    assert [c.factor >= 1 for c in costs.crowds] == [True, True]
    assert costs.crowds[0].per_core < costs.crowds[1].per_core
    machine = tmp_path / "machine.json"
    machine.write_text(json.dumps({"name": "big", "cores_per_node": 64}))
    code, out, _ = command("plan", brain, "--costs", tmp_path / "costs.json",
                           "--machine", machine, "--window", "2 ms")
    assert code == 0
    assert "Prediction for big with 64 cores" in out
    assert "real time" in out
    assert "another scenario" not in out


def test_plan_without_costs_says_nothing_of_time(brain, tmp_path, command, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, out, _ = command("plan", brain)
    assert code == 0
    assert "Prediction" not in out


def test_costs_of_another_scenario_are_said_to_be(brain, plan, tmp_path, command):
    write_costs(costs_of(plan), tmp_path / "costs.json")
    code, out, _ = command("plan", brain, "--costs", tmp_path / "costs.json")
    assert code == 0
    assert "another scenario" in out
    assert "best: " in out or "no other window" in out
