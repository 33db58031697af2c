"""The wall-clock account: recorded, read, shown, drawn, and put into one sentence."""

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.cli import main
from cosim.errors import RoleFailed
from cosim.plan.build import open_case
from cosim.plotting.timeline import draw_timeline, shares
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.results import open_result
from cosim.results.advice import advice
from cosim.results.profile import COARSE, STATES, Profile, RoleProfile, profile_of
from cosim.results.trace import events
from cosim.serial import run_serial

sys.path.insert(0, str(Path(__file__).parents[1] / "mpi"))
import toy_cases

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
LATER = ("convert_s", "send_s", "record_s", "other_s", "repeated", "cpu_s", "stages", "prepared_s")


def run(folder, name="run", **more):
    """Run a small brain of toys in this process."""
    path = toy_cases.scenario(
        folder, REGIONS, duration="40 ms", spiking={"pause_s": 0.002, **more}
    )
    case, plan = open_case(path)
    there = folder / name
    run_dir = RunDir(there) if there.exists() else RunDir.create("toy", there)
    run_serial(case, plan, run_dir, Progress(plan.clock, None))
    return run_dir


@pytest.fixture(scope="module")
def brain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile")
    toy_cases.random_brain(folder / "brain.zip", 4, 1)
    with toy_cases.installed():
        yield folder


@pytest.fixture(scope="module")
def finished(brain):
    return run(brain, "finished").path


@pytest.fixture(scope="module")
def account(finished):
    with open_result(finished) as result:
        return profile_of(result)


@pytest.fixture(scope="module")
def resumed(brain):
    """A run that broke in its sixth window, and went on."""
    with pytest.raises(RoleFailed):
        run(brain, "resumed", fault="raise", fault_window=5)
    with open_result(brain / "resumed") as result:
        broken = profile_of(result)
    RunDir(brain / "resumed").set_aside()
    run(brain, "resumed")
    with open_result(brain / "resumed") as result:
        return broken, profile_of(result)


def command(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["cosim", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


# What is recorded


def test_the_windows_of_all_roles_of_a_rank_are_all_its_time(account):
    """Whatever a rank did from its first window to its last is in exactly one account."""
    rows = sorted(
        (begin, end)
        for role in account.roles
        for begin, end in zip(role.begin_s, role.end_s, strict=True)
    )
    for (_, end), (begin, _) in pairwise(rows):
        assert begin == pytest.approx(end, abs=1e-6)
    together_s = sum(sum(role.total_s.values()) for role in account.roles)
    assert together_s == pytest.approx(account.wall_s, rel=0.01)


def test_the_states_are_what_the_roles_did(account):
    by_kind = {kind: [r for r in account.roles if r.kind == kind]
               for kind in ("spiking", "mean_field", "transformer")}
    assert all(by_kind.values())
    (spiking,) = by_kind["spiking"]
    assert spiking.total_s["compute"] > 0.002 * len(spiking.window)
    for transformer in by_kind["transformer"]:
        assert transformer.total_s["compute"] == 0
        assert transformer.total_s["convert"] > 0
        assert transformer.total_s["record"] > 0
    for role in account.roles:
        assert min(spent.min() for spent in role.spent_s.values()) >= -1e-9
        assert not role.repeated.any()


def test_what_came_before_the_first_window_is_noted(account):
    for role in account.roles:
        assert role.stages["building"] > 0
        assert role.stages["declaring"] > 0
        assert role.cores >= 1


def test_results_of_earlier_versions_are_read_as_far_as_they_go(brain):
    folder = run(brain, "earlier").path
    with open_result(folder) as result:
        new = profile_of(result)
    (file,) = folder.glob("rank-*.h5")
    with h5py.File(file, "r+") as written:
        for group in written["timing"].values():
            for name in LATER:
                del group[name]
    with open_result(folder) as result:
        old = profile_of(result)
        for role in result.roles:
            timing = result.timing(role)
            assert not timing.attrs["detailed"]
            assert timing.attrs["stages"] == {}
            assert (timing.convert_s == 0).all()
    assert old.states == COARSE
    for role, was in zip(old.roles, new.roles, strict=True):
        assert role.total_s["compute"] == was.total_s["compute"]
        assert role.total_s["exchange"] == pytest.approx(
            was.total_s["receive"] + was.total_s["send"]
        )
    assert advice(old)
    draw_timeline(old, folder / "old.png")


def test_a_repetition_is_shown_as_one(resumed):
    broken, whole = resumed
    for role in whole.roles:
        again = int(role.repeated.sum())
        assert 0 < again < len(role.window)
        assert role.repeated[:again].all()
    assert max(len(r.window) for r in broken.roles) < max(len(r.window) for r in whole.roles)
    assert broken.status.startswith("failed")
    assert broken.wall_s > 0


# What is shown


def test_the_command_shows_tables_picture_trace_and_advice(
    finished, tmp_path, monkeypatch, capsys
):
    code, out, _ = command(
        monkeypatch, capsys, "profile", finished, "--trace", tmp_path / "trace.json",
        "--from", "10 ms", "--to", "20 ms",
    )
    assert code == 0
    for part in ("Where the time went", "Slowest windows", "building", "timeline.png", "convert",
                 "All roles took turns in one process"):
        assert part in out
    assert (finished / "timeline.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (("--from", "30 ms", "--to", "20 ms"), "no part of a run of 40 ms"),
        (("--from", "50 ms"), "no part of a run of 40 ms"),
        (("--to", "3"), "the unit is missing"),
        (("--from", "10 ms", "--to", "10.1 ms"), "no window is between 10 and 10.1 ms"),
    ],
)
def test_times_outside_the_run_are_refused(finished, times, said, monkeypatch, capsys):
    code, _, err = command(monkeypatch, capsys, "profile", finished, *times)
    assert code == 2
    assert said in err


def test_repetitions_and_failures_are_said(brain, resumed, monkeypatch, capsys):
    _, out, _ = command(monkeypatch, capsys, "profile", brain / "resumed")
    assert "windows were repeated from tapes" in out
    with pytest.raises(RoleFailed):
        run(brain, "broken", fault="raise", fault_window=3)
    code, out, _ = command(monkeypatch, capsys, "profile", brain / "broken")
    assert code == 0
    assert "the run is failed: " in out
    assert "in window 3" in out


def test_a_run_without_a_window_has_no_picture(brain, monkeypatch, capsys):
    """As if the job had been killed before its first rows were on disk."""
    folder = run(brain, "emptied").path
    (file,) = folder.glob("rank-*.h5")
    with h5py.File(file, "r+") as written:
        for group in written["timing"].values():
            group["begin_s"][:] = np.nan
    code, out, _ = command(monkeypatch, capsys, "profile", folder)
    assert code == 0
    assert "No window was finished" in out
    assert not (folder / "timeline.png").exists()


# The trace


def test_the_trace_keeps_to_its_format(account):
    found = list(events(account, []))
    named = {(e["pid"], e["tid"]) for e in found if e["ph"] == "M"}
    for event in found:
        assert {"ph", "name", "pid", "tid"} <= event.keys()
        assert (event["pid"], event["tid"]) in named
        if event["ph"] == "X":
            assert event["ts"] >= 0
            assert event["dur"] > 0
    assert {e["ph"] for e in found} == {"M", "X"}
    assert {e["name"] for e in found if e.get("cat") == "window"} <= set(STATES)


def test_stretches_of_a_thread_do_not_overlap(account):
    threads = {}
    for event in events(account, []):
        if event["ph"] == "X":
            threads.setdefault((event["pid"], event["tid"]), []).append(event)
    for stretches in threads.values():
        stretches.sort(key=lambda e: e["ts"])
        for one, other in pairwise(stretches):
            # Times are rounded to nanoseconds.
            assert one["ts"] + one["dur"] <= other["ts"] + 0.01


def test_arrows_lead_from_a_sending_to_a_receiving_stretch(finished, account):
    with open_result(finished) as result:
        channels = result.plan["channels"]
    found = list(events(account, channels))
    starts = {e["id"]: e for e in found if e["ph"] == "s"}
    ends = {e["id"]: e for e in found if e["ph"] == "f"}
    assert starts
    assert starts.keys() == ends.keys()
    stretches = {
        name: [e for e in found if e["ph"] == "X" and e["name"] == name]
        for name in ("send", "receive")
    }

    def inside(arrow, name):
        return any(
            (e["pid"], e["tid"]) == (arrow["pid"], arrow["tid"])
            and e["ts"] <= arrow["ts"] <= e["ts"] + e["dur"]
            for e in stretches[name]
        )

    for number, start in starts.items():
        assert inside(start, "send")
        assert inside(ends[number], "receive")
        assert start["ts"] <= ends[number]["ts"]


# Numbers from made-up accounts


def role(name, rank, *, kind="spiking", engine="nest", windows=10, begin_s=0.0, **spent_s):
    """Return a role that does the same in every window, without a gap."""
    every = {s: np.full(windows, spent_s.get(s, 0.0)) for s in STATES}
    length_s = sum(spent_s.values())
    return RoleProfile(
        name, rank, engine, kind, 1, np.arange(windows), begin_s + length_s * np.arange(windows),
        every, np.full(windows, "other" if spent_s.get("wait") else ""),
        np.zeros(windows, bool), 2.0,
    )


def two(slow, fast, **more):
    return Profile((slow, fast), False, "complete", **more)


def test_the_advice_names_the_slowest_and_what_would_help():
    account = two(
        role("cerebellum", 0, compute=0.90, convert=0.05, send=0.03, other=0.02),
        role("cortex", 1, kind="mean_field", engine="tvb", compute=0.2, wait=0.8),
    )
    assert advice(account) == (
        "NEST 'cerebellum' computes 90% of the time and holds the others back; the other ranks "
        "wait 80% of it; with twice its threads the run could take at best 0.53 of the time; a "
        "longer window would give at most 5%."
    )


def test_threads_do_not_help_beyond_the_second_slowest():
    account = two(role("a", 0, compute=1.0), role("b", 1, compute=0.9, wait=0.1))
    assert "with twice its threads the run could take at best 0.90 of the time" in advice(account)


def test_a_busy_rank_of_transformers_is_told_to_spread():
    shared = [role(f"t{i}", 0, kind="transformer", engine="renewal", convert=c, windows=1)
              for i, c in enumerate((0.6, 0.4))]
    fast = role("a", 1, compute=0.5, wait=0.5, windows=1)
    account = Profile((*shared, fast), False, "complete")
    said = advice(account)
    assert said.startswith("The transformer 't0' converts 60% of the time")
    assert "on a rank of its own the run could take at best 0.60 of the time" in said


@pytest.mark.parametrize(
    ("kind", "there"), [("spiking", "mean_fields"), ("mean_field", "simulators")]
)
def test_transformers_beside_the_slowest_are_told_to_go_elsewhere(kind, there):
    slow = role("slow", 0, kind=kind, compute=0.8, windows=1)
    beside = role("t", 0, kind="transformer", convert=0.2, windows=1)
    waits = role("fast", 1, compute=0.4, wait=0.6, windows=1)
    account = Profile((slow, beside, waits), False, "complete")
    assert f"beside it take 20%, which --placement {there} gives to others." in advice(account)
    elsewhere = replace(beside, rank=1)
    assert "--placement" not in advice(Profile((slow, elsewhere, waits), False, "complete"))


def test_ranks_that_take_turns_are_told_to_halve_the_window():
    account = two(
        role("a", 0, compute=0.5, wait=0.5), role("b", 1, compute=0.5, wait=0.5), lags=(1, 1)
    )
    assert "a window at most half as long" in advice(account)
    late = two(*account.roles, lags=(2, 2))
    assert "a core for each rank" in advice(late)


def test_no_window_no_advice():
    assert advice(Profile((), True, "failed: x")).startswith("No window was finished")


def test_waits_are_added_by_peer_and_slow_windows_stand_out():
    slow = role("a", 0, compute=0.9, send=0.1)
    slow.spent_s["record"][4] = 7.0
    account = two(slow, role("b", 1, compute=0.4, wait=0.6))
    assert account.waits() == {("b", "other"): pytest.approx(6.0)}
    first = account.slowest(1)[0]
    assert (first.role, first.window, first.state) == ("a", 4, "record")
    assert first.length_s == pytest.approx(8.0)
    assert first.median_s == pytest.approx(1.0)


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=40), st.integers(1, 60), st.floats(0.01, 50)
)
def test_the_overview_shows_all_time_and_no_more(lengths, cells, until):
    account = role("a", 0, windows=len(lengths), compute=1.0, wait=0.5)
    account.spent_s["compute"][:] = lengths
    begin = np.concatenate(([0.0], np.cumsum(account.length_s)[:-1]))
    account.begin_s[:] = begin
    edges = np.linspace(0, until, cells + 1)
    shown = {s: shares(account, s, edges) for s in STATES}
    for share in shown.values():
        assert ((share >= 0) & (share <= 1)).all()
    inside = min(until, account.end_s[-1])
    assert sum(s.sum() for s in shown.values()) * until / cells == pytest.approx(inside, abs=1e-6)
