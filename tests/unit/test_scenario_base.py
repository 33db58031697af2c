"""A scenario that builds on another says only what differs."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml
from bad.cases import GOOD, OVERLAY

from cosim.errors import ScenarioInvalid
from cosim.scenario.load import load
from cosim.scenario.schema import scenario_schema


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for file in (GOOD, OVERLAY):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)


def refused(path):
    with pytest.raises(ScenarioInvalid) as caught:
        load(Path(path))
    return caught.value.lines


def flat(data, path=()):
    if isinstance(data, dict):
        return {k: v for key, value in data.items() for k, v in flat(value, (*path, key)).items()}
    return {path: data}


def test_a_scenario_of_a_base_alone_is_the_base(folder):
    own = load(write("own.yaml", "base: good.yaml\n"))
    base = load(Path("good.yaml"))
    assert own.resolved() == base.resolved()
    assert own.simulators == base.simulators


def test_only_what_is_given_differs(folder):
    own = load(write("own.yaml", "base: good.yaml\nseed: 99\nbrain: {conduction_speed: 3 m/s}\n"))
    base = load(Path("good.yaml"))
    new, old = flat(json.loads(own.resolved())), flat(json.loads(base.resolved()))
    changed = {key for key in new if new[key] != old.get(key)}
    assert changed == {("seed",), ("brain", "conduction_speed")}
    assert (own.scenario.seed, own.scenario.brain.conduction_speed) == (99, 3.0)


def test_one_region_rule_hands_a_region_over(folder):
    base = load(Path("good.yaml"))
    spiking = next(s for s in base.simulators if s.kind == "spiking")
    field = next(s for s in base.simulators if s.kind == "mean_field")
    label = base.brain.labels[spiking.regions[0]]
    rule = f"regions:\n  - {{match: {label}, as: {field.model}}}\n"
    own = load(write("own.yaml", "base: good.yaml\n" + rule))
    owner = {own.brain.labels[r]: s.model for s in own.simulators for r in s.regions}
    assert owner[label] == field.model
    assert {r for s in own.simulators for r in s.regions} == set(range(len(base.brain.labels)))


def test_another_choice_replaces_that_of_the_base(folder):
    base = load(Path("good.yaml"))
    name = next(s.model for s in base.simulators if s.kind == "mean_field")
    text = f"base: good.yaml\nmodels: {{{name}: {{coupling: {{Scaling: {{a: 0.5}}}}}}}}\n"
    config = load(write("own.yaml", text)).scenario.models[name]
    assert (config.coupling.name, config.coupling.parameters) == ("Scaling", {"a": 0.5})
    assert config.integrator == base.scenario.models[name].integrator


def test_bases_have_bases_and_files_stay_where_they_are(folder):
    write("studies/middle.yaml", "base: ../good.yaml\nseed: 5\nname: middle\n")
    own = load(write("studies/mine/own.yaml", "base: ../middle.yaml\nseed: 6\n"))
    assert (own.scenario.seed, own.scenario.name) == (6, "middle")
    assert own.brain.labels == load(Path("good.yaml")).brain.labels


def test_mistakes_are_reported_in_the_file_that_has_them(folder):
    text = GOOD.read_text(encoding="utf-8")
    line = next(i for i, t in enumerate(text.splitlines(), 1) if t.startswith("duration"))
    write("wrong.yaml", text.replace("duration: ", "duration: minus "))
    lines = refused(write("own.yaml", "base: wrong.yaml\nname: mine\nseed: no\n"))
    assert len(lines) == 2
    assert lines[0].startswith("own.yaml:3: 'seed' is 'no'")
    assert lines[1].startswith(f"wrong.yaml:{line}: 'duration' is 'minus ")


def test_region_rules_of_both_files_keep_their_lines(folder):
    text = GOOD.read_text(encoding="utf-8")
    line = next(i for i, t in enumerate(text.splitlines(), 1) if "as: " in t)
    model = text.splitlines()[line - 1].partition("as: ")[2].strip(" }")
    write("wrong.yaml", text.replace(f"as: {model}", "as: nobody", 1))
    rules = "regions:\n  - {match: rA1, as: noone}\n"
    lines = refused(write("own.yaml", "base: wrong.yaml\n" + rules))
    assert [x.partition(" ")[0] for x in lines[:2]] == ["own.yaml:3:", f"wrong.yaml:{line}:"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere.yaml", "there is no file"),
        ("goood.yaml", "did you mean 'good.yaml'?"),
        ("7", "expected the name of a file"),
        ("[good.yaml]", "expected the name of a file"),
        ("own.yaml", "builds on itself"),
        ("list.yaml", "is no scenario"),
        ("binary.yaml", "is not UTF-8 text"),
    ],
)
def test_a_base_that_cannot_be_read_is_one_problem(folder, given, said):
    write("list.yaml", "- 1\n")
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00")
    lines = refused(write("own.yaml", f"name: mine\nbase: {given}\n"))
    assert len(lines) == 1
    assert lines[0].startswith("own.yaml:2: ")
    assert said in lines[0]


def test_a_ring_of_bases_is_refused(folder):
    write("a.yaml", "base: b.yaml\n")
    write("b.yaml", "base: a.yaml\n")
    (line,) = refused("a.yaml")
    assert line.startswith("b.yaml:1: ")
    assert "builds on itself" in line


def test_what_is_kept_with_the_results_needs_no_base(folder):
    own = load(write("own.yaml", "base: good.yaml\nseed: 99\n"))
    again = load(write("again.yaml", own.text))
    assert again.resolved() == own.resolved()


def test_editors_accept_a_scenario_that_leaves_out_what_its_base_says():
    schema = json.loads(scenario_schema())
    check = jsonschema.Draft202012Validator(schema)
    part = yaml.safe_load("base: a.yaml\nmodels: {cortex: {parameters: {G: 2.0}}}\n")
    assert not list(check.iter_errors(part))
    wrong = yaml.safe_load("base: a.yaml\nseeed: 1\n")
    assert list(check.iter_errors(wrong))
    rule = yaml.safe_load("base: a.yaml\nregions: [{match: rA1}]\n")
    assert list(check.iter_errors(rule))
    del part["base"]
    assert list(check.iter_errors(part))
