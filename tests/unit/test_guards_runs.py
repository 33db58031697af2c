"""What guards find in runs of toys with a defect each, and what scenarios make of it."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "mpi"))
import toy_cases
import toy_jobs

from cosim.cli.plan_view import show_plan
from cosim.errors import RoleFailed, ScenarioInvalid
from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.replay import Replay
from cosim.results import open_result
from cosim.serial import run_serial

REGIONS = [
    {"match": "R0", "as": "spiking"},
    {"match": "R1", "as": "field", "simulator": "left"},
    {"match": "rest", "as": "field", "simulator": "right"},
]
#: Not one of them is the whole run, nor a divisor of the times at which things go wrong.
WINDOWS_MS = (0.5, 2.0)
#: The toys' activity as a rate, so that it can be negative or too high.
RATE = {
    "receives": [
        {"population": "all", "from": ["field"], "gain": 800.0, "background": "20 Hz"},
        {"population": "all", "from": ["spiking"], "gain": 20.0},
    ],
    "sends": [
        {
            "population": "all", "to": ["field", "spiking"], "as": "x", "gain": 0.01,
            "through": {"toy_rate": {"kernel": "exponential", "tau": "5 ms"}},
        }
    ],
}
FROM = {"defect_from": "6.5 ms"}
#: By guard: defect, whose it is, the guard's rule, and what is said with a time in ms.
CASES = {
    "runaway": (
        "wild", "spiking", {"above": "900 Hz", "for": "4 ms"},
        r"population all of R0 fires at 2000 spikes/s and neuron in \(8, 12\] ms; the limit is "
        r"900 Hz; .* set 'guards: runaway'",
    ),
    "silent": (
        "mute", "spiking", {"for": "5 ms", "cell_time": "90 ms"},
        r"population all of R0: none of 20 neurons fires for 5 ms after [\d.]+ ms; .* set "
        r"'guards: silent'",
    ),
    "negative_rate": (
        "below", "field", None,
        r"x of R1 is -0\.\d+ Hz at 7 ms, but is a rate; expected at least 0; .* set "
        r"'guards: negative_rate'",
    ),
    "runaway rates": (
        "hot", "field", {"for": "4 ms"},
        r"x of R1 has been above 300 Hz for 4 ms at 10.5 ms, where it is 1000 Hz; .* set "
        r"'guards: runaway'",
    ),
    "off_clock": (
        "slow", "spiking", None,
        r"simulator R0 is at 6.5 ms by its own clock after the window that ends at 7 ms, 0.5 ms "
        r"behind; expected no difference, .* set 'guards: off_clock'",
    ),
}
ROLE = {"spiking": "R0", "field": "left"}
REGION = {"spiking": "R0", "field": "R1"}


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


def write(folder, guard=None, then="warn", **top):
    """Write a scenario with the defect of a guard, and what is to be done about it."""
    folder.mkdir(exist_ok=True)
    toy_cases.random_brain(folder / "brain.zip", 4, seed=2, shortest_ms=2, longest_ms=4, density=1)
    parts = {"field": {"activity": {"of": "x", "unit": "Hz"}}, "spiking": dict(RATE)}
    if guard is not None:
        defect, model, rule, _ = CASES[guard]
        parts[model] |= {"defect": defect, "fault_role": ROLE[model], **FROM}
        key = guard.partition(" ")[0]
        top["guards"] = {key: then if rule is None else {**rule, "then": then}}
    return toy_cases.scenario(folder, REGIONS, **parts, **top)


def run(path, name="run", **overrides):
    """Run a scenario in this process; return its notes."""
    case, plan = open_case(path, overrides)
    run_dir = path.parent / name
    return run_serial(case, plan, RunDir.create("toy", run_dir), Progress(plan.clock, None))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A run without defects: its notes and all that it recorded."""
    path = write(tmp_path_factory.mktemp("sound"))
    return run(path), toy_cases.recorded(path.parent / "run")[1]


def test_a_sound_run_has_no_notes(sound):
    assert sound[0] == []


@pytest.mark.parametrize("guard", CASES)
def test_stop_ends_the_run_at_the_same_time_whatever_the_window(tmp_path, guard):
    model, said = CASES[guard][1], CASES[guard][3]
    texts = set()
    for window_ms in WINDOWS_MS:
        path = write(tmp_path / f"{window_ms}", guard, "stop")
        with pytest.raises(RoleFailed) as caught:
            run(path, window=f"{window_ms} ms")
        assert (caught.value.role, caught.value.region) == (ROLE[model], REGION[model])
        assert re.fullmatch(said, caught.value.cause) or guard == "off_clock"
        texts.add(caught.value.cause)
        with open_result(path.parent / "run") as result:
            assert caught.value.cause in result.status
    # By which window a clock is found wrong depends on where windows end.
    assert len(texts) == (len(WINDOWS_MS) if guard == "off_clock" else 1)
    assert any(re.fullmatch(said, text) for text in texts)


@pytest.mark.parametrize("guard", CASES)
def test_warn_and_ignore_let_it_run_to_the_same_result(tmp_path, caplog, guard):
    model, said = CASES[guard][1], CASES[guard][3]
    found, notes = {}, {}
    for then in ("warn", "ignore"):
        path = write(tmp_path / then, guard, then)
        caplog.clear()
        notes[then] = run(path, window="0.5 ms")
        found[then] = toy_cases.recorded(path.parent / "run")[1]
        role = ROLE[model]
        logged = [r.getMessage() for r in caplog.records if r.getMessage().startswith(f"{role}: ")]
        assert len(logged) == (then == "warn"), "logged once"
        assert all(re.fullmatch(f"{role}: {said}", text) for text in logged)
    assert toy_cases.differences(found["warn"], found["ignore"]) == []
    (note,) = [n for n in notes["warn"] if n.startswith(f"{ROLE[model]}: ")]
    assert guard.partition(" ")[0].replace("_", " ") in note
    with open_result(tmp_path / "warn" / "run") as result:
        assert note in result.summary["notes"]
    assert note not in notes["ignore"]
    assert not any(n.startswith(f"{ROLE[model]}: ") for n in notes["ignore"])


@pytest.mark.parametrize("guard", [g for g in CASES if g != "off_clock"])
def test_notes_are_the_same_whatever_the_window(tmp_path, guard):
    path = write(tmp_path, guard)
    every = [run(path, f"run{w}", window=f"{w} ms") for w in WINDOWS_MS]
    assert every[0]
    assert every == [every[0]] * len(every)


def test_guards_change_no_bit(tmp_path, sound):
    off = {"off_clock": "ignore", "negative_rate": "ignore", "runaway": "ignore",
           "silent": "ignore"}
    path = write(tmp_path, guards=off)
    assert run(path) == []
    assert toy_cases.differences(toy_cases.recorded(tmp_path / "run")[1], sound[1]) == []


@pytest.mark.parametrize("then", ["stop", "warn", "ignore"])
def test_a_rate_that_would_be_clipped_at_0(tmp_path, then):
    """The input of the spiking region falls below 0 with its sender's activity."""
    path = write(tmp_path, "negative_rate", then, duration="24 ms")
    text = path.read_text().replace("800.0", "-800.0").replace('"below"', '""')
    path.write_text(text)
    if then == "stop":
        with pytest.raises(RoleFailed, match=r"rate into all of R0 is -.* spikes/s at .* ms, but"):
            run(path)
        return
    notes = run(path)
    assert [("R0.all.in0: the rate was clipped" in n) for n in notes] == [True] * (then == "warn")


@pytest.mark.parametrize("then", ["stop", "warn", "ignore"])
def test_a_transformer_that_makes_negative_rates(tmp_path, then):
    path = write(tmp_path, guards={"negative_rate": then})
    path.write_text(path.read_text().replace(
        '"kernel": "exponential"', '"fault": "negative", "kernel": "exponential"'
    ))
    if then == "stop":
        said = r"rate of all of R0 is -.* spikes/s at [\d.]+ ms, but is a rate"
        with pytest.raises(RoleFailed, match=said) as caught:
            run(path)
        assert caught.value.role in ("R0.all.to.left", "R0.all.to.right")
        return
    notes = [n for n in run(path) if n.startswith("R0.all.to.")]
    assert len(notes) == (2 if then == "warn" else 0)
    assert all("negative rate: rate of all in 1 of 1 regions was below 0 in" in n for n in notes)


def test_a_replay_and_a_resumed_run_find_the_same(tmp_path):
    path = write(tmp_path, "runaway")
    whole = run(path)
    case, plan = open_case(path)
    again = RunDir.create("toy", tmp_path / "again")
    replay = Replay(case, plan, "R0", tmp_path / "run" / "tapes")
    assert replay.run(again, Progress(plan.clock, None)) == [n for n in whole if "R0" in n]
    # It breaks after the finding, and goes on from its tapes.
    sound = path.read_text()
    path.write_text(sound.replace('"engine": "toy_spikes"',
                                  '"engine": "toy_spikes", "fault": "raise", "fault_window": 8'))
    with pytest.raises(RoleFailed, match="the toy broke"):
        run(path, "broken")
    path.write_text(sound)
    broken = RunDir(tmp_path / "broken")
    broken.set_aside()
    assert run_serial(case, plan, broken, Progress(plan.clock, None)) == whole


def test_ranks_find_the_same_as_one_process(tmp_path):
    path = write(tmp_path, "silent")
    alone = run(path, window="1 ms")
    program = (*toy_cases.program(), "run", "toy.yaml", "--run-dir", "ranks", "--window", "0.5 ms")
    argv, environ = toy_jobs.mpirun(3, (*program, "--no-picture", "-q"))
    ended = toy_jobs.run_job(argv, tmp_path, **environ)
    assert ended.code == 0, ended.err
    with open_result(tmp_path / "ranks") as result:
        assert sorted(result.summary["notes"]) == sorted(alone)


@pytest.mark.parametrize(
    ("spikes", "notes"), [("all", 1), ({"spiking": {"all": "every 10th"}}, 1), ("none", 0)]
)
def test_populations_at_no_border_are_watched_if_they_are_recorded(tmp_path, spikes, notes):
    path = write(tmp_path, "silent", record={"spikes": spikes})
    data = json.loads(path.read_text())
    del data["models"]["spiking"]["sends"], data["models"]["spiking"]["receives"][1]
    path.write_text(json.dumps(data))
    found = [n for n in run(path) if n.startswith("R0: ")]
    assert len(found) == notes
    assert all("population all of R0, none of 20 neurons fired" in n for n in found)


def test_the_plan_says_what_is_unusual(tmp_path, capsys):
    usual = write(tmp_path / "usual")
    guards = {"off_clock": "warn", "runaway": "stop", "silent": "ignore"}
    unusual = write(tmp_path / "unusual", guards=guards)
    for path, said in (
        (usual, ""),
        (unusual, "guards: off_clock: warn, runaway above 300 Hz for 100 ms: stop, silent: ignore"),
    ):
        case, plan = open_case(path)
        show_plan(case, plan, path)
        assert [line for line in capsys.readouterr().out.splitlines() if "guards:" in line] == (
            [said] if said else []
        )


@pytest.mark.parametrize(
    ("guards", "said"),
    [
        ({"not_finite": "warn"}, "'guards.not_finite' is 'warn'; expected 'stop': NaN and infin"),
        ({"outside_window": "ignore"}, "'guards.outside_window' is 'ignore'; expected 'stop': nob"),
        ({"runaway": "halt"}, "'guards.runaway' is 'halt'; expected 'stop', 'warn' or 'ignore'"),
        ({"runaway": {"abve": "3 Hz"}}, "unknown key 'abve' in 'guards.runaway'; did you mean"),
        ({"silent": {"for": 3}}, "'guards.silent.for' is 3: the unit is missing"),
        ({"silent": {"cell_time": "0 s"}}, "'guards.silent.cell_time' is '0 s'; expected a posi"),
    ],
)
def test_wrong_rules_are_refused_with_their_line(tmp_path, guards, said):
    path = write(tmp_path, guards=guards)
    with pytest.raises(ScenarioInvalid) as caught:
        open_case(path)
    (line,) = caught.value.lines
    key = next(iter(guards)) if said.startswith("'guards") else "abve"
    number = 1 + next(i for i, t in enumerate(path.read_text().splitlines()) if f'"{key}"' in t)
    assert re.match(rf".*toy\.yaml:{number + ('silent' in guards)}: ", line), line
    assert said in line


def test_a_scenario_inherits_guards_from_its_base(tmp_path):
    write(tmp_path, guards={"silent": {"for": "2 s"}, "runaway": {"above": "90 Hz"}})
    path = tmp_path / "child.yaml"
    path.write_text("base: toy.yaml\nguards: {silent: {then: stop}, runaway: ignore}\n")
    guards = open_case(path)[0].scenario.guards
    assert (guards.silent.length, guards.silent.action) == (2000.0, "stop")
    assert guards.runaway.action == "ignore"
